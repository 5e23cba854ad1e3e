"""A data folder with everything that one can hold, and small tools, for the tests of backups."""

from __future__ import annotations

import io
from pathlib import Path

from handrail.audit import archive
from handrail.audit.journal import Journal
from tests.audit.recorded import whole

OTHERS = {
    "owners/thread-0a": b"acme", "threads/0b": b"{}", "policy/texts/p0.json": b"{}", "policy/in_force/f0.json": b"{}",
    "policy/live.json": b"{}", "policy/proposals/grant-1.json": b"{}", "asks/q1.json": b"{}", "tokens/17-x": b"",
    "replay/w.values": b"\0sealed", "replay/keys/0c": b"secret", "keys/delegation.key": b"k" * 32,
    "digest.key": b"d" * 32,
}  # fmt: skip
"""What a data folder can hold besides the journal."""
PASSING = ("index/index.duckdb", "runs.lock", "policy/in_force/lock", "owners/.draft.1", "journal/pack.lock")
"""What no backup holds."""


def filled(data: Path) -> Path:
    """Fill a data folder with a finished writer and everything else."""
    journal = Journal(data)
    whole(journal)
    journal.close()
    for name, content in {**OTHERS, **dict.fromkeys(PASSING, b"x")}.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(content)
    return data


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def changed(content: bytes, old: str, new: str) -> bytes:
    """A backup with a file's name, or another word of its manifest, changed, and everything else fitting it."""
    file = io.BytesIO(content)
    *kept, last = archive.members(file)
    out = io.BytesIO()
    for member in kept:
        name = new if member.name == old else member.name
        archive.add(out, name, member.size, archive.content(file, member))
    body = b"".join(archive.content(file, last)).replace(old.encode(), new.encode())
    archive.add(out, last.name, len(body), [body])
    archive.finish(out)
    return out.getvalue()
