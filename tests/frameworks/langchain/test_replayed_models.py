"""A run that goes on is given what its models answered before it died: nobody pays for that twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool

import handrail
from handrail.testing import Turn
from tests.effects.crashing import POLICY, World, run_of
from tests.frameworks.langchain.kit import ByAnswers, Scripted, adrain, call, recorded, run_async

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")

ASK: Any = {"messages": [HumanMessage("Book a, b and c.")]}
BOOKINGS = (call("book", what="a"), call("book", what="b"), call("book", what="c"), Turn(text="All is booked."))


class Crash(Exception):
    """What a life ends with here."""


class Planned(ByAnswers):
    """Plans the same way again, until it ends the life."""

    def _next(self, messages: Any, kwargs: Any) -> AIMessage:
        turn = self.turns[sum(isinstance(message, AIMessage) for message in messages)]
        if isinstance(turn, Exception):
            raise turn
        return super()._next(messages, kwargs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy that lets the clerk do everything."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    return tmp_path


def _agent(folder: Path, *, dies: bool = False, turns: Any = BOOKINGS, **more: Any) -> tuple[Any, Scripted]:
    """An agent that books; it ``dies`` after the second booking, whose result it has."""
    world, model = World(folder), Planned(turns=turns)

    @tool
    def book(what: str) -> str:
        """Book it."""
        world.do(what)
        return f"booked {what}"

    if dies:
        model.turns = (*turns[:2], Crash())
    made = create_agent(model, [book], name="clerk", **more)
    return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"}), model


def _dead(folder: Path, **more: Any) -> str:
    agent, _ = _agent(folder, dies=True, **more)
    with pytest.raises(Crash):
        agent.invoke(ASK)
    return run_of(folder)


def _run(run: str, drive: Callable[[], Any]) -> Any:
    with handrail.resuming(run):
        return drive()


ENTRIES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda agent: agent.invoke(ASK),
    "ainvoke": lambda agent: run_async(lambda: agent.ainvoke(ASK)),
    "batch": lambda agent: agent.batch([ASK]),
    "stream": lambda agent: list(agent.stream(ASK, stream_mode="updates")),
    "messages": lambda agent: list(agent.stream(ASK, stream_mode="messages")),
    "astream": lambda agent: run_async(lambda: adrain(agent.astream(ASK, stream_mode="messages"))),
    "events v2": lambda agent: run_async(lambda: adrain(agent.astream_events(ASK, version="v2"))),
    "events v3": lambda agent: agent.stream_events(ASK, version="v3").output,
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_agent_goes_on_without_asking_again(entry: str, folder: Path) -> None:
    """By every entry: the replies of then are given back and what was booked stays; the model is asked for the rest."""
    run = _dead(folder)
    agent, model = _agent(folder)
    found = repr(_run(run, lambda: ENTRIES[entry](agent)))
    assert "All" in found and "booked" in found
    assert len(model.seen) == 2
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
    results = [one for one in recorded(folder, "model.result") if one["run"] != run]
    assert [one.get("replayed", False) for one in results] == [True, True, False, False]


def test_nothing_is_counted_twice(folder: Path) -> None:
    """Tokens of a reply that is given back are those of the life that paid for them."""
    run = _dead(folder, turns=tuple(BOOKINGS))
    agent, _ = _agent(folder)
    _run(run, lambda: agent.invoke(ASK))
    replayed = [one for one in recorded(folder, "model.result") if one.get("replayed")]
    assert [one["usage"] for one in replayed] == [{}, {}]
    assert all(one["asked"] and one["value"] for one in replayed)


def test_a_changed_prompt_asks_the_model(folder: Path) -> None:
    """Another question is another request: nothing of the earlier answers is given to it."""
    run = _dead(folder)
    agent, model = _agent(folder, system_prompt="You are careful now.")
    _run(run, lambda: agent.invoke(ASK))
    assert len(model.seen) == 4
    assert not any(one.get("replayed") for one in recorded(folder, "model.result"))


def test_a_third_life_has_the_answers_of_both(folder: Path) -> None:
    """Answers given back in one life are given back in the next one too, each once."""
    run = _dead(folder)
    agent, model = _agent(folder)
    model.turns = (*BOOKINGS[:3], Crash())
    with pytest.raises(Crash):
        _run(run, lambda: agent.invoke(ASK))
    agent, model = _agent(folder)
    _run(run, lambda: agent.invoke(ASK))
    assert len(model.seen) == 1
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
