"""``handrail runs compensate``: what is printed, how it ends, and where the undoing functions come from."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import handrail
from handrail.cli.runs.compensate import command
from handrail.errors import ConfigError, NotResumable
from tests.effects.crashing import POLICY, run_of

DESK = '''
"""A desk that books, and what undoes it."""
from pathlib import Path


async def cancel(args, result):
    """Cancel a booking."""
    with Path("world").open("a") as world:
        world.write(f"cancel {args['what']} {result['id']}\\n")
'''


@pytest.fixture(name="run")
def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A run that booked twice and sent a letter; the working directory has its configuration and a module."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handrail.toml").write_text(POLICY + '[tools.book]\ncompensate = "desk_that_undoes:cancel"\n')
    (tmp_path / "desk_that_undoes.py").write_text(DESK)

    @handrail.tool
    def book(what: str) -> dict[str, str]:
        return {"id": f"{what}-1"}

    @handrail.tool
    def send(what: str) -> str:
        return "sent"

    with handrail.run("clerk", config=tmp_path / "handrail.toml", user="ana"):
        book("a"), book("b"), send("letter")
    yield run_of(tmp_path)
    sys.modules.pop("desk_that_undoes", None)
    sys.path[:] = [path for path in sys.path if path != str(tmp_path)]


def call(*args: object) -> Result:
    """The command's result; its errors are raised."""
    return CliRunner().invoke(command, [str(arg) for arg in args], catch_exceptions=False)


def test_what_becomes_of_each_write_is_said(run: str, tmp_path: Path) -> None:
    """Claim: a line for each, the latest first; 1 while something is left; a function of handrail.toml may be async."""
    planned = call(run, "--dry-run")
    assert planned.exit_code == 1 and not (tmp_path / "world").exists()
    assert [line.split(": ", 1)[1] for line in planned.stdout.splitlines()] == [
        "not undone: nothing is declared that undoes it", "would be undone by cancel", "would be undone by cancel"
    ]  # fmt: skip
    done = call(run)
    assert done.exit_code == 1 and done.stdout.count(": undone by cancel") == 2
    assert (tmp_path / "world").read_text() == "cancel b b-1\ncancel a a-1\n"
    again = json.loads(call(run, "--json").stdout)
    assert [write["how"] for write in again["writes"]] == ["no_compensation", "undone_before", "undone_before"]
    assert (again["run"], again["settled"]) == (run, False)
    assert (tmp_path / "world").read_text().count("\n") == 2


def test_a_function_that_is_not_there_is_named(run: str, tmp_path: Path) -> None:
    """Claim: nothing is undone where one of the functions cannot be imported."""
    (tmp_path / "desk_that_undoes.py").write_text("")
    with pytest.raises(ConfigError, match="desk_that_undoes:cancel"):
        call(run)
    assert not (tmp_path / "world").exists()


def test_a_run_that_is_not_known_is_refused(run: str) -> None:
    """Claim: the error says where to look; the help has the exit codes."""
    with pytest.raises(NotResumable, match="runs list"):
        call("0" * 32)
    assert "Exit code 0" in call("--help").stdout
