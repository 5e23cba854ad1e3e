"""handrail.test.toml: what is read, and how each mistake is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from handrail.config.document import json_schema
from handrail.config.expectations import load_expectations, seconds_of
from handrail.errors import ConfigError

CASE = '[[expect]]\nwho = "ana"\ncall = "x"\nverdict = "allow"\n'


def written(folder: Path, text: str) -> Path:
    """A file of cases."""
    file = folder / "handrail.test.toml"
    file.write_text(f"version = 1\n{text}")
    return file


def test_a_case_in_full(tmp_path: Path) -> None:
    """Every key of a case is read, with the line where it stands."""
    text = """
[[expect]]
name = "small refunds"
who = ["acme/ana", "agent:desk"]
call = "refund"
args = {amount = 2.5, lines = [{n = 1}]}
session = "s"
channel = "web"
run = {tool_calls = 3}
now = 2026-01-31T09:00:00Z
facts = {doc = {owner = "ana"}}
scopes = [["read_*"], ["*"]]
verdict = "allow"
rule = "refunds"
"""
    (case,) = load_expectations(written(tmp_path, text))
    assert (case.tenant, case.principals) == ("acme", ("user:ana", "agent:desk"))
    assert (case.action, case.on, case.verdict, case.rule, case.name) == (
        "call", "refund", "allow", "refunds", "small refunds"
    )  # fmt: skip
    assert case.args == {"amount": 2.5, "lines": [{"n": 1}]}
    assert (case.session, case.channel, case.run, case.now) == ("s", "web", {"tool_calls": 3}, 1769850000.0)
    assert (case.facts, case.scopes) == ({"doc": {"owner": "ana"}}, (("read_*",), ("*",)))
    assert (case.place.file, case.place.line) == (tmp_path / "handrail.test.toml", 3)


@pytest.mark.parametrize(
    ("who", "tenant", "chain"),
    [
        ('"ana"', "default", ("user:ana",)),
        ('"acme/ana"', "acme", ("user:ana",)),
        ('"acme/a/b"', "acme", ("user:a/b",)),
        ('"user:ana"', "default", ("user:ana",)),
        ('"agent:bot"', "default", ("agent:bot",)),
        ('"ana"\ntenant = "acme"', "acme", ("user:ana",)),
        ('["user:ana", "agent:a", "user:b"]\ntenant = "acme"', "acme", ("user:ana", "agent:a", "user:b")),
    ],
)
def test_who(tmp_path: Path, who: str, tenant: str, chain: tuple[str, ...]) -> None:
    """Each way to say who acts."""
    (case,) = load_expectations(written(tmp_path, CASE.replace('"ana"', who)))
    assert (case.tenant, case.principals) == (tenant, chain)


# What is written after `version = 1`, the line of the mistake, and what the message must say.
MISTAKES: dict[str, tuple[str, int, str]] = {
    "misspelled key": (CASE + 'rul = "r"', 6, 'Unknown key "rul" in [[expect]] number 1. Did you mean "rule"?'),
    "misspelled verdict": (CASE.replace('"allow"', '"Allow"'), 5, 'Did you mean "allow"?'),
    "one bracket": ("[expect]\n", 2, "Use two brackets."),
    "no cases": ("expect = []", 2, "must not be empty"),
    "no case at all": ("", 1, "needs `expect`"),
    "no verdict": (CASE.replace('verdict = "allow"\n', ""), 2, "[[expect]] number 1 needs `verdict`"),
    "nothing asked": (CASE.replace('call = "x"\n', ""), 2, "asks for nothing: no `call`, `read` or `write`"),
    "two things asked": (CASE + 'read = "y"', 6, "has both `call` and `read`. Make it two cases."),
    "nobody": (CASE.replace('"ana"', '"acme/"'), 3, '"acme/" names no user'),
    "a link without a kind": (CASE.replace('"ana"', '["ana", "desk"]'), 3, 'write "agent:desk"'),
    "two tenants": (CASE.replace('"ana"', '"a/ana"\ntenant = "b"'), 3, '`tenant` says "b"'),
    "no time": (CASE + 'now = "noon"', 6, "no date and time in ISO form"),
    "a date alone": (CASE + "now = 2026-01-01", 6, "a date with a time"),
    "an argument that no model can send": (CASE + "args = {a = [1, 1979-05-27]}", 6, "it is no JSON"),
    "an argument that is NaN": (CASE + "args = {a = nan}", 6, "it is no JSON"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_refused(tmp_path: Path, text: str, line: int, said: str) -> None:
    """With file, line and the next step."""
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load_expectations(file)
    assert (caught.value.file, caught.value.line) == (file, line)
    assert said in str(caught.value)


def test_the_schema_is_one() -> None:
    """What editors are given is a valid JSON Schema, in which every key is described."""
    Draft202012Validator.check_schema(json_schema("tests"))
    keys = json_schema("tests")["properties"]["expect"]["items"]["properties"]
    assert [key for key, value in keys.items() if not value.get("description")] == []


def test_times_without_a_zone_are_utc() -> None:
    """A test says the same on every machine."""
    assert seconds_of("2026-01-31T09:00:00") == seconds_of("2026-01-31T10:00:00+01:00") == seconds_of(1769850000)
