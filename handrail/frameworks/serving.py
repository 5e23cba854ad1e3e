"""Owners of the frames of calls that clients further in carry out: such a client's request is no step of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail.audit.steps import Step


class Serving:
    """Owner of the frame of a call that has a step."""

    def __init__(self, step: Step | None = None) -> None:
        self.step = step
        self.learnt: dict[str, Any] = {}
        """What clients further in have learnt of the call: facts of its closing record."""

    def learn(self, facts: Mapping[str, Any]) -> None:
        """Take what one request says; where there are several, their token counts are added up."""
        used = {**self.learnt.get("usage", {})}
        for name, count in (facts.get("usage") or {}).items():
            used[name] = used.get(name, 0) + count
        self.learnt.update(facts)
        if used:
            self.learnt["usage"] = used
