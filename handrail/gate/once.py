"""A call is done to the world once: which effect it is, and what is known of that from earlier attempts.

What takes time, such as another attempt that still runs or a service that is asked, is yielded as a request: whoever
drives the generator waits for it in its own way, :func:`now` in a thread and :func:`later` in an event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, TypeVar, cast

from handrail.effects import asks, keys, values
from handrail.effects.asks import Answer, Question
from handrail.effects.declared import Declaration, NotDone, declaration, function
from handrail.effects.ledger import Effect, Ledger, Status
from handrail.effects.vault import Vault, vault_for
from handrail.errors import HandrailError, JournalError, NotReplayable, ValueErased
from handrail.gate.calls import ToolCall
from handrail.gate.retelling import retell
from handrail.tracing.context import Frame, RunState
from handrail.tracing.faults import unquoted

log = logging.getLogger(__name__)

T = TypeVar("T")
NOTE = "ledger"
CARRIED_OUT = "This call was carried out before. Its result is not known; do not make it again."
"""What the model reads in place of a result that could not be kept."""
ASKED = (
    "It is not known whether this call was carried out, so it is not made again. A person has been asked. "
    "Go on without it."
)
"""What the model reads of a call that waits for a person, where the run cannot wait."""
REFUSED = "A person decided that this call is not made."
"""What the model reads of a call that a person refused."""
_WAIT_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Wait:
    """Another attempt of the same effect runs in this process: wait until it is over."""

    ledger: Ledger
    effect: Effect


@dataclass(frozen=True, slots=True)
class Query:
    """A function that finds out whether a call happened."""

    function: Callable[..., Any]
    key: str
    args: Mapping[str, Any]


Request = Wait | Query
Waiting = Generator[Request, Any, T]


@dataclass(slots=True)
class Doing:
    """One attempt of an effect."""

    ledger: Ledger
    effect: Effect
    declared: Declaration
    vault: Vault | None
    """Where its result is kept; None in observe mode, where nothing is."""
    how: str = "ran"
    exact: bool = True
    """Whether its arguments could be compared."""

    def facts(self) -> dict[str, object]:
        """What the record of the intent says of it."""
        effect = self.effect
        said: dict[str, object] = {"key": effect.key, "occ": effect.occurrence, "attempt": effect.attempts + 1}
        return {**said, "how": self.how, **({"at": effect.at} if effect.at else {})}

    def keep(self, args: Mapping[str, Any], value: Any) -> Mapping[str, Any] | None:
        """Keep the result for replay; None where it cannot be, which makes it no less done."""
        if self.vault is None:
            return None
        try:
            return self.vault.put(self.ledger.run, self.effect.key, _kept(args, value))
        except (NotReplayable, JournalError, OSError) as error:
            log.warning(
                "The result of %r cannot be given back after a crash (%s): the call counts as done.",
                self.effect.tool,
                type(error).__name__,
            )
            return None

    def done(self, ref: Mapping[str, Any] | None) -> dict[str, object]:
        """It happened; facts of its result's record."""
        self.ledger.end(self.effect, "done", ref)
        return {"value": ref} if ref is not None else {}

    def failed(self, error: BaseException | None, *, paused: bool, began: bool) -> dict[str, object]:
        """It raised, or said that it failed; facts of its result's record."""
        status = self._after(error, paused, began)
        self.ledger.end(self.effect, status)
        return {"doubt": True} if status == "doubt" and self.vault is not None else {}

    def _after(self, error: BaseException | None, paused: bool, began: bool) -> Status:
        if paused:
            return "suspended"
        if not began or self.declared.effect == "read":
            return "failed"
        return "failed" if error is not None and self.declared.is_clean(error) else "doubt"


def _kept(args: Mapping[str, Any], value: Any) -> bytes:
    try:
        return values.encode([dict(args), value])
    except NotReplayable:  # perhaps an argument only, such as a store that the framework injects
        return values.encode([None, value])


@dataclass(frozen=True, slots=True)
class Known:
    """What is done about a call: it runs, or what is known goes in place of that."""

    doing: Doing | None
    """The attempt to make; None where none is made."""
    value: Any = None
    """The recorded result, where there is one."""
    how: str = "ran"
    """``ran``, ``again``, ``retried``, ``asked`` for attempts; ``replayed``, ``queried``, ``answered`` for results."""
    said: str = ""
    """What the model reads in place of a result."""
    question: Question | None = None
    """What the call waits for."""
    key: str = ""
    """The effect's key, where nothing is done about it, and where in checkpointed graphs it was asked for."""
    at: str = ""
    resumed: bool = False
    """Whether it is an effect of an earlier life."""


def ledger_of(state: RunState) -> Ledger:
    """What the run has done so far."""
    found: Ledger | None = state.notes.get(NOTE)
    return found if found is not None else state.notes.setdefault(NOTE, Ledger(state.logical, state.run))


def resolve(
    frame: Frame, call: ToolCall, args: Mapping[str, Any], *, enforced: bool, declared: Declaration
) -> Waiting[Known]:
    """What is done about a call that is allowed. In observe mode it runs, whatever is known."""
    ledger = ledger_of(frame.state)
    what = keys.identity(call.name, args)
    exact = what is not None
    ident = what if what is not None else blake2b(b"?" + call.name.encode(), digest_size=keys.KEY_BYTES).digest()
    vault = vault_for(frame.gates[0].folder) if enforced else None
    effect = ledger.claim(
        ident, call.name, declared.effect, call_id=call.call_id or "", at=call.at(), step=frame.step, exact=exact,
        place=call.place(),
    )  # fmt: skip
    while enforced and not ledger.try_begin(effect):
        yield Wait(ledger, effect)
    doing = Doing(ledger, effect, declared, vault, exact=exact)
    if not enforced:
        return Known(doing)
    try:
        found = yield from _known(frame, call, args, doing)
        return replace(found, key=effect.key, at=effect.at, resumed=ledger.resumed)
    except BaseException:
        ledger.leave(effect)
        raise


def _known(frame: Frame, call: ToolCall, args: Mapping[str, Any], doing: Doing) -> Waiting[Known]:
    effect, declared = doing.effect, doing.declared
    if not doing.exact and effect.status in ("done", "doubt"):  # perhaps another call's: nobody can tell
        return _asked(frame, call, args, doing)
    if effect.status == "done":
        return _done_before(frame, call, doing)
    if effect.status != "doubt":
        return _run(doing, "ran" if effect.attempts == 0 else "again")
    if declared.again:
        return _run(doing, "retried")
    if declared.query is not None:
        found = yield Query(function(declared.query), effect.key, args)
        if isinstance(found, NotDone) or found is NotDone:
            return _run(doing, "retried")
        if not isinstance(found, _Unanswered):
            return _resolved(frame, doing, args, call.answer(found), "queried", by="query")
    return _asked(frame, call, args, doing)


def _run(doing: Doing, how: str) -> Known:
    doing.how = how
    return Known(doing, how=how)


def _done_before(frame: Frame, call: ToolCall, doing: Doing) -> Known:
    effect, ledger = doing.effect, doing.ledger
    if effect.effect == "read" and effect.life == ledger.life:  # tried again on purpose, by what wraps the tool
        return _run(doing, "again")
    found = _recorded(call, doing)
    if found is None and effect.effect == "read":
        return _run(doing, "again")
    retell(frame, ledger.run, ledger.inside(effect), call.content)
    ledger.leave(effect)
    return found if found is not None else Known(None, how="replayed", said=CARRIED_OUT)


def _recorded(call: ToolCall, doing: Doing) -> Known | None:
    if doing.effect.value is None or doing.vault is None:
        return None
    try:
        body = doing.vault.get(doing.ledger.run, doing.effect.key, doing.effect.value)
        return Known(None, call.again(values.decode(body)[1]), how="replayed")
    except (ValueErased, NotReplayable, JournalError, OSError) as error:
        log.warning("A recorded result of %r cannot be given back: %s", doing.effect.tool, type(error).__name__)
        return None


def _resolved(frame: Frame, doing: Doing, args: Mapping[str, Any], value: Any, how: str, *, by: str) -> Known:
    """It happened: put that down, and give out what is known of its result."""
    known = value is not asks.NOT_KNOWN
    ref = doing.keep(args, value) if known else None
    _note(frame, doing, by, "done", ref)
    doing.ledger.end(doing.effect, "done", ref)
    return Known(None, value, how=how) if known else Known(None, how=how, said=CARRIED_OUT)


def _note(frame: Frame, doing: Doing, by: str, status: str, ref: Mapping[str, Any] | None = None) -> None:
    effect = doing.effect
    record: dict[str, object] = {
        "k": "effect.resolved", "run": frame.state.run, "step": frame.step, "key": effect.key, "tool": effect.tool,
        "attempt": effect.attempts, "by": by, "status": status, **({"value": ref} if ref is not None else {}),
    }  # fmt: skip
    frame.gates[0].steps.recorder.write(record, must=True)


def _asked(frame: Frame, call: ToolCall, args: Mapping[str, Any], doing: Doing) -> Known:
    """What a person said of it; a question to them where they have said nothing yet."""
    effect, folder = doing.effect, frame.gates[0].folder
    id = asks.question_id(effect.key, effect.attempts)
    answer = asks.answer_of(folder, id)
    if answer is not None:
        return _answered(frame, call, args, doing, answer)
    question = asks.about("doubt", doing.ledger.run, effect, frame.state.principal, frame.principal.agent)
    asks.put(folder, question)
    facts = {"event": "asked", "id": id, "by": "handrail", "tool": effect.tool, "key": effect.key}
    frame.gates[0].steps.note(frame, "approval", facts)
    doing.ledger.leave(effect)
    return Known(None, how="asked", said=ASKED, question=question)


def _answered(frame: Frame, call: ToolCall, args: Mapping[str, Any], doing: Doing, answer: Answer) -> Known:
    if answer.verdict == "did_not_happen":
        _note(frame, doing, "person", "failed")
        return _run(doing, "asked")
    if answer.verdict == "happened":
        return _resolved(frame, doing, args, _said(frame, call, doing, answer), "answered", by="person")
    doing.ledger.leave(doing.effect)
    return Known(None, how="answered", said=REFUSED)


def _said(frame: Frame, call: ToolCall, doing: Doing, answer: Answer) -> Any:
    """The answer to the call that a person's words make; NOT_KNOWN where they named no result, or it is gone."""
    try:
        found = asks.result_of(frame.gates[0].folder, doing.ledger.run, answer)
    except (ValueErased, NotReplayable, JournalError, OSError) as error:
        log.warning("What a person said of %r cannot be read: %s", call.name, type(error).__name__)
        return asks.NOT_KNOWN
    return found if found is asks.NOT_KNOWN else call.answer(found)


class _Unanswered:
    """A query that failed says nothing."""


def _unanswered(request: Query, error: Exception) -> _Unanswered:
    where = str(error) if isinstance(error, HandrailError) else type(error).__name__
    log.warning("Whether a call happened could not be asked for: %s", where, exc_info=unquoted())
    return _Unanswered()


def now(waiting: Waiting[T]) -> T:
    """Drive a generator of requests, waiting in this thread."""
    reply: Any = None
    while True:
        try:
            request = waiting.send(reply)
        except StopIteration as end:
            found: T = end.value
            return found
        reply = _carried_out(request)


def _carried_out(request: Request) -> Any:
    if isinstance(request, Wait):
        request.ledger.wait(request.effect)
        return None
    try:
        found = request.function(request.key, dict(request.args))
        return asyncio.run(found) if inspect.isawaitable(found) else found  # type: ignore[arg-type]
    except Exception as error:
        return _unanswered(request, error)


async def later(waiting: Waiting[T]) -> T:
    """Likewise, in an event loop."""
    reply: Any = None
    while True:
        try:
            request = waiting.send(reply)
        except StopIteration as end:
            found: T = end.value
            return found
        reply = await _awaited(request)


async def _awaited(request: Request) -> Any:
    if isinstance(request, Wait):
        while request.effect.busy:
            await asyncio.sleep(_WAIT_SECONDS)
        return None
    try:
        if inspect.iscoroutinefunction(request.function):
            return await request.function(request.key, dict(request.args))
        return await asyncio.to_thread(request.function, request.key, dict(request.args))
    except Exception as error:
        return _unanswered(request, error)


def declared_by(frame: Frame, call: ToolCall, effect: str) -> Declaration:
    """What is declared of the tool of ``call``, whose gravest ``effect`` is known."""
    settings = frame.gates[0].rulebook.now.settings.tools.get(call.name)
    found = declaration(settings, call.declared)
    if found.effect == effect:
        return found
    return replace(found, effect=cast("Any", effect))
