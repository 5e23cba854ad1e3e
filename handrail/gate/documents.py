"""Which of the documents that were found may be read: the rules' say on each, by its metadata."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from handrail.gate.frames import gates_of
from handrail.gate.judgement import ask
from handrail.policy.facts import Circumstances, circumstances_of, facts_of
from handrail.rulebook import Snapshot
from handrail.tracing.context import Frame

log = logging.getLogger(__name__)

_ODD = object()
"""Stands for a value that is no plain JSON: no condition can be evaluated on it."""
_DEPTH = 16


def readable(frame: Frame, name: str, documents: Sequence[Mapping[str, Any]]) -> tuple[list[bool], int]:
    """For each of ``documents`` whether it may be given out; and how many an observed policy would hold back.

    A document is what conditions read under ``doc``; ``name`` is that of the retriever. Nothing is given out
    where deciding fails, in enforce mode. Never raises.
    """
    circumstances = circumstances_of(frame.state)
    keep, would = [True] * len(documents), 0
    for gate in gates_of(frame):
        rules = gate.rulebook.now
        old = bool(gate.rulebook.too_old)  # a Casbin adapter that could not be read for too long
        said = [False] * len(documents) if old else _allowed(rules, frame, name, documents, circumstances)
        if rules.settings.mode == "enforce":
            keep = [one and other for one, other in zip(keep, said, strict=True)]
        else:
            would = max(would, said.count(False))
    return keep, would


def _allowed(
    rules: Snapshot, frame: Frame, name: str, documents: Sequence[Mapping[str, Any]], circumstances: Circumstances
) -> list[bool]:
    try:
        return [_may_read(rules, frame, name, document, circumstances) for document in documents]
    except Exception as error:
        log.warning("Documents of %r could not be decided on: %s", name, type(error).__name__)
        return [False] * len(documents)


def _may_read(
    rules: Snapshot, frame: Frame, name: str, document: Mapping[str, Any], circumstances: Circumstances
) -> bool:
    facts = facts_of(frame.principal, "read", {}, circumstances)
    del facts["memory"]
    facts["doc"] = _plain(document)
    return ask(rules, frame.principal, name, "read", facts).verdict == "allow"


def _plain(value: object, depth: int = 0) -> object:
    """A copy of exact JSON types only, so that nothing which a document brings along can answer for itself."""
    kind: object = type(value)
    if value is None or kind in (str, bool, int) or (kind is float and math.isfinite(cast("float", value))):
        return value
    if depth < _DEPTH and kind is list:
        return [_plain(item, depth + 1) for item in cast("list[Any]", value)]
    if depth < _DEPTH and kind is dict:
        return {key: _plain(item, depth + 1) for key, item in cast("dict[Any, Any]", value).items() if type(key) is str}
    return _ODD
