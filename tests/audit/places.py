"""Places for journals that a test needs: small disks, read-only disks, and scripts in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from handrail.audit import reader
from handrail.audit.journal import Journal
from handrail.audit.reader import Part

REPO = Path(__file__).resolve().parents[2]
FACT = {"k": "config.load", "outcome": "loaded", "mode": "observe"}


@contextmanager
def mounted(folder: Path, *, kilobytes: int) -> Iterator[Path]:
    """A file system of that size at ``folder``; skips the test where mounting is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "handrail-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("This needs the right to mount a file system.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def read_only(folder: Path) -> None:
    """Make a file system of ``mounted`` read-only."""
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Run a Python script in a process of its own that can import the repo."""
    environ = os.environ | {"PYTHONPATH": str(REPO)}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environ, text=True, stdin=pipe, stdout=pipe, stderr=pipe)


def run(script: str, *arguments: object) -> str:
    """Run a Python script to its end; its standard output. Fails the test when the script does."""
    with start(script, *arguments) as process:
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def bodies(part: Part, offset: int = 0) -> list[dict[str, object]]:
    """The decoded good records of a part."""
    return [msgspec.json.decode(record.body) for record in reader.records(part, offset)]


def everything(folder: Path) -> list[dict[str, object]]:
    """The decoded good records of a journal."""
    return [body for part in reader.parts(folder) for body in bodies(part)]


def kinds(folder: Path) -> list[str]:
    """The kinds of all records, in order."""
    return [str(body["k"]) for body in everything(folder)]


def write_one(folder: Path, *numbers: int, segment_bytes: int = 64 << 20) -> str:
    """A writer that appends ``{"i": number}`` with a payload each, and stops; its id."""
    journal = Journal(folder, segment_bytes=segment_bytes)
    journal.open()
    for number in numbers:
        journal.append({"k": "tool.call", "i": number, "args": journal.put(b'{"i":%d}' % number)})
    writer = journal.writer
    journal.close()
    return writer
