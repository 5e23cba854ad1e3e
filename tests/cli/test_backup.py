"""``handrail backup`` and ``handrail restore``: what is printed, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.cli import group, main
from tests.audit.backups import filled


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    return filled(tmp_path / "data")


def run(*args: object) -> Result:
    """The command's result; its errors are raised."""
    return CliRunner().invoke(group, [str(arg) for arg in args], catch_exceptions=False)


def refused(*args: object, capsys: pytest.CaptureFixture[str]) -> str:
    """What is said on stderr by a command that ends with exit code 2."""
    with pytest.raises(SystemExit) as left:
        main([str(arg) for arg in args])
    assert left.value.code == 2
    return capsys.readouterr().err


def test_there_and_back(data: Path, tmp_path: Path) -> None:
    """Claim: both end with 0, say what was copied and as of when, and the digest of one is taken by the other."""
    made = run("backup", tmp_path / "b.tar", "--data", data, "--json")
    said = json.loads(made.stdout)
    assert (made.exit_code, made.stderr, said["records"], said["problems"]) == (0, "", 8, [])
    back = run("restore", tmp_path / "b.tar", "--data", tmp_path / "again", "--digest", said["digest"], "--json")
    assert (back.exit_code, json.loads(back.stdout)["made"]) == (0, said["made"])
    assert run("audit", "verify", "--data", tmp_path / "again").exit_code == 0
    assert "restore" in run("audit", "tail", "--data", tmp_path / "again").stdout


def test_people_are_told_what_it_means(data: Path, tmp_path: Path) -> None:
    """Claim: left out secrets, what is not ours, and what was set aside are named on stderr; the rest is on stdout."""
    (data / "notes\x1b.txt").write_text("mine")
    made = run("backup", tmp_path / "b.tar", "--data", data, "--without-values", "--without-keys")
    assert "digest " in made.stdout and "8 records in 1 segment" in made.stdout
    assert [line.split(":")[0] for line in made.stderr.splitlines()] == ["Left out", "Left out", "Not part of a backup"]
    assert "cannot resume" in made.stderr and "\x1b" not in made.stderr
    back = run("restore", tmp_path / "b.tar", "--data", data, "--replace")
    assert "do not go on by themselves" in back.stdout
    assert "cannot resume at all" in back.stderr and "before-restore-" in back.stderr


def test_damage_is_exit_code_1(data: Path, tmp_path: Path) -> None:
    """Claim: a damaged journal is copied, and restored when told to, each with exit code 1 and the place named."""
    segment = next((data / "journal").glob("*.jl"))
    segment.write_bytes(segment.read_bytes().replace(b'"tool":"refund"', b'"tool":"refuns"'))
    made = run("backup", tmp_path / "b.tar", "--data", data)
    assert made.exit_code == 1 and f"Damaged: {segment.name}: offset " in made.stderr
    back = run("restore", tmp_path / "b.tar", "--data", tmp_path / "again", "--damaged")
    assert back.exit_code == 1 and f"Damaged: {segment.name}: offset " in back.stderr


def test_refusals_are_exit_code_2(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Claim: one line on stderr says what is wrong and what to do, and nothing is changed."""
    run("backup", tmp_path / "b.tar", "--data", data)
    assert "--force" in refused("backup", tmp_path / "b.tar", "--data", data, capsys=capsys)
    assert "--replace" in refused("restore", tmp_path / "b.tar", "--data", data, capsys=capsys)
    assert "there is no journal" in refused("backup", tmp_path / "c.tar", "--data", tmp_path / "x", capsys=capsys)
    (tmp_path / "c.tar").write_bytes(b"no tar")
    assert "take another backup" in refused("restore", tmp_path / "c.tar", "--data", tmp_path / "x", capsys=capsys)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_exit_codes_are_in_the_help(name: str) -> None:
    """Claim: each command documents its exit codes."""
    assert "Exit code 0" in run(name, "--help").stdout
