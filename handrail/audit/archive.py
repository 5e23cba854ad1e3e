"""The file of a backup: a plain tar of regular files, and nothing else that a tar can hold.

Any `tar` lists and unpacks it (POSIX.1-1988 "ustar": headers of 512 bytes, contents filled up to 512, two empty blocks
at the end). Reading is stricter than any `tar`: a header must be, byte for byte, the one that we write for its name and
size, so links, devices, owners, extensions and names outside the folder cannot be said at all.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from handrail.errors import JournalCorrupt, JournalError

BLOCK = 512
"""Bytes of a header, and of what contents are filled up to."""
CHUNK = 1 << 20
"""Bytes of content that are in memory at once."""
NAME = re.compile(r"(?:(?!lock/|.*\.(?:lock|tmp)/)[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}/){1,5}")
"""A name with a slash behind it: up to five parts, none of them hidden, a lock or unfinished."""
_END = bytes(2 * BLOCK)


class Member(NamedTuple):
    """One file of an archive."""

    name: str
    """Path from the data folder, parts joined by ``/``."""
    size: int
    """Bytes of its content."""
    start: int
    """Offset of its content in the archive, in bytes."""


def is_name(name: str) -> bool:
    """Whether a file of this name may stand in a backup: a path inside the folder that is neither hidden nor a lock."""
    return NAME.fullmatch(f"{name}/") is not None


def header(name: str, size: int) -> bytes:
    """The header of a file: its owner's only, of nobody and of no time. Raises JournalError for what has none."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    try:
        return info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict")
    except (ValueError, UnicodeError) as error:
        raise JournalError(f"{name}: a file of {size} bytes cannot stand in a backup: {error}.") from error


def add(out: BinaryIO, name: str, size: int, chunks: Iterable[bytes]) -> None:
    """Append one file of exactly ``size`` bytes. Raises OSError, and JournalError where there are others."""
    out.write(header(name, size))
    written = 0
    for chunk in chunks:
        out.write(chunk)
        written += len(chunk)
    if written != size:
        raise JournalError(f"{name}: changed while it was copied. Make the backup again.")
    out.write(bytes(-size % BLOCK))


def finish(out: BinaryIO) -> None:
    """Append the end of the archive. Raises OSError."""
    out.write(_END)


def members(file: BinaryIO) -> Iterator[Member]:
    """What an archive holds, in its order; reads headers only. Raises JournalCorrupt where it is not one of ours."""
    size = file.seek(0, 2)
    offset = 0
    while (block := _block(file, offset, size)) is not None:
        member = _member(block, offset)
        yield member
        offset = _after(file, member)


def content(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """The bytes of one file of an archive, piece by piece; fewer than its size only where the archive is cut off."""
    file.seek(member.start)
    left = member.size
    while left > 0:
        chunk = file.read(min(left, CHUNK))
        if not chunk:
            return
        left -= len(chunk)
        yield chunk


def _block(file: BinaryIO, offset: int, size: int) -> bytes | None:
    """The header at ``offset``; None at the end, which must be where it belongs."""
    file.seek(offset)
    block = file.read(BLOCK)
    if len(block) == BLOCK and block != _END[:BLOCK]:
        return block
    if block + file.read(BLOCK) != _END or offset + len(_END) != size:
        raise JournalCorrupt(f"offset {offset}: the archive is cut off, or something follows its end.")
    return None


def _after(file: BinaryIO, member: Member) -> int:
    """Offset behind a file's content and the zeros that fill it up."""
    end, fill = member.start + member.size, -member.size % BLOCK
    file.seek(end)
    if file.read(fill) != bytes(fill):
        raise JournalCorrupt(f"offset {end}: the archive is cut off, or {member.name} is not filled up with zeros.")
    return end + fill


def _member(block: bytes, offset: int) -> Member:
    """The file that a header is of; only what :func:`header` writes is taken."""
    name = _text(block[:100])
    prefix = _text(block[345:500])
    digits = _text(block[124:135])
    if re.fullmatch("[0-7]{11}", digits):
        name, size = f"{prefix}/{name}" if prefix else name, int(digits, 8)
        if is_name(name) and header(name, size) == block:
            return Member(name, size, offset + BLOCK)
    raise JournalCorrupt(f"offset {offset}: this is not a file that a backup holds (a link, a device, another path?).")


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("latin-1")
