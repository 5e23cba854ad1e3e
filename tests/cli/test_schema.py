"""``handrail schema``."""

from __future__ import annotations

import json

from click.testing import CliRunner
from jsonschema import Draft202012Validator

from handrail.cli import group
from handrail.config.reference import render


def test_prints_the_schema() -> None:
    """The output is a valid JSON Schema that accepts a good file and refuses a misspelled key."""
    done = CliRunner().invoke(group, ["schema"])
    schema = json.loads(done.output)
    Draft202012Validator.check_schema(schema)
    assert Draft202012Validator(schema).is_valid({"version": 1, "mode": "observe"})
    assert not Draft202012Validator(schema).is_valid({"version": 1, "moed": "observe"})
    assert done.exit_code == 0


def test_prints_the_reference_page() -> None:
    """With --format markdown the output is the reference page, byte for byte."""
    assert CliRunner().invoke(group, ["schema", "--format", "markdown"]).output == render()


def test_prints_the_schema_of_tests() -> None:
    """With --of tests the output is the JSON Schema of handrail.test.toml."""
    done = CliRunner().invoke(group, ["schema", "--of", "tests"])
    case = {"who": "ana", "call": "x", "verdict": "allow"}
    assert Draft202012Validator(json.loads(done.output)).is_valid({"version": 1, "expect": [case]})
    assert not Draft202012Validator(json.loads(done.output)).is_valid({"version": 1, "expect": [{**case, "read": "y"}]})
    assert CliRunner().invoke(group, ["schema", "--of", "tests", "--format", "markdown"]).exit_code == 2
