"""The command ``handrail`` as a process of its own, away from the settings of whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.audit.places import REPO

HANDRAIL = (sys.executable, "-P", "-m", "handrail.cli")
ENVIRON = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")} | {
    "PYTHONPATH": str(REPO)
}
COMPLAINTS = ("lock", "error", "traceback", "exception", "warning")
"""Words in a standard error that should say nothing."""


def handrail(*words: object, wrapped: tuple[str, ...] = (), **environ: str) -> subprocess.CompletedProcess[str]:
    """One command, to its end. ``wrapped`` is a command that runs it."""
    command = [*wrapped, *HANDRAIL, *map(str, words)]
    env = ENVIRON | environ
    return subprocess.run(command, cwd=REPO, env=env, capture_output=True, text=True, timeout=120, check=False)
