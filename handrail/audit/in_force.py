"""Which configuration is in force on this host, and the record of every change of it, written once per host."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from handrail.audit import approvals, oscalls, policies, small_files
from handrail.config import Settings
from handrail.config.difference import difference
from handrail.config.live import Actor, LiveChange, live_file, parse_changes
from handrail.errors import ConfigError, HandrailError, JournalError


class _Digests(msgspec.Struct, frozen=True):
    """What tells one configuration from another, of all that is kept of it."""

    config: str
    policy: str


def pointer(folder: Path, file: Path) -> Path:
    """Where the configuration in force lies in the data folder that came from this handrail.toml."""
    name = hashlib.sha256(str(file).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return folder / policies.FOLDER / "in_force" / f"{name}.json"


def current(folder: Path, file: Path) -> Settings | None:
    """The settings in force that came from this handrail.toml; None when there are none yet.

    Raises JournalError when they cannot be read.
    """
    path = pointer(folder, file)
    content = _read(path)
    return None if content is None else policies.unpacked(content, path)


def put(
    folder: Path,
    new: Settings,
    digest: str,
    record: Callable[[dict[str, object]], None],
    before: Settings | None = None,
) -> None:
    """Put ``new``, whose policy has ``digest``, in force; ``record`` is given the record when that changes something.

    ``before`` are the settings that were in force here: they need not be read then.

    Raises PolicyPending where a second person must approve it first, ConfigError where changes made while running
    have vanished, and JournalError where it cannot be noted.
    """
    if new.file is None or not new.digest:
        return
    path = pointer(folder, new.file)
    if _is_current(path, new, digest):
        return
    try:
        oscalls.make_folder(path.parent)
        with oscalls.locked(path.parent / "lock", wait=True, shared=True):
            if not _is_current(path, new, digest):
                _replace(folder, path, new, digest, record, before)
    except OSError as error:
        raise JournalError(f"{path}: what is in force cannot be noted: {error.strerror}.") from error


def _replace(
    folder: Path,
    path: Path,
    new: Settings,
    digest: str,
    record: Callable[[dict[str, object]], None],
    known: Settings | None,
) -> None:
    content = _read(path)
    was = _was(content, known)
    if was is not None:
        before = known if known is not None and known.digest == was.config else policies.unpacked(content or b"", path)
        if before.two_person:
            approvals.require(folder, before, new)
        _refuse_vanished(folder, before, new)
        record(_change(before, was, new, digest))
    # after the record: whoever dies in between writes it twice rather than never
    small_files.replace(path, policies.packed(new, digest))


def _was(content: bytes | None, known: Settings | None) -> _Digests | None:
    """What is in force by the note of it; where the note was removed, what this process knows to be in force."""
    if content is not None:
        return msgspec.json.decode(content, type=_Digests)
    return None if known is None else _Digests(known.digest, "")


def _refuse_vanished(folder: Path, before: Settings, new: Settings) -> None:
    """A lost file of changes would give back what was revoked: only ``handrail policy withdraw`` does that."""
    running = [one for one in before.live if one.until is None or one.until > time.time()]
    if running and new.sources.get(live_file(new.data)) is None:
        ids = ", ".join(one.id for one in running)
        hint = f"Restore it, or take these changes back: handrail policy withdraw {ids.replace(',', '')}"
        raise ConfigError(f"The changes in force ({ids}) have vanished.", file=live_file(folder), hint=hint)


def _is_current(path: Path, new: Settings, digest: str) -> bool:
    content = _read(path)
    try:
        return content is not None and msgspec.json.decode(content, type=_Digests) == _Digests(new.digest, digest)
    except msgspec.DecodeError:
        return False


def _read(path: Path) -> bytes | None:
    try:
        return small_files.read(path)
    except OSError as error:
        raise JournalError(f"{path}: what is in force cannot be read: {error.strerror}.") from error


def _change(before: Settings, was: _Digests, new: Settings, digest: str) -> dict[str, object]:
    what, who, why = _cause(before, new)
    return {
        "k": "policy.change",
        "what": what,
        "who": None if who is None else {"uid": who.uid, "name": who.name},
        "why": why,
        "file": str(new.file),
        "before": {"config": was.config, "policy": was.policy, "mode": before.written_mode},
        "after": {"config": new.digest, "policy": digest, "mode": new.written_mode},
        "diff": difference(before, new),
    }


def _cause(before: Settings, new: Settings) -> tuple[str, Actor | None, str]:
    """What kind of change it is, who made it and why, as far as known."""
    live = live_file(new.data)
    for path, content in new.sources.items():
        if path != live and content != before.sources.get(path):
            return "file", _owner(path), ""
    gone = {change.id for change in before.live} - {change.id for change in new.live}
    made = [one for one in _written(new) if one.of in gone or (one in new.live and one not in before.live)]
    if not made and not gone and new.casbin is not None and new.casbin != before.casbin:
        return "rows", None, ""
    if made:
        return made[-1].what, made[-1].by, made[-1].why
    return ("end", None, "the time is over") if gone else ("file", _owner(new.file), "")


def _written(settings: Settings) -> tuple[LiveChange, ...]:
    path = live_file(settings.data)
    content = settings.sources.get(path)
    try:
        return parse_changes(content, path) if content is not None else ()
    except HandrailError:
        return ()


def _owner(path: Path | None) -> Actor | None:
    try:
        return approvals.whom(oscalls.stat(path).st_uid) if path is not None else None
    except OSError:
        return None
