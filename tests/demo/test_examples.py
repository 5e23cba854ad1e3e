"""The examples run as written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]
EXAMPLES = REPO / "examples"


def python(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in ``folder`` with its records kept there."""
    env = {**os.environ, "PYTHONPATH": str(REPO), "HANDRAIL_DATA": str(folder / "data")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize("name", ["langchain_agent.py", "plain_functions.py"])
def test_example_stops_the_large_refund(tmp_path: Path, name: str) -> None:
    """Each example prints what was allowed, and not the refund above the limit."""
    done = python(str(EXAMPLES / name), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left the warehouse" in done.stdout
    assert "900.00 EUR for order" not in done.stdout
    assert (tmp_path / "data" / "journal").is_dir()


def test_example_test_passes(tmp_path: Path) -> None:
    """The example of a test file passes with the plugin."""
    options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(tmp_path)]
    if "handrail.testing.plugin" not in installed_plugins():
        options += ["-p", "handrail.testing.plugin"]
    done = python("-m", "pytest", *options, str(EXAMPLES / "test_my_agent.py"), folder=tmp_path)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def installed_plugins() -> set[str]:
    """Modules that pytest loads by itself in this environment."""
    from importlib.metadata import entry_points

    return {entry.value for entry in entry_points(group="pytest11")}
