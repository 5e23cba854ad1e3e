"""Each test has a folder of its own with a handrail.toml, and nothing governed before or after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import handrail
from handrail.frameworks import plain
from tests.frameworks.clocks import Clock, standing_clock
from tests.frameworks.delegation.kit import POLICY
from tests.frameworks.recorded import Recorded, write_policy


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    write_policy(tmp_path, POLICY)
    plain._found_gate.cache_clear()
    yield
    handrail.uninstrument()
    plain._found_gate.cache_clear()


@pytest.fixture(name="clock")
def _clock() -> Iterator[Clock]:
    with standing_clock() as clock:
        yield clock


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / ".handrail")
