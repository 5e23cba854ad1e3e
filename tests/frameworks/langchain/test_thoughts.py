"""Plans, reflections and hand-overs of agents that nobody changed, on the real frameworks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import TodoListMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_core.tools import tool
from pydantic import BaseModel

import handrail
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from handrail.tracing.plans import Item, apply
from tests.conftest import shared_data
from tests.frameworks.exported import Exported, exporting
from tests.frameworks.langchain.kit import Scripted, call, policy, recorded
from tests.kept import content

Record = dict[str, Any]


@pytest.fixture(name="exported")
def _exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    with exporting(monkeypatch) as found:
        yield found


@tool
def look_up(order: str) -> str:
    """Look an order up."""
    return f"order {order}: one kettle"


@tool
def think(thought: str, confidence: str = "") -> str:
    """Note a thought."""
    return "noted"


def _todos(*items: tuple[str, str]) -> dict[str, Any]:
    return {"todos": [{"content": what, "status": status} for what, status in items]}


def _write(*items: tuple[str, str]) -> Turn:
    return Turn(tool_calls=(ToolCall("write_todos", _todos(*items)),))


def _agent(*turns: Any, tools: Sequence[Any] = (look_up,), name: str = "clerk", **more: Any) -> Any:
    return create_agent(Scripted(turns=turns), list(tools), name=name, **more)


def _run(folder: Path, agent: Any, config: Any = None) -> list[Record]:
    handrail.govern(agent, config=policy(folder)).invoke({"messages": [("user", "go")]}, config)
    return recorded(folder)


def _of(records: Sequence[Record], kind: str) -> list[Record]:
    return [record for record in records if record["k"] == kind or record.get("type") == kind]


PENDING, DONE = "pending", "completed"


def test_a_todo_list_is_a_plan_with_revisions(tmp_path: Path) -> None:
    """Each write of the list that changes it is a revision below its tool call, caused by the reply that wrote it."""
    records = _run(
        tmp_path,
        _agent(
            _write(("look A up", PENDING), ("mail Ana", PENDING)),
            _write(("look A up", PENDING), ("mail Ana", PENDING)),
            _write(("look A and B up", DONE), ("archive", PENDING)),
            Turn("done"),
            middleware=[TodoListMiddleware()],
        ),
    )
    one, two = _of(records, "plan")
    asked, calls = _of(records, "model.call"), _of(records, "tool.call")
    assert (one["revision"], one["items"], one["added"]) == (1, 2, 2)
    assert [two[name] for name in ("revision", "added", "removed", "changed", "done")] == [2, 1, 1, 1, 1]
    assert (one["parent"], one["cause"]) == (calls[0]["step"], asked[0]["step"])
    assert (two["parent"], two["cause"]) == (calls[2]["step"], asked[2]["step"])
    old = [Item(**item) for item in content(tmp_path, one["plan"])]
    new = apply(old, content(tmp_path, two["diff"]))
    assert [item.content for item in new] == ["look A and B up", "archive"]


def test_a_denied_list_is_no_plan(tmp_path: Path) -> None:
    """What was not allowed to be written was not planned."""
    rules = 'version = 1\nmode = "enforce"\nagent = "clerk"\n[[rule]]\nid = "no"\ndeny = "*"\ncall = "*"\n'
    agent = _agent(_write(("a", PENDING)), Turn("done"), middleware=[TodoListMiddleware()])
    handrail.govern(agent, config=policy(tmp_path, text=rules)).invoke({"messages": [("user", "go")]})
    assert not _of(recorded(tmp_path), "plan")


def test_a_tool_of_that_name_is_no_plan(tmp_path: Path) -> None:
    """A team's own ``write_todos``, which writes into its own table, is a tool and nothing else."""

    @tool
    def write_todos(todos: list[dict[str, str]]) -> str:
        """Put household tasks into the database."""
        return "kept"

    records = _run(tmp_path, _agent(_write(("buy milk", PENDING)), Turn("done"), tools=[write_todos]))
    assert _of(records, "tool.call") and not _of(records, "plan")


def _checkpointed() -> dict[str, Any]:
    from langgraph.checkpoint.memory import InMemorySaver

    return {"checkpointer": InMemorySaver()}


THREAD: Any = {"configurable": {"thread_id": "t-1"}}


def test_a_plan_goes_on_in_the_next_run_of_its_thread(tmp_path: Path) -> None:
    """A thread's plan is one plan: its revisions count on, and the list written again is none."""
    made = _agent(
        _write(("a", PENDING), ("b", PENDING)), Turn("wait"),
        _write(("a", PENDING), ("b", PENDING)), _write(("a", DONE), ("b", PENDING)), Turn("done"),
        middleware=[TodoListMiddleware()], **_checkpointed(),
    )  # fmt: skip
    agent = handrail.govern(made, config=policy(tmp_path))
    for _ in range(2):
        agent.invoke({"messages": [("user", "go")]}, THREAD)
    one, two = _of(recorded(tmp_path), "plan")
    assert one["run"] != two["run"]
    assert [two[name] for name in ("revision", "added", "removed", "changed", "done")] == [2, 0, 0, 1, 1]


def test_another_thread_has_another_plan(tmp_path: Path) -> None:
    """Plans of two threads of one agent have nothing to do with each other."""
    made = _agent(
        _write(("a", PENDING)), Turn("one"), _write(("b", PENDING)), Turn("two"),
        middleware=[TodoListMiddleware()], **_checkpointed(),
    )  # fmt: skip
    agent = handrail.govern(made, config=policy(tmp_path))
    for thread in ("t-1", "t-2"):
        agent.invoke({"messages": [("user", "go")]}, {"configurable": {"thread_id": thread}})
    assert [(each["revision"], each["removed"]) for each in _of(recorded(tmp_path), "plan")] == [(1, 0), (1, 0)]


def test_a_thinking_tool_is_a_reflection(tmp_path: Path) -> None:
    """A call of a tool that only notes a thought is a reflection below it, with the confidence that it states."""
    records = _run(
        tmp_path,
        _agent(call("think", thought="Is B meant?", confidence="85%"), Turn("done"), tools=[think]),
    )
    (reflection,) = _of(records, "reflection")
    (noted,), (asked, _) = _of(records, "tool.call"), _of(records, "model.call")
    assert (reflection["parent"], reflection["cause"]) == (noted["step"], asked["step"])
    assert reflection["confidence"] == 0.85 and "text" not in reflection


class Answer(BaseModel):
    """An answer."""

    text: str
    confidence: float


class Plan(BaseModel):
    """A plan."""

    steps: list[str]


@pytest.mark.parametrize(("stated", "kept"), [(0.7, 0.7), (1.0, 1.0), (85.0, None), (-1.0, None)])
def test_a_stated_confidence_is_a_reflection(tmp_path: Path, stated: float, kept: float | None) -> None:
    """A structured answer with a number as ``confidence`` is a reflection; one of another scale is left out of it."""
    turn = Turn(tool_calls=(ToolCall("Answer", {"text": "SECRET", "confidence": stated}),))
    records = _run(tmp_path, _agent(turn, response_format=ToolStrategy(Answer)))
    (reflection,) = _of(records, "reflection")
    (asked,) = _of(records, "model.call")
    assert (reflection.get("confidence"), reflection["cause"]) == (kept, asked["step"])
    assert "SECRET" not in json.dumps(records)


def test_a_structured_plan_is_a_plan(tmp_path: Path) -> None:
    """A chain that asks a model for a ``Plan`` with steps plans."""
    model = Scripted(turns=[Turn(tool_calls=(ToolCall("Plan", {"steps": ["fly", "sleep"]}),))])
    with handrail.run("clerk", config=policy(tmp_path)):
        found = model.with_structured_output(Plan).invoke("plan it")
    records = recorded(tmp_path)
    (plan,), (asked,) = _of(records, "plan"), _of(records, "model.call")
    assert isinstance(found, Plan) and (plan["items"], plan["cause"]) == (2, asked["step"])


def test_a_plan_in_a_graph_s_state(tmp_path: Path) -> None:
    """A graph that keeps its steps under ``plan``, as plan-and-execute does, plans when a node writes them."""
    from langgraph.graph import END, START, StateGraph
    from typing_extensions import TypedDict

    class State(TypedDict):
        plan: list[str]

    graph = StateGraph(State)
    graph.add_node("planner", lambda state: {"plan": ["a", "b"]})
    graph.add_node("replan", lambda state: {"plan": ["b"]})
    graph.add_edge(START, "planner")
    graph.add_edge("planner", "replan")
    graph.add_edge("replan", END)
    handrail.govern(graph.compile(name="clerk"), config=policy(tmp_path)).invoke({"plan": []})
    assert [(each["revision"], each["removed"]) for each in _of(recorded(tmp_path), "plan")] == [(1, 0), (2, 1)]


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
def test_a_plan_from_a_provider_s_own_client(tmp_path: Path, method: Any) -> None:
    """OpenAI's client, asked for a ``Plan`` in either way, plans; the model step is its cause."""
    text = json.dumps({"steps": ["fly", "sleep"]})
    by_call = Turn(tool_calls=(ToolCall("Plan", {"steps": ["fly", "sleep"]}),))
    with ScriptedModel([by_call if method == "function_calling" else Turn(text)]) as server:
        asking = chat_openai(server).with_structured_output(Plan, method=method)
        with handrail.run("clerk", config=policy(tmp_path)):
            found = asking.invoke("plan it")
    records = recorded(tmp_path)
    (plan,), (asked,) = _of(records, "plan"), _of(records, "model.call")
    assert isinstance(found, Plan) and (plan["items"], plan["cause"]) == (2, asked["step"])


@pytest.mark.parametrize("stated", ["NaN", "85", "1e999", '"85%"'])
def test_odd_numbers_are_no_confidence_of_one_scale(tmp_path: Path, stated: str) -> None:
    """NaN, an infinity and a number of an unknown scale make a reflection without confidence; per cent are clear."""
    model = Scripted(turns=[Turn(f'{{"confidence": {stated}}}')])
    with handrail.run("clerk", config=policy(tmp_path)):
        model.bind(response_format={"type": "json_object"}).invoke("how sure?")
    (reflection,) = _of(recorded(tmp_path), "reflection")
    assert reflection.get("confidence") == (0.85 if "%" in stated else None)


@pytest.mark.parametrize("text", ["[]", "{", "[" * 100_000, '{"confidence": "high"}', '"confidence"', "null"])
def test_answers_that_say_nothing_of_it_are_no_reflection(tmp_path: Path, text: str) -> None:
    """Broken, deep and other JSON is no reflection, and breaks nothing."""
    model = Scripted(turns=[Turn(text)])
    with handrail.run("clerk", config=policy(tmp_path)):
        model.bind(response_format={"type": "json_object"}).invoke("how sure?")
    records = recorded(tmp_path)
    assert len(_of(records, "model.result")) == 1 and not _of(records, "reflection")


def test_a_tool_that_must_be_called_is_no_structured_answer(tmp_path: Path) -> None:
    """A tool that somebody can run, forced on the model, is a call and not an answer, whatever its arguments say."""

    @tool
    def grade(confidence: float) -> str:
        """Grade."""
        return "ok"

    model = Scripted(turns=[call("grade", confidence=0.5)])
    with handrail.run("clerk", config=policy(tmp_path)):
        model.bind_tools([grade], tool_choice="any").invoke("grade it")
    assert not _of(recorded(tmp_path), "reflection")


def test_a_plan_that_another_process_began(tmp_path: Path) -> None:
    """Where only the framework's state tells what the plan was, the change is told against that."""
    made = _agent(
        _write(("a", PENDING), ("b", PENDING)), Turn("wait"), _write(("a", DONE), ("b", PENDING)), Turn("done"),
        middleware=[TodoListMiddleware()], **_checkpointed(),
    )  # fmt: skip
    for folder in (tmp_path / "one", tmp_path / "two"):
        handrail.govern(made, config=policy(folder)).invoke({"messages": [("user", "go")]}, THREAD)
    (second,) = _of(recorded(tmp_path / "two"), "plan")
    assert [second[name] for name in ("revision", "added", "removed", "changed", "done")] == [2, 0, 0, 1, 1]


def test_ten_thousand_todos_are_one_small_change(tmp_path: Path) -> None:
    """A list of that length is a plan, and what is kept of its revision is as small as what changed."""
    items = [(f"step {number}", PENDING) for number in range(10_000)]
    changed = [("step 0", DONE), *items[1:]]
    _run(tmp_path, _agent(_write(*items), _write(*changed), Turn("done"), middleware=[TodoListMiddleware()]))
    one, two = _of(recorded(tmp_path), "plan")
    assert one["items"] == two["items"] == 10_000 and two["changed"] == 1
    assert two["diff"]["l"] < 400 < one["plan"]["l"]


def test_a_plain_graph_in_a_tool_is_no_hand_over(tmp_path: Path) -> None:
    """A tool that works off a graph without a model hands nothing over."""
    from langgraph.graph import END, START, MessagesState, StateGraph

    graph = StateGraph(MessagesState)
    graph.add_node("note", lambda state: {"messages": []})
    graph.add_edge(START, "note")
    graph.add_edge("note", END)
    routine = graph.compile(name="routine")

    @tool
    def work_off(order: str) -> str:
        """Work an order off."""
        routine.invoke({"messages": []})
        return "worked off"

    records = _run(tmp_path, _agent(call("work_off", order="1"), Turn("done"), tools=[work_off]))
    assert _of(records, "workflow") and not _of(records, "handoff")


def test_a_sub_agent_as_a_tool_is_handed_over_to(tmp_path: Path) -> None:
    """Where a tool is an agent, the hand-over stands below the call, and the agent's step is linked to it."""

    @tool
    def research(about: str) -> str:
        """Ask the researcher."""
        agent = _agent(call("look_up", order="1"), Turn("found"), name="researcher")
        return str(agent.invoke({"messages": [("user", about)]})["messages"][-1].content)

    records = _run(tmp_path, _agent(call("research", about="x"), Turn("done"), tools=[research]))
    (handoff,), (agent,) = _of(records, "handoff"), _of(records, "agent")
    outer = next(each for each in _of(records, "tool.call") if each["tool"] == "research")
    assert (handoff["agent"], handoff["to"], handoff["parent"]) == ("clerk", "researcher", outer["step"])
    assert (handoff["cause"], agent["parent"]) == (outer["cause"], outer["step"])
    assert agent["links"] == [{"type": "handed_over_by", "step": handoff["step"]}]


def test_deepagents_task_is_handed_over_to_and_plans_for_itself(tmp_path: Path) -> None:
    """A deep agent's sub-agents are handed over to; each has a plan of its own, beside that of the agent above."""
    deepagents = pytest.importorskip("deepagents")
    model = Scripted(turns=[
        _write(("ask", PENDING)),
        Turn(tool_calls=(ToolCall("task", {"description": "look", "subagent_type": "helper"}),)),
        _write(("inner", PENDING), ("more", PENDING)),
        Turn("found"),
        _write(("ask", DONE)),
        Turn("done"),
    ])  # fmt: skip
    more: dict[str, Any] = {"middleware": [TodoListMiddleware()]}
    helper = {"name": "helper", "description": "Helps.", "system_prompt": "Help.", **more}
    deep = deepagents.create_deep_agent(model=model, tools=[look_up], name="clerk", subagents=[helper], **more)
    records = _run(tmp_path, deep)
    (handoff,) = _of(records, "handoff")
    assert (handoff["agent"], handoff["to"]) == ("clerk", "helper")
    plans = [(each["agent"], each["revision"], each["items"]) for each in _of(records, "plan")]
    assert plans == [("clerk", 1, 1), ("helper", 1, 2), ("clerk", 2, 1)]


def test_a_swarm_hands_over(tmp_path: Path) -> None:
    """A swarm's hand-over goes from the one to the other agent, and what the other reads came from the one's model."""
    swarm = pytest.importorskip("langgraph_swarm")
    to_bob = swarm.create_handoff_tool(agent_name="bob")
    alice = _agent(call("transfer_to_bob"), tools=[look_up, to_bob], name="alice")
    bob = _agent(call("look_up", order="1"), Turn("hello"), name="bob")
    graph = swarm.create_swarm([alice, bob], default_active_agent="alice").compile(name="desk")
    records = _run(tmp_path, graph)
    (handoff,) = _of(records, "handoff")
    first, second = _of(records, "agent")
    asked = _of(records, "model.call")
    assert (handoff["agent"], handoff["to"], handoff["cause"]) == ("alice", "bob", asked[0]["step"])
    assert "links" not in first and second["links"] == [{"type": "handed_over_by", "step": handoff["step"]}]
    assert asked[1]["causes"] == [asked[0]["step"]]


def test_a_supervisor_hands_over_and_reads_the_answer(tmp_path: Path) -> None:
    """A supervisor's worker is handed over to, and the supervisor's next input came from the worker's model."""
    supervisor = pytest.importorskip("langgraph_supervisor")
    worker = _agent(call("look_up", order="1"), Turn("one kettle"), name="worker")
    model = Scripted(turns=[call("transfer_to_worker"), Turn("It is one kettle.")])
    graph = supervisor.create_supervisor([worker], model=model, supervisor_name="boss").compile(name="desk")
    records = _run(tmp_path, graph)
    (handoff,) = _of(records, "handoff")
    assert (handoff["agent"], handoff["to"]) == ("boss", "worker")
    linked = [each for each in _of(records, "agent") if each.get("links")]
    assert [each["name"] for each in linked] == ["worker"]
    asked = {each["step"]: each for each in _of(records, "model.call")}
    last = list(asked.values())[-1]
    assert [asked[cause]["agent"] for cause in last["causes"]] == ["worker"]


def test_parallel_sub_agents_plan_apart(tmp_path: Path) -> None:
    """Sub-agents of one name that plan at the same time each have their own plan."""

    @tool
    async def ask(number: int) -> str:
        """Ask a helper."""
        turns = [_write((f"{number}-a", PENDING)), _write((f"{number}-a", DONE)), Turn("ok")]
        agent = _agent(*turns, name="helper", middleware=[TodoListMiddleware()])
        return str((await agent.ainvoke({"messages": [("user", "go")]}))["messages"][-1].content)

    calls = tuple(ToolCall("ask", {"number": number}) for number in range(5))
    agent = handrail.govern(_agent(Turn(tool_calls=calls), Turn("done"), tools=[ask]), config=policy(tmp_path))
    asyncio.run(agent.ainvoke({"messages": [("user", "go")]}))
    plans = _of(recorded(tmp_path), "plan")
    assert (
        sorted((each["revision"], each["changed"], each["removed"]) for each in plans)
        == [(1, 0, 0)] * 5 + [(2, 1, 0)] * 5
    )


def test_no_word_of_it_is_in_a_record_or_on_a_span(tmp_path: Path, exported: Exported) -> None:
    """With content off: no item, thought, rationale or answer in any record or on any span; with numbers they are."""
    _run(
        tmp_path,
        _agent(
            Turn("SENTINEL-why", tool_calls=(ToolCall("write_todos", _todos(("SENTINEL-item", PENDING))),)),
            Turn("SENTINEL-more", tool_calls=(ToolCall("write_todos", _todos(("SENTINEL-new", PENDING))),)),
            call("think", thought="SENTINEL-thought"),
            Turn("SENTINEL-answer"),
            tools=[think],
            middleware=[TodoListMiddleware()],
        ),
    )
    assert "SENTINEL" not in json.dumps(recorded(tmp_path))
    assert "SENTINEL" not in exported.text()
    spans = [span for span in exported.spans if span.name == "execute_tool write_todos"]
    assert [(span.attributes or {})["handrail.rationale.characters"] for span in spans] == [12, 13]
    (linked, *_) = [link for span in spans for link in span.links]
    assert (linked.attributes or {})["handrail.link.type"] == "caused_by"


def _planning(folder: Path) -> None:
    _run(
        folder,
        _agent(
            Turn("first the plan", tool_calls=(ToolCall("write_todos", _todos(("look up", PENDING))),)),
            _write(("look up", DONE)),
            call("think", thought="good", confidence="85%"),
            Turn("done"),
            tools=[think],
            middleware=[TodoListMiddleware()],
        ),
    )


def test_the_spans_follow_the_conventions(tmp_path: Path, exported: Exported) -> None:
    """The mechanical check of the GenAI conventions finds no violation in plans, reflections and linked calls."""
    checker = shared_data("semconv/check_spans.py")
    _planning(tmp_path)
    lines = [
        json.dumps({"name": span.name, "kind": span.kind.name, "attributes": dict(span.attributes or {})})
        for span in exported.spans
    ]
    file = tmp_path / "spans.jsonl"
    file.write_text("\n".join(lines))
    command = [sys.executable, str(checker), str(file), "--no-content"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert sum(span.name == "plan clerk" for span in exported.spans) == 2


def test_with_content_on_the_words_are_on_the_spans(
    tmp_path: Path, exported: Exported, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched on, a span shows the rationale of its call, the plan, and what a revision changed."""
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    _planning(tmp_path)
    first, second = [dict(span.attributes or {}) for span in exported.spans if span.name == "plan clerk"]
    assert json.loads(str(first["handrail.plan.text"])) == [{"content": "look up", "status": PENDING}]
    (changed,) = json.loads(str(second["handrail.plan.diff"]))["changed"]
    assert (changed["content"], changed["before"]) == ("look up", {"status": PENDING})
    calls = [dict(span.attributes or {}) for span in exported.spans if span.name == "execute_tool write_todos"]
    assert [each.get("handrail.rationale.text") for each in calls] == ["first the plan", None]
    assert exported.named("reflection clerk")["handrail.reflection.confidence"] == 0.85
