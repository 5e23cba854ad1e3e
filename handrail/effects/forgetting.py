"""The values that were kept for going on with a run are erased, and that is put down."""

from __future__ import annotations

from pathlib import Path

from handrail.audit.approvals import actor
from handrail.audit.recorder import Recorder
from handrail.effects import past
from handrail.effects.holding import holds_of
from handrail.effects.vault import vault_for
from handrail.errors import JournalError


def forget(folder: Path, run: str, why: str) -> bool:
    """Erase the values of the logical run with a life ``run``: results, model answers, input, what people said.

    What the run did stays done and recorded; it cannot go on any more. False when there were none left. Raises
    JournalError where there is no such run or the erasure cannot be put down, and RunHeld while somebody works on it.
    """
    known = past.read(folder, run)
    if known is None:
        raise JournalError(f"The journal in {folder} has no run {run}. See `handrail runs list`.")
    holds = holds_of(folder)
    holds.take(known.run)
    try:
        erased = vault_for(folder).forget(known.run)
        if erased or not known.forgotten:
            who = actor()
            Recorder(folder).write(
                {
                    "k": "run.forgotten", "run": known.run, "step": known.first["step"], "why": why,
                    "who": {"uid": who.uid, "name": who.name},
                },
                must=True,
            )  # fmt: skip
    finally:
        holds.free(known.run)
    return erased
