"""What there is to read about a validator."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from handrail.cli.validate import command
from handrail.errors import ConfigError
from handrail.validators import Context, parse
from handrail.validators.described import describe, examples_of, run_of, written
from handrail.validators.registry import known


def test_a_validator_is_described_from_its_class() -> None:
    """Summary, codes, options with default and meaning, source and examples come from one place: the code."""
    one = describe("length")
    assert one.room == "structure" and "``length(max=500)``" in one.summary and "length.long" in one.text
    assert [(option.name, option.default) for option in one.options] == [
        ("min", "0"),
        ("max", "null"),
        ("unit", "'characters'"),
    ]
    assert all(option.about for option in one.options) and one.source
    assert any(example.bad for example in one.examples)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        ((), "[]"),
        (frozenset({"b", "a"}), "['a', 'b']"),
        (tuple(range(20)), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, ...]"),
    ],
)
def test_defaults_are_shown_as_one_would_write_them(value: object, text: str) -> None:
    """In the words of handrail.toml; sets in a fixed order, long lists shortened."""
    assert written(value) == text


def test_every_default_that_is_shown_can_be_written() -> None:
    """A check with each option at the default that is shown is the check without any."""
    tried = 0
    for name in (name for name, entry in known().items() if entry.room):
        try:
            plain = parse(f"{name}()")
        except ConfigError:  # something must be given
            continue
        options = [one for one in describe(name).options if "..." not in one.default]
        said = ", ".join(f"{one.name}={one.default}" for one in options)
        assert parse(f"{name}({said})").check("x", Context()) == plain.check("x", Context()), name
        tried += 1
    assert tried > 20


def test_what_an_example_s_run_has_seen() -> None:
    """Sources and calls are read as they are written; what is no field of them is refused."""
    run = run_of({"sources": [{"id": "d1", "text": "x"}], "calls": [{"tool": "pay", "args": {"amount": 1}}]})
    assert (run.sources[0].id, run.calls[0].args) == ("d1", {"amount": 1})
    with pytest.raises(TypeError, match="colour"):
        run_of({"sources": [{"id": "d1", "text": "x", "colour": "red"}]})
    with pytest.raises(ConfigError, match="no kind of validators"):
        examples_of("no-such-room")


def test_the_list_names_every_validator() -> None:
    """``--list`` has each name once with its line, for people and as JSON."""
    told = json.loads(CliRunner().invoke(command, ["--list", "--json"]).output)["validators"]
    ours = sorted(name for name, entry in known().items() if entry.room)
    assert sorted(one["name"] for one in told if one["kind"]) == ours
    lines = CliRunner().invoke(command, ["--list"]).output.splitlines()
    assert [name for name in ours if not any(line.startswith(f"  {name} ") for line in lines)] == []


def test_one_validator_is_shown_with_options_and_examples() -> None:
    """``--show`` says what it does, its options, where its rule comes from, what it accepts and finds."""
    text = CliRunner().invoke(command, ["--show", "length"]).output
    assert "Options" in text and "unit = 'characters'" in text and "Source: " in text
    assert 'check = "length(min=1, max=20)"' in text and "accepts " in text and "finds " in text
    assert json.loads(CliRunner().invoke(command, ["--show", "length", "--json"]).output)["name"] == "length"
