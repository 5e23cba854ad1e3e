"""Questions about effects that only a person can answer, and the answers: one small file each, written once.

What is asked about is in the journal, and so is each answer; the files let a waiting process find it at once. A
question is about one attempt: an answer to it says nothing of a later one.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

import msgspec

from handrail.audit import oscalls, small_files
from handrail.audit.approvals import actor, whom
from handrail.config.live import Actor
from handrail.effects import values
from handrail.effects.ledger import Effect
from handrail.effects.vault import vault_for
from handrail.errors import JournalError
from handrail.tracing.identity import Principal

log = logging.getLogger(__name__)


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_T = TypeVar("_T", bound=_Named)
FOLDER = "asks"
ID = re.compile(r"[0-9a-f]{16}-[1-9][0-9]{0,8}")
"""Ids of questions: the first digits of an effect's key, and the number of an attempt."""
Verdict = Literal["happened", "did_not_happen", "refused", "acknowledged"]
"""``refused``: whether it happened or not, it is not made again. ``acknowledged``: a person knows of the orphan."""
NOT_KNOWN: Any = msgspec.UNSET
"""In place of a result that the person does not know."""


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
    value: dict[str, str | int] | None = None
    """Where what the tool would have returned lies in the encrypted store, where they know it."""


def question_id(key: str, attempt: int) -> str:
    """The name of the question about one attempt of an effect."""
    return f"{key[:16]}-{attempt}"


def about(kind: Literal["doubt", "orphan"], run: str, effect: Effect, who: Principal, agent: str) -> Question:
    """What is asked about the latest attempt of an effect of the logical ``run``, which ``agent`` made for ``who``."""
    return Question(
        question_id(effect.key, effect.attempts), kind, run, effect.key, effect.tool, who.tenant, who.user, agent,
        time.time(), effect.attempts, effect.step, effect.life,
    )  # fmt: skip


def put(folder: Path, question: Question) -> None:
    """Store a question, once. Raises OSError or JournalError."""
    small_files.write_first(_file(folder, question.id, "ask"), msgspec.json.encode(question))


def answer(folder: Path, id: str, verdict: Verdict, why: str, result: Any = NOT_KNOWN) -> Answer:
    """Answer a question; the first answer holds. ``result`` is what the tool would have returned: a text or JSON.

    Raises JournalError where there is no such question, or it was answered. See `handrail.effects.answering`, which
    makes sure of more and puts it down.
    """
    asked = question(folder, id)
    if asked is None:
        waiting = ", ".join(one.id for one in open_questions(folder)) or "none"
        raise JournalError(f"There is no question {id!r} in {folder / FOLDER}; waiting: {waiting}.")
    ref = None if result is NOT_KNOWN else vault_for(folder).put(asked.run, f"answer {id}", values.encode(result))
    said = Answer(id, verdict, actor(), why, time.time(), ref)
    if not small_files.write_first(_file(folder, id, "answer"), msgspec.json.encode(said)):
        raise JournalError(f"The question {id} was answered already{_by(folder, id)}: the first answer holds.")
    return said


def _by(folder: Path, id: str) -> str:
    before = answer_of(folder, id)
    return f", by {before.by.name} ({before.verdict})" if before is not None else ""


def answer_of(folder: Path, id: str) -> Answer | None:
    """The answer to a question; None while there is none. Raises OSError or JournalError.

    Who gave it is the owner of the file, whatever it says.
    """
    path = _file(folder, id, "answer")
    found = _read(path, id, Answer)
    if found is None or found.by.uid == (owner := oscalls.owner_at(path)):
        return found
    return msgspec.structs.replace(found, by=whom(owner))


def result_of(folder: Path, run: str, answer: Answer) -> Any:
    """What the person said that the tool would have returned, in the logical ``run``; NOT_KNOWN where they did not.

    Raises ValueErased where the run's values were erased, NotReplayable or JournalError where it cannot be read.
    """
    if answer.value is None:
        return NOT_KNOWN
    return values.decode(vault_for(folder).get(run, f"answer {answer.id}", answer.value))


def question(folder: Path, id: str) -> Question | None:
    """A question by its id; None where there is none. Raises OSError or JournalError."""
    return _read(_file(folder, id, "ask"), id, Question)


def open_questions(folder: Path) -> Iterator[Question]:
    """The questions that nobody has answered, in no order; what is damaged is logged and left out."""
    names = set(oscalls.names_in(folder / FOLDER))
    for name in sorted(names):
        id, _, kind = name.partition(".")
        if kind == "ask.json" and ID.fullmatch(id) and f"{id}.answer.json" not in names:
            try:
                found = question(folder, id)
            except (OSError, JournalError) as error:
                log.warning("%s", error)
                continue
            if found is not None:
                yield found


def _file(folder: Path, id: str, kind: str) -> Path:
    if not ID.fullmatch(id):
        raise JournalError(f"{id!r} is no id of a question, such as 4245c97c8166fd8b-1: see `handrail runs show RUN`.")
    return folder / FOLDER / f"{id}.{kind}.json"


def _read(path: Path, id: str, kind: type[_T]) -> _T | None:
    content = small_files.read(path)
    if content is None:
        return None
    try:
        found = msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JournalError(
            f"{path} is damaged: it cannot be read. Remove it; then it can be put down again."
        ) from error
    if found.id != id:
        raise JournalError(f"{path} is about something else: somebody put it there. Look who did, and remove it.")
    return found
