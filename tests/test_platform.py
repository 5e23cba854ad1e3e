"""Platforms that lack what the journal needs: the package still imports and observes, and enforce says why not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import sys
sys.modules["fcntl"] = None
import handrail
from handrail.errors import HandrailError

@handrail.tool
def add(a: int, b: int) -> int:
    "Add."
    return a + b

try:
    with handrail.run(agent="clerk", user="ana", config=sys.argv[1], mode=sys.argv[2]):
        print(add(2, 3))
except HandrailError as error:
    print(type(error).__name__, error)
"""
POLICY = 'version = 1\n[users]\n"ana" = ["staff"]\n[[rule]]\nid = "all"\nallow = "*"\ncall = "*"\n'


def _run(folder: Path, mode: str) -> str:
    (folder / "handrail.toml").write_text(POLICY)
    command = [sys.executable, "-c", PROGRAM, str(folder / "handrail.toml"), mode]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=True)
    return done.stdout.strip()


def test_without_file_locks_observe_records(tmp_path: Path) -> None:
    """Where fcntl is missing an observed run works and is recorded."""
    assert _run(tmp_path, "observe") == "5"
    assert b'"k":"tool.result"' in next((tmp_path / ".handrail" / "journal").glob("*.jl")).read_bytes()


def test_without_file_locks_enforce_refuses(tmp_path: Path) -> None:
    """Where fcntl is missing enforce mode refuses to start, with a sentence that says what to do."""
    said = _run(tmp_path, "enforce")
    assert said.startswith("NotSupported This platform has no file locks (fcntl)")
    assert "mode observe" in said
