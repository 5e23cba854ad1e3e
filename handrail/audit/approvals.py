"""Changes that wait for a second person. Who wrote a file is taken from the file's owner, never from what it says."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from handrail.audit import oscalls, small_files
from handrail.audit.policies import FOLDER
from handrail.config import Settings
from handrail.config.live import Actor, LiveChange, live_file, parse_changes
from handrail.errors import ConfigError, JournalError, PolicyPending


class Proposal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change that somebody wants: one of rights, or the files as they are now."""

    id: str
    kind: Literal["change", "file"]
    by: Actor
    why: str
    at: float
    file: str
    """The handrail.toml that it is about."""
    change: LiveChange | None = None
    digest: str = ""
    """Of the files, where they are what is proposed."""


def actor() -> Actor:
    """Who runs this process."""
    return whom(_uid())


def _uid() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def whom(uid: int) -> Actor:
    """The user with this number, by name where the system knows one."""
    try:
        import pwd  # not on Windows

        return Actor(uid, pwd.getpwuid(uid).pw_name)
    except (KeyError, ImportError):
        return Actor(uid, str(uid))


def file_digest(settings: Settings) -> str:
    """Digest of handrail.toml and the files that it names, without the changes made while running."""
    live = live_file(settings.data)
    contents = (content for path, content in settings.sources.items() if content is not None and path != live)
    return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()


def proposal_file(data: Path, id: str) -> Path:
    """Where a proposal lies."""
    return data / FOLDER / "proposals" / f"{id}.json"


def approval_file(data: Path, id: str) -> Path:
    """Where its approval lies."""
    return data / FOLDER / "approvals" / f"{id}.json"


def propose(settings: Settings, why: str, change: LiveChange | None = None) -> Proposal:
    """Ask for a second person's yes to ``change``, or to the files as they are. Raises OSError and JournalError."""
    digest = "" if change else file_digest(settings)
    made = Proposal(
        change.id if change else f"file-{digest[:16]}", "change" if change else "file", actor(), why, time.time(),
        str(settings.file), change, digest,
    )  # fmt: skip
    small_files.write_first(proposal_file(settings.data, made.id), msgspec.json.encode(made))
    return made


def approve(data: Path, id: str, why: str) -> Proposal:
    """Say yes to a proposal of somebody else. Raises ConfigError for one's own, JournalError where there is none."""
    path = proposal_file(data, id)
    proposal = _proposal(path)
    if proposal is None:
        waiting = ", ".join(one.id for one in pending(data)) or "none"
        raise JournalError(f"There is no proposal {id!r} in {path.parent}; waiting: {waiting}.")
    if _owner(path) == _uid():
        raise ConfigError(f"{id} was proposed by this very user.", hint="Another user of this system must approve it.")
    content = msgspec.json.encode({"id": id, "by": actor(), "why": why, "at": time.time()})
    small_files.write_first(approval_file(data, id), content)
    return proposal


def pending(data: Path) -> Iterator[Proposal]:
    """The proposals that nobody has approved yet."""
    for name in oscalls.names_in(data / FOLDER / "proposals"):
        proposal = _proposal(data / FOLDER / "proposals" / name)
        if proposal is not None and not _approved(data, proposal.id):
            yield proposal


def require(folder: Path, before: Settings, new: Settings) -> None:
    """Raise PolicyPending unless a second person approved what ``new`` has and ``before`` has not."""
    missing: list[str] = []
    if (digest := file_digest(new)) != file_digest(before):
        proposal = _proposal(proposal_file(folder, f"file-{digest[:16]}"))
        if proposal is None or proposal.digest != digest or not _approved(folder, proposal.id):
            missing.append(f"file-{digest[:16]}")
    known = {change.id: change for change in before.live}
    written = _written(new)
    for change in written:
        if known.get(change.id) != change and not _allowed(folder, change):
            missing.append(change.id)
    now, ids = time.time(), {change.id for change in written}
    missing += [id for id, one in known.items() if id not in ids and (one.until is None or one.until > now)]
    if missing:
        waits = [approval_file(folder, id) for id in missing]
        raise PolicyPending(
            f"{', '.join(missing)}: not approved by a second person.", file=new.file, waits_for=waits,
            hint="Propose a changed file: `handrail policy propose`; another user runs `handrail policy approve ID`.",
        )  # fmt: skip


def _written(settings: Settings) -> tuple[LiveChange, ...]:
    path = live_file(settings.data)
    content = settings.sources.get(path)
    return parse_changes(content, path) if content is not None else ()


def _allowed(data: Path, change: LiveChange) -> bool:
    proposal = _proposal(proposal_file(data, change.id))
    return proposal is not None and proposal.change == change and _approved(data, change.id)


def _approved(data: Path, id: str) -> bool:
    asked, agreed = (_owner(path(data, id)) for path in (proposal_file, approval_file))
    return asked is not None and agreed is not None and asked != agreed


def _owner(path: Path) -> int | None:
    """Number of the user who wrote a regular file; None where there is none."""
    try:
        fd = oscalls.open_existing(path)
    except OSError:
        return None
    try:
        return oscalls.owner(fd)
    finally:
        oscalls.close(fd)


def _proposal(path: Path) -> Proposal | None:
    try:
        content = small_files.read(path)
        return None if content is None else msgspec.json.decode(content, type=Proposal)
    except (OSError, msgspec.DecodeError):
        return None
