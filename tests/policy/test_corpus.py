"""Broken policies are refused with the place of the mistake, and good ones are not complained about at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from handrail.config import load
from handrail.errors import ConfigError
from handrail.policy import build
from handrail.policy.check import Complaint, ToolSchema, check, of_error
from tests.policy.corpus import casbin, conditions, rules, structure
from tests.policy.corpus.cases import Broken
from tests.policy.corpus.good import GOOD
from tests.policy.corpus.tools import TOOLS

BROKEN: dict[str, Broken] = {
    f"{family}: {name}": case
    for module in (structure, conditions, rules, casbin)
    for family, cases in module.CASES.items()
    for name, case in cases.items()
}


def complaints(folder: Path, tools: Mapping[str, ToolSchema] = TOOLS) -> list[Complaint]:
    """What is said of the handrail.toml in ``folder`` beside ``tools``."""
    try:
        settings = load(folder / "handrail.toml", environ={})
    except ConfigError as error:
        return [of_error(error)]
    return check(settings, tools, complete=True)


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str, tmp_path: Path) -> None:
    """The policy is refused with an error at the marked line, and the message or its hint says what is the matter."""
    file, line = BROKEN[name].write(tmp_path)
    errors = [one for one in complaints(tmp_path) if one.severity == "error"]
    here = [one for one in errors if (one.file, one.line) == (file, line)]
    assert here, f"line {line} is not named: {list(map(str, errors))}"
    assert any(BROKEN[name].word in f"{one.message} {one.hint}" for one in here), here


def test_there_are_many() -> None:
    """The corpus has at least 200 broken policies, no two of them alike."""
    texts = {tuple(sorted(case.files.items())) for case in BROKEN.values()}
    assert len(texts) == len(BROKEN) >= 200


@pytest.mark.parametrize("name", GOOD)
def test_good(name: str, tmp_path: Path) -> None:
    """Nothing is said of the policy, no warning either, and it can be put in force."""
    GOOD[name].write(tmp_path)
    assert complaints(tmp_path, GOOD[name].tools) == []
    build(load(tmp_path / "handrail.toml", environ={}))


def test_there_are_good_ones() -> None:
    """At least 50 good policies show that there is no false alarm."""
    assert len({tuple(sorted(case.files.items())) for case in GOOD.values()}) == len(GOOD) >= 50
