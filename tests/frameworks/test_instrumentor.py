"""Handrail as an OpenTelemetry instrumentation."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from langchain_core.tools import BaseTool, tool
from opentelemetry.instrumentation.distro import DefaultDistro  # type: ignore[attr-defined]

import handrail
from handrail.frameworks import opening
from handrail.frameworks.instrumentor import HandrailInstrumentor
from tests.frameworks.recorded import NEUTRAL, POLICY, Recorded, write_policy

REPO = Path(__file__).resolve().parents[2]


@tool
def wire_money(amount: int) -> str:
    """Wire money."""
    return "sent"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    handrail.uninstrument()
    yield
    if HandrailInstrumentor().is_instrumented_by_opentelemetry:
        HandrailInstrumentor().uninstrument()
    handrail.uninstrument()


def test_instrument_and_uninstrument(tmp_path: Path) -> None:
    """The interface of OpenTelemetry governs the process and gives it back as it was."""
    before = BaseTool.__dict__["run"]
    HandrailInstrumentor().instrument(config=write_policy(tmp_path))
    with handrail.acting_for(user="ana"):
        assert wire_money.invoke({"amount": 1}) == NEUTRAL
    HandrailInstrumentor().uninstrument()
    assert BaseTool.__dict__["run"] is before
    assert opening.default_gate() is None
    assert wire_money.invoke({"amount": 1}) == "sent"
    Recorded(tmp_path / ".handrail").check_complete()


def test_without_any_configuration_it_observes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that finds every instrumentation must not break a program that has no handrail.toml."""
    monkeypatch.chdir(tmp_path)
    for name in ("HANDRAIL_CONFIG", "HANDRAIL_MODE", "HANDRAIL_DATA"):
        monkeypatch.delenv(name, raising=False)
    assert HandrailInstrumentor().instrumentation_dependencies() == ()
    HandrailInstrumentor().instrument()
    assert wire_money.invoke({"amount": 1}) == "sent"
    assert Recorded(tmp_path / ".handrail").calls() == [("wire_money", {"amount": 1}, "allow", True)]


def test_called_by_hand_it_raises(tmp_path: Path) -> None:
    """A program that instruments itself hears of a wrong configuration as an exception."""
    wrong = write_policy(tmp_path, POLICY.replace("allow =", "alow =", 1))
    with pytest.raises(handrail.ConfigError, match=r"handrail\.toml:\d+: "):
        HandrailInstrumentor().instrument(config=wrong)


def test_entry_point_is_what_the_launcher_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry's own loader takes the class from the name that the package declares."""
    monkeypatch.setenv("HANDRAIL_CONFIG", str(write_policy(tmp_path)))
    declared = (REPO / "pyproject.toml").read_text()
    value = "handrail.frameworks.instrumentor:HandrailInstrumentor"
    assert f'handrail = "{value}"' in declared
    entry = EntryPoint("handrail", value, "opentelemetry_instrumentor")
    DefaultDistro().load_instrumentor(entry, skip_dep_check=True)
    assert opening.default_gate() is not None
    assert import_module(value.partition(":")[0]).HandrailInstrumentor is HandrailInstrumentor


def test_launcher_cannot_swallow_a_failure_in_enforce_mode(tmp_path: Path) -> None:
    """OpenTelemetry logs what an instrumentation raises and goes on: the process ends instead, with a sentence."""
    wrong = write_policy(tmp_path, POLICY.replace("allow =", "alow =", 1))
    program = (
        "from handrail.frameworks.instrumentor import HandrailInstrumentor\n"
        "try:\n    HandrailInstrumentor().instrument(skip_dep_check=True)\n"
        "except BaseException:\n    pass\n"
        "print('ungoverned')\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(REPO), "HANDRAIL_CONFIG": str(wrong)}
    done = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("handrail: ")
    assert "handrail.toml:" in done.stderr
