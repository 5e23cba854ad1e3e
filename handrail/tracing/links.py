"""Causal links beyond the tree: what a step came from, besides the step above it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

LinkType = Literal["caused_by", "retry_of", "resumed_from", "forked_from", "rejoins", "handed_over_by"]
"""How a step relates to the one that it points to."""


@dataclass(frozen=True, slots=True)
class Link:
    """One step points to another, which may belong to another run."""

    type: LinkType
    step: str
    """Id of the step that is pointed to, 16 hex digits."""
    run: str = ""
    """Its run; empty for the run of the step that points."""
    trace: str = ""
    """Its trace; empty for the trace of the step that points."""

    def record(self) -> dict[str, str]:
        """The link as a record has it: without what is the same anyway."""
        found = {"type": self.type, "step": self.step, "run": self.run, "trace": self.trace}
        return {name: value for name, value in found.items() if value}


def causal(facts: Mapping[str, Any], links: Sequence[Link] = ()) -> Sequence[Link]:
    """``links`` and those that the facts ``cause`` and ``causes`` stand for, which point into the step's own run."""
    steps = [*facts.get("causes", ()), *([facts["cause"]] if "cause" in facts else [])]
    if not steps:
        return links
    known = {link.step for link in links}
    return [*links, *(Link("caused_by", step) for step in steps if step not in known)]
