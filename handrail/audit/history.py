"""What runs took in and gave out, from the record, in the order in which it happened: one value after the other.

For each value stands what its run had seen and done until then, as far as the record knows it. Only the run that is
being read is in memory, and of that only its newest part.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, cast

from handrail.audit.index import Snapshot
from handrail.audit.reader import Payloads
from handrail.audit.report import Window
from handrail.audit.schema import statement
from handrail.audit.traces import as_array, as_object
from handrail.errors import JournalCorrupt
from handrail.validators.context import Call, Context, On, Source
from handrail.validators.ledger import Seen
from handrail.validators.plain import joined, read

REDACTED = "redacted before it was kept"
DENIED = "denied before a validator was asked"
_BY_VALIDATORS = frozenset({"schema", "validator"})
_MENDED = frozenset({"repaired", "redacted"})
_PEOPLE = frozenset({"human", "user"})


class Said(NamedTuple):
    """What a validator said at the time."""

    validator: str
    code: str
    path: str
    severity: str
    mended: bool = False
    """Whether the value was changed because of it: then what is in the record is without it."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One value of the past."""

    run: str
    step: str
    on: On
    name: str
    """The tool or retriever; of an output, an answer and an input the agent."""
    at: datetime
    context: Context
    value: object = None
    """As validators look at it."""
    text: str | None = None
    """What the value was read from, where it is JSON text."""
    missing: str = ""
    """Why there is no value; empty where there is one."""
    said: tuple[Said, ...] = ()


class _Row(NamedTuple):
    logical: str
    whole: bool
    tenant: str
    user: str
    root_chain: str
    run: str
    step: str
    kind: str
    at: int
    name: str | None
    agent: str | None
    chain: str | None
    ref: str | None
    call_id: str | None
    decided_by: str | None
    ran: bool | None
    outcome: str | None
    findings: str | None
    notes: str | None
    parent: str | None


class _Gone(Exception):
    """A payload cannot be read; the text says why."""


@dataclass(slots=True)
class _Told:
    """What is known of the logical run that is being read."""

    seen: Seen
    answers: dict[str, Recorded] = field(default_factory=dict[str, Recorded])
    """Run -> the latest answer of its outermost agent: what was said of it may stand at the end of the run."""
    asked: set[str] = field(default_factory=set[str])
    """Runs whose input was met."""
    args: dict[tuple[str, str], Mapping[str, object]] = field(
        default_factory=dict[tuple[str, str], Mapping[str, object]]
    )
    """Run and step -> the arguments of a call that has no result yet."""


class History:
    """The recorded values of a window of time, or of one run. Iterate once."""

    def __init__(self, copy: Snapshot, data: Path, window: Window, *, run: str | None = None) -> None:
        """``copy`` is a private copy of the index, ``data`` the folder with the journal. Raises IndexFailure."""
        self._copy, self._payloads = copy, Payloads(data)
        params = {**window.params(), "run": run}
        copy.query(statement("history", "chosen"), params)
        copy.query(statement("history", "events"))
        self.observed = cast("int", copy.query(statement("history", "observed"), params)[0]["runs"])
        """Runs that only other instrumentations told of: their content is not in the form that seams have."""
        self.total = cast("int", copy.query(statement("history", "count"))[0]["events"])
        """Events to be read."""
        self.read = 0
        """Events read so far."""

    def __iter__(self) -> Iterator[Recorded]:
        rows = self._copy.stream(statement("history", "stream"))
        next(rows)  # the names of the columns
        logical, told = "", _Told(Seen())
        with self._payloads:
            for values in rows:
                row = _Row(*cast("tuple[Any, ...]", values))
                self.read += 1
                if row.logical != logical:
                    yield from told.answers.values()
                    logical, told = row.logical, _Told(Seen(complete=row.whole))
                yield from self._values(row, told)
            yield from told.answers.values()

    def _values(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        readers = {
            "arguments": self._arguments, "result": self._result, "asked": self._asked, "output": self._output,
            "answer": self._reply, "given": self._given, "documents": self._documents, "ended": self._ended,
        }  # fmt: skip
        return readers[row.kind](row, told)

    def _arguments(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        try:
            args = self._get(row.ref)
        except _Gone as why:
            yield self._missing(row, told, "arguments", str(why))
            return
        given = _table(args)
        told.args[row.run, row.step] = given
        if row.ran is False and row.decided_by not in _BY_VALIDATORS:
            yield self._missing(row, told, "arguments", DENIED)
        else:
            yield self._found(row, told, "arguments", args, args=given)

    def _result(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        args = told.args.pop((row.run, row.step), {})
        value: object = None
        if row.ref is not None:
            try:
                value = self._result_of(row)
                yield self._found(row, told, "result", value, args=args)
            except _Gone as why:
                told.seen.part()
                yield self._missing(row, told, "result", str(why))
        call = Call(row.name or "", args, row.outcome or "", read(value), row.agent or "", row.parent or "")
        told.seen.call(call, row.call_id or row.step, None if value is None else _text(value))

    def _result_of(self, row: _Row) -> object:
        found = self._get(row.ref)
        message = _table(found)
        return joined(message["content"]) if message.get("role") == "tool" and "content" in message else found

    def _asked(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        if row.run in told.asked:
            return
        told.asked.add(row.run)
        said: str | None = None
        for ref in as_array(as_object(row.ref).get("add")):
            try:
                message = as_object(self._get(ref))
            except _Gone as why:
                told.seen.part()
                yield self._missing(row, told, "input", str(why))
                return
            if message.get("role") in _PEOPLE:
                said = words(message)
                told.seen.source(Source("input", said, "input", "user"))
        if said is not None:
            yield self._found(row, told, "input", said)

    def _output(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        """What a model said; where it only calls tools, there is nothing to look at."""
        try:
            message = self._get(row.ref)
        except _Gone as why:
            yield self._missing(row, told, "output", str(why))
            return
        text = words(message)
        if text or not _calls(message):
            yield self._found(row, told, "output", text)

    def _reply(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        """The same reply as an agent's answer, which it is where it calls nothing."""
        try:
            message = self._get(row.ref)
        except _Gone:
            return  # that was told of the output; whether it was an answer nobody knows
        if not _calls(message):
            yield from self._answered(row, told, words(message))

    def _given(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        """An answer in the form of a call."""
        try:
            yield from self._answered(row, told, self._get(row.ref))
        except _Gone as why:
            yield self._missing(row, told, "answer", str(why))

    def _answered(self, row: _Row, told: _Told, value: object) -> Iterator[Recorded]:
        answer = self._found(row, told, "answer", value)
        if row.chain is not None and row.chain != row.root_chain:
            yield answer
            return
        if row.run in told.answers:
            yield told.answers[row.run]
        told.answers[row.run] = answer

    def _ended(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        answer = told.answers.pop(row.run, None)
        if answer is not None:
            yield replace(answer, said=tuple(dict.fromkeys((*answer.said, *_said(row)))))

    def _documents(self, row: _Row, told: _Told) -> Iterator[Recorded]:
        try:
            documents = as_array(self._get(row.ref))
        except _Gone as why:
            told.seen.part()
            yield self._missing(row, told, "documents", str(why))
            return
        for document in map(as_object, documents):
            text = document.get("content")
            if isinstance(text, str):
                seen: dict[str, object] = {
                    "id": document.get("id"),
                    "content": text,
                    "metadata": {},
                }  # its metadata are not kept
                yield self._found(row, told, "documents", seen)
                told.seen.document(Source(str(document.get("id") or ""), text, "document", row.name or ""))

    def _get(self, ref: object) -> object:
        found = as_object(ref)
        if found.get("r"):
            raise _Gone(REDACTED)
        if "f" not in found:
            raise _Gone("not kept" if not found else "not kept: payloads were switched off")
        try:
            body = self._payloads.get(found)
        except JournalCorrupt:
            raise _Gone("damaged or missing in the journal") from None
        if body is None:
            raise _Gone("erased")
        return json.loads(body)

    def _found(
        self, row: _Row, told: _Told, on: On, value: object, *, args: Mapping[str, object] | None = None
    ) -> Recorded:
        text = value if isinstance(value, str) else None
        context = _context(row, told, on, args)
        return Recorded(
            row.run, row.step, on, _name(row, on), context.now, context, read(value, on), text, "", _said(row)
        )

    def _missing(self, row: _Row, told: _Told, on: On, why: str) -> Recorded:
        context = _context(row, told, on, None)
        return Recorded(row.run, row.step, on, _name(row, on), context.now, context, missing=why, said=_said(row))


def words(message: object) -> str:
    """The text of a message, its parts joined; what is no text is left out."""
    found = _table(message)
    content = found.get("content") if found else message
    if isinstance(content, str):
        return content
    parts = [one if isinstance(one, str) else as_object(one).get("text") for one in as_array(content)]
    return "".join(part for part in parts if isinstance(part, str))


def _table(value: object) -> Mapping[str, object]:
    """``value`` where it is a JSON object; else an empty one. A text stays a text, whatever it says."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _calls(message: object) -> bool:
    found = _table(message)
    return bool(found.get("tool_calls") or found.get("invalid_tool_calls"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _name(row: _Row, on: On) -> str:
    return str((row.name if on in ("arguments", "result", "documents") else row.agent) or "")


def _context(row: _Row, told: _Told, on: On, args: Mapping[str, object] | None) -> Context:
    tool = _name(row, on) if on in ("arguments", "result", "documents") else ""
    moment = datetime.fromtimestamp(row.at / 1e6, UTC)
    return Context(on, tool, row.agent or "", row.tenant, row.user, args, told.seen.run(), moment)


def _said(row: _Row) -> tuple[Said, ...]:
    """What was said of a value at the time, each once."""
    found = dict.fromkeys(
        said for note in as_array(row.notes) for said in _each(as_object(note).get("findings"), _is_mended(note))
    )
    known = {said[:3] for said in found}
    more = [said for said in _each(row.findings, False) if said[:3] not in known]
    return (*found, *dict.fromkeys(more))


def _is_mended(note: object) -> bool:
    return as_object(note).get("action") in _MENDED


def _each(findings: object, mended: bool) -> Iterator[Said]:
    for one in map(as_object, as_array(findings)):
        validator, code, path, severity = (str(one.get(key, "")) for key in ("validator", "code", "path", "severity"))
        yield Said(validator, code, path, severity, mended)
