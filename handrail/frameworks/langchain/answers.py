"""What a graph gives its caller in the end, for an answer that no model gave as one: a node's own words, a tool's."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from handrail.audit.canonical import jsonable
from handrail.frameworks import rounds
from handrail.frameworks.viewing import is_message, text_of, view
from handrail.gate.checking import configured
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted

log = logging.getLogger(__name__)

_NOTE = "graph"


def begun(frame: Frame, loop: Any) -> None:
    """The graph of ``frame`` begins: where it is the run, and its answer is checked, remember where that will stand."""
    if frame.principal.chain == frame.state.principal.chain and configured(frame, "answer", frame.principal.agent):
        frame.state.notes[_NOTE] = loop


def ended(frame: Frame) -> None:
    """The run of ``frame`` is about to end: what its graph gives out is the answer, whoever wrote it."""
    loop = frame.state.notes.pop(_NOTE, None)
    if loop is None:
        return
    try:
        answer = _answer(frame, getattr(loop, "output", None))
    except Exception:
        log.warning("What a graph gives out could not be read", exc_info=unquoted())
        return
    if answer is not None:
        rounds.remember(frame, answer)


def _answer(frame: Frame, output: Any) -> str | None:
    """The answer in what a graph gives out; None where what a model said last has to do."""
    if isinstance(output, str):
        return output
    messages: Any = output.get("messages") if isinstance(output, Mapping) else output  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    response: Any = output.get("structured_response") if isinstance(output, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if response is not None:  # the model's own words of it were checked
        checked = rounds.has_accepted(frame)
        return None if checked else json.dumps(jsonable(view(response).value), ensure_ascii=False)
    if not isinstance(messages, list) or not messages or not is_message(messages[-1]):
        return None
    last: Any = messages[-1]  # pyright: ignore[reportUnknownVariableType]
    return None if getattr(last, "type", "") == "human" else text_of(last)
