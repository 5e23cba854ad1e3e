"""Why a tool was called and what a model's input came from, of agents that nobody changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import tool

import handrail
from handrail.frameworks.langchain import messages as show
from handrail.testing import ToolCall, Turn
from tests.frameworks.langchain.kit import Scripted, call, policy, recorded

Record = dict[str, Any]


@tool
def look_up(order: str) -> str:
    """Look an order up."""
    return f"order {order}: one kettle"


@tool
def mail(to: str) -> str:
    """Write to somebody."""
    return "sent"


def _agent(*turns: Any, tools: Sequence[Any] = (look_up, mail), name: str = "clerk", **more: Any) -> Any:
    return create_agent(Scripted(turns=turns), list(tools), name=name, **more)


def _run(folder: Path, agent: Any, text: str = "go", config: Any = None) -> list[Record]:
    governed = handrail.govern(agent, config=policy(folder))
    governed.invoke({"messages": [("user", text)]}, config)
    return recorded(folder)


def _of(records: Sequence[Record], kind: str) -> list[Record]:
    return [record for record in records if record["k"] == kind]


def _two(*ids: str) -> Turn:
    calls = [ToolCall("look_up", {"order": f"A-{number}"}, id=each) for number, each in enumerate(ids)]
    return Turn("Both orders first.", tool_calls=tuple(calls))


def test_a_call_names_the_reply_that_proposed_it(tmp_path: Path) -> None:
    """Each tool call has as its cause the model step whose reply it stands in, and how much was said beside it."""
    records = _run(tmp_path, _agent(_two("a", "b"), call("mail", to="ana"), Turn("done")))
    first, second, _ = _of(records, "model.call")
    calls = _of(records, "tool.call")
    assert [each["cause"] for each in calls] == [first["step"], first["step"], second["step"]]
    assert [each.get("said") for each in calls] == [18, 18, None]
    assert [each.get("said") for each in _of(records, "model.result")] == [18, None, 4]


def test_an_input_names_the_steps_whose_outputs_are_new_in_it(tmp_path: Path) -> None:
    """The first input has no cause, the one after two parallel calls has both, and none is named twice."""
    records = _run(tmp_path, _agent(_two("a", "b"), call("mail", to="ana"), Turn("done")))
    one, two, three = [each["step"] for each in _of(records, "tool.call")]
    assert [set(each.get("causes", ())) for each in _of(records, "model.call")] == [set(), {one, two}, {three}]


def test_the_alternatives_are_put_down_once(tmp_path: Path) -> None:
    """The names of the tools that a model could choose from are recorded once for a run, under their digest."""
    records = _run(tmp_path, _agent(_two("a", "b"), call("mail", to="ana"), Turn("done")))
    (offered,) = _of(records, "tools")
    assert offered["names"] == ["look_up", "mail"]
    assert {each["tools"] for each in _of(records, "model.call")} == {offered["digest"]}


def test_a_denied_call_is_a_cause_like_any_other(tmp_path: Path) -> None:
    """What a model reads in place of a result comes from the call that was denied."""
    governed = handrail.govern(
        _agent(call("wire_money", amount=1), Turn("no"), tools=[look_up, wire_money]),
        config=policy(tmp_path, mode="enforce"),
    )
    governed.invoke({"messages": [("user", "go")]})
    records = recorded(tmp_path)
    (denied,) = _of(records, "tool.call")
    first, second = _of(records, "model.call")
    assert (denied["verdict"], denied["cause"], second["causes"]) == ("deny", first["step"], [denied["step"]])


@tool
def wire_money(amount: int) -> str:
    """Wire money."""
    return "wired"


class Nameless(Scripted):
    """A model that gives no call an id."""

    def _next(self, messages: Any, kwargs: Any) -> AIMessage:
        reply = super()._next(messages, kwargs)
        return AIMessage(reply.content, tool_calls=[{**each, "id": ""} for each in reply.tool_calls])


def _named_twice() -> Scripted:
    return Scripted(turns=(_two("same", "same"), Turn("done")))


@pytest.mark.parametrize("model", [_named_twice(), Nameless(turns=(_two("a", "b"), Turn("done")))])
def test_ids_that_come_twice_or_not_at_all_still_name_the_reply(tmp_path: Path, model: Scripted) -> None:
    """A model that gives one id to two calls, or none: both calls come from that reply, and no other reply does."""
    governed: Any = handrail.govern(create_agent(model, [look_up, mail], name="clerk"), config=policy(tmp_path))
    governed.invoke({"messages": [("user", "go")]})
    records = recorded(tmp_path)
    first, _ = _of(records, "model.call")
    assert [each.get("cause") for each in _of(records, "tool.call")] == [first["step"]] * 2


def test_an_id_that_is_used_again_belongs_to_the_later_reply(tmp_path: Path) -> None:
    """A model that calls every call "x" is told apart by its turns."""
    turns = [Turn(tool_calls=(ToolCall("look_up", {"order": str(number)}, id="x"),)) for number in range(3)]
    records = _run(tmp_path, _agent(*turns, Turn("done")))
    asked = [each["step"] for each in _of(records, "model.call")]
    calls = _of(records, "tool.call")
    assert [each["cause"] for each in calls] == asked[:3]
    assert [each.get("causes", []) for each in _of(records, "model.call")] == [[], *([each["step"]] for each in calls)]


def test_a_call_that_the_program_makes_has_no_cause(tmp_path: Path) -> None:
    """A tool that is called by code, with an id that a model once used or none, is not laid at the model's door."""
    governed = handrail.govern(_agent(call("look_up", order="1"), Turn("done")), config=policy(tmp_path))
    with handrail.run("clerk", config=tmp_path / "handrail.toml"):
        governed.invoke({"messages": [("user", "go")]})
        look_up.invoke({"name": "look_up", "args": {"order": "1"}, "id": "call_1_0", "type": "tool_call"})
        look_up.invoke({"order": "1"})
    assert ["cause" in each for each in _of(recorded(tmp_path), "tool.call")] == [True, False, False]


def test_another_runs_ids_are_nobody_s_business(tmp_path: Path) -> None:
    """The next run of the same agent, with the same ids, names steps of its own only."""
    folder = tmp_path
    for _ in range(2):
        governed = handrail.govern(_agent(_two("a", "b"), Turn("done")), config=policy(folder))
        governed.invoke({"messages": [("user", "go")]})
    by_run: dict[str, set[str]] = {}
    for record in recorded(folder):
        if "run" in record:
            by_run.setdefault(record["run"], set()).add(record["step"])
    for record in recorded(folder, "tool.call", "model.call"):
        named = {*record.get("causes", ()), *([record["cause"]] if "cause" in record else ())}
        assert named <= by_run[record["run"]]


def test_an_old_answer_in_a_new_input_is_no_cause(tmp_path: Path) -> None:
    """A history that is passed in, with ids that were never proposed here, has no cause."""
    history = [
        HumanMessage("hi"), AIMessage("", tool_calls=[{"name": "look_up", "args": {}, "id": "a"}]),
        ToolMessage("one kettle", tool_call_id="a"),
    ]  # fmt: skip
    governed = handrail.govern(_agent(Turn("done")), config=policy(tmp_path))
    governed.invoke({"messages": history})
    (asked,) = _of(recorded(tmp_path), "model.call")
    assert "causes" not in asked


def _drives() -> list[Any]:
    inputs = {"messages": [("user", "go")]}

    async def streamed(agent: Any) -> None:
        async for _ in agent.astream(inputs):
            pass

    return [
        pytest.param(lambda agent: agent.invoke(inputs), id="invoke"),
        pytest.param(lambda agent: list(agent.stream(inputs, stream_mode="messages")), id="stream"),
        pytest.param(lambda agent: asyncio.run(agent.ainvoke(inputs)), id="ainvoke"),
        pytest.param(lambda agent: asyncio.run(streamed(agent)), id="astream"),
    ]


@pytest.mark.parametrize("drive", _drives())
def test_every_way_of_calling_tells_the_same(tmp_path: Path, drive: Callable[[Any], Any]) -> None:
    """Invoked or streamed, with or without an event loop: the same causes."""
    drive(handrail.govern(_agent(_two("a", "b"), Turn("done")), config=policy(tmp_path)))
    records = recorded(tmp_path)
    first, second = _of(records, "model.call")
    calls = _of(records, "tool.call")
    assert {each["cause"] for each in calls} == {first["step"]}
    assert set(second["causes"]) == {each["step"] for each in calls}


def test_parallel_sub_agents_of_one_name_and_with_one_id_keep_apart(tmp_path: Path) -> None:
    """Sub-agents that run at once, are called alike and use the same ids name their own steps only."""

    @tool
    def ask(about: str) -> str:
        """Ask a researcher."""
        agent = _agent(Turn(tool_calls=(ToolCall("look_up", {"order": about}, id="x"),)), Turn("found"), name="helper")
        return str(agent.invoke({"messages": [("user", about)]})["messages"][-1].content)

    calls = tuple(ToolCall("ask", {"about": str(number)}, id=f"c{number}") for number in range(6))
    records = _run(tmp_path, _agent(Turn(tool_calls=calls), Turn("done"), tools=[ask]))
    parent = {each["step"]: each["parent"] for each in records if "step" in each and "parent" in each}
    below = [each for each in _of(records, "tool.call") if each["tool"] == "look_up"]
    assert len(below) == 6
    for each in below:
        assert parent[each["cause"]] == each["parent"]
    for each in _of(records, "model.call"):
        assert {parent[cause] for cause in each.get("causes", ())} <= {each["parent"]}


class Shelf(BaseRetriever):
    """Finds one document."""

    text: str = "Kettles are on shelf nine."

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> list[Document]:
        return [Document(self.text)]


def test_a_quoted_document_is_a_cause(tmp_path: Path) -> None:
    """A retrieval one of whose documents stands in the input is a cause of it; one that was not used is none."""
    model = Scripted(turns=[Turn("shelf nine"), Turn("again")])
    with handrail.run("clerk", config=policy(tmp_path)):
        used = Shelf().invoke("kettle")
        Shelf(text="Nothing to do with it.").invoke("other")
        model.invoke(f"Context: {used[0].page_content} Where are the kettles?")
        model.invoke("And now?")
    records = recorded(tmp_path)
    found, _ = [each for each in records if each.get("type") == "retrieval"]
    first, second = _of(records, "model.call")
    assert first["causes"] == [found["step"]] and "causes" not in second


def test_branches_that_rejoin_are_all_causes(tmp_path: Path) -> None:
    """Three branches that a graph sends off and joins again: the model that reads all their answers names all three."""
    from langgraph.graph import END, START, MessagesState, StateGraph
    from langgraph.types import Send

    helpers = {name: _agent(Turn(f"{name} says hello"), name=name) for name in ("a", "b", "c")}
    last = Scripted(turns=[Turn("all said hello")])
    graph = StateGraph(MessagesState)
    for name, helper in helpers.items():
        graph.add_node(name, helper)
        graph.add_edge(name, "join")
    graph.add_node("join", lambda state: {"messages": [last.invoke(state["messages"])]})
    graph.add_conditional_edges(START, lambda state: [Send(name, state) for name in helpers], list(helpers))
    graph.add_edge("join", END)
    records = _run(tmp_path, graph.compile(name="desk"))
    *branches, joined = _of(records, "model.call")
    assert set(joined["causes"]) == {each["step"] for each in branches} and len(branches) == 3


def test_one_id_in_two_branches_has_no_cause(tmp_path: Path) -> None:
    """Two models of one agent that use the same id at once: a call of it could be either's, so it names neither."""
    from langgraph.graph import END, START, MessagesState, StateGraph
    from langgraph.prebuilt import ToolNode

    graph = StateGraph(MessagesState)
    for name in ("left", "right"):
        model = Scripted(turns=[Turn(tool_calls=(ToolCall("look_up", {"order": name}, id="same"),))])
        graph.add_node(name, lambda state, model=model: {"messages": [model.invoke(state["messages"])]})
        graph.add_edge(START, name)
        graph.add_edge(name, "tools")
    graph.add_node("tools", ToolNode([look_up]))
    graph.add_edge("tools", END)
    records = _run(tmp_path, graph.compile(name="clerk"))
    ran = [each for each in _of(records, "tool.call") if each["ran"]]
    assert ran and not any("cause" in each for each in ran)


def _asking(tmp_path: Path, *turns: Any) -> Any:
    from langchain.agents.middleware import HumanInTheLoopMiddleware
    from langgraph.checkpoint.memory import InMemorySaver

    asks = HumanInTheLoopMiddleware(interrupt_on={"mail": True})
    agent = _agent(*turns, middleware=[asks], checkpointer=InMemorySaver())
    return handrail.govern(agent, config=policy(tmp_path))


def test_a_call_that_was_approved_names_the_reply_of_the_run_before(tmp_path: Path) -> None:
    """After an interrupt the call runs in another run: a link names the reply and its run; its answer is a cause."""
    from langgraph.types import Command

    agent = _asking(tmp_path, Turn("I must write.", tool_calls=(ToolCall("mail", {"to": "ana"}),)), Turn("done"))
    thread: Any = {"configurable": {"thread_id": "t"}}
    agent.invoke({"messages": [("user", "go")]}, thread)
    agent.invoke(Command(resume={"decisions": [{"type": "approve"}]}), thread)
    records = recorded(tmp_path)
    first, second = _of(records, "model.call")
    (sent,) = _of(records, "tool.call")
    assert first["run"] != sent["run"] == second["run"] and "cause" not in sent
    (link,) = [each for each in sent["links"] if each["type"] == "caused_by"]
    assert (link["step"], link["run"], sent["said"]) == (first["step"], first["run"], 13)
    assert second["causes"] == [sent["step"]]


def test_another_thread_resumes_nothing(tmp_path: Path) -> None:
    """What one thread left open is no cause in another, whatever ids are used there."""
    agent = _asking(tmp_path, call("mail", to="ana"), call("look_up", order="1"), Turn("done"))
    agent.invoke({"messages": [("user", "go")]}, {"configurable": {"thread_id": "one"}})
    agent.invoke({"messages": [("user", "go")]}, {"configurable": {"thread_id": "two"}})
    records = recorded(tmp_path)
    (found,) = [each for each in _of(records, "tool.call") if each["tool"] == "look_up"]
    asked = _of(records, "model.call")
    assert found["cause"] == asked[1]["step"] and "links" not in found


def test_a_tool_that_is_tried_again_is_a_cause_by_its_last_attempt(tmp_path: Path) -> None:
    """A call that fails and is repeated: each attempt names the reply, and the next input came from the last one."""
    from langchain.agents.middleware import ToolRetryMiddleware

    failures = iter([True, False])

    @tool
    def flaky(order: str) -> str:
        """Fail once."""
        if next(failures):
            raise RuntimeError("not yet")
        return "there"

    again = ToolRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)
    records = _run(tmp_path, _agent(call("flaky", order="1"), Turn("done"), tools=[flaky], middleware=[again]))
    one, two = _of(records, "tool.call")
    first, second = _of(records, "model.call")
    assert one["cause"] == two["cause"] == first["step"]
    assert second["causes"] == [two["step"]]


def test_a_classic_executor_tells_as_much(tmp_path: Path) -> None:
    """AgentExecutor passes no ids on: its calls are known by name and arguments, and their answers by the id."""
    classic = pytest.importorskip("langchain_classic.agents")
    from langchain_core.prompts import ChatPromptTemplate

    prompt = ChatPromptTemplate.from_messages([("user", "{input}"), ("placeholder", "{agent_scratchpad}")])
    model = Scripted(turns=[_two("a", "b"), Turn("done")])
    executor = classic.AgentExecutor(
        agent=classic.create_tool_calling_agent(model, [look_up], prompt), tools=[look_up], name="clerk"
    )
    handrail.govern(executor, config=policy(tmp_path)).invoke({"input": "go"})
    records = recorded(tmp_path)
    first, second = _of(records, "model.call")
    calls = _of(records, "tool.call")
    assert [each["cause"] for each in calls] == [first["step"]] * 2
    assert set(second["causes"]) == {each["step"] for each in calls}


def test_create_react_agent_tells_the_same(tmp_path: Path) -> None:
    """LangGraph's older prebuilt agent, with a prompt of its own and both versions of its tool node."""
    from langgraph.prebuilt import create_react_agent

    versions: tuple[Literal["v1"], Literal["v2"]] = ("v1", "v2")
    for version in versions:
        folder = tmp_path / version
        model = Scripted(turns=[_two("a", "b"), Turn("done")])
        agent = create_react_agent(model, [look_up], prompt="Help.", name="clerk", version=version)
        records = _run(folder, agent)
        first, second = _of(records, "model.call")
        calls = _of(records, "tool.call")
        assert [each["cause"] for each in calls] == [first["step"]] * 2
        assert set(second["causes"]) == {each["step"] for each in calls}


def test_a_loop_over_a_langchain_model_tells_it_too(tmp_path: Path) -> None:
    """A hand-written loop that calls plain functions: by name and arguments, and by the id of the answer."""

    @handrail.tool
    def read_order(order: str) -> str:
        """Look an order up."""
        return f"order {order}"

    reply = Turn("First the order.", tool_calls=(ToolCall("read_order", {"order": "1"}, id="x"),))
    model = Scripted(turns=[reply, Turn("done")])
    with handrail.run("clerk", config=policy(tmp_path)):
        messages: list[Any] = [HumanMessage("go")]
        messages.append(model.invoke(messages))
        messages.append(ToolMessage(read_order(order="1"), tool_call_id="x"))
        model.invoke(messages)
    records = recorded(tmp_path)
    (ran,), (first, second) = _of(records, "tool.call"), _of(records, "model.call")
    assert (ran["cause"], second["causes"]) == (first["step"], [ran["step"]])


@pytest.mark.parametrize(
    ("content", "besides", "count"),
    [
        ([{"type": "thinking", "thinking": "12345", "signature": "s"}, {"type": "text", "text": "hi"}], {}, 5),
        ([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "123"}]}], {}, 3),
        ([{"type": "reasoning", "reasoning": "1234"}], {}, 4),
        ("hi", {"reasoning_content": "1234567"}, 7),
        ("hi", {"reasoning": {"summary": [{"type": "summary_text", "text": "12"}]}}, 2),
        ([{"type": "redacted_thinking", "data": "xyz"}], {}, 0),
        ([{"type": "reasoning", "summary": None}, "text", {"type": "reasoning", "reasoning": 7}], {}, 0),
        ("hi", {"reasoning_content": None}, 0),
    ],
)
def test_reasoning_is_counted_in_every_form(content: Any, besides: dict[str, Any], count: int) -> None:
    """The forms in which providers return reasoning through LangChain; what is hidden or malformed counts nothing."""
    assert show.reasoning(AIMessage(content, additional_kwargs=besides)) == count


def test_what_a_model_writes_is_in_no_record(tmp_path: Path) -> None:
    """A rationale is a payload; in the records there is only how long it is."""
    _run(tmp_path, _agent(Turn("SECRET-REASON", tool_calls=(ToolCall("mail", {"to": "x"}),)), Turn("done")))
    assert "SECRET-REASON" not in json.dumps(recorded(tmp_path))
