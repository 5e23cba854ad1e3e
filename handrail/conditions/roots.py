"""The facts that conditions may read: one typed table. A new source of facts is one more entry here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Fact:
    """What a path leads to."""

    type: Literal[
        "string",
        "number",
        "array",
        "object",
    ]
    """As JSON Schema names it."""
    members: Mapping[str, Fact] | None = None
    """Everything that an object has; None where any name may follow, or none."""


_TEXT, _NUMBER = Fact("string"), Fact("number")

ROOTS: Mapping[str, Fact] = {
    "args": Fact("object"),
    "principal": Fact("object", {"user": _TEXT, "agent": _TEXT, "chain": Fact("array")}),
    "tenant": _TEXT,
    "session": _TEXT,
    "channel": _TEXT,
    "run": Fact("object", {"steps": _NUMBER, "model_calls": _NUMBER, "tool_calls": _NUMBER}),
    "env": Fact("object", {"now": _NUMBER}),
    "doc": Fact("object", {"metadata": Fact("object"), "id": _TEXT}),
    "memory": Fact("object", {"namespace": _TEXT, "key": _TEXT}),
}
"""First step of a path -> what it is."""
