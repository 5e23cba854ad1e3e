"""A bounded ledger of what a run has seen and done: of one that goes on, and of one that is read from the record."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace

from handrail.validators.context import Call, Run, Source
from handrail.validators.runs import MAX_CALLS, MAX_SOURCE_CHARS, MAX_SOURCES


class Seen:
    """The ledger of one run, and of what it goes on with. Thread-safe: parallel sub-agents write into one."""

    def __init__(self, *, complete: bool = True) -> None:
        """``complete`` is whether everything that the run saw before this is in here."""
        self._lock = threading.Lock()
        self._sources: deque[Source] = deque()
        self._calls: deque[Call] = deque()
        self._known: set[tuple[str, str, int]] = set()
        self._answered: set[str] = set()
        self._complete = complete
        self._chars = self._documents = 0
        self._run: Run | None = None

    def run(self) -> Run:
        """Everything so far; the same object until something is added."""
        with self._lock:
            if self._run is None:
                self._run = Run(tuple(self._sources), tuple(self._calls), self._complete)
            return self._run

    def source(self, source: Source) -> None:
        """A text has entered the run. The same one is kept once; the oldest give way where there are too many."""
        with self._lock:
            self._run = None
            self._add(source)

    def document(self, source: Source) -> None:
        """Likewise a retrieved document; one without an id goes by its number in the run, from 1."""
        with self._lock:
            self._run = None
            self._documents += 1
            self._add(source if source.id else replace(source, id=str(self._documents)))

    def call(self, call: Call, id: str, text: str | None) -> None:
        """A call was made or refused. ``text`` is its result as the model reads it; None where it has none."""
        with self._lock:
            self._run = None
            self._calls.append(call)
            if len(self._calls) > MAX_CALLS:
                self._calls.popleft()
                self._complete = False
            if id and len(self._answered) < MAX_CALLS:
                self._answered.add(id)
            if text:
                self._add(Source(id or str(len(self._sources)), text, "result", call.tool))

    def answers(self, id: str) -> bool:
        """Whether the call with this id was made in here."""
        with self._lock:
            return id in self._answered

    def part(self) -> None:
        """Something was seen that is not in here."""
        with self._lock:
            self._run, self._complete = None, False

    def _add(self, source: Source) -> None:
        text = source.text
        key = (source.kind, source.id, hash(text))
        if key in self._known:
            return
        if len(text) > MAX_SOURCE_CHARS:
            source, self._complete = replace(source, text=text[:MAX_SOURCE_CHARS]), False
        self._known.add(key)
        self._sources.append(source)
        self._chars += len(source.text)
        while self._chars > MAX_SOURCE_CHARS or len(self._sources) > MAX_SOURCES:
            oldest = self._sources.popleft()
            self._known.discard((oldest.kind, oldest.id, hash(oldest.text)))
            self._chars -= len(oldest.text)
            self._complete = False
