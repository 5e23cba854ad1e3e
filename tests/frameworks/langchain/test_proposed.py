"""Every proposed call has exactly one decision, every executed one exactly one execution, whatever stands between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
    hook_config,
    wrap_tool_call,
)
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, RetryPolicy, interrupt

import handrail
from tests.frameworks.langchain.asked import Asked, check_exact
from tests.frameworks.langchain.episode import WAYS, Way, drive
from tests.frameworks.langchain.kit import POLICY, Scripted, policy

ASK: Any = {"messages": [HumanMessage("hi")]}


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


class Saying(Scripted):
    """A model that says the given messages, or raises."""

    def _next(self, messages: list[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        said = self.turns[len(self.seen)]
        self.seen.append(len(messages))
        if isinstance(said, Exception):
            raise said
        return AIMessage(**said) if isinstance(said, dict) else AIMessage(said)


def calls(*named: str, ids: Sequence[str] = ()) -> dict[str, Any]:
    """A reply with one call for each name."""
    numbered = [
        {"name": name, "args": {"a": n}, "id": ids[n] if ids else f"{name}_{n}"} for n, name in enumerate(named)
    ]
    return {"content": "", "tool_calls": numbered}


def _tools(ran: list[str]) -> list[Any]:
    failures = iter([True])
    added = threading.Event()

    @tool
    def add(a: int) -> int:
        """Add."""
        ran.append("add")
        added.set()
        return a

    @tool
    def after(a: int) -> int:
        """Fail as soon as the call beside it has run: calls of one reply begin in any order."""
        added.wait(60)
        ran.append("after")
        raise ConnectionError("away")

    @tool
    def once(a: int) -> int:
        """Fail the first time."""
        ran.append("once")
        if next(failures, False):
            raise ConnectionError("away")
        return a

    @tool
    def wire_money(a: int) -> int:
        """Wire money."""
        ran.append("wire_money")
        return a

    @tool
    def ask(a: int) -> str:
        """Ask a person."""
        ran.append("ask")
        return str(interrupt({"really": a}))

    return [add, once, wire_money, ask, after]


@wrap_tool_call
def cached(request: Any, handler: Any) -> Any:
    """Answer without calling the tool."""
    return ToolMessage("from the cache", tool_call_id=request.tool_call["id"], name=request.tool_call["name"])


class Answering(AgentMiddleware[Any, Any, Any]):
    """Answers the calls of a reply itself."""

    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Answer."""
        asked = getattr(state["messages"][-1], "tool_calls", ())
        return {"messages": [ToolMessage("no need", tool_call_id=call["id"]) for call in asked]} if asked else None


class Leaving(AgentMiddleware[Any, Any, Any]):
    """Ends the run where the model wants a tool, and leaves the call unanswered."""

    @hook_config(can_jump_to=["end"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Leave."""
        return {"jump_to": "end"} if state["messages"][-1].tool_calls else None


class Raising(AgentMiddleware[Any, Any, Any]):
    """Fails where the model wants a tool."""

    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Fail."""
        if state["messages"][-1].tool_calls:
            raise ValueError("not today")
        return None


Build = Callable[[Any, list[str]], Any]


def agent(*middleware: Callable[[], Any], **options: Any) -> Build:
    """How to make an agent with fresh middleware."""

    def build(model: Any, ran: list[str]) -> Any:
        made = {name: value() if callable(value) else value for name, value in options.items()}
        return create_agent(model, _tools(ran), name="clerk", middleware=[each() for each in middleware], **made)

    return build


def _graph(model: Any, ran: list[str]) -> Any:
    """A graph of the older form: one node runs all calls of a reply, and is tried again."""
    made = _tools(ran)
    graph = StateGraph(MessagesState)
    graph.add_node("llm", lambda state: {"messages": [model.bind_tools(made).invoke(state["messages"])]})
    node = ToolNode(made, handle_tool_errors=False)
    graph.add_node("tools", node, retry_policy=RetryPolicy(initial_interval=0, jitter=False))
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition)
    graph.add_edge("tools", "llm")
    return graph.compile(name="clerk")


def _by_hand(model: Any, ran: list[str]) -> Any:
    """A graph whose own function answers the calls."""

    def answer(state: Any) -> Any:
        return {"messages": [ToolMessage("done", tool_call_id=call["id"]) for call in state["messages"][-1].tool_calls]}

    graph = StateGraph(MessagesState)
    graph.add_node("llm", lambda state: {"messages": [model.invoke(state["messages"])]})
    graph.add_node("tools", answer)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition)
    graph.add_edge("tools", "llm")
    return graph.compile(name="clerk")


def _hitl(mode: Any = "batched") -> Callable[[], Any]:
    return lambda: HumanInTheLoopMiddleware({"add": True}, interrupt_mode=mode)


def _kept(*middleware: Callable[[], Any]) -> Build:
    return agent(*middleware, checkpointer=InMemorySaver)


def _decide(kind: str, **more: Any) -> Any:
    return Command(resume={"decisions": [{"type": kind, **more}]})


_EDIT = {"edited_action": {"name": "add", "args": {"a": 9}}}


@dataclass(frozen=True, slots=True)
class Case:
    """One agent, and what became of the calls that its model proposed."""

    build: Build
    turns: Sequence[Any]
    verdicts: Mapping[str, tuple[str, str]]
    """Call -> verdict, and who gave it."""
    ran: Sequence[str] = ()
    resume: Any = None
    error: type[Exception] | None = None
    stopped_by: Mapping[str, str] = field(default_factory=dict[str, str])
    """Call -> the code that stopped it."""
    again: int = 0
    """Attempts besides the first."""


ALLOWED = ("allow", "policy")
HUMAN = "langchain.HumanInTheLoopMiddleware"
LIMIT = "langchain.ToolCallLimitMiddleware"
CASES: dict[str, Case] = {
    "parallel": Case(agent(), [calls("add", "add"), "end"], {"add_0": ALLOWED, "add_1": ALLOWED}, ["add", "add"]),
    "denied": Case(agent(), [calls("wire_money"), "end"], {"wire_money_0": ("deny", "policy")}),
    "unknown": Case(agent(), [calls("nothing"), "end"], {"nothing_0": ("deny", "unknown_tool")}),
    "same_ids_each_turn": Case(
        agent(), [calls("add", ids=["1"]), calls("add", ids=["1"]), "end"], {"1": ALLOWED}, ["add", "add"]
    ),
    "no_ids": Case(
        agent(), [calls("after", "add", ids=["", ""]), "end"], {"": ALLOWED}, ["add", "after"], error=ConnectionError
    ),
    "same_id_twice": Case(agent(), [calls("add", "add", ids=["1", "1"]), "end"], {"1": ALLOWED}, ["add", "add"]),
    "invalid": Case(
        agent(),
        [{"content": "", "invalid_tool_calls": [{"name": "add", "args": "{", "id": "x", "error": None}]}, "end"],
        {"x": ("stopped", "invalid")},
    ),
    "cached": Case(
        agent(lambda: cached), [calls("add"), "end"], {"add_0": ("stopped", "agent")}, stopped_by={"add_0": "cached"}
    ),
    "answered": Case(
        agent(Answering),
        [calls("add", "add"), "end"],
        {"add_0": ("stopped", "agent"), "add_1": ("stopped", "agent")},
        stopped_by={"add_0": "Answering", "add_1": "Answering"},
    ),
    "answered_same_id": Case(
        agent(Answering),
        [calls("add", "add", ids=["1", "1"]), "end"],
        {"1": ("stopped", "agent")},
        stopped_by={"1": "Answering"},
    ),
    "left": Case(agent(Leaving), [calls("add")], {"add_0": ("stopped", "agent")}),
    "raised": Case(agent(Raising), [calls("add")], {"add_0": ("stopped", "run")}, error=ValueError),
    "limit_continue": Case(
        agent(lambda: ToolCallLimitMiddleware(run_limit=1)),
        [calls("add", "add"), "end"],
        {"add_0": ALLOWED, "add_1": ("stopped", "limit")},
        ["add"],
        stopped_by={"add_1": LIMIT},
    ),
    "limit_end": Case(
        agent(lambda: ToolCallLimitMiddleware(run_limit=1, exit_behavior="end")),
        [calls("add", "add")],
        {"add_0": ("stopped", "limit"), "add_1": ("stopped", "limit")},
        stopped_by={"add_0": LIMIT, "add_1": LIMIT},
    ),
    "approve": Case(_kept(_hitl()), [calls("add"), "end"], {"add_0": ALLOWED}, ["add"], _decide("approve")),
    "edit": Case(_kept(_hitl()), [calls("add"), "end"], {"add_0": ALLOWED}, ["add"], _decide("edit", **_EDIT)),
    "reject": Case(
        _kept(_hitl()),
        [calls("add"), "end"],
        {"add_0": ("stopped", "approval")},
        (),
        _decide("reject"),
        stopped_by={"add_0": HUMAN},
    ),
    "respond": Case(
        _kept(_hitl()),
        [calls("add"), "end"],
        {"add_0": ("stopped", "approval")},
        (),
        _decide("respond", message="7"),
        stopped_by={"add_0": HUMAN},
    ),
    "reject_per_call": Case(
        _kept(_hitl("per_call")),
        [calls("add"), "end"],
        {"add_0": ("stopped", "approval")},
        (),
        Command(resume={"type": "reject"}),
        stopped_by={"add_0": HUMAN},
    ),
    "approve_per_call": Case(
        _kept(_hitl("per_call")),
        [calls("add"), "end"],
        {"add_0": ALLOWED},
        ["add"],
        Command(resume={"type": "approve"}),
    ),
    "interrupted_in_tool": Case(
        _kept(), [calls("ask"), "end"], {"ask_0": ALLOWED}, ["ask", "ask"], Command(resume="yes"), again=1
    ),
    "tool_retry": Case(
        agent(lambda: ToolRetryMiddleware(initial_delay=0, jitter=False)),
        [calls("once"), "end"],
        {"once_0": ALLOWED},
        ["once", "once"],
        again=1,
    ),
    "model_retry": Case(
        agent(lambda: ModelRetryMiddleware(initial_delay=0, jitter=False)),
        [ConnectionError("away"), calls("add"), "end"],
        {"add_0": ALLOWED},
        ["add"],
    ),
    "node_retry": Case(_graph, [calls("once"), "end"], {"once_0": ALLOWED}, ["once", "once"], again=1),
    "by_hand": Case(
        _by_hand, [calls("add"), "end"], {"add_0": ("stopped", "agent")}, stopped_by={"add_0": "tools"}
    ),
}  # fmt: skip


def play(case: Case, folder: Path, way: Way, mode: str = "enforce") -> list[str]:
    """Drive the agent to its end; what the tools noted."""
    ran: list[str] = []
    model = Saying(turns=case.turns)
    may_be_repeated = "\n[tools.once]\nidempotent = true\n" if "once" in case.ran else ""
    governed = handrail.govern(case.build(model, ran), config=policy(folder, mode, POLICY + may_be_repeated))
    if case.error is not None:
        with pytest.raises(case.error):
            drive(governed, ASK, way)
        return ran
    drive(governed, ASK, way)
    if case.resume is not None:
        drive(governed, case.resume, way)
    return ran


_VERDICTS = "SELECT call_id, verdict, decided_by FROM proposals ORDER BY call_id"
_STOPPED = "SELECT call_id, stopped_by FROM decisions WHERE stopped_by IS NOT NULL"
_AGAIN = "SELECT count(*) FROM links l JOIN steps s USING (run, step) WHERE s.type = 'tool' AND l.type IN ('retry_of', 'resumed_from')"  # noqa: E501


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", CASES)
def test_one_decision_and_one_execution(name: str, way: Way, tmp_path: Path) -> None:
    """One decision for each proposed call, by whom it was really made, and nothing decided that nobody proposed."""
    case = CASES[name]
    if name == "cached" and way in ("ainvoke", "astream"):
        pytest.skip("wrap_tool_call of this middleware is synchronous only, which LangChain refuses")
    ran = play(case, tmp_path, way)
    assert ran == list(case.ran)
    asked = check_exact(tmp_path, ran)
    assert {call: (verdict, by) for call, verdict, by in asked.rows(_VERDICTS)} == dict(case.verdicts)
    assert dict(asked.rows(_STOPPED)) == dict(case.stopped_by)
    assert asked.one(_AGAIN) == case.again


@pytest.mark.parametrize("name", ["parallel", "denied", "reject", "limit_continue", "cached"])
def test_observe_decides_as_often(name: str, tmp_path: Path) -> None:
    """In observe mode the counts are the same; a denied call runs, and is marked."""
    case = CASES[name]
    ran = play(case, tmp_path, "invoke", "observe")
    asked = Asked(tmp_path)
    assert asked.rows("SELECT * FROM proposals WHERE decisions <> 1") == []
    assert asked.one("SELECT count(*) FROM steps WHERE type = 'tool' AND ran") >= len(ran)


def test_calls_of_one_id_that_run_one_after_another(tmp_path: Path) -> None:
    """The first of two calls of one id is answered before the second begins: each has its one decision, no retry."""
    ran: list[str] = []
    case = CASES["same_id_twice"]
    agent = handrail.govern(case.build(Saying(turns=case.turns), ran), config=policy(tmp_path))
    agent.invoke(ASK, {"max_concurrency": 1})
    asked = check_exact(tmp_path, ran)
    assert asked.rows(_VERDICTS) == [("1", *ALLOWED)]
    assert asked.one("SELECT count(*) FROM steps WHERE type = 'tool'") == len(ran) == 2
    assert asked.one(_AGAIN) == 0


def test_a_model_that_is_asked_again_says_so(tmp_path: Path) -> None:
    """The second call of a model after a failure, or of another model in its place, points to the first."""
    second = Saying(turns=["fine"])
    first = Saying(turns=[ConnectionError("away")])
    made = create_agent(first, [], name="clerk", middleware=[ModelFallbackMiddleware(second)])
    handrail.govern(made, config=policy(tmp_path)).invoke(ASK)
    asked = Asked(tmp_path)
    failed = asked.one("SELECT step FROM steps WHERE type = 'model' AND outcome = 'error'")
    assert asked.rows("SELECT to_step FROM links WHERE type = 'retry_of'") == [(failed,)]


def test_a_loop_by_hand(tmp_path: Path) -> None:
    """A program that answers a model's calls itself, without any framework's agent, has its calls decided too."""
    ran: list[str] = []
    add = _tools(ran)[0]
    model = Saying(turns=[calls("add", "other"), "end"])
    handrail.instrument(config=policy(tmp_path))
    with handrail.run("clerk", config=tmp_path / "handrail.toml", user="ana"):
        messages: list[Any] = [HumanMessage("hi")]
        reply = model.invoke(messages)
        done = [add.invoke(call) for call in reply.tool_calls if call["name"] == "add"]
        messages += [reply, *done, ToolMessage("no", tool_call_id="other_1")]
        model.invoke(messages)
    asked = check_exact(tmp_path, ran)
    assert asked.rows(_VERDICTS) == [("add_0", "allow", "policy"), ("other_1", "stopped", "agent")]


def _asking(ran: list[str], **options: Any) -> Any:
    """A tool that asks a sub-agent, whose model wants one call."""

    @tool
    def ask_sub(a: int) -> str:
        """Ask a sub-agent."""
        ran.append("ask_sub")
        model = Saying(turns=[calls("add"), "done"])
        sub = create_agent(model, _tools(ran), name="sub", **options)
        return str(sub.invoke(ASK)["messages"][-1].content)

    return ask_sub


@pytest.mark.parametrize("way", WAYS)
def test_sub_agents_side_by_side(way: Way, tmp_path: Path) -> None:
    """Two sub-agents of one name run at once, and their models give the same ids: each call is decided once."""
    ran: list[str] = []
    made = create_agent(Saying(turns=[calls("ask_sub", "ask_sub"), "end"]), [_asking(ran)], name="clerk")
    drive(handrail.govern(made, config=policy(tmp_path)), ASK, way)
    asked = check_exact(tmp_path, ran)
    assert sorted(ran) == ["add", "add", "ask_sub", "ask_sub"]
    assert asked.one("SELECT count(*) FROM proposals WHERE call_id = 'add_0'") == 2


@pytest.mark.parametrize("kind", ["approve", "reject"])
def test_a_sub_agent_that_asks_a_person(kind: str, tmp_path: Path) -> None:
    """A question of a sub-agent is asked once, whoever passes it on, and its call is decided once."""
    ran: list[str] = []
    sub = create_agent(
        Saying(turns=[calls("add"), "done", "done"]), _tools(ran), name="sub",
        middleware=[HumanInTheLoopMiddleware({"add": True})],
    )  # fmt: skip

    @tool
    def ask_sub(a: int) -> str:
        """Ask a sub-agent."""
        ran.append("ask_sub")
        return str(sub.invoke(ASK)["messages"][-1].content)

    made = create_agent(Saying(turns=[calls("ask_sub"), "end"]), [ask_sub], name="clerk", checkpointer=InMemorySaver())
    agent = handrail.govern(made, config=policy(tmp_path))
    drive(agent, ASK)
    drive(agent, _decide(kind))
    asked = check_exact(tmp_path, ran)
    expected = ("allow", "policy") if kind == "approve" else ("stopped", "approval")
    assert (asked.rows("SELECT verdict, decided_by FROM proposals WHERE call_id = 'add_0'")) == [expected]
    assert asked.rows("SELECT event, agent, call_id FROM approvals WHERE event = 'asked'") == [
        ("asked", "sub", "add_0")
    ]
    assert asked.one("SELECT count(*) FROM steps WHERE outcome = 'error'") == 0


def test_rejected_in_another_process(tmp_path: Path) -> None:
    """A call that one process saw proposed and another saw rejected has its one decision, in the run that went on."""
    from tests.frameworks.langchain import episode

    episode.write_policy(tmp_path)
    for part in ("start", "reject"):
        done = subprocess.run(
            [sys.executable, "-m", "tests.frameworks.langchain.episode", str(tmp_path), part],
            cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    asked = Asked(tmp_path)
    assert asked.rows("SELECT * FROM proposals WHERE decisions <> proposed") == []
    row = asked.rows("SELECT verdict, decided_by, decided_in <> run AS later FROM proposals WHERE tool = 'send_mail'")
    assert row == [("stopped", "approval", True)]


def test_abandoned_calls_are_decided_by_the_next_turn(tmp_path: Path) -> None:
    """A new message on a thread whose calls wait for a person: they are decided as over, by that run, once."""
    ran: list[str] = []
    made = _kept(_hitl())(Saying(turns=[calls("add"), "end", "end"]), ran)
    agent = handrail.govern(made, config=policy(tmp_path))
    for _ in range(3):
        drive(agent, ASK)
    asked = Asked(tmp_path)
    assert asked.rows("SELECT decisions, verdict, decided_by FROM proposals") == [(1, "stopped", "run")]


@pytest.mark.parametrize("way", ["stream", "astream"])
def test_an_abandoned_stream(way: Way, tmp_path: Path) -> None:
    """A consumer that goes away before the tools run leaves no call undecided."""
    ran: list[str] = []
    made = create_agent(Saying(turns=[calls("add"), "end"]), _tools(ran), name="clerk")
    agent = handrail.govern(made, config=policy(tmp_path))

    async def look() -> None:
        source: Any = agent.astream(ASK)
        async with aclosing(source) as items:
            await anext(items)

    if way == "stream":
        begun: Any = agent.stream(ASK)
        with closing(begun) as items:
            next(items)
    else:
        asyncio.run(look())
    asked = Asked(tmp_path)
    assert asked.rows("SELECT * FROM proposals WHERE decisions <> proposed") == []
    assert asked.one("SELECT count(*) FROM proposals") == 1
