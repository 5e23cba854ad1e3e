"""The command line as a whole: help, exit codes, and failures as one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest

import handrail
from handrail.cli import COMMANDS, EXTRAS

REPO = Path(__file__).resolve().parents[2]
HEAVY = (
    "duckdb", "streamlit", "langchain_core", "langgraph", "casbin", "jsonschema", "jinja2", "msgspec", "opentelemetry"
)  # fmt: skip


def _environ(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    return {**kept, "PYTHONPATH": str(REPO), **more}


def _handrail(*words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "handrail.cli", *words]
    return subprocess.run(command, cwd=cwd, env=_environ(**more), capture_output=True, text=True, timeout=60)


def _python(source: str, *, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", source]
    return subprocess.run(command, cwd=cwd, env=_environ(), capture_output=True, text=True, timeout=60)


def test_help_lists_every_command_and_loads_none(tmp_path: Path) -> None:
    """The list of commands comes without importing a single one, nor anything heavy."""
    source = f"""
import sys
from handrail.cli import main
try:
    main(["--help"])
except SystemExit as end:
    commands = [name for name in sys.modules if name.startswith("handrail.cli.") and name != "handrail.cli.lazy"]
    loaded = commands + [name for name in sys.modules if name.split(".")[0] in {HEAVY!r}]
    print("loaded", loaded, "code", end.code)
"""
    done = _python(source, cwd=tmp_path)
    assert done.stdout.endswith("loaded [] code 0\n"), done
    for name, summary in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(summary)}$", done.stdout, re.MULTILINE)
    for code in ("0", "1", "2", "127"):
        assert re.search(rf"^ +{code} ", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists(name: str) -> None:
    """Each command of the list has its module and its own help."""
    command = import_module(f"handrail.cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.help


def test_every_extra_is_declared() -> None:
    """The extras that a message may recommend are those that the package has."""
    declared = (REPO / "pyproject.toml").read_text()
    for extra in EXTRAS:
        assert re.search(rf"^{extra} = \[", declared, re.MULTILINE)


def test_version(tmp_path: Path) -> None:
    """The version is the package's."""
    assert _handrail("--version", cwd=tmp_path).stdout == f"handrail {handrail.__version__}\n"


def test_our_errors_are_one_line_and_code_2(tmp_path: Path) -> None:
    """What Handrail refuses is one sentence on stderr, without a traceback."""
    (tmp_path / "handrail.toml").write_text('version = 1\nmod = "observe"\n')
    done = _handrail("run", "--", "true", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"handrail: \S*handrail\.toml:2: [^\n]+\n", done.stderr)


def test_a_failure_sends_no_commands_to_the_terminal(tmp_path: Path) -> None:
    """A name that is quoted in a failure is spelled out where it could colour, clear or retitle a terminal."""
    (tmp_path / "handrail.toml").write_text('version = 1\n"x\\u001b]0;pwned\\u0007" = 1\n')
    done = _handrail("policy", "explain", "--user", "ana", "--tool", "x", cwd=tmp_path)
    assert (done.returncode, "\x1b" in done.stderr) == (2, False)
    assert "u{1b}]0;pwned" in done.stderr


def test_wrong_usage_is_code_2(tmp_path: Path) -> None:
    """An unknown command and an unknown option are usage errors."""
    assert _handrail("fly", cwd=tmp_path).returncode == 2
    wrong = _handrail("run", "--moed", "enforce", "app.py", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "--mode" in wrong.stderr


def test_unexpected_errors_keep_their_traceback(tmp_path: Path) -> None:
    """A bug is not dressed up as a sentence: whoever reports it needs the traceback."""
    source = """
import handrail.cli.schema
from handrail.cli import main
handrail.cli.schema.command.callback = lambda **_: 1 / 0
main(["schema"])
"""
    done = _python(source, cwd=tmp_path)
    assert done.returncode == 1
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("words", [["--help"], ["schema"], ["schema", "--format", "markdown"]])
def test_closed_pipe_is_quiet(words: list[str], tmp_path: Path) -> None:
    """`handrail ... | head -0` prints no traceback."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "handrail.cli", *words]
    done = subprocess.run(
        command, cwd=tmp_path, env=_environ(), stdout=write, stderr=subprocess.PIPE, text=True, timeout=60
    )
    os.close(write)
    assert done.stderr == ""


def test_no_color(tmp_path: Path) -> None:
    """NO_COLOR keeps escape codes away from a terminal, and without it a terminal gets them."""
    assert b"\x1b[" not in _on_a_terminal(tmp_path, NO_COLOR="1")
    assert b"\x1b[" in _on_a_terminal(tmp_path)


def _on_a_terminal(cwd: Path, **more: str) -> bytes:
    """What ``handrail doctor`` prints when its output is a terminal."""
    ours, theirs = os.openpty()
    env = {name: value for name, value in _environ(TERM="xterm").items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    bare = "import sys\nsys.modules.update(langchain_core=None, mcp=None)\n"
    command = [sys.executable, "-c", bare + "from handrail.cli import main\nmain(['doctor'])"]
    process = subprocess.Popen(command, cwd=cwd, env={**env, **more}, stdout=theirs)
    os.close(theirs)
    said = b""
    try:
        while chunk := _read(ours):
            said += chunk
    finally:
        process.wait(60)
        os.close(ours)
    return said


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""
