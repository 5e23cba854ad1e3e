"""Threads and sessions belong to whoever opened them: asked where a run begins, and where its state is looked at.

In enforce mode somebody else's is refused in neutral words; in observe mode it is only recorded. Nobody owns
anything anonymously: such a run opens nothing, and what has an owner is refused to it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from handrail.audit.owners import Kind, owners_of
from handrail.errors import NotAvailable
from handrail.gate import Gate
from handrail.tracing.identity import ANONYMOUS, Principal

log = logging.getLogger(__name__)


def require_run(gates: Iterable[Gate], who: Principal, configurable: Mapping[str, Any]) -> None:
    """The thread and the session of a run that ``who`` begins must be theirs, or become so.

    Raises NotAvailable where an enforced gate knows them as somebody else's.
    """
    thread = str(configurable.get("thread_id") or "")
    for gate in gates:
        require(gate, who, "thread", thread)
        if who.session != gate.rulebook.now.settings.session:  # that one is the whole installation's
            require(gate, who, "session", f"{who.tenant}/{who.session}" if who.session else "")


def require(gate: Gate, who: Principal, kind: Kind, name: str, *, opens: bool = True) -> None:
    """Raise NotAvailable where ``name`` is somebody else's, in enforce mode; where it is nobody's, open it."""
    if not name or _theirs(gate, who, kind, name, opens):
        return
    enforced = gate.rulebook.enforces
    gate.steps.recorder.write({
        "k": "owner.refused", "kind": kind, "name": name, "tenant": who.tenant, "user": who.user,
        "chain": list(who.links), "verdict": "deny" if enforced else "would_deny",
    })  # fmt: skip
    if enforced:
        raise NotAvailable


def _theirs(gate: Gate, who: Principal, kind: Kind, name: str, opens: bool) -> bool:
    settings = gate.rulebook.now.settings
    try:
        return owners_of(settings.data).owns(kind, name, who.tenant, who.user, opens=opens and who.user != ANONYMOUS)
    except Exception as error:
        log.warning("Whose %s this is could not be found out: %s", kind, type(error).__name__)
        return settings.mode != "enforce"
