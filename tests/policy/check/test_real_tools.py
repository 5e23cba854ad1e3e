"""No false alarm on the tools and calls of public benchmarks: AgentDojo, tau-bench, BFCL."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.conditions import Constant, unparse
from handrail.conditions import Path as FactPath
from handrail.config.settings import Place, RuleSettings, Settings
from handrail.policy.check import check
from tests.conftest import shared_data

Call = tuple[str, dict[str, Any], dict[str, Any]]
"""Tool, schema of its arguments, arguments."""


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    text = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    return map(json.loads, text.decode().splitlines())


def _recorded(folder: str, tools: str, tasks: str) -> list[Call]:
    data = shared_data(folder)
    schemas = {(one.get("suite"), one["tool"]): one["schema"] for one in _lines(data / tools)}
    calls = [(task.get("suite"), call) for task in _lines(data / tasks) for call in task["calls"]]
    return [
        (call["tool"], schemas[suite, call["tool"]], call["args"])
        for suite, call in calls
        if (suite, call["tool"]) in schemas
    ]


def agentdojo() -> list[Call]:
    """Calls that solve AgentDojo's tasks."""
    return _recorded("agentdojo", "agentdojo_tools.jsonl", "agentdojo_user_tasks.jsonl")


def tau() -> list[Call]:
    """Calls that solve tau-bench's airline tasks."""
    return _recorded("tau", "tau_tools.jsonl", "tau_tasks.jsonl")


def bfcl() -> list[Call]:
    """Calls of BFCL that are valid for their schema."""
    return [(one["tool"], one["schema"], one["args"]) for one in _lines(shared_data("bfcl") / "bfcl_valid.jsonl.gz")]


def leaves(steps: tuple[str, ...], value: Any) -> Iterator[str]:
    """Comparisons that are true where the path has the value."""
    path = unparse(FactPath(steps))
    if value is None or isinstance(value, (bool, str)):
        yield f"{path} == {unparse(Constant(value))}"
    elif isinstance(value, (int, float)):
        yield f"{path} <= {unparse(Constant(value))} && {path} > {unparse(Constant(value - 1))}"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves((*steps, name), inner)
    else:
        yield f"len({path}) == {len(value)}"
        for place, inner in enumerate(value[:3]):
            yield from leaves((*steps, str(place)), inner)


@pytest.mark.parametrize("source", [agentdojo, tau, bfcl])
def test_true_conditions_are_good(source: Any) -> None:
    """For every recorded call, rules that are true of just this call get no error, and no warning but of money."""
    calls: list[Call] = source()
    seen = 0
    for tool, schema, arguments in calls:
        conditions = [one for name, value in arguments.items() for one in leaves(("args", name), value)]
        short = [one for one in conditions if len(one) < 1_500]
        rules = tuple(
            RuleSettings(f"r{n}", "allow", "user:ana", (tool,), one, place=Place(None, n))
            for n, one in enumerate(dict.fromkeys(short), 1)
        )
        found = check(Settings(rules=rules), {tool: schema}, complete=True)
        assert [one for one in found if one.code != "unbounded-money"] == [], arguments
        seen += len(rules)
    assert seen > len(calls)
