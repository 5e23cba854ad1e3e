"""Searches of a memory as steps, and records of a memory in JSON types."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from handrail.audit.steps import Step
from handrail.gate import Passed, gate_of, outcome_of, seen
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted

log = logging.getLogger(__name__)


class Search:
    """One search; whatever fails in observing it is logged and never reaches the caller."""

    def __init__(self, frame: Frame, store: str, query: object) -> None:
        self._step: Step | None = None
        self._frame, self._store = frame, store
        facts = {"operation": "search_memory", "store": store}
        try:
            content = {"query": query} if query else {}
            self._step = gate_of(frame).steps.open(frame, "memory", store, facts, content=content)
        except Exception:
            log.warning("A search of a memory could not be recorded", exc_info=unquoted())

    def found(self, items: Any) -> None:
        """Close the step with what is given out."""
        if self._step is None:
            return
        try:
            records = [record_of(item.key, item.value, getattr(item, "score", None)) for item in items]
            seen.recalled(self._frame, self._store, records)
            self._step.finish("ok", None, {"records": len(records)}, content={"result": records})
        except Exception:
            log.warning("What a memory gave out could not be recorded", exc_info=unquoted())
            self._step.finish("ok")

    def failed(self, error: BaseException) -> None:
        """Close the step with what was raised."""
        if self._step is not None:
            self._step.finish(outcome_of(error), error)


def record_of(key: str, value: object, score: float | None = None) -> dict[str, object]:
    """One record as the GenAI conventions describe it."""
    return {"id": key, "content": value, **({"score": score} if score is not None else {})}


def counted(frame: Frame, found: Any) -> None:
    """Tell the step of a read how many records there are."""
    if isinstance(frame.owner, Passed):
        frame.owner.learnt["records"] = len(found) if isinstance(found, Sequence) else int(found is not None)
