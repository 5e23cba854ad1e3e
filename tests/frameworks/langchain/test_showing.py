"""What a model is shown of the tools: only those that may be called where it is asked, at each request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ToolStrategy
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import BaseModel

import handrail
from handrail.audit.steps import digest
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from tests.frameworks.langchain.kit import Scripted, adrain, call, policy, recorded
from tests.frameworks.langchain.scenarios import ASK, END, Weather
from tests.frameworks.shapes import SHAPES, Shape, tools

POLICY = """
version = 1
mode = "{mode}"
agent = "clerk"

[users]
"ana" = ["staff"]
"bob" = ["boss"]

[roles]
boss = ["staff"]

[[rule]]
id = "staff-work"
allow = "staff"
call = ["add", "ask_sub", "task", "transfer_to_b", "promote"]

[[rule]]
id = "boss-work"
allow = "boss"
call = "wire_*"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""
SENT = ["add"]
DRIVES: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda agent, ask: agent.invoke(ask),
    "ainvoke": lambda agent, ask: asyncio.run(agent.ainvoke(ask)),
    "stream": lambda agent, ask: list(agent.stream(ask)),
    "astream": lambda agent, ask: asyncio.run(adrain(agent.astream(ask))),
    "batch": lambda agent, ask: agent.batch([ask]),
}


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _names(request: Any) -> list[str]:
    """The tools of one request that a scripted model saw."""
    return [each["function"]["name"] if "function" in each else each["type"] for each in request[1].get("tools", ())]


def _shown(model: Scripted) -> list[list[str]]:
    return [_names(request) for request in model.seen]


def _govern(agent: Any, folder: Path, user: str = "ana", mode: str = "enforce") -> Any:
    return handrail.govern(agent, config=policy(folder, mode, POLICY), principal={"user": user})


@pytest.mark.parametrize("drive", ["invoke", "astream"])
@pytest.mark.parametrize(
    "shape", [shape for shape in SHAPES if "ReAct" not in shape.name], ids=lambda shape: shape.name
)
def test_no_request_shows_what_may_not_be_called(shape: Shape, drive: str, tmp_path: Path) -> None:
    """Whatever the shape and the way in, the denied tool is in no request's tools, and its name is in the record."""
    with ScriptedModel(shape.script) as server:
        agent = shape.build(chat_openai(server), [])
        DRIVES[drive](_govern(agent, tmp_path), shape.ask)
        sent = [[each["function"]["name"] for each in request.body.get("tools", ())] for request in server.requests]  # type: ignore[attr-defined]
    assert [names for names in sent if "wire_money" in names] == []
    assert any("add" in names for names in sent)
    hidden = [record.get("hidden") for record in recorded(tmp_path, "model.call")]
    assert len(hidden) == len(sent)
    assert any("wire_money" in (names or ()) for names in hidden)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_observing_shows_everything(shape: Shape, tmp_path: Path) -> None:
    """In observe mode the model is sent the same tools as in an ungoverned agent."""
    sent: list[list[Any]] = []
    for governed in (False, True):
        with ScriptedModel(shape.script) as server:
            agent = shape.build(chat_openai(server), [])
            (_govern(agent, tmp_path, mode="observe") if governed else agent).invoke(shape.ask)
            sent.append([request.body.get("tools") for request in server.requests])
    assert sent[0] == sent[1]


def test_structured_output_is_no_tool(tmp_path: Path) -> None:
    """What create_agent asks structured output with is no tool, and default deny does not hide it."""
    model = Scripted(turns=(call("add", a=1, b=2), call("Weather", celsius=3.5)))
    agent = create_agent(model, tools([]), response_format=ToolStrategy(Weather), name="clerk")
    found = _govern(agent, tmp_path).invoke(ASK)
    assert found["structured_response"] == Weather(celsius=3.5)
    assert _shown(model) == [["add", "Weather"]] * 2


def test_with_structured_output_still_works(tmp_path: Path) -> None:
    """A model with structured output of its own is sent the schema, beside a deny of everything else."""

    class Verdict(BaseModel):
        """A verdict."""

        guilty: bool

    model = Scripted(turns=(call("Verdict", guilty=True),))
    chain: Any = RunnableLambda(lambda text: str(text)) | model.with_structured_output(Verdict)
    assert _govern(chain, tmp_path).invoke("hm") == Verdict(guilty=True)
    assert _shown(model) == [["Verdict"]]


@pytest.mark.parametrize("named", [False, True])
def test_what_a_provider_runs_is_hidden_only_by_name(named: bool, tmp_path: Path) -> None:
    """Default deny leaves the provider's own tools alone; a configuration that names one hides it where denied."""
    model = Scripted(turns=(END,))
    bound = model.bind(tools=[{"type": "web_search_preview"}, *map(convert_to_openai_tool, tools([]))])
    chain: Any = RunnableLambda(lambda text: str(text)) | bound
    text = POLICY + ('\n[[rule]]\nid = "no-web"\ndeny = "*"\ncall = "web_search_preview"\n' if named else "")
    handrail.govern(chain, config=policy(tmp_path, "enforce", text), principal={"user": "ana"}).invoke("x")
    assert _shown(model) == [["add"] if named else ["web_search_preview", "add"]]


def test_tools_that_are_older_than_the_seam_are_known(tmp_path: Path) -> None:
    """A tool that was made before anything was governed is hidden too."""
    handrail.uninstrument()
    model = Scripted(turns=(END, END))
    agent = create_agent(model, tools([]), name="clerk")
    _govern(agent, tmp_path).invoke(ASK)
    assert _shown(model) == [SENT]


def test_a_renamed_copy_in_a_tool_node_is_known(tmp_path: Path) -> None:
    """A copy under another name, which no constructor made, is hidden as soon as an agent holds it."""
    _govern(create_agent(Scripted(turns=(END,)), [], name="first"), tmp_path).invoke(ASK)
    copied = tools([])[1].model_copy(update={"name": "wire_copy"})
    model = Scripted(turns=(END,))
    agent = create_agent(model, [tools([])[0], copied], name="clerk")
    _govern(agent, tmp_path).invoke(ASK)
    assert _shown(model) == [SENT]


def test_rights_that_change_in_mid_run_change_the_next_request(tmp_path: Path) -> None:
    """A tool of the run gives the user another role in the file: the next request shows what that role may call."""

    @tool
    def promote() -> str:
        """Make ana a boss."""
        path = tmp_path / "handrail.toml"
        path.write_text(path.read_text().replace('"ana" = ["staff"]', '"ana" = ["boss"]'))
        return "done"

    model = Scripted(turns=(call("promote"), call("promote"), END))
    agent = create_agent(model, [promote, *tools([])], name="clerk")
    _govern(agent, tmp_path).invoke(ASK)
    assert _shown(model) == [["promote", "add"], ["promote", "add", "wire_money"], ["promote", "add", "wire_money"]]


def test_rights_that_are_revoked_in_mid_run_hide_at_once(tmp_path: Path) -> None:
    """The other way round, asynchronously: what was shown is gone from the next request."""

    @tool
    async def promote() -> str:
        """Make bob nobody special."""
        path = tmp_path / "handrail.toml"
        path.write_text(path.read_text().replace('"bob" = ["boss"]', '"bob" = ["staff"]'))
        return "done"

    model = Scripted(turns=(call("promote"), END))
    agent = create_agent(model, [promote, *tools([])], name="clerk")
    asyncio.run(_govern(agent, tmp_path, user="bob").ainvoke(ASK))
    assert _shown(model) == [["promote", "add", "wire_money"], ["promote", "add"]]


class _ByUser(Scripted):
    """A model that keeps what was sent for each user, whose name is the question."""

    sent: dict[str, list[list[str]]]

    def _next(self, messages: Any, kwargs: Any) -> Any:
        user = str(messages[0].content)
        self.sent.setdefault(user, []).append([each["function"]["name"] for each in kwargs.get("tools", ())])
        from langchain_core.messages import AIMessage

        return AIMessage("done")


def test_threads_with_different_principals_share_one_agent(tmp_path: Path) -> None:
    """Side by side on one agent object, each principal's requests show that principal's tools, hundreds of times."""
    model = _ByUser(sent={})
    agent = _govern(create_agent(model, tools([]), name="clerk"), tmp_path)

    def ask(user: str) -> None:
        with handrail.acting_for(user=user):
            agent.invoke({"messages": [("user", user)]})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ask, ["ana", "bob", "eve"] * 40))
    assert model.sent["ana"] == [["add"]] * 40
    assert model.sent["bob"] == [["add", "wire_money"]] * 40
    assert model.sent["eve"] == [[]] * 40


def test_nothing_of_the_callers_is_changed(tmp_path: Path) -> None:
    """The bound parameters, which every run shares, stay as they were: an ungoverned call still sends all tools."""
    model = Scripted(turns=(END, END))
    bound: Any = model.bind_tools(tools([]), tool_choice="auto")
    before = str(bound.kwargs)
    chain: Any = RunnableLambda(lambda text: str(text)) | bound
    _govern(chain, tmp_path).invoke("x")
    assert str(bound.kwargs) == before
    bound.invoke("x")
    assert _shown(model) == [["add"], ["add", "wire_money"]]


WRAPPED: dict[str, Callable[[Scripted], Any]] = {
    "bind_tools": lambda model: model.bind_tools(tools([])),
    "bind": lambda model: model.bind(tools=[convert_to_openai_tool(each) for each in tools([])]),
    "legacy functions": lambda model: model.bind(
        functions=[convert_to_openai_tool(each)["function"] for each in tools([])], function_call={"name": "wire_money"}
    ),
    "forced": lambda model: model.bind_tools(tools([]), tool_choice="wire_money"),
    "with_retry": lambda model: model.bind_tools(tools([])).with_retry(stop_after_attempt=2),
    "fallback": lambda model: Scripted(turns=(RuntimeError("down"),)).with_fallbacks([model.bind_tools(tools([]))]),
    "fallback, bound after": lambda model: model.with_fallbacks([model]).bind_tools(tools([])),
    "with_config": lambda model: model.bind_tools(tools([])).with_config(tags=["x"]),
}


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("wrapped", WRAPPED)
def test_every_way_to_bind(wrapped: str, drive: str, tmp_path: Path) -> None:
    """However the tools came to the model, the one that may not be called is nowhere in what it is sent."""
    model = Scripted(turns=(END,))
    chain: Any = RunnableLambda(lambda text: str(text)) | WRAPPED[wrapped](model)
    DRIVES[drive](_govern(chain, tmp_path), "x")
    [(_, sent)] = model.seen
    assert "wire_money" not in str(sent)
    listed = sent.get("tools") or sent["functions"]
    assert len(listed) == 1
    assert "add" in str(listed)


@pytest.mark.parametrize("drive", DRIVES)
def test_a_governed_model_by_itself(drive: str, tmp_path: Path) -> None:
    """A model that is governed alone shows what may be called, and its call is recorded."""
    model = Scripted(turns=(END,))
    bound: Any = _govern(model, tmp_path).bind_tools(tools([]))
    DRIVES[drive](bound, "x")
    assert _shown(model) == [SENT]
    [record] = recorded(tmp_path, "model.call")
    assert record["hidden"] == ["wire_money"]


def test_nobody_is_shown_nothing(tmp_path: Path) -> None:
    """Without a user every call is denied, so no tool is shown, and the parameters of tools are gone altogether."""
    model = Scripted(turns=(END,))
    agent = create_agent(model, tools([]), name="clerk")
    handrail.govern(agent, config=policy(tmp_path, "enforce", POLICY)).invoke(ASK)
    [(_, sent)] = model.seen
    assert sent.keys() & {"tools", "tool_choice"} == set()


def test_the_record_is_of_what_was_sent(tmp_path: Path) -> None:
    """The digest of a model call is that of the tools that were sent; the hidden names are in the journal alone."""
    model = Scripted(turns=(call("add", a=1, b=2), END))
    agent = create_agent(model, tools([]), name="clerk")
    _govern(agent, tmp_path).invoke(ASK)
    records = recorded(tmp_path, "model.call")
    assert [record["hidden"] for record in records] == [["wire_money"]] * 2
    assert records[0]["tools"] == digest([convert_to_openai_tool(tools([])[0])])
    assert "wire_money" not in str(model.seen)


def test_a_sub_agent_sees_what_the_whole_chain_may(tmp_path: Path) -> None:
    """A delegation that leaves a tool out hides it from the sub-agent, while the agent above still sees it."""
    text = POLICY.replace('to = "agent:*"\ncall = "*"', 'to = "agent:clerk"\ncall = "*"') + (
        '\n[[delegate]]\nfrom = "*"\nto = "agent:researcher"\ncall = ["add"]\n'
    )
    inner = Scripted(turns=(END,))
    sub: Any = create_agent(inner, tools([]), name="researcher")

    @tool
    def ask_sub(q: str) -> str:
        """Ask the sub-agent."""
        return str(sub.invoke({"messages": [("user", q)]})["messages"][-1].content)

    outer = Scripted(turns=(call("ask_sub", q="x"), END))
    agent = create_agent(outer, [ask_sub, tools([])[1]], name="clerk")
    config = policy(tmp_path, "enforce", text)
    handrail.govern(agent, config=config, principal={"user": "bob"}).invoke(ASK)
    assert _shown(outer) == [["ask_sub", "wire_money"]] * 2
    assert _shown(inner) == [SENT]


def test_handing_over_is_a_call_like_any_other(tmp_path: Path) -> None:
    """A swarm's hand-over that may be made is shown and works; one that may not be made is hidden."""
    swarm = pytest.importorskip("langgraph_swarm", reason="langgraph-swarm is not installed.")
    to_b, to_c = (swarm.create_handoff_tool(agent_name=name) for name in ("b", "c"))
    first = Scripted(turns=(Turn(tool_calls=(ToolCall("transfer_to_b", {}),)),))
    second, third = Scripted(turns=(END,)), Scripted(turns=(END,))
    members = [
        create_agent(first, [to_b, to_c], name="a"),
        create_agent(second, tools([]), name="b"),
        create_agent(third, tools([]), name="c"),
    ]
    _govern(swarm.create_swarm(members, default_active_agent="a").compile(name="swarm"), tmp_path).invoke(ASK)
    assert _shown(first) == [["transfer_to_b"]]
    assert _shown(second) == [SENT]
    assert _shown(third) == []


def test_a_supervisor_sees_the_hand_overs_it_may_make(tmp_path: Path) -> None:
    """A supervisor's own hand-over tools are hidden by the same rules, and the allowed one works."""
    supervisor = pytest.importorskip("langgraph_supervisor", reason="langgraph-supervisor is not installed.")
    member, idle = Scripted(turns=(END,)), Scripted(turns=(END,))
    head = Scripted(turns=(Turn(tool_calls=(ToolCall("transfer_to_b", {}),)), END))
    team: Any = [create_agent(member, tools([]), name="b"), create_agent(idle, tools([]), name="c")]
    graph = supervisor.create_supervisor(team, model=head, supervisor_name="clerk").compile(name="team")
    _govern(graph, tmp_path).invoke(ASK)
    assert _shown(head) == [["transfer_to_b"]] * 2
    assert _shown(member) == [SENT]


def test_a_deep_agent_works_with_what_is_left(tmp_path: Path) -> None:
    """A deep agent's own tools are hidden by default deny like all others; the sub-agent tool that is allowed works."""
    from deepagents import create_deep_agent

    delegate = ToolCall("task", {"description": "do it", "subagent_type": "general-purpose"})
    model = Scripted(turns=(Turn(tool_calls=(delegate,)), END, END))
    _govern(create_deep_agent(model=model, tools=tools([]), name="clerk"), tmp_path).invoke(ASK)
    assert _shown(model) == [["task", "add"], ["add"], ["task", "add"]] or _shown(model) == [
        ["add", "task"], ["add"], ["add", "task"],
    ]  # fmt: skip


def test_a_form_that_cannot_be_read_shows_nothing(tmp_path: Path) -> None:
    """Where the tools of a request cannot be looked through, an enforced agent sends none of them."""

    class Odd:
        @property
        def name(self) -> str:
            raise RuntimeError("no name")

    model = Scripted(turns=(END,))
    chain: Any = RunnableLambda(lambda text: str(text)) | model.bind(tools=[Odd()], tool_choice="auto")
    _govern(chain, tmp_path).invoke("x")
    [(_, sent)] = model.seen
    assert sent.keys() & {"tools", "tool_choice"} == set()


def test_a_node_of_a_graph_asks_as_the_graph(tmp_path: Path) -> None:
    """A model inside a hand-written node is shown what the graph's principals may call."""
    model = Scripted(turns=(END,))
    bound = model.bind_tools(tools([]))
    graph = StateGraph(MessagesState)
    graph.add_node("llm", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_edge(START, "llm")
    _govern(graph.compile(name="clerk"), tmp_path).invoke(ASK)
    assert _shown(model) == [SENT]


def test_a_tool_of_a_finished_request_is_forgotten() -> None:
    """Tools are remembered only while they live."""
    import gc

    from handrail.frameworks import executables

    made: list[BaseTool] = [each.model_copy(update={"name": "short_lived"}) for each in tools([])]
    executables.note(made[0])
    assert "short_lived" in executables.names()
    made.clear()
    gc.collect()
    assert "short_lived" not in executables.names()
