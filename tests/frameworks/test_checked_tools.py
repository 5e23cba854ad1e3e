"""Checks that the author of a plain function writes beside it: ``@handrail.tool(arguments=..., result=...)``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import handrail
from handrail.errors import ConfigError
from handrail.frameworks import opening
from tests.frameworks.recorded import Recorded, write_policy

IBAN, WRITTEN, WRONG = "DE89370400440532013000", "de89 3704 0044 0532 0130 00", "DE89370400440532013001"
POLICY = """
version = 1
mode = "{mode}"

[users]
"ana" = ["staff"]

[[rule]]
id = "work"
allow = "staff"
call = "*"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""
AT = "at('$.iban', iban())"
PAID: list[str] = []


def _short(value: object) -> bool:
    """Whether a text has at most ten characters."""
    return len(str(value)) <= 10


@handrail.tool(arguments=AT, result=_short)
def pay(iban: str, note: str = "") -> str:
    """Pay."""
    PAID.append(iban)
    return note or "paid"


@handrail.tool(name="apay", arguments=AT, then="repair")
async def pay_later(iban: str) -> str:
    """Pay, some time."""
    PAID.append(iban)
    return "paid"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    PAID.clear()
    yield
    opening.set_default(None)


def _run(folder: Path, mode: str = "enforce") -> Any:
    return handrail.run("clerk", config=write_policy(folder, POLICY.replace("{mode}", mode)), user="ana")


def test_wrong_arguments_do_not_run_and_are_told(tmp_path: Path) -> None:
    """The function does not run; its caller reads what is wrong, and the record has the check's name."""
    with _run(tmp_path):
        said = pay(WRONG)
        assert pay(IBAN) == "paid"
    assert "not valid" in said
    assert "/iban" in said
    assert PAID == [IBAN]
    (found,) = Recorded(tmp_path / ".handrail").all("validation")
    assert (found["validator"], found["on"], found["action"]) == ("pay.arguments", "arguments", "rejected")


def test_after_three_rounds_it_is_told_no_more(tmp_path: Path) -> None:
    """The fourth wrong call in a row is refused without saying what would be right."""
    with _run(tmp_path):
        said = [pay(WRONG) for _ in range(4)]
    assert "/iban" in said[2]
    assert "/iban" not in said[3]


def test_a_wrong_result_is_withheld(tmp_path: Path) -> None:
    """What the function returned does not reach its caller where its check says no."""
    with _run(tmp_path):
        said = pay(IBAN, "a very long secret")
    assert "secret" not in said
    assert "withheld" in said


def test_a_repair_is_what_the_function_gets(tmp_path: Path) -> None:
    """An asynchronous function gets the canonical form of its argument."""
    with _run(tmp_path):
        assert asyncio.run(pay_later(WRITTEN)) == "paid"
    assert PAID == [IBAN]


def test_observe_mode_only_puts_it_down(tmp_path: Path) -> None:
    """In observe mode the call is made as it was asked for."""
    with _run(tmp_path, "observe"):
        assert pay(WRONG) == "paid"
    assert PAID == [WRONG]
    (found,) = Recorded(tmp_path / ".handrail").all("validation")
    assert found["action"] == "would_be_rejected"


def test_a_check_that_cannot_be_made_is_said_at_once() -> None:
    """A misspelled check or action is an error where the function is written."""
    with pytest.raises(ConfigError, match="ibann"):
        handrail.tool(arguments="ibann()")(_short)
    with pytest.raises(ConfigError, match="none of record"):
        handrail.tool(arguments="iban()", then="forget")(_short)  # type: ignore[call-overload]


@pytest.fixture(name="journal", scope="module")
def _journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal")


@settings(max_examples=50, deadline=None)
@given(tried=st.lists(st.sampled_from([IBAN, WRONG, WRITTEN, ""]), max_size=6))
def test_only_right_arguments_ever_run(journal: Path, tried: list[str]) -> None:
    """Whatever is tried in whatever order, the function runs with right arguments only, and with each of them."""
    PAID.clear()
    with _run(journal):
        for iban in tried:
            pay(iban)
    assert [iban for iban in tried if iban == IBAN] == PAID
