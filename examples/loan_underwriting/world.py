"""The world outside: a document store, a credit bureau, a fraud register, the bank's ledger, the post.

What has been done to it lies in small files, a line for each thing done, flushed to the disk before the caller is
answered; nothing in here takes anything back, so that whatever is done twice stands there twice. Every function that
has to do with the world counts as one **call**; :func:`kill_at` makes the process kill itself in one of them.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import handrail
from examples.loan_underwriting.applicants import APPLICANTS

FOLDER = "LOAN_WORLD"
"""Environment variable with the folder of the files, as a program would have the address of a service."""
When = Literal["before", "after"]

_calls = itertools.count(1)
_kill: tuple[int, When] = (0, "after")


def kill_at(call: int, when: When = "after") -> None:
    """End this process by SIGKILL in its ``call``-th call, counted from 1 from here on; 0 for none.

    ``before``: nothing has been done yet. ``after``: it has been done, and the answer never arrives.
    """
    global _kill, _calls
    _kill, _calls = (call, when), itertools.count(1)


def read_documents(applicant: str) -> dict[str, object]:
    """What the applicant handed in, as read from the documents."""
    with _call():
        return dict(APPLICANTS[applicant].documents)


def screen(applicant: str) -> dict[str, object]:
    """What the fraud register says."""
    with _call():
        flags = APPLICANTS[applicant].flags
        return {"clear": not flags, "flags": list(flags)}


def pull_credit(applicant: str, key: str) -> dict[str, object]:
    """A credit report. It is charged, and the applicant's file at the bureau shows the inquiry.

    The bureau honours idempotency keys: a second request with the key of the first gets the same report, uncharged.
    """
    with _call():
        charged = not any(entry["key"] == key for entry in entries("bureau"))
        _append("bureau", {"key": key, "applicant": applicant, "charged": charged})
        return dict(APPLICANTS[applicant].report)


def book(decision: dict[str, Any], key: str) -> str:
    """Put a decision into the ledger, for good. The ledger refuses no repeats; it can be asked by key."""
    with _call():
        number = f"B{len(entries('ledger')) + 1:04}"
        _append("ledger", {"key": key, "number": number, **decision})
        return number


def send(letter: dict[str, Any], key: str) -> str:
    """Send a letter, for good. The post refuses no repeats; what was sent can be looked up by key."""
    with _call():
        number = f"L{len(entries('outbox')) + 1:04}"
        _append("outbox", {"key": key, "number": number, **letter})
        return number


def find_booking(key: str, args: Mapping[str, Any]) -> str | handrail.NotDone:
    """Ask the ledger: the number of the entry that was made with this key, or that there is none."""
    return _find("ledger", key)


def find_letter(key: str, args: Mapping[str, Any]) -> str | handrail.NotDone:
    """Ask the post likewise."""
    return _find("outbox", key)


def _find(name: str, key: str) -> str | handrail.NotDone:
    found = next((entry for entry in entries(name) if entry["key"] == key), None)
    return handrail.NotDone() if found is None else str(found["number"])


def entries(name: str) -> list[dict[str, Any]]:
    """All that was ever done at ``bureau``, ``ledger`` or ``outbox``, oldest first."""
    path = _path(name)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _path(name: str) -> Path:
    return Path(os.environ[FOLDER]) / f"{name}.jsonl"


def _append(name: str, entry: dict[str, Any]) -> None:
    path = _path(name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        os.write(file, json.dumps(entry).encode() + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


@contextmanager
def _call() -> Generator[None]:
    at, when = _kill
    here = next(_calls) == at
    if here and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    yield
    if here:
        os.kill(os.getpid(), signal.SIGKILL)
