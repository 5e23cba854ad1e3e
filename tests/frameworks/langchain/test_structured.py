"""Structured output is checked as what it says, however a model gives it: as a call, or as JSON text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from pydantic import BaseModel

import handrail
from handrail.errors import ValidationFailed
from handrail.testing import Script, ScriptedModel, ToolCall, Turn, chat_openai
from tests.frameworks.langchain.kit import policy, recorded
from tests.frameworks.langchain.test_rounds import ASK, POLICY, add

Factory = Callable[[Sequence[Turn] | Script], ScriptedModel]
IBAN, WRITTEN, WRONG = "DE89370400440532013000", "de89 3704 0044 0532 0130 00", "DE89370400440532013001"


class Account(BaseModel):
    """Whose money goes where."""

    iban: str


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _config(folder: Path, then: str = "reject", on: str = "answer", last: str = "refuse") -> Path:
    check = f'check = "at(\'$.iban\', iban())"\nthen = "{then}"\nrounds = 1\nlast = "{last}"\n'
    return policy(folder, "enforce", f'{POLICY}\n[[validate]]\nid = "iban"\non = "{on}"\n{check}')


def _tool(iban: str, text: str = "", *more: ToolCall) -> Turn:
    return Turn(text, tool_calls=(ToolCall("Account", {"iban": iban}), *more))


def _json(iban: str) -> Turn:
    return Turn('{"iban": "' + iban + '"}')


STRATEGIES: dict[str, tuple[Any, Callable[[str], Turn]]] = {
    "tool": (ToolStrategy(Account), _tool),
    "provider": (ProviderStrategy(Account), _json),
}


@pytest.mark.parametrize("on", ["answer", "output"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_agent_corrects_its_structured_response(
    strategy: str, on: str, tmp_path: Path, handrail_model: Factory
) -> None:
    """A wrong field is told to the model, and the agent's structured response is the corrected one."""
    form, turn = STRATEGIES[strategy]
    model = handrail_model([turn(WRONG), turn(IBAN)])
    agent = create_agent(chat_openai(model), [add], response_format=form, name="clerk")
    state = handrail.govern(agent, config=_config(tmp_path, on=on)).invoke(ASK)
    assert state["structured_response"] == Account(iban=IBAN)
    assert WRONG not in repr(state)
    assert "iban" in model.requests[1].last.text
    (said,) = [record for record in recorded(tmp_path, "validation") if record["validator"] == "iban"]
    assert (said["on"], said["action"], said["findings"][0]["path"]) == (on, "rejected", "/iban")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_repair_is_in_the_structured_response(strategy: str, tmp_path: Path, handrail_model: Factory) -> None:
    """What is put right is what the agent's caller gets, and the model is not asked again."""
    form, turn = STRATEGIES[strategy]
    model = handrail_model([turn(WRITTEN)])
    agent = create_agent(chat_openai(model), [add], response_format=form, name="clerk")
    state = handrail.govern(agent, config=_config(tmp_path, "repair")).invoke(ASK)
    assert state["structured_response"] == Account(iban=IBAN)
    assert WRITTEN not in repr(state)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("last", ["refuse", "fail"])
def test_after_the_last_round_there_is_no_response(
    strategy: str, last: str, tmp_path: Path, handrail_model: Factory
) -> None:
    """Nobody can read a refusal as structured output, so the run ends with the error, whatever comes last."""
    form, turn = STRATEGIES[strategy]
    model = handrail_model([turn(WRONG)] * 3)
    agent = create_agent(chat_openai(model), [add], response_format=form, name="clerk")
    with pytest.raises(ValidationFailed, match="'iban'"):
        handrail.govern(agent, config=_config(tmp_path, last=last)).invoke(ASK)
    assert len(model.requests) == 2


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
@pytest.mark.parametrize("on", ["answer", "output"])
def test_a_model_with_structured_output(method: Any, on: str, tmp_path: Path, handrail_model: Factory) -> None:
    """``with_structured_output`` by either method: the model is told, and what comes out is the corrected object."""
    turn = _tool if method == "function_calling" else _json
    model = handrail_model([turn(WRONG), turn(IBAN)])
    chain = chat_openai(model).with_structured_output(Account, method=method)
    governed: Any = handrail.govern(chain, config=_config(tmp_path, on=on), name="clerk")
    assert governed.invoke("whose?") == Account(iban=IBAN)
    assert len(model.requests) == 2


@pytest.mark.parametrize("method", ["function_calling", "json_schema"])
def test_raw_structured_output_does_not_slip_through(method: Any, tmp_path: Path, handrail_model: Factory) -> None:
    """With ``include_raw`` the answer is not known at the model: then a wrong one ends the run."""
    turn = _tool if method == "function_calling" else _json
    chain = chat_openai(handrail_model([turn(WRONG), turn(IBAN)]))
    raw = chain.with_structured_output(Account, method=method, include_raw=True)
    governed: Any = handrail.govern(raw, config=_config(tmp_path), name="clerk")
    with pytest.raises(ValidationFailed):
        governed.invoke("whose?")


def test_a_real_call_beside_the_response_hides_nothing(tmp_path: Path, handrail_model: Factory) -> None:
    """A response that comes together with a call of a tool, and with a text, is checked all the same."""
    both = _tool(WRONG, "it is " + WRONG, ToolCall("add", {"a": 1, "b": 2}))
    model = handrail_model([both, _tool(IBAN, "it is " + WRONG)])
    agent = create_agent(chat_openai(model), [add], response_format=ToolStrategy(Account), name="clerk")
    state = handrail.govern(agent, config=_config(tmp_path)).invoke(ASK)
    assert state["structured_response"] == Account(iban=IBAN)
    assert WRONG not in repr(state)
    assert len(model.requests[1].messages) == 4


@pytest.mark.parametrize("text", ["no json", "{", '{"iban": 5}', "[]", "null"])
def test_a_response_that_is_none_is_no_way_around(text: str, tmp_path: Path, handrail_model: Factory) -> None:
    """JSON that is broken, or says something else, ends in an error of whoever reads it, never in a response."""
    agent = create_agent(
        chat_openai(handrail_model([Turn(text)] * 3)), [add], response_format=ProviderStrategy(Account), name="clerk"
    )
    with pytest.raises(Exception, match=r"iban|Account|structured|JSON"):
        handrail.govern(agent, config=_config(tmp_path)).invoke(ASK)
