"""The process that runs one isolated check: ``python -m handrail.validators.worker``. See isolation.py.

The first line that it reads names the check, each further one a value. What the check prints goes nowhere.
"""

from __future__ import annotations

import json
import math
import os
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, BinaryIO

from handrail.errors import ConfigError
from handrail.validators import isolation
from handrail.validators.context import Call, Context, Run, Source
from handrail.validators.expression import parse
from handrail.validators.protocol import Check

MAX_MEMORY = 4 * 1024**3
"""Bytes of address space."""
_SPARE_SECONDS = 5


def main() -> None:
    """Answer until nobody asks any more."""
    asked, told = _pipes()
    _limit()
    first: dict[str, Any] = json.loads(asked.readline())
    try:
        check = parse(first["check"])
    except ConfigError as problem:
        _tell(told, {"problem": problem.problem, "hint": problem.hint})
        return
    _tell(told, {"needs_run": check.needs_run})
    for line in asked:
        # Whoever started this kills it when it is late. Should that process have been killed itself, nobody does.
        signal.alarm(math.ceil(first["seconds"]) + _SPARE_SECONDS)
        _tell(told, _answer(check, json.loads(line)))
        signal.alarm(0)


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """What was standard input and output, under other numbers: a check that prints, or reads, must not be heard."""
    asked, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    return asked, told


def _limit() -> None:
    for kind, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_AS, MAX_MEMORY)):
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    isolation.HERE = True


def _answer(check: Check, asked: Mapping[str, Any]) -> dict[str, object]:
    try:
        found = check.check(asked["value"], _context(asked["context"]))
        return {"findings": [asdict(one) for one in found]}
    except Exception as problem:
        return {"error": type(problem).__name__}


def _context(said: Mapping[str, Any]) -> Context:
    known: Mapping[str, Any] = said.get("run") or {"sources": (), "calls": (), "complete": True}
    sources, calls = tuple(Source(**one) for one in known["sources"]), tuple(Call(**one) for one in known["calls"])
    return Context(
        said["on"], said["tool"], said["agent"], said["tenant"], said["user"], said["args"],
        Run(sources, calls, known["complete"]), datetime.fromisoformat(said["now"]),
    )  # fmt: skip


def _tell(told: BinaryIO, answer: dict[str, object]) -> None:
    try:
        line = json.dumps(answer)
    except Exception as problem:
        line = json.dumps({"error": type(problem).__name__})
    told.write(line.encode() + b"\n")
    told.flush()


if __name__ == "__main__":
    main()
    sys.exit(0)
