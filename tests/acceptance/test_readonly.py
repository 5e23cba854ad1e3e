"""A journal that nobody can write to any more: every command reads it, with the index elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.commands import handrail
from tests.acceptance.explorer import browsing, complaints, served, shows
from tests.audit import places

NOWHERE = "/nonexistent"
POWERLESS = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
"""Runs a command as root without root's powers, so that permissions count for it as for everybody."""


@dataclass(frozen=True)
class Archive:
    """A journal that is read-only."""

    data: Path
    tmp: Path
    """A folder that can be written, with room for an index."""
    wrapped: tuple[str, ...]
    """What to run commands with, so that they cannot write to ``data`` either."""

    def run(self, *words: object, **environ: str) -> subprocess.CompletedProcess[str]:
        """One command, by somebody without a home; it must end with exit code 0."""
        done = handrail(*words, "--data", self.data, wrapped=self.wrapped, HOME=NOWHERE, **environ)
        assert done.returncode == 0, done.stderr
        return done


@pytest.fixture(scope="module", name="recorded")
def _recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``handrail demo`` recorded."""
    data = tmp_path_factory.mktemp("demo") / "data"
    done = handrail("demo", "--no-dashboard", "--data", data)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(data / "index")
    return data


@pytest.fixture(name="archive", params=["permissions", "file system"])
def _archive(request: pytest.FixtureRequest, recorded: Path, tmp_path: Path) -> Iterator[Archive]:
    if request.param == "permissions":
        yield from _without_permissions(recorded, tmp_path)
        return
    with places.mounted(tmp_path / "disk", kilobytes=4096) as disk:
        shutil.copytree(recorded, disk / "data")
        places.read_only(disk)
        yield Archive(disk / "data", tmp_path, ())


def _without_permissions(recorded: Path, tmp_path: Path) -> Iterator[Archive]:
    data = tmp_path / "data"
    shutil.copytree(recorded, data)
    wrapped = _powerless()
    everything = [data, *data.rglob("*")]
    for path in everything:
        path.chmod(0o500 if path.is_dir() else 0o400)
    touched = subprocess.run([*wrapped, "touch", str(data / "journal" / "x")], capture_output=True, check=False)
    assert touched.returncode != 0, "the journal can still be written"
    yield Archive(data, tmp_path, wrapped)
    for path in everything:
        path.chmod(0o700 if path.is_dir() else 0o600)


def _powerless() -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None or subprocess.run([*POWERLESS, "true"], check=False).returncode != 0:
        pytest.skip("Root cannot lay down its powers here: setpriv is missing or not allowed.")
    return POWERLESS


def test_the_commands_read_it(archive: Archive) -> None:
    """Verify, tail, rebuild and report work on it, with the index in --index or HANDRAIL_INDEX; no byte is added."""
    before = sorted((path, path.lstat().st_mtime_ns) for path in archive.data.rglob("*"))
    assert "Intact" in archive.run("audit", "verify").stdout
    assert "wire_money" in archive.run("audit", "tail", "-n", 200).stdout
    index = archive.tmp / "named"
    assert "wire_money" in archive.run("report", "--format", "csv", "--index", index).stdout
    assert (index / "index.duckdb").exists()
    other = archive.tmp / "by-environment"
    assert "records are in" in archive.run("audit", "rebuild", HANDRAIL_INDEX=str(other)).stderr
    assert "wire_money" in archive.run("report", "--format", "json", HANDRAIL_INDEX=str(other)).stdout
    assert (other / "index.duckdb").exists()
    assert sorted((path, path.lstat().st_mtime_ns) for path in archive.data.rglob("*")) == before


def test_without_another_place_for_the_index_one_sentence_tells_of_it(archive: Archive) -> None:
    """Whoever forgets --index is refused with exit code 2 and the name of the option."""
    done = handrail("report", "--data", archive.data, wrapped=archive.wrapped)
    assert (done.returncode, done.stdout) == (2, "")
    assert "HANDRAIL_INDEX" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("archive", ["permissions"], indirect=True)
def test_the_explorer_serves_it(archive: Archive) -> None:
    """Its runs are shown, from an index elsewhere, to somebody without a home."""
    index = archive.tmp / "index"
    looking = served(archive.data, "--index", index, wrapped=archive.wrapped, HOME=NOWHERE)
    with browsing() as page, looking as (url, stderr):
        page.goto(url)
        shows(page, "northbank / ana")
        assert complaints(page) == []
    assert stderr == [""]
    assert (index / "index.duckdb").exists()
