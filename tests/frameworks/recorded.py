"""A small policy, and what a journal holds after it was at work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handrail.audit.reader import parts, payload, records
from handrail.audit.verify import verify

POLICY = """
version = 1
mode = "enforce"

[users]
"ana" = ["staff"]
"bob" = ["staff"]
"acme/ana" = ["staff"]

[[rule]]
id = "staff-work"
allow = "staff"
call = ["add", "greet"]

[[rule]]
id = "small-payments"
allow = "staff"
call = "pay"
when = "args.amount <= 500"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""
NEUTRAL = "Not available: nothing can be done here under this name and with this request."


def write_policy(folder: Path, text: str = POLICY) -> Path:
    """``handrail.toml`` in ``folder``."""
    path = folder / "handrail.toml"
    path.write_text(text)
    return path


class Recorded:
    """The records of a data folder, read from the journal itself."""

    def __init__(self, data: Path) -> None:
        self.data = data

    def all(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Records in the order in which they were written, of one kind if named; the chain is checked."""
        found: list[dict[str, Any]] = []
        for part in parts(self.data):
            found += [json.loads(record.body) for record in records(part)]
        return [record for record in sorted(found, key=_time) if kind in (None, record["k"])]

    def value(self, ref: Any) -> Any:
        """What a reference stands for."""
        kept = payload(self.data, ref)
        assert kept is not None
        return json.loads(kept)

    def calls(self) -> list[tuple[str, Any, str, bool]]:
        """Tool, arguments, verdict and whether it ran, of every proposed call."""
        return [(r["tool"], self.value(r["args"]), r["verdict"], r["ran"]) for r in self.all("tool.call")]

    def check_complete(self) -> None:
        """Every step that was opened is closed, and the journal is intact."""
        opened = [r["step"] for r in self.all() if r["k"] in ("run.start", "step.start", "model.call", "tool.call")]
        closed = [r["step"] for r in self.all() if r["k"] in ("run.end", "step.end", "model.result", "tool.result")]
        assert opened
        assert sorted(opened) == sorted(closed)
        report = verify(self.data)
        assert report.intact, report.problems


def _time(record: dict[str, Any]) -> tuple[int, str, int]:
    return record["t"], record["w"], record["n"]
