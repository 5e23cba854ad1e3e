"""Threads, sessions and memory belong to whoever opened them: asked where a run begins, and where state is touched.

Where a service acts for a user inside a run of its own, what it opens there is theirs together: not the service's for
all its users. In enforce mode somebody else's is refused in neutral words; in observe mode it is only recorded. Nobody
owns anything anonymously: such a run opens nothing, and what has an owner is refused to it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from handrail.audit.owners import Kind, owners_of
from handrail.errors import NotAvailable
from handrail.gate import Gate, gates_of
from handrail.gate.judgement import Judgement, ask
from handrail.policy.decision import Action
from handrail.policy.facts import circumstances_of, facts_of
from handrail.policy.patterns import expand
from handrail.rulebook import Snapshot
from handrail.tracing.context import Frame
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


def memory(rules: Snapshot, who: Principal, action: Action, name: str) -> Judgement | None:
    """What ownership says of a memory namespace; None where a rule names it, and so decides.

    A pattern that is only ``*`` names nothing. Never raises.
    """
    if "." in name:  # LangGraph's own methods write none such
        return Judgement("deny", "owner", "a period in a namespace: some stores take it for a border of its parts")
    if _named(rules, action, name):
        return None
    opens = action == "write" and ANONYMOUS not in who.users
    try:
        mine = owners_of(rules.settings.data).owns("namespace", name, who.tenant, *who.users, opens=opens)
    except Exception as error:
        return Judgement("deny", "error", f"whose the namespace is could not be found out: {type(error).__name__}")
    if not mine:
        return Judgement("deny", "owner", "the namespace belongs to somebody else")
    if who.user == ANONYMOUS and rules.policy is not None:
        return None
    return Judgement("allow", "owner", "the namespace is theirs, or nobody's so far")


def _named(rules: Snapshot, action: Action, name: str) -> bool:
    groups = dict(rules.settings.groups)
    patterns = (pattern for rule in rules.settings.rules for pattern in expand(getattr(rule, action), groups))
    return any(pattern.text != "*" and pattern.covers(name) for pattern in patterns)


def readable(frame: Frame, name: str) -> bool:
    """Whether what lies in a memory namespace may be given out here, as every enforced gate says."""
    facts = facts_of(frame.principal, "read", {"namespace": name}, circumstances_of(frame.state))
    for gate in gates_of(frame):
        rules = gate.rulebook.now
        if rules.settings.mode != "enforce":
            continue
        said = memory(rules, frame.principal, "read", name) or ask(rules, frame.principal, name, "read", facts)
        if said.verdict != "allow":
            return False
    return True


def _theirs(gate: Gate, who: Principal, kind: Kind, name: str, opens: bool) -> bool:
    settings = gate.rulebook.now.settings
    try:
        users = (who.user,) if kind == "session" else who.users  # a session is that of the whole run
        return owners_of(settings.data).owns(kind, name, who.tenant, *users, opens=opens and ANONYMOUS not in users)
    except Exception as error:
        log.warning("Whose %s this is could not be found out: %s", kind, type(error).__name__)
        return settings.mode != "enforce"
