"""What a run has seen and done so far, for validators that look at it: a bounded ledger of sources and calls.

It is kept only where a configured validator asks for the run, or after :func:`always`; else each place that feeds it
costs one look at an attribute. A run that goes on with an interrupted one goes on with its ledger while this process
lives; where the earlier one is not known, the run counts as known in part. A ledger holds copies, never live objects.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from handrail.audit.canonical import jsonable
from handrail.tracing.context import Frame, RunState
from handrail.tracing.faults import unquoted
from handrail.validators.context import Call, Run, Source
from handrail.validators.ledger import Seen
from handrail.validators.plain import Unreadable, plain
from handrail.validators.runs import MAX_SOURCE_CHARS

log = logging.getLogger(__name__)

MAX_FIELDS = 20
"""Entries of a document's metadata that are remembered."""
MAX_FIELD = 500
"""Characters of each."""
_NOTE = "seen"
_GOES_ON = "seen_goes_on"
_IDS = ("id", "source", "url", "path", "file_path", "title", "name")
"""Metadata that name a document which has no id of its own, in this order."""
_MAX_BITS = 1_000
_NOTHING: Mapping[str, object] = {}
_PART = Run(complete=False)
_always = [False]


def always(on: bool = True) -> None:
    """Keep a ledger of every run that begins from now on: somebody checks runs by other ways than handrail.toml."""
    _always[0] = on


def wanted(frame: Frame) -> bool:
    """Whether anything in ``frame`` looks at the run."""
    for gate in frame.gates:
        if gate.rulebook.now.validators.needs_run:
            return True
    return _always[0]


def begin(frame: Frame, resumed: str = "", *, whole: bool = False) -> None:
    """The run of ``frame`` begins. ``resumed`` is the id of the run that it goes on with; empty where it is new.

    ``whole``: what it goes on with will be retold in full, if this process does not know it.
    """
    if not wanted(frame):
        return
    state = frame.state
    left: tuple[str, Seen] | None = state.kept.get(_NOTE)
    goes_on = left is not None and bool(resumed) and left[0] == resumed
    seen = left[1] if left is not None and goes_on else Seen(complete=whole or not resumed)
    state.notes[_NOTE], state.notes[_GOES_ON] = seen, goes_on
    state.kept[_NOTE] = state.run, seen


def untold(frame: Frame) -> bool:
    """Whether what the run of ``frame`` goes on with must be told to whoever looks at runs."""
    return wanted(frame) and not frame.state.notes.get(_GOES_ON)


def end(frame: Frame) -> None:
    """The run of ``frame`` has come to its end, so that nothing goes on with it: its thread need not remember it."""
    frame.state.kept.pop(_NOTE, None)


def run_of(frame: Frame) -> Run:
    """What the run of ``frame`` has seen and done so far; not complete where no ledger was kept from its start."""
    seen: Seen | None = frame.state.notes.get(_NOTE)
    return seen.run() if seen is not None else _PART


def _seen(state: RunState) -> Seen:
    # a run that began before anybody looked at runs is known from here on only
    found: Seen = state.notes.get(_NOTE) or state.notes.setdefault(_NOTE, Seen(complete=False))
    return found


def called(
    frame: Frame, tool: str, args: Mapping[str, Any], outcome: str, result: object = None, call_id: str | None = None
) -> None:
    """A call of ``tool`` in ``frame`` ended so. ``result`` is what the agent gets of it. Never raises."""
    if wanted(frame):
        made = Call(tool, args, outcome, result, frame.principal.agent, frame.home)
        retold(frame, made, call_id or "")


def retold(frame: Frame, made: Call, call_id: str) -> None:
    """Likewise a call that was made before, or elsewhere; its arguments and result may be any Python values."""
    seen = _seen(frame.state)
    try:
        text, read = _texts(made.result)
        if isinstance(read, Unreadable):
            seen.part()
            read = None
        arguments: dict[str, object] = jsonable(made.args)
        seen.call(replace(made, args=arguments, result=read), call_id, text)
    except Exception:
        log.warning("A call of %r could not be remembered for validators", made.tool, exc_info=unquoted())
        seen.part()


def unknown(frame: Frame) -> None:
    """The run of ``frame`` saw something that nobody can tell any more."""
    _seen(frame.state).part()


def retrieved(frame: Frame, retriever: str, documents: Iterable[Mapping[str, Any]]) -> None:
    """A retriever gave out ``documents``, each with ``id``, ``content`` and ``metadata``. Never raises."""
    if not wanted(frame):
        return
    seen = _seen(frame.state)
    try:
        for document in documents:
            seen.document(_document(document, retriever))
    except Exception:
        log.warning("Documents of %r could not be remembered for validators", retriever, exc_info=unquoted())
        seen.part()


def recalled(frame: Frame, memory: str, records: object) -> None:
    """The memory called so gave out ``records``, as they are put down. Never raises."""
    if not wanted(frame):
        return
    seen = _seen(frame.state)
    try:
        text = _text(plain(records))
        if text:
            seen.source(Source(memory, text, "result", memory))
    except Exception:
        log.warning("What the memory %r gave out could not be remembered for validators", memory, exc_info=unquoted())
        seen.part()


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that a model of the outermost agent is about to read, and that no model wrote."""

    content: object
    """Text, or content blocks."""
    origin: str = "user"
    """``user``, ``system``, or the tool."""
    id: str = ""
    """Of an answer that of its call."""
    answer: bool = False
    """Whether it answers a call: then it counts where no call of this run gave it."""


def heard(frame: Frame, messages: Iterable[Heard]) -> None:
    """A model is asked in ``frame``. What a sub-agent reads its caller wrote, so that it is no source. Never raises."""
    if not wanted(frame) or frame.principal.chain != frame.state.principal.chain:
        return
    seen = _seen(frame.state)
    try:
        for message in messages:
            text = _text(plain(message.content))
            if text and not (message.answer and seen.answers(message.id)):
                kind: Literal["result", "input"] = "result" if message.answer else "input"
                seen.source(Source(message.id if message.answer else message.origin, text, kind, message.origin))
    except Exception:
        log.warning("What a model reads could not be remembered for validators", exc_info=unquoted())
        seen.part()


def _document(given: Mapping[str, Any], retriever: str) -> Source:
    content, metadata = given.get("content"), _fields(given.get("metadata"))
    own = given.get("id")
    id = str(own) if own else next((str(metadata[name]) for name in _IDS if metadata.get(name)), "")
    return Source(id, _text(plain(content)), "document", retriever, metadata)


def _fields(metadata: object) -> Mapping[str, object]:
    """The plain values in a document's metadata."""
    if not isinstance(metadata, Mapping):
        return _NOTHING
    found: dict[str, object] = {}
    for key, value in list(cast("Mapping[object, object]", metadata).items())[:MAX_FIELDS]:
        if isinstance(value, str):
            found[str(key)[:MAX_FIELD]] = value[:MAX_FIELD]
        elif isinstance(value, (bool, float)) or (isinstance(value, int) and value.bit_length() < 64):
            found[str(key)[:MAX_FIELD]] = value
    return found


def _texts(result: object) -> tuple[str | None, object]:
    """A result as text, and as the JSON value that it is or holds; no text where it cannot be read."""
    if result is None:
        return None, None
    read = _read(result) if isinstance(result, str) else plain(result)
    if isinstance(read, Unreadable):
        return None, read
    return _text(read), read if isinstance(read, str) else jsonable(read)


def _read(text: str) -> object:
    if len(text) > MAX_SOURCE_CHARS or text.lstrip()[:1] not in ("{", "["):
        return text[: MAX_SOURCE_CHARS + 1]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _text(value: object) -> str:
    """A value as the lines of a text, without the escapes that JSON needs: an answer quotes what the escapes mean."""
    if isinstance(value, str):
        return value
    lines: list[str] = []
    todo: list[tuple[str, object]] = [("", value)]
    while todo:
        name, node = todo.pop()
        if isinstance(node, dict):
            todo += [(str(key), inner) for key, inner in reversed(cast("dict[object, object]", node).items())]
        elif isinstance(node, list):
            todo += [(name, inner) for inner in reversed(cast("list[object]", node))]
        elif node is not None:
            lines.append(f"{name}: {_plain(node)}" if name else _plain(node))
    return "\n".join(lines)


def _plain(node: object) -> str:
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, int) and node.bit_length() > _MAX_BITS:
        return ""
    return str(node)
