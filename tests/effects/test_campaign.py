"""The short form of the crash campaign: agents of every kind are killed everywhere, and everything is done once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.effects.points import POINTS

KILLS = 200
ROOT = Path(__file__).parents[2]


def test_killed_anywhere_everything_is_done_once() -> None:
    """After 200 kills at every named point and at random moments: nothing repeated, lost, or silently tried again."""
    command = [sys.executable, "-m", "tests.effects.campaign", "--kills", str(KILLS), "--bare-kills", "0", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["Handrail"]
    assert found["kills"] >= KILLS
    assert done.returncode == 0, done.stderr
    faults = ("repeated", "again", "silent", "lost", "unlisted", "orphans", "failed")
    assert {name: found[name] for name in faults} == dict.fromkeys(faults, 0), done.stderr
    assert found["doubt"] > 0
    assert set(found["points"]) >= {*POINTS} - {"before the intent is synced", "intent synced"}
