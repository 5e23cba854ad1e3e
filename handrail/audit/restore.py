"""A data folder made again from a backup: everything is checked first, and the journal comes last.

The files are put into a folder of their own inside the data folder, compared with the manifest, the chains checked.
Then what the data folder held is set aside, and the new files take its place, the journal at the end. Whoever is
killed before that leaves a data folder without a journal, and restoring again does the rest. Setting aside inside the
data folder, rather than beside it, works where it is a mounted volume too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from handrail.audit import archive, oscalls, reader
from handrail.audit.archive import Member
from handrail.audit.backup import DERIVED, FORMAT, MANIFEST, STORES, File, Manifest, Progress
from handrail.audit.format import JOURNAL
from handrail.audit.journal import Journal
from handrail.audit.reader import Problem
from handrail.audit.restored import KIND
from handrail.audit.verify import VerifyReport, verify
from handrail.errors import FormatTooNew, JournalCorrupt, JournalError
from handrail.tracing import ids

MAX_MANIFEST = 1 << 28
"""Bytes of the longest manifest that is read: about two million files."""
_STAGE = ".restoring-"


@dataclass(frozen=True, slots=True)
class Back:
    """A data folder that was restored."""

    folder: str
    made: int
    """When the backup was made, in nanoseconds since the epoch."""
    restored: int
    """When it was restored, likewise."""
    digest: str
    """SHA-256 of the backup's manifest."""
    files: int
    segments: int
    records: int
    without: tuple[str, ...]
    """Folders that the backup does not have."""
    left_out: tuple[str, ...]
    """Proposals and approvals of other users: only they, or root, can have written them."""
    aside: str | None
    """Where what the data folder held before lies now; None where it held nothing."""
    problems: tuple[Problem, ...]
    """Damage that the journal had when the backup was made."""


def restore(
    source: Path, folder: Path, *, replace: bool = False, damaged: bool = False, digest: str = "",
    progress: Progress | None = None,
) -> Back:  # fmt: skip
    """Make the data folder ``folder`` from the backup ``source``.

    A folder with a journal is refused without ``replace``, a damaged journal without ``damaged``, a backup with
    another manifest than ``digest`` (SHA-256 in hex), where one is given. Raises JournalError, and JournalCorrupt
    where the backup is not what its manifest says; then the data folder is what it was.
    """
    try:
        with open(oscalls.open_existing(source), "rb") as file:
            contents = _Contents(file, source)
            if digest and contents.digest != digest.lower():
                raise JournalError(f"{source}: this is another backup, with the digest {contents.digest}.")
            return _Restore(contents, folder, progress).all_of(replace, damaged)
    except OSError as error:
        where = error.filename or source
        raise JournalError(f"{where}: {error.strerror or error}. Nothing was restored.") from error


class _Contents:
    """What a backup holds, checked against its manifest except for the files' bytes. Writes nothing."""

    def __init__(self, file: BinaryIO, source: Path) -> None:
        self.file, self.source = file, source
        try:
            *self.members, last = list(archive.members(file)) or [Member("", 0, 0)]
            self.manifest, self.digest = self._manifest(last)
            self._compare()
        except JournalCorrupt as error:
            raise JournalCorrupt(f"{source}: {error} It cannot be restored; take another backup.") from error

    def _manifest(self, last: Member) -> tuple[Manifest, str]:
        if last.name != MANIFEST or last.size > MAX_MANIFEST:
            raise JournalCorrupt("this is not a backup, or one that was never finished.")
        body = b"".join(archive.content(self.file, last))
        try:
            manifest = msgspec.json.decode(body, type=Manifest)
        except (msgspec.DecodeError, ValueError, RecursionError) as error:
            raise JournalCorrupt(f"its manifest cannot be read ({error}).") from error
        if manifest.v > FORMAT:
            raise FormatTooNew(f"{self.source}: made by handrail {manifest.handrail}. Upgrade handrail to restore it.")
        return manifest, sha256(body).hexdigest()

    def _compare(self) -> None:
        there = [(member.name, member.size) for member in self.members]
        if there != [(file.name, file.size) for file in self.manifest.files] or len(dict(there)) != len(there):
            raise JournalCorrupt("it does not hold the files that its manifest names.")
        for name, _ in there:
            if name.split("/")[0] not in STORES:
                raise JournalCorrupt(f"{name} is no part of a data folder.")


class _Restore:
    """One restore."""

    def __init__(self, contents: _Contents, folder: Path, progress: Progress | None) -> None:
        self._contents, self._folder, self._progress = contents, folder, progress
        self._left_out: list[str] = []

    def all_of(self, replace: bool, damaged: bool) -> Back:
        """Fill a folder of its own, check it, and let it take its place."""
        oscalls.make_folder(self._folder)
        oscalls.refuse_network(self._folder)
        with _alone(self._folder):
            _refuse_journal(self._folder, replace)
            with _stage(self._folder) as stage:
                self._fill(stage)
                report = verify(stage)
                self._refuse_damage(report, damaged)
                at = self._record(stage)
                oscalls.sync_all()
                aside = _exchange(stage, self._folder)
        manifest = self._contents.manifest
        return Back(
            str(self._folder), manifest.made, at, self._contents.digest, len(manifest.files) - len(self._left_out),
            report.segments, report.records, manifest.without, tuple(self._left_out), aside,
            _harmful(report),
        )  # fmt: skip

    def _fill(self, stage: Path) -> None:
        done, total = 0, sum(member.size for member in self._contents.members)
        oscalls.make_folder(stage / JOURNAL)
        for member, file in zip(self._contents.members, self._contents.manifest.files, strict=True):
            if file.uid is None or oscalls.user() in (file.uid, 0):
                self._extract(member, file, stage / member.name)
            else:
                self._left_out.append(member.name)
            done += member.size
            if self._progress is not None:
                self._progress(done, total)

    def _extract(self, member: Member, file: File, target: Path) -> None:
        hashed = sha256()
        with open(_new_file(target), "wb") as out:
            for chunk in archive.content(self._contents.file, member):
                hashed.update(chunk)
                out.write(chunk)
            if file.uid is not None:
                oscalls.give(out.fileno(), file.uid)
            if file.used is not None:
                out.flush()
                oscalls.touch(out.fileno(), min(file.used, ids.now_ns()))
        if hashed.hexdigest() != file.sha256:
            raise JournalCorrupt(
                f"{self._contents.source}: {member.name} is not what the manifest says: the backup is damaged or was "
                "changed. It cannot be restored; take another backup."
            )

    def _refuse_damage(self, report: VerifyReport, damaged: bool) -> None:
        problems = _harmful(report)
        if problems and not damaged:
            first = f"{problems[0].file}: offset {problems[0].offset}: {problems[0].what}"
            raise JournalCorrupt(
                f"{self._contents.source}: the journal in it was damaged already ({len(problems)} problems; {first}). "
                "Take another backup, or restore what there is with --damaged."
            )

    def _record(self, stage: Path) -> int:
        """Write that this was restored, as a writer of its own; returns the moment (ns since the epoch)."""
        journal, at = Journal(stage), ids.now_ns()
        manifest = self._contents.manifest
        journal.append(
            {"k": KIND, "made": manifest.made, "digest": self._contents.digest, "without": list(manifest.without)},
            durable=True,
        )
        journal.close("exit")
        return at


def _harmful(report: VerifyReport) -> tuple[Problem, ...]:
    return tuple(problem for problem in report.problems if not problem.harmless)


def _new_file(target: Path) -> int:
    oscalls.make_folder(target.parent)
    folder = oscalls.open_folder(target.parent)
    try:
        return oscalls.open_segment(folder, target.name)
    finally:
        oscalls.close(folder)


@contextmanager
def _alone(folder: Path) -> Generator[None]:
    """Be the only one that restores into a data folder."""
    fd = oscalls.open_folder(folder)
    try:
        if not oscalls.try_lock(fd):
            raise JournalError(f"{folder}: another process is restoring here. Wait for its end.")
        yield
    finally:
        oscalls.close(fd)


def _refuse_journal(folder: Path, replace: bool) -> None:
    if not oscalls.names_in(folder / JOURNAL):
        return
    if not replace:
        raise JournalError(
            f"{folder}: there is a journal here. Restore into another folder (--data), or put the backup in its place "
            "with --replace: what is there is set aside, not removed."
        )
    if any(reader.writer_alive(part) for part in reader.parts(folder) if part.place.length is None):
        raise JournalError(f"{folder}: a process still writes here. Stop the agents first.")


@contextmanager
def _stage(folder: Path) -> Generator[Path]:
    """A private folder inside ``folder``, gone afterwards; what killed restores left behind goes first."""
    for name in oscalls.names_in(folder):
        if name.startswith(_STAGE):
            shutil.rmtree(folder / name)
    stage = folder / f"{_STAGE}{os.urandom(8).hex()}"
    oscalls.make_folder(stage)
    try:
        yield stage
    finally:
        with suppress(OSError):
            shutil.rmtree(stage)


def _exchange(stage: Path, folder: Path) -> str | None:
    """Give the data folder its new content, the journal last; returns where the old one lies now."""
    try:
        aside = _set_aside(folder)
        _move(stage, folder, [*(name for name in STORES if name != JOURNAL), JOURNAL])
    except OSError as error:
        raise JournalError(
            f"{folder}: {error.strerror}: something was written here while it was restored. Stop the agents, and "
            "restore again with --replace; what was here before is in its folders before-restore-..."
        ) from error
    return aside


def _set_aside(folder: Path) -> str | None:
    """Move what the data folder holds into a folder of its own inside it, the journal first; returns that folder."""
    present = set(oscalls.names_in(folder))
    names = [name for name in (*STORES, *sorted(DERIVED - {"runs.lock"})) if name in present]
    if not names:
        return None
    aside = folder / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    oscalls.make_folder(aside)
    _move(folder, aside, names)
    return str(aside)


def _move(source: Path, target: Path, names: Iterable[str]) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            oscalls.rename(source / name, target / name)
    oscalls.sync_folder(target)
