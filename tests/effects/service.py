"""The outside service of the crash campaign: what it was asked to do, what it did, and whether it did one thing.

Two files, one line for each call that reached it and one for each effect. What is in them survives a killed agent,
as everything does that the kernel has; nobody pulls the plug here, so nobody waits for the disk.
"""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import handrail


class Service:
    """A service that books things, and remembers by which key."""

    def __init__(self, folder: Path) -> None:
        self._world, self._begun = folder / "world", folder / "begun"

    def book(self, what: str, key: str, *, honours: bool) -> str:
        """Book ``what``; a service that ``honours`` keys does nothing for one that it has seen."""
        self.begin(what, key)
        self.do(what, key, honours)
        return answer(what)

    def begin(self, what: str, key: str) -> None:
        """A call has arrived, and nothing was done about it yet."""
        with self._begun.open("a") as file:
            file.write(f"{what} {key}\n")

    def do(self, what: str, key: str, honours: bool) -> None:
        """Do it; looking and doing are one step, as in a transaction."""
        with self._world.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            if not honours or all(line.split()[1] != key for line in file):
                os.write(file.fileno(), f"{what} {key}\n".encode())

    def done(self) -> Counter[str]:
        """How often each thing was done."""
        return Counter(what for what, _ in _lines(self._world))

    def keys(self) -> Counter[str]:
        """How often something was done by each key."""
        return Counter(key for _, key in _lines(self._world))

    def begun(self) -> Counter[str]:
        """How often a call with each key has arrived."""
        return Counter(key for _, key in _lines(self._begun))


def _lines(file: Path) -> list[tuple[str, str]]:
    text = file.read_text() if file.exists() else ""
    return [(what, key) for what, key in (line.split(" ") for line in text.splitlines())]


def answer(what: str) -> str:
    """What the service says when it has booked ``what``."""
    return f"booked {what}"


reached: list[Service] = []
"""The service of this process: what ``happened`` asks."""


def happened(key: str, args: Mapping[str, Any]) -> Any:
    """Whether the call with ``key`` was carried out: its result, or NotDone."""
    return answer(args["what"]) if reached[-1].keys()[key] else handrail.NotDone
