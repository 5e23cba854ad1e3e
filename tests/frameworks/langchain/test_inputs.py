"""What an agent is asked is checked before anything of it runs, whatever form the question has."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt

import handrail
from handrail.errors import ValidationFailed
from handrail.testing import Turn
from tests.frameworks.langchain.kit import Scripted, adrain, recorded, run_async
from tests.frameworks.langchain.kit import policy as write
from tests.frameworks.langchain.test_rounds import POLICY, add

REJECT = '[[validate]]\nid = "cats"\non = "input"\ncheck = "matches(\'[^c]*\')"\n'
REDACT = '[[validate]]\nid = "cats"\non = "input"\ncheck = "matches(\'[^c]*|.*REDACTED.*\')"\nthen = "redact"\n'


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _agent(folder: Path, validate: str = REJECT, mode: str = "enforce", **options: Any) -> Any:
    model = Scripted(turns=(Turn("fine"), Turn("fine")))
    made = create_agent(model, [add], name="clerk", **options)
    return handrail.govern(made, config=write(folder, mode, POLICY + validate)), model


FORMS: dict[str, Any] = {
    "tuple": {"messages": [("user", "a cat")]},
    "message": {"messages": [HumanMessage("a cat")]},
    "dict": {"messages": [{"role": "user", "content": "a cat"}]},
    "text": {"messages": ["a cat"]},
    "earlier": {"messages": [HumanMessage("a cat"), AIMessage("miaow"), HumanMessage("more")]},
    "blocks": {"messages": [HumanMessage([{"type": "text", "text": "a "}, {"type": "text", "text": "cat"}])]},
    "other field": {"messages": [HumanMessage("hi")], "note": "cat"},
    "tool answer": {"messages": [{"role": "tool", "content": "cat", "tool_call_id": "x"}, ("user", "hi")]},
    "command": Command(update={"messages": [HumanMessage("a cat")]}),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_wrong_input_never_reaches_the_model(form: str, tmp_path: Path) -> None:
    """In every form of a question the wrong text is found; nothing runs, and whoever asked gets a clear error."""
    agent, model = _agent(tmp_path)
    with pytest.raises(ValidationFailed, match="The input did not pass the validator 'cats'"):
        agent.invoke(FORMS[form])
    assert model.seen == []
    assert [record["outcome"] for record in recorded(tmp_path, "run.end")] == ["error"]
    (said,) = recorded(tmp_path, "validation")
    assert (said["on"], said["action"]) == ("input", "rejected")


def test_what_somebody_answers_an_agent_that_waits_is_an_input(tmp_path: Path) -> None:
    """The answer with which an interrupted run goes on is looked at like a question; nothing runs with a wrong one."""

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"you said {interrupt('which?')}")]}

    graph: Any = StateGraph(MessagesState).add_node("ask", ask).add_edge(START, "ask")
    made = graph.compile(checkpointer=InMemorySaver(), name="clerk")
    agent = handrail.govern(made, config=write(tmp_path, "enforce", POLICY + REJECT))
    config: Any = {"configurable": {"thread_id": "t"}}
    agent.invoke({"messages": [("user", "hi")]}, config)
    for wrong in ("a cat", {"text": "a cat"}):
        with pytest.raises(ValidationFailed, match="The input"):
            agent.invoke(Command(resume=wrong), config)
    fine = {"decisions": [{"type": "approve", "count": 1}]}
    assert "approve" in agent.invoke(Command(resume=fine), config)["messages"][-1].content
    agent.invoke({"messages": [("user", "hi")]}, config)
    assert agent.invoke(Command(resume="a dog"), config)["messages"][-1].content == "you said a dog"


ENTRIES: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda agent, ask: agent.invoke(ask),
    "ainvoke": lambda agent, ask: run_async(lambda: agent.ainvoke(ask)),
    "by name": lambda agent, ask: agent.invoke(input=ask),
    "batch": lambda agent, ask: agent.batch([ask]),
    "abatch": lambda agent, ask: run_async(lambda: agent.abatch([ask])),
    "stream": lambda agent, ask: list(agent.stream(ask)),
    "astream": lambda agent, ask: run_async(lambda: adrain(agent.astream(ask))),
    "events": lambda agent, ask: run_async(lambda: adrain(agent.astream_events(ask, version="v2"))),
    "transform": lambda agent, ask: list(agent.transform(iter([ask]))),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_of_a_graph_and_of_a_chain(entry: str, tmp_path: Path) -> None:
    """A wrong input is an error by every entry, and a right one goes through."""
    agent, model = _agent(tmp_path / "graph")
    with pytest.raises(ValidationFailed):
        ENTRIES[entry](agent, FORMS["tuple"])
    assert model.seen == []
    ran: list[str] = []
    chain: Any = RunnableLambda(lambda text: ran.append(str(text))) | RunnableLambda(lambda _: "done")
    config = write(tmp_path / "chain", "enforce", POLICY + REJECT)
    governed = handrail.govern(chain, config=config, name="clerk")
    with pytest.raises(ValidationFailed):
        ENTRIES[entry](governed, "a cat")
    assert ran == []
    ENTRIES[entry](governed, "a dog")
    assert ran == ["a dog"]


def test_pieces_of_an_input_are_checked_together(tmp_path: Path) -> None:
    """An input that comes in pieces, each of them harmless, is checked as what it comes to."""
    ran: list[str] = []
    chain: Any = RunnableLambda(lambda text: ran.append(str(text))) | RunnableLambda(lambda _: "done")
    split = REJECT.replace("matches('[^c]*')", "matches('([^a]|a[^t])*a?')")
    governed = handrail.govern(chain, config=write(tmp_path, "enforce", POLICY + split), name="clerk")

    async def pieces() -> Any:
        for piece in ("a", "t"):
            yield piece

    with pytest.raises(ValidationFailed):
        list(governed.transform(iter(["a", "t"])))
    with pytest.raises(ValidationFailed):
        run_async(lambda: adrain(governed.atransform(pieces())))
    assert ran == []


def test_redaction_reaches_the_model_and_the_state(tmp_path: Path) -> None:
    """What is taken out of a question is nowhere: not in the request, not in what the agent keeps."""
    agent, model = _agent(tmp_path, REDACT, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    agent.invoke(FORMS["earlier"], config)
    assert "cat" not in repr(model.seen)
    assert "REDACTED" in repr(model.seen)
    assert "a cat" not in repr(agent.get_state(config))


def test_observe_mode_changes_nothing(tmp_path: Path) -> None:
    """In observe mode the question goes through as it is, and the record says what would have been done."""
    agent, model = _agent(tmp_path, REDACT, "observe")
    agent.invoke(FORMS["tuple"])
    assert "a cat" in repr(model.seen)
    assert [record["action"] for record in recorded(tmp_path, "validation")] == ["would_be_redacted"]


def test_a_sub_agent_is_asked_by_name(tmp_path: Path) -> None:
    """Where one agent is named, the questions of others are left alone."""
    agent, model = _agent(tmp_path, REJECT.replace('"input"', '"finder.input"'))
    agent.invoke(FORMS["tuple"])
    assert len(model.seen) == 1


class Closed:
    """Does not let itself be looked at."""

    content = "a cat"

    def model_copy(self) -> Any:
        """Only looks like a message."""

    def __getattribute__(self, name: str) -> Any:
        if name == "additional_kwargs":
            raise RuntimeError(name)
        return object.__getattribute__(self, name)


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_an_input_that_cannot_be_looked_at(mode: str, tmp_path: Path) -> None:
    """In observe mode it goes through as ever; in enforce mode it does not get in."""
    ran: list[Any] = []
    chain: Any = RunnableLambda(ran.append) | RunnableLambda(lambda _: "done")
    governed = handrail.govern(chain, config=write(tmp_path, mode, POLICY + REJECT), name="clerk")
    if mode == "observe":
        assert governed.invoke(Closed()) == "done"
    else:
        with pytest.raises(RuntimeError):
            governed.invoke(Closed())
    assert len(ran) == (mode == "observe")
