"""The bytes of the journal, schema version 1: records, chain, payloads, names. Pure functions, no files.

A record is one line of a segment ``<writer>-<number>.jl``: 64 hex digits of SHA-256(previous digest || JSON),
a space, canonical JSON, a newline. Its payloads are lines of the side segment ``<writer>-<number>.pl``:
64 hex digits of a salt, a space, canonical JSON, a newline. An erased payload line is dashes to its length.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TypeAlias

import msgspec

SCHEMA = 1
"""Version of the records that this release writes, and the newest that it reads."""
GENESIS = bytes(32)
"""What a writer's first record has for a previous digest."""
HEX = 64
"""Hex digits of a digest or a salt; the byte after them is a space."""
SALT_BYTES = 32
KINDS = frozenset(
    {
        "writer.start", "segment", "writer.stop", "config.load", "policy.change", "drop", "delegation",
        "owner.refused",
        "run.start", "run.end", "step.start", "step.end",
        "model.call", "model.result", "tool.call", "tool.result", "tools",
    }
)  # fmt: skip
"""Kinds of records in schema 1. A reader passes over kinds that it does not know."""

PART_NAME = re.compile(r"([0-9a-f]{16})-([0-9]{6,9})")
"""``<writer>-<number>``: a segment together with its side segment."""
FILE_NAME = re.compile(PART_NAME.pattern + r"\.(jl|pl)")
"""A segment or a side segment."""
PACK_NAME = re.compile(r"pack-[0-9a-f]{16}\.jlp")
"""A pack: many parts in one file."""
JOURNAL = "journal"
"""Folder of the segments inside a data folder."""
Ref: TypeAlias = dict[str, str | int]
"""Where a payload lies and what it must be: commitment ``c``, part ``f``, offset ``o``, length ``l`` (bytes).

Only ``c`` where payloads are not kept."""

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


def commitment(salt: bytes, body: bytes) -> str:
    """What a record says of a payload: it tells nothing of the payload to one who lacks the salt."""
    return sha256(salt + body).hexdigest()


def erased_line(length: int) -> bytes:
    """What stands where a payload line of ``length`` bytes was erased."""
    return b"-" * (length - 1) + b"\n"


def part_name(writer: str, number: int) -> str:
    """Name of a writer's segment, without ending."""
    return f"{writer}-{number:06d}"
