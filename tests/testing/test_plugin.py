"""The pytest plugin, as a user's test run sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]

USER_TEST = """
import os
from handrail.testing import Turn

def test_model(handrail_model):
    assert handrail_model([Turn("x")]).base_url.startswith("http://127.0.0.1:")

def test_data(handrail_data):
    assert os.environ["HANDRAIL_DATA"] == str(handrail_data)
"""


def python(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a clean process that finds this checkout."""
    env = {**os.environ, "PYTHONPATH": str(REPO), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run([sys.executable, *args], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_fixtures_work_in_a_users_run(tmp_path: Path) -> None:
    """A stranger's test file gets both fixtures from the plugin."""
    (tmp_path / "test_user.py").write_text(USER_TEST)
    done = python("-m", "pytest", "-q", "-p", "handrail.testing.plugin", "-p", "no:cacheprovider", cwd=tmp_path)
    assert done.returncode == 0 and "2 passed" in done.stdout, done.stdout + done.stderr


def test_loading_the_plugin_is_light(tmp_path: Path) -> None:
    """Loading it brings in no server, no framework and no database: every run of every user loads it."""
    heavy = "http.server", "httpx", "openai", "langchain_core", "duckdb", "streamlit", "jsonschema", "casbin"
    code = f"import pytest, sys; import handrail.testing.plugin; print([m for m in {heavy} if m in sys.modules])"
    done = python("-c", code, cwd=tmp_path)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
