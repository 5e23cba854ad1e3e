"""From what happened to what is kept: each event becomes one small record, its content a payload apart.

The recorder is the only caller of the journal. ``must=True`` marks a record without which the call may not go
on: its failure is raised. Every other failure is logged once, counted, and recorded as a ``drop`` later.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from operator import attrgetter, is_
from pathlib import Path
from typing import Any, Literal

import msgspec

from handrail.audit.asked import Asked
from handrail.audit.canonical import jsonable
from handrail.audit.journal import Journal, encode, journal_for
from handrail.audit.keys import folder_key, keyed_digest
from handrail.audit.redaction import redactor
from handrail.errors import HandrailError, JournalError
from handrail.tracing.context import RunState
from handrail.tracing.faults import unquoted
from handrail.validators.findings import Finding, shown

log = logging.getLogger(__name__)

Ref = Mapping[str, Any]
Use = Literal["", "proposes", "proposed"]
"""What a payload is to others of its run: a model's output proposes calls, whose arguments are proposed."""
_content = attrgetter("content")
_UNENCODABLE = (TypeError, ValueError, OverflowError, RecursionError)
MAX_DEDUPED = 10_000
"""Payloads of one run that are remembered so that each is stored once."""
MAX_PROPOSALS = 8
"""Model outputs of one run in which the arguments of calls are looked for."""
MAX_PROPOSAL = 64 << 10
"""Largest model output in which they are looked for, in bytes."""


class Recorder:
    """Writes the records of one data folder; shared by every gate of the process that uses it."""

    def __init__(
        self, folder: Path, *, payloads: bool = True, redact: Callable[[], tuple[str, ...]] = lambda: ()
    ) -> None:
        """``redact`` is asked for the patterns of what is taken out of every payload, as they are in force."""
        self._folder, self._payloads, self.redact = folder, payloads, redact
        self._journal: Journal | None = None
        self.on_lost: Callable[[Exception], None] = lambda error: None
        """Told of every loss."""
        self._warned = False
        self._key: bytes | None = None

    def _open(self) -> Journal:
        if self._journal is None:
            self._journal = journal_for(self._folder, self._payloads)
        return self._journal

    @property
    def place(self) -> tuple[str, int]:
        """Where the next record goes: name of a segment, and offset in bytes."""
        return self._open().place

    def check(self) -> None:
        """Open the journal now. Raises JournalError where it cannot be written."""
        self._open().open()

    def write(self, record: dict[str, object], *, must: bool = False) -> None:
        """Append one record. Raises JournalError only when ``must`` is set."""
        try:
            (self._journal or self._open()).append(record)
        except Exception as refused:
            self._written_otherwise(record, refused, must)

    def _written_otherwise(self, record: dict[str, object], refused: Exception, must: bool) -> None:
        try:
            if not isinstance(refused.__cause__, _UNENCODABLE):
                raise refused
            self._open().append(jsonable(record))  # a lone surrogate in a name that the model made up, or the like
        except Exception as error:
            self.lost(error)
            if must:
                raise error if isinstance(error, HandrailError) else JournalError(type(error).__name__) from error

    def sync(self) -> None:
        """Wait until everything written so far is on the disk. Raises JournalError."""
        self._open().sync()

    def keyed_digest(self, text: str) -> str:
        """A digest of ``text`` that only this data folder can compare; empty for no text, or without a key."""
        key = self.key() if text else None
        return keyed_digest(key, text) if key is not None else ""

    def key(self) -> bytes | None:
        """The secret that digests of content are keyed with; None where it cannot be had."""
        if self._key is None:
            try:
                self._key = folder_key(self._folder)
            except (OSError, ValueError, HandrailError) as error:
                self.lost(error)
        return self._key

    def exported(self, destination: str, steps: Sequence[str]) -> None:
        """Note that the spans of ``steps`` (16 hex digits each) have arrived at ``destination``, an address."""
        self.write({"k": "export", "to": self.keyed_digest(destination), "steps": "".join(steps)})

    def lost(self, error: Exception) -> None:
        """Count a record or payload that ``error`` kept from being written; a warning goes out once."""
        if not self._warned:
            self._warned = True
            log.warning(
                "Handrail cannot record in %s: %s. The program goes on; losses are counted.",
                self._folder,
                str(error).rstrip("."),
            )
        self.on_lost(error)
        try:
            self._open().drop(type(error).__name__)
        except Exception:
            log.debug("The loss could not be counted either", exc_info=unquoted())

    def payload(
        self,
        value: object,
        state: RunState | None = None,
        *,
        must: bool = False,
        use: Use = "",
    ) -> Ref | None:
        """Keep ``value`` apart and return its reference; None when it could not be kept.

        With ``state``, an equal value of the same run is stored once. What is ``proposed`` and stands, byte for byte,
        in what ``proposes``, as a call's arguments do in a model's output, is kept as a part of that payload.
        Raises JournalError only when ``must`` is set.
        """
        return self.kept(value, state, must=must, use=use)[0]

    def kept(
        self, value: object, state: RunState | None = None, *, must: bool = False, use: Use = ""
    ) -> tuple[Ref | None, bytes]:
        """Likewise, and what was kept of it: canonical JSON, redacted; empty where ``value`` cannot be shown."""
        body = b""
        try:
            body, count = self.redacted(value)
            ref = self._ref(body, state, use)
            return ({**ref, "r": count} if count else ref), body
        except Exception as error:
            self.lost(error)
            if must:
                raise error if isinstance(error, HandrailError) else JournalError(type(error).__name__) from error
            return None, body

    def keep(self, body: bytes) -> Ref:
        """Keep ``body``, JSON on one line that was redacted already, as a payload. Raises JournalError."""
        return self._open().put(body)

    def keep_all(self, bodies: Sequence[bytes]) -> list[Ref]:
        """Like ``keep``, for many bodies at once: all of them or none. Raises JournalError."""
        return list(self._open().put_all(bodies))

    def write_all(self, records: Sequence[Mapping[str, object]]) -> None:
        """Append records, all of them or none. Raises JournalError."""
        try:
            self._open().append_all(records)
        except JournalError as error:
            if not isinstance(error.__cause__, _UNENCODABLE):
                raise
            self._open().append_all([jsonable(record) for record in records])

    def redacted(self, value: object) -> tuple[bytes, int]:
        """Canonical JSON of ``value`` without what is redacted, and in how many places something was."""
        body = body_of(value)
        redact = redactor(self.redact())
        if redact is None:
            return body, 0
        try:
            found, count = redact.value(msgspec.json.decode(body))
        except RecursionError:  # nested deeper than anything that is looked at
            found, count = redact.value(jsonable(value))
            return encode(found), count
        return (encode(found), count) if count else (body, 0)

    def _ref(self, body: bytes, state: RunState | None, use: Use) -> Ref:
        if state is None:
            return self._open().put(body)
        memory = _memory(state)
        part = memory.part(body) if use == "proposed" else None
        if part is not None:
            return part
        ref = self._once(memory, body)
        if use == "proposes" and len(body) <= MAX_PROPOSAL and "f" in ref:
            memory.proposals.appendleft((body, ref))
        return ref

    def _once(self, memory: _Memory, body: bytes) -> Ref:
        # keyed with a secret of the run: no unsalted hash of content ever exists outside this process
        digest = memory.digest(body)
        ref = memory.refs.get(digest)
        if ref is None:
            ref = self._open().put(body)
            if len(memory.refs) < MAX_DEDUPED:
                memory.refs[digest] = ref
        return ref

    def messages(
        self,
        state: RunState,
        step: str,
        chain: Sequence[str],
        list_of: Iterable[Any],
        show: Callable[[Any], object],
        added: list[bytes] | None = None,
        asked: Asked | None = None,
    ) -> dict[str, object]:
        """Put down a model's input as what changed against this agent's previous call in the run.

        ``show`` turns one message into JSON types. Returns ``{prev, keep, add}``: the step of the previous
        call, how many of its leading messages still lead this one, and references to those that follow, of which
        what was kept goes to ``added``. ``asked`` learns the digest of all of them.
        """
        threads: dict[tuple[str, ...], _Thread] = state.notes.setdefault("messages", {})
        thread = threads.setdefault(tuple(chain), _Thread())
        now = list(list_of)
        prev, keep = thread.advance(step, now, show, asked)
        add = [self.kept(show(message), state) for message in now[keep:]]
        if added is not None:
            added.extend(body for _, body in add)
        return {"prev": prev if keep else None, "keep": keep, "add": [ref for ref, _ in add]}


class _Thread:
    """The messages of an agent's latest model call, to tell what the next one adds."""

    def __init__(self) -> None:
        self._step: str | None = None
        self._messages: list[Any] = []
        self._contents: list[Any] = []
        self._digests: list[bytes] = []
        self._lock = threading.Lock()

    def advance(
        self, step: str, now: list[Any], show: Callable[[Any], object], asked: Asked | None = None
    ) -> tuple[str | None, int]:
        """Take ``now`` for the latest input; returns the step before and how many messages still lead."""
        with self._lock:
            other = bool(self._messages and now) and self._messages[0] is not now[0]
            if other:
                self._made_again(now[0], show)
            previous, keep = self._step, self._common(now)
            self._step = step
            self._messages[keep:] = now[keep:]
            self._contents[keep:] = [getattr(message, "content", None) for message in now[keep:]]
            if asked is not None:
                asked.follow(self._digests, keep, now, made_again=other)
            else:
                del self._digests[keep:]
            return previous, keep

    def _made_again(self, first: Any, show: Callable[[Any], object]) -> None:
        """Middleware makes an equal system message at every call: then what follows it has not changed."""
        before, content = self._messages[0], self._contents[0]
        untouched = content is getattr(before, "content", None)
        if untouched and type(before) is type(first) and show(before) == show(first):
            self._messages[0], self._contents[0] = first, getattr(first, "content", None)

    def _common(self, now: list[Any]) -> int:
        # by identity of message and content: comparing text would make the cost of a run quadratic
        if all(map(is_, self._messages, now)):  # the usual case, many times faster than one by one
            try:
                if all(map(is_, self._contents, map(_content, now))):
                    return min(len(self._messages), len(now))
            except AttributeError:  # messages that are plain dicts
                pass
        keep = 0
        for message, content, candidate in zip(self._messages, self._contents, now, strict=False):
            if not _same(message, candidate) or getattr(message, "content", None) is not content:
                break
            keep += 1
        return keep


def _same(message: Any, candidate: Any) -> bool:
    """Whether a message is the one of before: that very object, or JSON that a client has written anew."""
    return candidate is message or (type(candidate) is dict and candidate == message)


def _memory(state: RunState) -> _Memory:
    memory = state.notes.get("payloads")
    if memory is None or memory.pid != os.getpid():
        memory = state.notes["payloads"] = _Memory()
    return memory


class _Memory:
    """What one run has stored, by a hash keyed with a secret of this process."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._key = os.urandom(32)
        self.refs: dict[bytes, Ref] = {}
        self.proposals: deque[tuple[bytes, Ref]] = deque(maxlen=MAX_PROPOSALS)
        """The latest payloads that propose something, newest first."""

    def part(self, body: bytes) -> Ref | None:
        """The reference to ``body`` as a part of a payload that proposes it; None where none does."""
        for proposal, ref in tuple(self.proposals):
            start = proposal.find(body)
            if start >= 0:
                return {**ref, "s": [start, len(body)]}
        return None

    def digest(self, body: bytes) -> bytes:
        return blake2b(body, key=self._key, digest_size=16).digest()


def body_of(value: object) -> bytes:
    """Canonical JSON of any value. The encoder writes what is not finite as null, so a null is looked at."""
    try:
        body = encode(value)
    except Exception:
        return encode(jsonable(value))
    return body if b"null" not in body else encode(jsonable(value))


def findings_of(findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Findings as a record keeps them: without their messages and keys, which may quote content."""
    return [{"validator": f.validator, "code": f.code, "path": shown(f.path), "severity": f.severity} for f in findings]
