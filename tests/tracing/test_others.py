"""Beside other instrumentations: every step is recorded, no call is shown twice, and theirs say which step they are."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from handrail.tracing import others

SCOPES = [other.scope for other in others.KNOWN if other.library == "langchain"]
MODEL = {"chat", "LLM", "completion"}
TOOL = {"execute_tool", "TOOL", "tool"}


def _installed(scope: str) -> bool:
    try:
        return find_spec(scope) is not None
    except ModuleNotFoundError:
        return False


def _beside(folder: Path, how: str, where: str, *scopes: str) -> dict[str, Any]:
    missing = [scope for scope in scopes if not _installed(scope)]
    if missing:
        pytest.skip(f"{missing[0].replace('.', '-')} is not installed.")
    done = subprocess.run(
        [sys.executable, "-m", "tests.tracing.beside", str(folder), how, where, *scopes], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def _kind(span: dict[str, Any]) -> object:
    said = span["attributes"]
    names = ("gen_ai.operation.name", "openinference.span.kind", "traceloop.span.kind", "llm.request.type")
    return next((said[name] for name in names if name in said), None)


def _models(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [span for span in found["spans"] if _kind(span) in MODEL]


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream"])
@pytest.mark.parametrize("scope", SCOPES)
def test_no_model_call_is_shown_twice(scope: str, how: str, tmp_path: Path) -> None:
    """Two model calls are two steps in the journal and two spans, those of the other one, which name the steps."""
    found = _beside(tmp_path, how, "same", scope)
    models = _models(found)
    calls = [one for one in found["records"] if one["k"] == "model.call"]
    assert len(models) == len(calls) == 2, [span["name"] for span in found["spans"]]
    assert {span["scope"] for span in models} == {scope} == {call["shown_by"] for call in calls}
    assert {span["attributes"]["handrail.step.id"] for span in models} == {call["step"] for call in calls}
    assert {span["step"] for span in models} == {call["step"] for call in calls}


@pytest.mark.parametrize("scope", SCOPES)
def test_a_tool_is_shown_once_with_its_decision(scope: str, tmp_path: Path) -> None:
    """An allowed tool is shown by the other, with our decision on it; a denied one, which it never sees, by us."""
    found = _beside(tmp_path, "invoke", "same", scope)
    [add] = [
        span for span in found["spans"] if _kind(span) in {"execute_tool", "TOOL", "tool"} and "add" in span["name"]
    ]
    assert (add["scope"], add["attributes"]["handrail.decision.verdict"]) == (scope, "allow")
    [denied] = [span for span in found["spans"] if "wire_money" in span["name"]]
    assert (denied["scope"], denied["attributes"]["handrail.decision.verdict"]) == ("handrail", "deny")
    steps = {one["tool"]: one["step"] for one in found["records"] if one["k"] == "tool.call"}
    assert (add["attributes"]["handrail.step.id"], denied["step"]) == (steps["add"], steps["wire_money"])


@pytest.mark.parametrize("scope", SCOPES)
def test_spans_that_go_elsewhere_replace_none(scope: str, tmp_path: Path) -> None:
    """Where the other instrumentation has a provider of its own, every call is shown in ours."""
    found = _beside(tmp_path, "invoke", "own", scope)
    shown = {span["step"] for span in found["spans"] if span["scope"] == "handrail"}
    assert {one["step"] for one in found["records"]} <= shown
    assert len(found["records"]) == 4


@pytest.mark.parametrize("scope", SCOPES)
def test_a_model_that_is_streamed_directly_is_shown_once(scope: str, tmp_path: Path) -> None:
    """A stream outside every agent, the first thing that the process does, is one span."""
    assert len(_models(_beside(tmp_path, "model.stream", "same", scope))) == 1


def test_without_others_nothing_is_looked_for() -> None:
    """In a process without another instrumentation none is active."""
    assert others.active() == []
