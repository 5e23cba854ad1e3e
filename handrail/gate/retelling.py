"""What earlier lives of a run did, told to validators that look at runs, when a run goes on from behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from handrail.effects import values
from handrail.effects.ledger import Effect
from handrail.effects.vault import Vault, vault_for
from handrail.errors import JournalError, NotReplayable, ValueErased
from handrail.gate import seen
from handrail.tracing.context import Frame
from handrail.validators.context import Call


def retell(frame: Frame, run: str, effects: Iterable[Effect], content: Callable[[Any], Any]) -> None:
    """The logical run ``run`` goes on in ``frame`` from behind ``effects``; ``content`` is what validators see of a
    result. What cannot be read any more makes the run known in part."""
    if not seen.untold(frame):
        return
    vault = vault_for(frame.gates[0].folder)
    for effect in effects:
        if effect.status == "done":
            _retell(frame, vault, run, effect, content)


def _retell(frame: Frame, vault: Vault, run: str, effect: Effect, content: Callable[[Any], Any]) -> None:
    if effect.value is None:
        return seen.unknown(frame)
    try:
        args, value = values.decode(vault.get(run, effect.key, effect.value))
    except (ValueErased, NotReplayable, JournalError, OSError):
        return seen.unknown(frame)
    if args is None:  # they could not be kept
        return seen.unknown(frame)
    made = Call(effect.tool, args, "ok", content(value), effect.agent, effect.branch)
    return seen.retold(frame, made, effect.call_id)
