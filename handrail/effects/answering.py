"""A person answers a question about an effect, at the command line or in the explorer: checked, stored, put down.

The journal decides what there is to answer. A file of a question that is missing is made again from it, and an answer
is taken only about the attempt that was the last one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handrail.audit.recorder import Recorder
from handrail.effects import asks, past
from handrail.effects.asks import NOT_KNOWN, Answer, Question, Verdict
from handrail.effects.holding import holds_of
from handrail.effects.ledger import Effect
from handrail.effects.past import Past
from handrail.errors import JournalError
from handrail.tracing.identity import Principal

VERDICTS: dict[str, tuple[Verdict, ...]] = {
    "doubt": ("happened", "did_not_happen", "refused"),
    "orphan": ("acknowledged",),
}
"""Kind of question -> what can be answered."""


def settle(
    folder: Path, id: str, verdict: Verdict, why: str, result: Any = NOT_KNOWN, *, channel: str, run: str | None = None
) -> Answer:
    """Answer the question ``id``, and put that down; the first answer holds.

    ``result`` is what the tool would have returned, where it happened and the person knows it: a text, or JSON.
    ``channel`` is where they said so (``command``, ``explorer``). ``run`` is the logical run, for a question that
    nobody has asked yet. Raises JournalError where there is no such question, it is about another attempt than the
    last, needs no answer any more, was answered, or cannot be answered so; RunHeld never: a run may wait for this.
    """
    asked = asks.question(folder, id)
    named = asked.run if asked is not None else run
    known = past.read(folder, named) if named else None
    if known is None:
        raise JournalError(f"There is no question {id!r}. See `handrail runs list --unfinished`.")
    asked = _checked(folder, known, id, asked)
    if verdict not in VERDICTS[asked.kind]:
        can_be = ", ".join(VERDICTS[asked.kind])
        raise JournalError(f"The question {id} cannot be answered with {verdict!r}, but with: {can_be}.")
    if result is not NOT_KNOWN and verdict != "happened":
        raise JournalError("A result can only be said of a call that happened.")
    said = asks.answer(folder, id, verdict, why, result)
    _put_down(folder, asked, said, channel)
    return said


def _checked(folder: Path, known: Past, id: str, asked: Question | None) -> Question:
    """The question, as the journal has it. Raises JournalError where there is nothing to answer."""
    effect = next((one for key, one in known.effects.items() if id.startswith(f"{key[:16]}-")), None)
    if effect is None or (asked is not None and asked.key != effect.key):
        raise JournalError(
            f"The run {known.run} has no call that the question {id} is about. See `handrail runs show`."
        )
    if asks.question_id(effect.key, effect.attempts) != id:
        raise JournalError(
            f"The question {id} is about an earlier attempt: the last one of {effect.tool!r} is number "
            f"{effect.attempts}. See `handrail runs show {known.run}`."
        )
    if _runs(folder, known, effect):
        raise JournalError(f"This call of {effect.tool!r} is being made at this moment. Wait until it is over.")
    if asked is None and effect.status != "doubt":
        raise JournalError(f"This call of {effect.tool!r} is {effect.status}: there is nothing to answer.")
    if effect.key in known.settled:
        raise JournalError(f"It is known by now what became of this call of {effect.tool!r}: {effect.status}.")
    if asked is None:
        asked = _asked_now(known, effect)
        asks.put(folder, asked)
    return asked


def _runs(folder: Path, known: Past, effect: Effect) -> bool:
    return known.goes_on(effect) and holds_of(folder).held(known.run) is not None


def _asked_now(known: Past, effect: Effect) -> Question:
    first = known.first
    return asks.about("doubt", known.run, effect, Principal(first["tenant"], first["user"]), first["agent"])


def _put_down(folder: Path, asked: Question, said: Answer, channel: str) -> None:
    """The answer is a record of the attempt that it is about."""
    Recorder(folder).write(
        {
            "k": "approval", "run": asked.life, "step": asked.step, "event": "answered", "id": asked.id,
            "by": "handrail", "tool": asked.tool, "key": asked.key, "decision": said.verdict, "why": said.why,
            "who": {"uid": said.by.uid, "name": said.by.name}, "tenant": asked.tenant, "user": said.by.name,
            "channel": channel, "waited": max(0, int((said.at - asked.at) * 1e9)),
        },
        must=True,
    )  # fmt: skip
