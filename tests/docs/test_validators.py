"""The reference of the validators is true and whole."""

from __future__ import annotations

import pytest

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.described import Example, describe, examples_of
from handrail.validators.registry import ROOMS, known
from tests.docs import validators
from tests.docs.pages import REPO

OURS = sorted(name for name, entry in known().items() if entry.room)
EXAMPLES = [
    pytest.param(name, example, id=f"{name}-{number}")
    for room in ROOMS
    for name, all_of in examples_of(room).items()
    for number, example in enumerate(all_of)
]


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_every_example_is_true(name: str, example: Example) -> None:
    """What an example accepts gives no error, and in what it does not something is found."""
    try:
        parse(example.check)
    except ConfigError as problem:
        extra = describe(name).extra
        assert extra, problem
        pytest.skip(f"The extra {extra} is not installed.")
    for value in example.good:
        errors = [one for one in validators.found(example, value) if one.severity == "error"]
        assert not errors, f"{value!r:.200}: {errors}"
    for value in example.bad:
        codes = [one.code for one in validators.found(example, value)]
        assert codes and not any(code.startswith("unchecked.error") for code in codes), f"{value!r:.200}: {codes}"


@pytest.mark.parametrize("name", OURS)
def test_every_validator_can_be_learnt(name: str) -> None:
    """It has an example that accepts and one that finds, and each of its options says what it means."""
    one = describe(name)
    assert any(example.good for example in one.examples), f"no example of what {name} accepts"
    assert any(example.bad for example in one.examples), f"no example of what {name} finds"
    assert [option.name for option in one.options if not option.about] == []
    assert one.summary.endswith((".", ":")) and "\n" not in one.summary


@pytest.mark.parametrize("room", ROOMS)
def test_no_example_is_of_a_name_that_nobody_has(room: str) -> None:
    """Every table of examples.toml is a validator of that room."""
    assert [name for name in examples_of(room) if name not in known() or known()[name].room != room] == []


def test_the_page_is_current() -> None:
    """It is what the classes and examples say today."""
    try:
        page = validators.page()
    except ConfigError as problem:
        pytest.skip(f"The page shows what every check finds, and one cannot be made here: {problem}")
    assert (REPO / "docs/reference/validators.md").read_text("utf-8") == page, (
        "make it again: python -m tests.docs.validators > docs/reference/validators.md"
    )
    assert [name for name in OURS if f"\n### {name}\n" not in page] == []
