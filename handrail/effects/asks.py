"""Questions about effects that only a person can answer, and the answers: one small file each, written once.

What is asked about is in the journal, and so is each answer; the files let a waiting process find it at once. A
question is about one attempt: an answer to it says nothing of a later one.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from handrail.audit import oscalls, small_files
from handrail.audit.approvals import actor
from handrail.config.live import Actor
from handrail.errors import JournalError

_T = TypeVar("_T")
FOLDER = "asks"
Verdict = Literal["happened", "did_not_happen", "refused"]


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person is asked about one effect. It names no content: that is in the run's record."""

    id: str
    kind: Literal["doubt", "orphan"]
    run: str
    """The logical run."""
    key: str
    tool: str
    tenant: str
    user: str
    agent: str
    at: float
    """Seconds since the epoch."""
    attempt: int
    step: str
    """The attempt's step, and the life in which it was."""
    life: str


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person said."""

    id: str
    verdict: Verdict
    by: Actor
    why: str
    at: float
    result: Any = None
    """What the tool would have returned, where they know it; a text or JSON."""


def question_id(key: str, attempt: int) -> str:
    """The name of the question about one attempt of an effect."""
    return f"{key[:16]}-{attempt}"


def put(folder: Path, question: Question) -> None:
    """Store a question, once. Raises OSError or JournalError."""
    small_files.write_first(_file(folder, question.id, "ask"), msgspec.json.encode(question))


def answer(folder: Path, id: str, verdict: Verdict, why: str, result: Any = None) -> Answer:
    """Answer a question; the first answer holds. Raises JournalError where there is none, or it was answered."""
    if question(folder, id) is None:
        waiting = ", ".join(one.id for one in open_questions(folder)) or "none"
        raise JournalError(f"There is no question {id!r} in {folder / FOLDER}; waiting: {waiting}.")
    said = Answer(id, verdict, actor(), why, time.time(), result)
    if not small_files.write_first(_file(folder, id, "answer"), msgspec.json.encode(said)):
        raise JournalError(f"The question {id} was answered already.")
    return said


def answer_of(folder: Path, id: str) -> Answer | None:
    """The answer to a question; None while there is none. Raises OSError or JournalError."""
    return _read(_file(folder, id, "answer"), Answer)


def question(folder: Path, id: str) -> Question | None:
    """A question by its id; None where there is none. Raises OSError or JournalError."""
    return _read(_file(folder, id, "ask"), Question)


def open_questions(folder: Path) -> Iterator[Question]:
    """The questions that nobody has answered, in no order."""
    names = set(oscalls.names_in(folder / FOLDER))
    for name in sorted(names):
        id, _, kind = name.partition(".")
        if kind == "ask.json" and f"{id}.answer.json" not in names:
            found = question(folder, id)
            if found is not None:
                yield found


def _file(folder: Path, id: str, kind: str) -> Path:
    if not all(part.isalnum() for part in id.split("-")):
        raise JournalError(f"{id!r} is no id of a question.")
    return folder / FOLDER / f"{id}.{kind}.json"


def _read(path: Path, kind: type[_T]) -> _T | None:
    content = small_files.read(path)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise JournalError(f"{path} is damaged: it cannot be read. Answer it again after removing it.") from error
