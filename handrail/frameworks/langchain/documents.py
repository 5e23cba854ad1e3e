"""What the validators say of retrieved documents: in enforce mode a wrong one is left out, or a part of it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handrail.audit.canonical import jsonable
from handrail.audit.recorder import findings_of
from handrail.audit.steps import Step
from handrail.gate import gate_of
from handrail.gate.checking import Checked, check, configured
from handrail.tracing.context import Frame


class Looks:
    """Looks at the documents of one retrieval, at each of them once: callbacks are told before the agent is."""

    def __init__(self, frame: Frame, name: str) -> None:
        """``name`` is the retriever's."""
        self._frame, self._name = frame, name
        self._known: dict[int, tuple[Any, Any, Checked]] = {}

    def left(self, documents: Sequence[Any]) -> list[Any]:
        """The documents that may be given out, or what was made of them, in their order."""
        if not documents or not configured(self._frame, "documents", self._name):
            return list(documents)
        return [found for found in map(self._look, documents) if found is not None]

    def _look(self, document: Any) -> Any:
        known = self._known.get(id(document))
        if known is None:
            checked = check(self._frame, "documents", self._name, seen(document))
            known = self._known[id(document)] = (document, _made(document, checked), checked)
        return known[1]

    def record(self, step: Step | None) -> dict[str, object]:
        """Put down what was said at the retrieval's ``step``: facts of its closing record."""
        said = [checked for _, _, checked in self._known.values() if checked.ids]
        if step is None or not said:
            return {}
        gate = gate_of(self._frame)
        for checked in said:
            checked.record(gate, step.frame)
            checked.judged(gate, step)
        found = [finding for checked in said for finding in checked.findings]
        return {"findings": findings_of(found)} if found else {}

    def require(self) -> None:
        """Raise ValidationFailed where a wrong document is to end the run."""
        for _, _, checked in self._known.values():
            if checked.last == "fail":
                raise checked.failure()


def seen(document: Any) -> dict[str, object]:
    """A document as validators see it: a table of ``id``, ``content`` and ``metadata``."""
    return {
        "id": getattr(document, "id", None),
        "content": jsonable(getattr(document, "page_content", None)),
        "metadata": jsonable(getattr(document, "metadata", None) or {}),
    }


def _made(document: Any, checked: Checked) -> Any:
    """What goes on of a document; None for nothing."""
    if checked.action != "pass":
        return None
    if checked.value is checked.given:
        return document
    new: Any = checked.value
    try:
        changed = {"id": new["id"], "page_content": new["content"], "metadata": new["metadata"]}
        return type(document).model_validate({**dict(document), **changed})
    except (TypeError, ValueError, KeyError):  # a kind of document that does not take it: nothing of it goes on
        return None
