"""Restores: everything is checked, nothing is lost, and what it means for runs is known."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from handrail.audit import reader
from handrail.audit.backup import back_up
from handrail.audit.journal import Journal
from handrail.audit.owners import Owners
from handrail.audit.restore import restore
from handrail.audit.restored import restored_at, unfinished_before
from handrail.audit.verify import verify
from handrail.errors import JournalError
from tests.audit.backups import PASSING, changed, files, filled
from tests.audit.recorded import begin


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    return filled(tmp_path / "data")


def test_a_journal_is_set_aside_and_never_removed(data: Path, tmp_path: Path) -> None:
    """Claim: a folder with a journal needs `replace`; then all that it held lies in a folder of its own."""
    back_up(data, tmp_path / "b.tar")
    with pytest.raises(JournalError, match="--replace"):
        restore(tmp_path / "b.tar", data)
    before = files(data)
    journal = Journal(data)
    journal.open()
    with pytest.raises(JournalError, match="still writes"):
        restore(tmp_path / "b.tar", data, replace=True)
    journal.close()
    back = restore(tmp_path / "b.tar", data, replace=True)
    aside = files(Path(str(back.aside)))
    assert {name: aside[name] for name in before if name != "runs.lock"}.items() <= before.items()
    assert verify(data).intact and not (data / "index").exists()


def test_another_backup_than_the_one_named_is_refused(data: Path, tmp_path: Path) -> None:
    """Claim: with a digest only the backup that has it is restored."""
    made = back_up(data, tmp_path / "b.tar")
    with pytest.raises(JournalError, match="another backup"):
        restore(tmp_path / "b.tar", tmp_path / "again", digest="0" * 64)
    assert restore(tmp_path / "b.tar", tmp_path / "again", digest=made.digest.upper()).digest == made.digest


def test_a_restore_makes_no_secret_younger(data: Path, tmp_path: Path) -> None:
    """Claim: keys of replay values keep their age, by which they are erased one day."""
    os.utime(data / "replay/keys/0c", ns=(10**18, 10**18))
    back_up(data, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "again")
    assert (tmp_path / "again/replay/keys/0c").stat().st_mtime_ns == 10**18


def test_owners_are_the_same_after_a_restore(tmp_path: Path) -> None:
    """Claim: what belonged to somebody still does: the key of the digests and the owners come together."""
    data, again = tmp_path / "data", tmp_path / "again"
    Journal(data).open()
    assert Owners(data).owns("session", "s1", "acme", "ana", opens=True)
    back_up(data, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", again)
    assert not Owners(again).owns("session", "s1", "acme", "bob", opens=True)
    assert Owners(again).owns("session", "s1", "acme", "ana", opens=False)


def test_runs_that_were_unfinished_in_the_backup_are_known(data: Path, tmp_path: Path) -> None:
    """Claim: a run whose last record is older than the latest restore is held back; one that began after it is not."""
    assert restored_at(data) is None and unfinished_before(data, 0) is None
    made = back_up(data, tmp_path / "b.tar")
    first = restore(tmp_path / "b.tar", tmp_path / "again")
    found = restored_at(tmp_path / "again")
    assert found is not None and found.made == made.made == first.made and found.at >= first.restored
    assert unfinished_before(tmp_path / "again", made.made) == found
    journal = Journal(tmp_path / "again")
    begin(journal)
    journal.close()
    last = max(r.fields["t"] for part in reader.parts(tmp_path / "again") for r in reader.records(part))
    assert unfinished_before(tmp_path / "again", last) is None
    back_up(tmp_path / "again", tmp_path / "c.tar")
    restore(tmp_path / "c.tar", tmp_path / "twice")
    again = restored_at(tmp_path / "twice")
    assert again is not None and again.at > found.at and unfinished_before(tmp_path / "twice", last) == again


def test_approvals_of_others_are_theirs_or_not_restored(data: Path, tmp_path: Path) -> None:
    """Claim: who wrote a proposal is its file's owner: it becomes nobody else's through a restore."""
    proposal = data / "policy" / "proposals" / "grant-1.json"
    theirs = os.geteuid() + 4711
    if os.geteuid() == 0:
        os.chown(proposal, theirs, -1)
    back_up(data, tmp_path / "b.tar")
    content = (tmp_path / "b.tar").read_bytes()
    if os.geteuid() != 0:  # who is not root cannot give a file away: the backup says that somebody did
        content = changed(content, f'"uid":{os.geteuid()}', f'"uid":{theirs}')
    (tmp_path / "c.tar").write_bytes(content)
    back = restore(tmp_path / "c.tar", tmp_path / "again")
    restored = tmp_path / "again" / "policy" / "proposals" / "grant-1.json"
    if os.geteuid() == 0:
        assert restored.stat().st_uid == theirs and back.left_out == ()
    else:
        assert not restored.exists() and back.left_out == ("policy/proposals/grant-1.json",)


NAMED = {"open", "os.rename", "os.link", "os.remove", "os.mkdir"}
"""Audit events (PEP 578) of what touches files: the points at which a process is killed here."""


def killed_at(point: int, work: Callable[[], object]) -> bool:
    """Do ``work`` in a process that dies with SIGKILL right before its n-th touch of a file; False if it had fewer."""
    child = os.fork()
    if child == 0:
        left = [point]

        def die(event: str, _: object) -> None:
            if event in NAMED:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), 9)

        sys.addaudithook(die)
        with suppress(BaseException):
            work()
        os._exit(0)
    return os.waitpid(child, 0)[1] == 9


def test_a_backup_that_is_killed_leaves_nothing_or_all(data: Path, tmp_path: Path) -> None:
    """Claim: killed anywhere, the file is not there, or can be restored; the next backup sweeps up."""
    target, point = tmp_path / "b.tar", 0
    while killed_at(point, lambda: back_up(data, target)):
        if target.exists():
            restore(target, tmp_path / f"again-{point}")
            target.unlink()
        point += 1
    assert point > 20
    assert {path.name for path in tmp_path.iterdir() if path.suffix in {".tar", ".part"}} == {"b.tar"}


def test_a_restore_that_is_killed_leaves_no_journal_or_all(data: Path, tmp_path: Path) -> None:
    """Claim: killed anywhere, the folder has no journal, and restoring again completes it; or everything is there."""
    source, again, point, unfinished = tmp_path / "b.tar", tmp_path / "again", 0, 0
    back_up(data, source)
    kept = {name: content for name, content in files(data).items() if name not in PASSING}
    while killed_at(point, lambda: restore(source, again)):
        if not (again / "journal").exists():
            unfinished += 1
            restore(source, again)
        assert restored_at(again) is not None and kept.items() <= files(again).items()
        assert [path for stage in again.glob(".restoring-*") for path in stage.iterdir()] == []
        shutil.rmtree(again)
        point += 5
    assert unfinished > 6


def test_a_journal_is_never_lost_by_a_killed_restore(data: Path, tmp_path: Path) -> None:
    """Claim: killed anywhere while another journal is replaced, that one is in its place or set aside, whole."""
    source, again, point, aside = tmp_path / "b.tar", tmp_path / "again", 0, 0
    back_up(data, source)
    filled(again)
    old = files(again / "journal")
    while killed_at(point, lambda: restore(source, again, replace=True)):
        places = [again / "journal", *again.glob("before-restore-*/journal")]
        assert [place for place in places if old.items() <= files(place).items()]
        if (again / "journal").exists():
            assert verify(again).intact
        else:
            aside += 1
        restore(source, again, replace=True)
        shutil.rmtree(again)
        filled(again)
        old = files(again / "journal")
        point += 7
    assert aside > 0
