"""The short form of the crash campaign."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.audit.places import REPO


def test_kill_9_loses_and_doubles_nothing() -> None:
    """Four writers killed at random moments, ten times: every acknowledged record is there once, chains unbroken."""
    command = [sys.executable, "-m", "tests.audit.crash_campaign", "--cycles", "10", "--json"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, timeout=120, check=False)
    outcome = json.loads(done.stdout)
    assert (outcome["lost"], outcome["duplicated"], outcome["gaps"], outcome["broken"]) == (0, 0, 0, 0), done.stdout
    assert outcome["good"] and outcome["kills"] == 40 and outcome["acknowledged"] > 100 and done.returncode == 0
