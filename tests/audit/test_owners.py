"""Who opened what first: one owner each, whoever races, and nothing to read in the names."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handrail.audit.owners import FOLDER, Owners
from handrail.errors import JournalError

RACE = """
import sys, pathlib
from handrail.audit.owners import Owners
owners = Owners(pathlib.Path(sys.argv[1]))
print([int(owners.owns("thread", f"t{n}", "acme", sys.argv[2], opens=True)) for n in range(50)])
"""


def test_the_first_one_owns_it(tmp_path: Path) -> None:
    """What somebody opened is theirs for good, in another process too, and nobody else's in any tenant."""
    assert Owners(tmp_path).owns("thread", "t1", "acme", "ana", opens=True)
    again = Owners(tmp_path)
    assert again.owns("thread", "t1", "acme", "ana", opens=False)
    assert not again.owns("thread", "t1", "acme", "bob", opens=True)
    assert not again.owns("thread", "t1", "rival", "ana", opens=True)
    assert not again.owns("thread", "t1", "acme/ana", "", opens=True)


def test_looking_opens_nothing(tmp_path: Path) -> None:
    """What nobody opened is nobody's: looking leaves it so, and kinds are apart."""
    owners = Owners(tmp_path)
    assert owners.owns("thread", "t1", "acme", "ana", opens=False)
    assert owners.owns("thread", "t1", "acme", "bob", opens=True)
    assert owners.owns("session", "t1", "acme", "ana", opens=True)
    assert not owners.owns("thread", "t1", "acme", "ana", opens=True)


def test_names_and_owners_cannot_be_read(tmp_path: Path) -> None:
    """Files and folder are their owner's only, and neither name nor content says who or what."""
    Owners(tmp_path).owns("thread", "ticket-4711", "acme", "ana", opens=True)
    [file] = (tmp_path / FOLDER).iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    said = file.name + file.read_text()
    assert [word for word in ("ticket", "4711", "acme", "ana") if word in said] == []


def test_processes_that_race_agree(tmp_path: Path) -> None:
    """Of four processes that open the same fifty threads at once, each thread has exactly one owner."""
    racing = [
        subprocess.Popen([sys.executable, "-c", RACE, str(tmp_path), user], stdout=subprocess.PIPE, text=True)
        for user in ("ana", "bob", "eve", "joe")
    ]
    won = [json.loads(process.communicate()[0]) for process in racing]
    assert [sum(column) for column in zip(*won, strict=True)] == [1] * 50


def test_threads_that_race_agree(tmp_path: Path) -> None:
    """The same within one process."""
    owners = Owners(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda user: owners.owns("thread", "t", "acme", f"user{user}", opens=True), range(40)))
    assert sum(won) == 1


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    """A folder that is a symbolic link is refused: whoever planted it would choose the owners."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / FOLDER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises((OSError, JournalError)):
        Owners(tmp_path / "data").owns("thread", "t", "acme", "ana", opens=True)
