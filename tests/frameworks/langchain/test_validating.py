"""``chain | handrail.validate(...)``: every entry of a chain, what retries and fallbacks see, and streams."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.output_parsers import JsonOutputParser, StrOutputParser
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda

import handrail
from handrail.errors import ValidationFailed
from handrail.validators import Finding
from tests.frameworks.langchain.kit import adrain, policy, recorded, run_async

BAD, GOOD = "a cat sat", "a dog sat"


def no_cats(value: object) -> bool:
    """Whether a text, or the JSON that it holds, speaks of no cat."""
    return "cat" not in str(value)


CHECK: Any = handrail.validate(no_cats, id="cats")


def _model(*texts: Any) -> Any:
    return GenericFakeChatModel(messages=iter([AIMessage(text) if isinstance(text, str) else text for text in texts]))


ENTRIES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda chain: chain.invoke("hi"),
    "ainvoke": lambda chain: run_async(lambda: chain.ainvoke("hi")),
    "stream": lambda chain: list(chain.stream("hi")),
    "astream": lambda chain: run_async(lambda: adrain(chain.astream("hi"))),
    "batch": lambda chain: chain.batch(["hi"]),
    "abatch": lambda chain: run_async(lambda: chain.abatch(["hi"])),
    "transform": lambda chain: list(chain.transform(iter(["hi"]))),
    "events": lambda chain: run_async(lambda: adrain(chain.astream_events("hi", version="v2"))),
}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("parser", [None, StrOutputParser()])
def test_every_entry_raises_on_a_wrong_value(entry: str, parser: Any) -> None:
    """However a chain is called, a wrong value comes out as an error."""
    chain = _model(BAD) | parser | CHECK if parser else _model(BAD) | CHECK
    with pytest.raises(ValidationFailed):
        ENTRIES[entry](chain)


def test_a_stream_gives_out_nothing_before_it_is_whole() -> None:
    """No piece of a wrong stream reaches its reader; a right one comes in one piece."""
    got: list[Any] = []
    with pytest.raises(ValidationFailed):
        for piece in (_model(BAD) | StrOutputParser() | CHECK).stream("hi"):
            got.append(piece)
    assert got == []
    assert list((_model(GOOD) | StrOutputParser() | CHECK).stream("hi")) == [GOOD]


def test_pieces_that_cannot_be_joined_do_not_slip_through() -> None:
    """Where pieces do not add up, as those of a JSON parser, what is checked is all that is given out."""

    def pieces(given: Any) -> Any:
        yield from ({"text": BAD}, {"text": GOOD})

    assert list((RunnableGenerator(pieces) | CHECK).stream("hi")) == [{"text": GOOD}]
    with pytest.raises(ValidationFailed):
        list((_model('{"text": "cat"}') | JsonOutputParser() | CHECK).stream("hi"))


def test_retries_and_fallbacks_see_the_error() -> None:
    """A chain is asked again, or another one is, where its value is wrong."""
    again = (_model(BAD, GOOD) | CHECK).with_retry(
        retry_if_exception_type=(ValidationFailed,), stop_after_attempt=2, wait_exponential_jitter=False
    )
    assert again.invoke("hi").content == GOOD
    other = (_model(BAD) | CHECK).with_fallbacks([RunnableLambda(lambda _: "other")])
    assert other.invoke("hi") == "other"


def test_it_is_a_runnable_with_a_name_and_checks_inputs_too() -> None:
    """It can stand first in a chain, and be configured like any other."""
    chain = CHECK | RunnableLambda(str.upper)
    assert isinstance(CHECK, Runnable)
    assert CHECK.get_name() == "validate"
    assert chain.with_config(tags=["x"]).invoke(GOOD) == GOOD.upper()
    with pytest.raises(ValidationFailed):
        chain.invoke(BAD)


@pytest.mark.parametrize(
    "message",
    [
        AIMessage([{"type": "text", "text": "a c"}, {"type": "text", "text": "at"}]),
        AIMessage([{"type": "refusal", "refusal": "no cat"}]),
        AIMessage("", additional_kwargs={"refusal": "no cat"}),
        AIMessage(["a ", "cat"]),
        AIMessageChunk(content="cat"),
        HumanMessage("cat"),
        {"messages": [HumanMessage("hi"), AIMessage("cat")]},
        {"messages": [AIMessage("dog")], "structured_response": {"pet": "cat"}},
    ],
)
def test_what_a_reader_is_shown_is_checked_in_any_form(message: Any) -> None:
    """Blocks are joined, refusals are read, the answer is found in an agent's state."""
    with pytest.raises(ValidationFailed):
        CHECK.invoke(message)


def test_redaction_leaves_no_second_copy() -> None:
    """What is taken out of a message's text is not left in its blocks, its reasoning or beside its content."""
    message = AIMessage(
        [{"type": "thinking", "thinking": "cat"}, {"type": "text", "text": "a cat", "annotations": ["cat"]}],
        additional_kwargs={"parsed": {"pet": "cat"}, "reasoning_content": "cat"},
    )

    def find(value: object) -> list[Finding]:
        text = str(value)
        at = text.find("cat")
        return [Finding("pet.cat", "A cat.", span=(at, at + 3))] if at >= 0 and "REDACTED" not in text else []

    out = handrail.validate(find, then="redact").invoke(message)  # type: ignore[attr-defined]
    assert out.content == "a [REDACTED:pet.cat]"
    assert out.additional_kwargs == {}
    assert message.content[0] == {"type": "thinking", "thinking": "cat"}


def test_inside_a_governed_chain_it_is_recorded(tmp_path: Path) -> None:
    """The record of the run says what was found, by which check, and that it was rejected."""
    chain = handrail.govern(_model(BAD) | CHECK, config=policy(tmp_path), name="clerk")
    with pytest.raises(ValidationFailed):
        chain.invoke("hi")
    (said,) = recorded(tmp_path, "validation")
    assert (said["validator"], said["action"]) == ("cats", "rejected")
    assert [record["outcome"] for record in recorded(tmp_path, "run.end")] == ["error"]
