"""What LangChain and LangGraph try again by themselves is one effect; what a model asks for twice is two."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ToolRetryMiddleware
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, RetryPolicy, interrupt
from pydantic import BaseModel, field_validator

import handrail
from handrail.effects import asks, past
from handrail.gate import once
from handrail.testing import ToolCall, Turn
from tests.effects.crashing import POLICY, World, child, die, run_of
from tests.frameworks.langchain.kit import ByAnswers, call, recorded

ASK: Any = {"messages": [HumanMessage("Book it.")]}
THREAD: Any = {"configurable": {"thread_id": "t1"}}
DONE = Turn(text="Done.")
Does = Callable[[str], Any]


def together(*names: str, id: str | None = None) -> Turn:
    """A turn that books several things at once, with one id for all where ``id`` names it."""
    return Turn(tool_calls=tuple(ToolCall("book", {"what": name}, id or f"{number}_{name}")
                                 for number, name in enumerate(names)))  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy that lets the clerk do everything; tools are declared as a test adds."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    return tmp_path


def _declare(folder: Path, text: str) -> None:
    (folder / "handrail.toml").write_text(f"{POLICY}[tools.book]\n{text}\n")


def _book(folder: Path, before: Does = lambda what: None, after: Does = lambda what: None) -> Any:
    @tool
    def book(what: str) -> str:
        """Book it."""
        said = before(what)
        World(folder).do(what, handrail.idempotency_key())
        after(what)
        return f"booked {what}{said or ''}"

    return book


def _agent(folder: Path, turns: Sequence[Any], book: Any, **more: Any) -> Any:
    made = create_agent(ByAnswers(turns=turns), [book], name="clerk", **more)
    return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"})


def _graph(folder: Path, turns: Sequence[Any], book: Any, *, retry: Any = None, saver: Any = None, **more: Any) -> Any:
    """A hand-written graph around a ToolNode that lets exceptions out, so that LangGraph tries the node again."""
    bound = ByAnswers(turns=turns).bind_tools([book])

    def ask(state: MessagesState) -> Any:
        return {"messages": [bound.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("model", ask)
    graph.add_node("tools", ToolNode([book], **more), retry_policy=retry)
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    made = graph.compile(checkpointer=saver, name="clerk")
    return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"})


def _answers(state: Any) -> list[Any]:
    return [message.content for message in state["messages"] if isinstance(message, ToolMessage)]


def _fails(times: int) -> Does:
    left = [times]

    def fail(what: str) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise ConnectionError(what)

    return fail


def _calls(folder: Path) -> list[dict[str, Any]]:
    return [record for record in recorded(folder, "tool.call") if record.get("key")]


def test_retries_of_a_middleware_are_attempts_of_one(folder: Path) -> None:
    """ToolRetryMiddleware makes an idempotent call three times: one effect, one key, attempts 1 to 3."""
    _declare(folder, "idempotent = true")
    retry = ToolRetryMiddleware(max_retries=3, initial_delay=0, jitter=False)
    agent = _agent(folder, [call("book", what="a"), DONE], _book(folder, _fails(2)), middleware=[retry])
    assert _answers(agent.invoke(ASK)) == ["booked a"]
    assert [(one["attempt"], one["how"]) for one in _calls(folder)] == [(1, "ran"), (2, "retried"), (3, "retried")]
    assert len({one["key"] for one in _calls(folder)}) == 1


def test_a_middleware_does_not_retry_what_may_have_happened(folder: Path) -> None:
    """Undeclared, the same middleware gets no second attempt: the model reads that a person was asked."""
    retry = ToolRetryMiddleware(max_retries=3, initial_delay=0, jitter=False)
    agent = _agent(folder, [call("book", what="a"), DONE], _book(folder, after=_fails(2)), middleware=[retry])
    assert _answers(agent.invoke(ASK)) == [once.ASKED]
    assert World(folder).done() == {"a": 1}


def test_with_retry_makes_attempts_of_one(folder: Path) -> None:
    """``tool.with_retry`` in a node of one's own likewise."""
    _declare(folder, "idempotent = true")
    book = _book(folder, _fails(2)).with_retry(stop_after_attempt=3, wait_exponential_jitter=False)
    graph = StateGraph(MessagesState)
    graph.add_node("book", lambda state: {"messages": [AIMessage(book.invoke({"what": "a"}))]})
    graph.add_edge(START, "book")
    made = handrail.govern(graph.compile(name="clerk"), config=folder / "handrail.toml", principal={"user": "ana"})
    assert made.invoke(ASK)["messages"][-1].content == "booked a"
    assert [one["attempt"] for one in _calls(folder)] == [1, 2, 3]
    assert len({one["key"] for one in _calls(folder)}) == 1


@pytest.mark.parametrize("id", [None, "same"])
def test_a_node_that_langgraph_tries_again_repeats_nothing(folder: Path, id: str | None) -> None:
    """Of three calls one fails, and LangGraph tries the whole node again: the two that were done are given back."""
    _declare(folder, 'clean = ["ConnectionError"]')
    fails = _fails(1)
    book = _book(folder, lambda what: fails(what) if what == "b" else None)
    graph = _graph(folder, [together("a", "b", "a", id=id), DONE], book, handle_tool_errors=False,
                   retry=RetryPolicy(initial_interval=0, jitter=False, retry_on=ConnectionError))  # fmt: skip
    assert _answers(graph.invoke(ASK, {"max_concurrency": 1})) == ["booked a", "booked b", "booked a"]
    assert World(folder).done() == {"a": 2, "b": 1}


@pytest.mark.parametrize("id", [None, "same"])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("make", [_agent, _graph])
def test_equal_calls_are_as_many_effects(folder: Path, make: Any, kept: bool, id: str | None) -> None:
    """Equal calls of one message and over messages, whatever their ids, with a crash between: each is done once."""
    turns = [together("a", "a", id=id), together("a", id=id), together("a", "a", id=id), DONE]

    def life(*, dies: bool, **more: Any) -> Any:
        begun, key = list[str](), "checkpointer" if make is _agent else "saver"

        def fourth(what: str) -> None:
            begun.append(what)
            if dies and len(begun) == 4:
                die()

        book = _book(folder, fourth)
        saver = SqliteSaver(sqlite3.connect(folder / "threads.db", check_same_thread=False)) if kept else None
        config = {**(THREAD if kept else {}), "max_concurrency": 1}
        return make(folder, turns, book, **{key: saver}).invoke(None if kept and not dies else ASK, config, **more)

    assert child(lambda: life(dies=True)) == -9
    assert World(folder).done() == {"a": 3}
    run, state = run_of(folder), None
    for _ in range(5):
        try:
            state = life(dies=False, **({} if kept else {"run_id": run}))
        except handrail.InDoubt:
            state = None
        if state is not None and "__interrupt__" not in state:
            break
        for question in asks.open_questions(folder / ".handrail"):
            asks.answer(folder / ".handrail", question.id, "did_not_happen", "looked")
    assert state is not None and _answers(state) == ["booked a"] * 5
    assert World(folder).done() == {"a": 5}
    assert len(World(folder).keys()) == 5


class _Even(BaseModel):
    """Arguments of which no JSON Schema says that one must be even."""

    what: str
    amount: int

    @field_validator("amount")
    @classmethod
    def _is_even(cls, amount: int) -> int:
        if amount % 2:
            raise ValueError("not even")
        return amount


def test_wrong_arguments_leave_no_doubt(folder: Path) -> None:
    """Arguments that the tool's own model refuses never reach its code: the call was not made."""

    @tool(args_schema=_Even)
    def book(what: str, amount: int) -> str:
        """Book it."""
        World(folder).do(what)
        return f"booked {what}"

    wrong = call("book", what="a", amount=1)
    state = _agent(folder, [wrong, wrong, call("book", what="a", amount=2), DONE], book).invoke(ASK)
    assert _answers(state)[-1] == "booked a"
    assert [(one["attempt"], one["how"]) for one in _calls(folder)] == [(1, "ran"), (2, "again"), (1, "ran")]
    assert World(folder).done() == {"a": 1}
    assert not list(asks.open_questions(folder / ".handrail"))


def test_a_tool_that_pauses_is_suspended(folder: Path) -> None:
    """``interrupt()`` in a tool suspends its call: resumed it is the same occurrence, no failure."""
    book = _book(folder, lambda what: f" for {interrupt('for whom?')}")
    agent = _agent(folder, [call("book", what="a"), DONE], book, checkpointer=InMemorySaver())
    assert agent.invoke(ASK, THREAD)["__interrupt__"][0].value == "for whom?"
    known = past.read(folder / ".handrail", run_of(folder))
    assert known is not None and [one.status for one in known.effects.values()] == ["suspended"]
    assert _answers(agent.invoke(Command(resume="ben"), THREAD)) == ["booked a for ben"]
    assert [(one["occ"], one["attempt"], one["how"]) for one in _calls(folder)] == [(0, 1, "ran"), (0, 2, "again")]
    assert World(folder).done() == {"a": 1}


def test_a_cancelled_call_is_in_doubt(folder: Path) -> None:
    """The caller gives up while the tool runs: whether it was done is asked, and nobody does it again."""

    @tool
    async def book(what: str) -> str:
        """Book it."""
        World(folder).do(what)
        await asyncio.sleep(60)
        return f"booked {what}"

    async def gives_up() -> None:
        agent = _agent(folder, [call("book", what="a"), DONE], book)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await agent.ainvoke(ASK)

    asyncio.run(gives_up())
    known = past.read(folder / ".handrail", run_of(folder))
    assert known is not None and [one.status for one in known.effects.values()] == ["doubt"]
    with pytest.raises(handrail.InDoubt):
        _agent(folder, [call("book", what="a"), DONE], _book(folder)).invoke(ASK, run_id=run_of(folder))
    assert World(folder).done() == {"a": 1}


def test_what_a_sub_agent_does_inside_a_tool(folder: Path) -> None:
    """A tool asks a sub-agent that books; killed after the first booking, the run goes on and books the rest."""

    def made(dies: bool) -> Any:
        book = _book(folder, lambda what: die() if dies and what == "b" else None)
        inner = create_agent(
            ByAnswers(turns=[call("book", what="a"), call("book", what="b"), DONE]), [book], name="booker"
        )

        @tool
        def delegate(task: str) -> str:
            """Have it done."""
            return str(inner.invoke({"messages": [HumanMessage(task)]})["messages"][-1].content)

        return _agent(folder, [call("delegate", task="all"), DONE], delegate)

    text = (folder / "handrail.toml").read_text()
    more = '[[delegate]]\nfrom = "*"\nto = "agent:*"\ncall = "*"\n[tools.delegate]\nidempotent = true\n'
    (folder / "handrail.toml").write_text(text + more)
    assert child(lambda: made(True).invoke(ASK)) == -9
    run = run_of(folder)
    with pytest.raises(handrail.InDoubt):
        made(False).invoke(ASK, run_id=run)
    for question in asks.open_questions(folder / ".handrail"):
        asks.answer(folder / ".handrail", question.id, "did_not_happen", "looked")
    assert _answers(made(False).invoke(ASK, run_id=run)) == ["Done."]
    assert World(folder).done() == {"a": 1, "b": 1}


def test_a_call_that_still_runs_after_an_interrupt_runs_once(folder: Path) -> None:
    """One call pauses the graph while its sibling still runs in a thread: resumed, the sibling is waited for."""
    asked: list[str] = []

    @tool
    async def book(what: str) -> str:
        """Book it."""
        if what == "a":
            return f"booked a for {interrupt('for whom?')}"
        asked.append(what)
        await asyncio.to_thread(World(folder).do, what)
        await asyncio.shield(asyncio.sleep(0.2))
        return f"booked {what}"

    async def both() -> Any:
        agent = _agent(folder, [together("a", "b"), DONE], book, checkpointer=InMemorySaver())
        await agent.ainvoke(ASK, THREAD)
        state = await agent.ainvoke(Command(resume="ben"), THREAD)
        while "__interrupt__" in state:
            for question in asks.open_questions(folder / ".handrail"):
                asks.answer(folder / ".handrail", question.id, "happened", "looked", "booked b")
            state = await agent.ainvoke(Command(resume="ben"), THREAD)
        return state

    assert sorted(_answers(asyncio.run(both()))) == ["booked a for ben", "booked b"]
    assert asked == ["b"]
    assert World(folder).done() == {"b": 1}


def test_a_sub_agent_that_is_asked_twice_does_not_repeat_what_is_in_doubt(folder: Path) -> None:
    """One tool asks its sub-agent twice; what raised the first time is in doubt the second time, and does not run."""
    inner = create_agent(ByAnswers(turns=[call("book", what="a"), DONE]), [_caught(folder)], name="booker")

    @tool
    def delegate(task: str) -> str:
        """Have it done, and once more to be sure."""
        return "".join(str(_answers(inner.invoke({"messages": [HumanMessage(task)]}))) for _ in range(2))

    text = (folder / "handrail.toml").read_text()
    (folder / "handrail.toml").write_text(text + '[[delegate]]\nfrom = "*"\nto = "agent:*"\ncall = "*"\n')
    state = _agent(folder, [call("delegate", task="all"), DONE], delegate).invoke(ASK)
    assert _answers(state) == [f"['it failed']['{once.ASKED}']"]
    assert World(folder).done() == {"a": 1}


def test_a_loop_inside_one_node_does_not_repeat_what_is_in_doubt(folder: Path) -> None:
    """A node of one's own asks its model and a ToolNode in turn: what failed there is not made again."""
    tools, said = ToolNode([_caught(folder)]), list[str]()

    def work(state: MessagesState) -> Any:
        for number in range(20):
            asked = AIMessage("", tool_calls=[{"name": "book", "args": {"what": "a"}, "id": f"c{number}"}])
            said.append(tools.invoke({"messages": [asked]})["messages"][0].content)
        return {"messages": [AIMessage("Done.")]}

    graph = StateGraph(MessagesState)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    made = handrail.govern(graph.compile(name="clerk"), config=folder / "handrail.toml", principal={"user": "ana"})
    made.invoke(ASK)
    assert said == ["it failed", *[once.ASKED] * 19]
    assert World(folder).done() == {"a": 1}


def _caught(folder: Path) -> Any:
    """A tool that did its work when it raised; LangChain makes an answer of that."""

    @tool
    def book(what: str) -> str:
        """Book it."""
        World(folder).do(what)
        raise ToolException

    book.handle_tool_error = lambda error: "it failed"
    return book
