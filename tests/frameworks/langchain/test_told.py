"""Rejected arguments on a live agent: the model reads what is wrong, and after N rounds a person is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

import handrail
from handrail.errors import ValidationFailed
from handrail.testing import Script, ScriptedModel, ToolCall, Turn, chat_openai
from tests.frameworks.langchain.kit import policy, recorded
from tests.frameworks.langchain.test_rounds import ASK, POLICY
from tests.frameworks.recorded import Recorded

Factory = Callable[[Sequence[Turn] | Script], ScriptedModel]
IBAN, WRONG = "DE89370400440532013000", "DE89370400440532013001"
CHECK = """
[[validate]]
id = "iban"
on = "pay.arguments"
check = "at('$.iban', iban())"
rounds = 2
"""
PAID: list[str] = []


@tool
def pay(iban: str) -> str:
    """Pay."""
    PAID.append(iban)
    return "paid"


@tool
def confirm(text: str) -> str:
    """Ask a person."""
    return str(interrupt(text))


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    PAID.clear()
    yield
    handrail.uninstrument()


def _pay(*ibans: str) -> Turn:
    return Turn(tool_calls=tuple(ToolCall("pay", {"iban": iban}) for iban in ibans))


def _agent(folder: Path, model: ScriptedModel, more: str = "", **options: Any) -> Any:
    made = create_agent(chat_openai(model), [pay, confirm], name="clerk", **options)
    return handrail.govern(made, config=policy(folder, "enforce", POLICY + CHECK + more))


def _actions(folder: Path) -> list[str]:
    return [record["action"] for record in recorded(folder, "validation")]


def test_the_model_corrects_its_arguments(tmp_path: Path, handrail_model: Factory) -> None:
    """The wrong call does not run, its answer says what is wrong, and the record has both attempts, linked by id."""
    model = handrail_model([_pay(WRONG), _pay(IBAN), Turn("done")])
    _agent(tmp_path, model).invoke(ASK)
    assert PAID == [IBAN]
    told = model.requests[1].last.text
    assert "not valid" in told
    assert "/iban" in told
    first, second = recorded(tmp_path, "tool.call")
    assert [(one["verdict"], one["by"], one["ran"]) for one in (first, second)] == [
        ("reject", "validator", False),
        ("allow", "policy", True),
    ]
    assert [record["round"] for record in recorded(tmp_path, "validation")] == [1]
    Recorded(tmp_path / ".handrail").check_complete()


def test_after_the_last_round_it_escalates(tmp_path: Path, handrail_model: Factory) -> None:
    """After two rounds the third wrong call is answered for good, and the escalation is in the record."""
    model = handrail_model([_pay(WRONG)] * 3 + [Turn("sorry")])
    state = _agent(tmp_path, model, 'last = "escalate"\n').invoke(ASK)
    assert PAID == []
    assert state["messages"][-1].text == "sorry"
    assert _actions(tmp_path) == ["rejected", "rejected", "escalated"]
    assert "Do not try again" in model.requests[3].last.text
    assert "/iban" not in model.requests[3].last.text


def test_after_the_last_round_it_fails(tmp_path: Path, handrail_model: Factory) -> None:
    """With ``last = "fail"`` the third wrong call ends the run with an error, and the record is whole."""
    model = handrail_model([_pay(WRONG)] * 3 + [Turn("sorry")])
    with pytest.raises(ValidationFailed, match="'iban'"):
        _agent(tmp_path, model, 'last = "fail"\n').invoke(ASK)
    assert _actions(tmp_path) == ["rejected", "rejected", "failed"]
    Recorded(tmp_path / ".handrail").check_complete()


def test_of_parallel_calls_the_right_ones_run(tmp_path: Path, handrail_model: Factory) -> None:
    """A wrong call beside a right one is told by itself; the right one runs once."""
    model = handrail_model([_pay(WRONG, IBAN), _pay(IBAN), Turn("done")])
    _agent(tmp_path, model).invoke(ASK)
    assert PAID == [IBAN, IBAN]
    texts = [message.text for message in model.requests[1].messages]
    assert sum("not valid" in text for text in texts) == 1
    assert "paid" in texts


def test_a_resumed_run_does_not_repeat_what_was_told(tmp_path: Path, handrail_model: Factory) -> None:
    """A run that waits for a person between two tries goes on with the conversation as it was told."""
    model = handrail_model(
        [_pay(WRONG), Turn(tool_calls=(ToolCall("confirm", {"text": "?"}),)), _pay(IBAN), Turn("done")]
    )
    agent = _agent(tmp_path, model, checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    agent.invoke(ASK, config)
    agent.invoke(Command(resume="yes"), config)
    assert PAID == [IBAN]
    texts = [message.text for message in model.requests[2].messages]
    assert sum("not valid" in text for text in texts) == 1
    assert _actions(tmp_path) == ["rejected"]
