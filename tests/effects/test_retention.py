"""Recorded values are erased when nobody used them for the time that handrail.toml says, at most once a day."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import handrail
from handrail.effects.retention import MARK, sweep
from handrail.effects.vault import vault_for
from handrail.errors import ValueErased
from tests.effects.crashing import POLICY

DAY = 86_400


def _aged(path: Path, days: float) -> None:
    at = path.stat().st_mtime - days * DAY
    os.utime(path, (at, at))


def test_once_a_day(tmp_path: Path) -> None:
    """What is past its time goes at the next look, and the next look is a day later."""
    vault = vault_for(tmp_path)
    vault.put("first", "a", b"1")
    assert sweep(tmp_path, 0) == 1
    ref = vault.put("second", "a", b"2")
    assert sweep(tmp_path, 0) == 0
    assert vault.get("second", "a", ref) == b"2"
    _aged(tmp_path / "replay" / MARK, 1.1)
    assert sweep(tmp_path, 0) == 1
    with pytest.raises(ValueErased):
        vault.get("second", "a", ref)


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    """Values of yesterday are kept for as long as is said, and a folder without any is left alone."""
    assert sweep(tmp_path, 1) == 0
    assert list(tmp_path.iterdir()) == []
    ref = vault_for(tmp_path).put("run", "a", b"1")
    assert sweep(tmp_path, 1) == 0
    assert vault_for(tmp_path).get("run", "a", ref) == b"1"


def test_an_enforcing_agent_looks_when_it_starts(tmp_path: Path) -> None:
    """Opening the rules in enforce mode is when it is looked through; observing never erases anything."""
    (tmp_path / "handrail.toml").write_text(POLICY + "[resume]\nkeep_days = 1\n")
    vault_for(tmp_path / ".handrail").put("run", "a", b"1")
    mark = tmp_path / ".handrail" / "replay" / MARK
    with handrail.run("clerk", config=tmp_path / "handrail.toml", user="ana", mode="observe"):
        assert not mark.exists()
    with handrail.run("clerk", config=tmp_path / "handrail.toml", user="ana"):
        assert mark.exists()
