"""What an import costs, what the package exports, and what a missing extra says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import handrail

REPO = Path(__file__).resolve().parents[1]

BLOCK = """
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in BLOCKED or name in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Block())
"""


def _python(source: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    env = {**kept, "PYTHONPATH": str(REPO)}
    command = [sys.executable, "-c", source]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


def test_import_is_cheap(tmp_path: Path) -> None:
    """``import handrail`` loads nothing but itself."""
    source = """
import sys
before = set(sys.modules)
import handrail
loaded = {name.split(".")[0] for name in set(sys.modules) - before}
print(sorted(loaded - set(sys.stdlib_module_names)))
"""
    assert _python(source, tmp_path).stdout == "['handrail']\n"


@pytest.mark.parametrize("name", [name for name in handrail.__all__ if name not in ("__version__",)])
def test_exported_names_load_nothing_heavy(name: str, tmp_path: Path) -> None:
    """Whatever is used of the package, no database, dashboard, framework or exporter comes with the name."""
    source = f"""
import sys
from handrail import {name}
heavy = ("duckdb", "streamlit", "langchain", "langchain_core", "langgraph", "casbin", "jsonschema", "mcp",
         "cryptography", "re2")
print([m for m in sys.modules if m.split(".")[0] in heavy or m.startswith("opentelemetry.exporter")])
"""
    done = _python(source, tmp_path)
    assert done.stdout == "[]\n", done.stderr


def test_exported_names_are_the_whole_surface() -> None:
    """Each name of ``__all__`` is there, is listed, and nothing else is."""
    assert set(handrail.__all__) == set(handrail._HOMES) | {"__version__"}
    for name in handrail.__all__:
        assert getattr(handrail, name) is not None
    assert dir(handrail) == sorted(handrail.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = handrail.nothing


@pytest.mark.parametrize(
    ("extra", "blocked", "words"),
    [
        ("dashboard", ["streamlit"], ["dashboard"]),
        ("demo", ["langchain_openai"], ["demo", "--no-dashboard"]),
        ("demo", ["langchain", "langchain_core", "langgraph", "langchain_openai"], ["demo", "--no-dashboard"]),
    ],
)
def test_missing_extra_is_one_sentence(extra: str, blocked: list[str], words: list[str], tmp_path: Path) -> None:
    """A command whose extra is not installed says how to install it, and exits with 2."""
    source = f"BLOCKED = {blocked!r}\n{BLOCK}\nfrom handrail.cli import main\nmain({words!r})\n"
    done = _python(source, tmp_path)
    assert done.returncode == 2, done
    assert done.stderr.startswith("handrail: ")
    assert done.stderr.endswith(f"pip install 'handrail[{extra}]'\n")
    assert done.stderr.count("\n") == 1


def test_framework_that_is_not_installed_is_no_error(tmp_path: Path) -> None:
    """Without any framework, plain Python is governed and the commands work."""
    source = f"""
BLOCKED = ["langchain", "langchain_core", "langgraph", "mcp", "streamlit", "duckdb", "opentelemetry.exporter"]
{BLOCK}
import handrail

@handrail.tool
def add(a: int) -> int:
    return a + 1

handrail.instrument()
with handrail.run("clerk"):
    print(add(1))
from handrail.cli import main
main(["doctor"])
"""
    done = _python(source, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("2\n")
    assert "langchain_core: not installed" in done.stdout
