"""The bytes of the journal, schema version 2: records, chain, payloads, names. Pure functions, no files.

A record is one line of a segment ``<writer>-<number>.jl``: 64 hex digits of SHA-256(previous digest || JSON),
a space, canonical JSON, a newline. Its payloads are lines of the side segment ``<writer>-<number>.pl``:
32 hex digits of a salt, a space, canonical JSON, a newline. An erased payload line is dashes to its length.
In version 1 a salt has 64 hex digits and every record says all that it says itself, ``v`` and ``w`` included.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TypeAlias

import msgspec

SCHEMA = 2
"""Version of the records that this release writes, and the newest that it reads."""
GENESIS = bytes(32)
"""What a writer's first record has for a previous digest."""
HEX = 64
"""Hex digits of a digest; the byte after them is a space."""
SALT_BYTES = 16
"""Bytes of a salt: nobody guesses 128 bits of randomness. In version 1 there are 32."""
SALT_HEX = (2 * SALT_BYTES, 64)
"""Hex digits that a salt may have; the byte after them is a space."""
LIKE = "like"
"""Field of a short record: offset in bytes, in its segment, of the record that has what it leaves out."""
STEPS = ("step", "parent", "cause")
"""Fields with the id of a step; in a short record it may be the offset of the record that opened the step."""
KEPT = ("output", "result")
"""Fields whose payload a short record may name by the offset of the record that has them."""
KINDS = frozenset(
    {
        "writer.start", "segment", "writer.stop", "config.load", "policy.change", "drop", "delegation",
        "owner.refused", "restore",
        "run.start", "run.end", "step.start", "step.end",
        "model.call", "model.result", "tool.call", "tool.result", "tools", "span", "export",
        "run.input", "run.forgotten", "effect.resolved", "effect.orphan",
        "limit", "approval", "validation", "intervention",
    }
)  # fmt: skip
"""Kinds of records in schema 2. A reader passes over kinds that it does not know."""

PLACE = ("c", "f", "o", "l")
"""Keys of a payload reference that say where the payload lies and what it must be."""
PART_NAME = re.compile(r"([0-9a-f]{16})-([0-9]{6,9})")
"""``<writer>-<number>``: a segment together with its side segment."""
FILE_NAME = re.compile(PART_NAME.pattern + r"\.(jl|pl)")
"""A segment or a side segment."""
PACK_SCHEMA = 1
"""Version of packs: they have not changed since version 1 of records."""
PACK_NAME = re.compile(r"pack-[0-9a-f]{16}\.jlp")
"""A pack: many parts in one file."""
JOURNAL = "journal"
"""Folder of the segments inside a data folder."""
Ref: TypeAlias = dict[str, str | int | list[int]]
"""Where a payload lies and what it must be: commitment ``c``, part ``f``, offset ``o``, length ``l`` (bytes).

Only ``c`` where payloads are not kept. With ``s``, a list of start and length, it is those bytes of the value."""

encode = msgspec.json.Encoder(order="deterministic").encode
"""Canonical JSON of a value, as bytes: keys sorted, no spaces, UTF-8. Raises TypeError, ValueError, OverflowError."""


def chained(previous: bytes, body: bytes) -> bytes:
    """Digest of a record, given the digest of the record before it (32 bytes each)."""
    return sha256(previous + body).digest()


def record_line(digest: bytes, body: bytes) -> bytes:
    """The line of a record in its segment."""
    return b"%b %b\n" % (digest.hex().encode(), body)


def payload_line(salt: bytes, body: bytes) -> bytes:
    """The line of a payload in its side segment."""
    return b"%b %b\n" % (salt.hex().encode(), body)


def opened_line(line: bytes) -> tuple[bytes, bytes] | None:
    """Salt and value of a payload line with its newline; None where it is none."""
    length = line.find(b" ")
    if length not in SALT_HEX:
        return None
    try:
        return bytes.fromhex(line[:length].decode("ascii")), line[length + 1 : -1]
    except ValueError:
        return None


def commitment(salt: bytes, body: bytes) -> str:
    """What a record says of a payload: it tells nothing of the payload to one who lacks the salt."""
    return sha256(salt + body).hexdigest()


def erased_line(length: int) -> bytes:
    """What stands where a payload line of ``length`` bytes was erased."""
    return b"-" * (length - 1) + b"\n"


def part_name(writer: str, number: int) -> str:
    """Name of a writer's segment, without ending."""
    return f"{writer}-{number:06d}"
