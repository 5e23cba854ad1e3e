"""The default checks on recorded honest work: the short form of ``python -m benchmarks.false_alarms``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks import false_alarms
from benchmarks.false_alarms import Checks, Found
from benchmarks.recordings import Value, data_folder
from handrail.validators import Context

TestData = Callable[[str], Path]


@pytest.fixture(scope="module", name="found")
def _found() -> Found:
    folder = data_folder()
    if folder is None:
        pytest.skip("The recordings are not here: set HANDRAIL_TEST_DATA to the folder that has them.")
    return false_alarms.measure(folder, quick=True)


def truth(folder: Path) -> Iterator[Value]:
    """Arguments and results of the calls that the makers of the tasks wrote down as right."""
    for data, file in (("agentdojo", "agentdojo/agentdojo_user_tasks.jsonl"), ("tau", "tau/tau_tasks.jsonl")):
        with (folder / file).open() as lines:
            for task in map(json.loads, lines):
                for call in task["calls"]:
                    for on in ("arguments", "result"):
                        value = call["args"] if on == "arguments" else call["result"]
                        context = Context(on=on, tool=call["tool"])
                        yield Value(data, "", on, call["tool"], value, None, context, "honest")


def test_calls_that_are_known_to_be_right_have_no_error(test_data: TestData) -> None:
    """Of every ground-truth call the arguments fit the tool's schema, and no default check objects to anything."""
    folder = test_data("agentdojo").parent
    checks = Checks(folder)
    values = list(truth(folder))
    wrong = [(value.name, one) for value in values for one in checks.look(value) if one.severity == "error"]
    assert len(values) > 150 and wrong == []


def test_honest_values_have_no_error_of_the_default_checks(found: Found) -> None:
    """In 100 recorded runs under attack and 25 conversations, nothing that no attacker wrote is objected to."""
    assert sum(found.count(data, "honest") for data in ("agentdojo", "tau")) > 1_500
    assert [one.finding.code for one in found.said if one.wrong and not one.check] == []


def test_what_is_found_of_attacks(found: Found) -> None:
    """The one attack that was recorded is seen wherever its text came in, as a fact that stops nothing."""
    said = [one for one in found.said if one.value.kind == "injected" and not one.check]
    assert {id(one.value) for one in said} and {one.finding.severity for one in said} == {"warning"}
    assert len({id(one.value) for one in said}) == found.count("agentdojo", "injected") > 50


def test_every_class_of_false_alarm_is_explained(found: Found) -> None:
    """Also of checks that have to be asked for: somebody has looked, and the table says what was seen."""
    table = false_alarms.table(found)
    assert "not explained yet" not in table and "`numbers_grounded()`" in table
    assert {row["id"] for row in false_alarms.rows(found)} == {
        "false_alarms_pct", "false_alarm_runs_pct", "injections_seen_pct",
    }  # fmt: skip
