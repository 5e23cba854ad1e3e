"""Spans made again from the journal: the same ids, names and attributes as those that a program exported itself.

A step's span needs the record that opens it and the one that closes it; what was learnt in between are its
events. Content stays in the journal. A step whose process died before it was closed is unfinished.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from handrail.audit import reader
from handrail.audit.format import SCHEMA
from handrail.audit.reader import Part, Payloads
from handrail.audit.steps import FAILED
from handrail.errors import JournalCorrupt
from handrail.tracing import vocabulary
from handrail.tracing.links import Link, causal
from handrail.tracing.otlp import dump
from handrail.tracing.otlp.limits import Unfit
from handrail.tracing.otlp.span import Attributes, NotOtlp, OtlpSpan, SpanEvent, SpanKind, SpanLink, Value
from handrail.tracing.vocabulary import Vocabulary

SCOPE = "handrail"
"""Instrumentation scope of Handrail's spans."""
UNFINISHED = "handrail.unfinished"
"""Attribute of a span whose step was never closed: its process died. It ends with the last that is known of it."""
_KINDS = {"model.call": "model", "tool.call": "tool"}
_NAMES = {"run.start": "agent", "model.call": "model", "tool.call": "tool"}
_CLOSING = frozenset({"run.end", "step.end", "model.result", "tool.result"})
_OPENING = frozenset({"run.start", "step.start", *_KINDS})
_PASSED = frozenset({
    "delegation", "effect.resolved", "export", "owner.refused", "run.forgotten", "run.input", "span", "tools"
})  # fmt: skip
"""Kinds that may name a step and are nothing that happened in it."""
_ENVELOPE = frozenset({"v", "w", "n", "t", "k", "run", "step"})
_READ = range(1, SCHEMA + 1)
"""Versions of records that are read."""
_DEEPEST = 1000
"""Steps in one another that are followed."""
_Record = Mapping[str, Any]
_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Open:
    """A step that has begun, and what happened in it so far."""

    record: _Record
    last: int
    """Nanoseconds since the epoch: the latest that is known of it."""
    events: list[_Record] = field(default_factory=list[_Record])


class Acknowledged:
    """Ids of steps whose spans have arrived at one destination: what the journal's ``export`` records say."""

    def __init__(self, folder: Path, destination: str) -> None:
        """``destination`` is the address as ``Recorder.keyed_digest`` gives it; empty matches nothing."""
        found = array("Q")
        for part in reader.parts(folder) if destination else ():
            for record in reader.records(part):
                found.extend(_ids(record.fields, destination))
        self._ids = array("Q", sorted(found))

    def __contains__(self, step: str) -> bool:
        number = int(step, 16)
        at = bisect_left(self._ids, number)
        return at < len(self._ids) and self._ids[at] == number


def _ids(record: _Record, destination: str) -> list[int]:
    steps = record.get("steps")
    if record.get("k") != "export" or record.get("to") != destination or not isinstance(steps, str):
        return []
    return [int(steps[at : at + 16], 16) for at in range(0, len(steps) - 15, 16)]


def spans_of(folder: Path, wanted: Callable[[OtlpSpan, str], bool], resource: Attributes) -> Iterator[OtlpSpan]:
    """Spans of the steps in a data folder of which ``wanted`` (span, run) says so; unfinished ones last.

    A step that a living process may still close has no span yet, nor has one that another instrumentation shows.
    Raises JournalError where the journal cannot be listed.
    """
    again = _Again(folder, resource)
    for span, run in again.spans():
        if wanted(span, run):
            yield span


class _Again:
    """Goes through the journal once."""

    def __init__(self, folder: Path, resource: Attributes) -> None:
        self._parts = reader.parts(folder)
        self._resource = resource
        self._open: dict[_Key, _Open] = {}
        self._ends: dict[_Key, _Record] = {}
        """Closing records that were read before those that open: a process may have been several writers."""
        self._threads: dict[str, str] = {}
        self._process: dict[str, str] = {}
        # before anything is read: what a process writes while we read must not look left over
        self._alive = _living(self._parts)

    def spans(self) -> Iterator[tuple[OtlpSpan, str]]:
        for part in self._parts:
            for found in reader.records(part):
                record = found.fields
                if not _sound(record):
                    continue
                if record["k"] == "writer.start":
                    self._process[part.writer] = f"{record.get('host')}:{record.get('pid')}"
                elif isinstance(record.get("run"), str) and isinstance(record.get("step"), str):
                    yield from self._take(record, part.writer)
        alive = {self._process.get(writer, writer) for writer in self._alive}
        for (process, run, _), left in self._open.items():
            if process not in alive:
                yield from self._made(left, None, run)

    def _take(self, record: _Record, writer: str) -> Iterator[tuple[OtlpSpan, str]]:
        key = self._process.get(writer, writer), record["run"], record["step"]
        kind = record["k"]
        if kind in _OPENING:
            if record.get("thread"):
                self._threads[key[1]] = str(record["thread"])
            self._open[key] = started = _Open(record, record["t"])
            self._seen(key, started, record)
            end = self._ends.pop(key, None)
            if end is not None:
                yield from self._made(self._open.pop(key), end, key[1])
        elif kind in _CLOSING:
            closed = self._open.pop(key, None)
            if closed is None:
                self._ends[key] = record
            else:
                self._seen(key, closed, record)
                yield from self._made(closed, record, key[1])
        elif kind not in _PASSED and key in self._open:
            self._open[key].events.append(record)
            self._seen(key, self._open[key], record)

    def _seen(self, key: _Key, at: _Open | None, record: _Record) -> None:
        """What happens in a step is the latest that is known of it, and of those above it."""
        for _ in range(_DEEPEST):
            if at is None:
                return
            at.last = max(at.last, record["t"])
            at = self._open.get((key[0], key[1], str(at.record.get("parent"))))

    def _made(self, started: _Open, end: _Record | None, run: str) -> Iterator[tuple[OtlpSpan, str]]:
        if "shown_by" not in started.record:
            thread = self._threads.get(run, "")
            yield span_of(started.record, end, started.events, thread, started.last, self._resource), run


def observed_of(folder: Path, wanted: Callable[[OtlpSpan, str], bool]) -> Iterator[OtlpSpan]:
    """The spans that were received or ingested, as they came, each once; those whose payload is gone are left out.

    ``wanted`` is asked with an empty run: which run a foreign span belongs to is found by the index alone.
    Raises JournalError where the journal cannot be listed.
    """
    seen = set[int]()
    with Payloads(folder) as payloads:
        for part in reader.parts(folder):
            for found in reader.records(part):
                span = _received(found.fields, payloads)
                if span is not None and int(span.span_id, 16) not in seen and wanted(span, ""):
                    seen.add(int(span.span_id, 16))
                    yield span


def _received(record: _Record, payloads: Payloads) -> OtlpSpan | None:
    ref = record.get("otlp")
    if record.get("k") != "span" or not _sound(record) or not isinstance(ref, dict):
        return None
    try:
        line = payloads.get(cast("dict[str, object]", ref))
        return dump.from_line(line, most=len(line)) if line is not None else None
    except (JournalCorrupt, NotOtlp, Unfit):
        return None


def _sound(record: _Record) -> bool:
    """Whether this release wrote the record, or could have: the index names the others."""
    return record.get("v") in _READ and isinstance(record.get("t"), int) and isinstance(record.get("k"), str)


def _living(parts: list[Part]) -> set[str]:
    """Writers whose process lives; one in a pack does not."""
    last = {part.writer: part for part in parts}
    return {writer for writer, part in last.items() if part.place.length is None and reader.writer_alive(part)}


def span_of(
    start: Mapping[str, Any],
    end: Mapping[str, Any] | None,
    events: list[_Record],
    thread: str,
    last: int,
    resource: Attributes,
) -> OtlpSpan:
    """The span of one step from its records. Without ``end`` it is unfinished, and ends at ``last``."""
    words, kind = vocabulary.chosen(), str(start.get("type") or _KINDS.get(start["k"], "run"))
    name = str(start.get("name") or start.get(_NAMES.get(start["k"], "name"), ""))
    described = words.opened(kind, name, start, thread)
    closing = words.closed(kind, end) if end is not None else {UNFINISHED: True}
    failed = (end.get("error") or end.get("outcome")) if end is not None and end.get("outcome") in FAILED else None
    ended = int(end["t"]) if end is not None else last
    began = min(int(start["t"]), ended - int(end.get("dur") or 0)) if end is not None else int(start["t"])
    return OtlpSpan(
        str(start["trace"]),
        str(start["step"]),
        str(start.get("parent") or ""),
        described.name,
        cast("SpanKind", described.kind.name),
        began,
        max(began, ended),
        attributes_of({**described.attributes, **closing, **({"error.type": failed} if failed else {})}),
        "ERROR" if failed else "UNSET",
        events=tuple(_event(record, words) for record in events),
        links=tuple(_link(link, str(start["trace"])) for link in causal(start, _stated(start))),
        resource=resource,
        scope=SCOPE,
        flags=1,
    )


def _event(record: _Record, words: Vocabulary) -> SpanEvent:
    facts = {name: value for name, value in record.items() if name not in _ENVELOPE}
    return SpanEvent(f"handrail.{record['k']}", int(record["t"]), attributes_of(words.noted(record["k"], facts)))


def _stated(start: _Record) -> list[Link]:
    """The links that a record has, as the step was opened with them."""
    found: list[Any] = start.get("links") or []
    return [Link(one["type"], one["step"], one.get("run", ""), one.get("trace", "")) for one in found]


def _link(link: Link, trace: str) -> SpanLink:
    return SpanLink(link.trace or trace, link.step, {"handrail.link.type": link.type})


def attributes_of(found: Mapping[str, Any]) -> dict[str, Value]:
    """Attributes as OpenTelemetry takes them: no None, and no list that is not of one plain type."""
    return {name: _plain(value) for name, value in found.items() if _is_attribute(value)}


def _plain(value: Any) -> Value:
    return list(cast("tuple[Value, ...]", value)) if isinstance(value, tuple) else cast("Value", value)


def _is_attribute(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(isinstance(item, (str, bool, int, float)) for item in cast("list[object]", value))
    return isinstance(value, (str, bool, int, float))
