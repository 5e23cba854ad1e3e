"""Who and what a rule covers, compared with another rule: containment, never guessed."""

from __future__ import annotations

from functools import lru_cache

from handrail.policy.check.context import Context
from handrail.policy.patterns import Pattern
from handrail.policy.rows import Covers, Rule


def wider_subjects(context: Context, subject: str, tenant: str) -> frozenset[str]:
    """Every subject that stands for everybody for whom ``subject`` stands in ``tenant``, itself included."""
    found = {subject, "*"}
    if subject.startswith("user:"):
        found |= {"user:*", *context.roles_of(tenant, subject)}
    elif subject.startswith("agent:"):
        found.add("agent:*")
    elif subject.startswith("role:"):
        found |= {"user:*", *context.included.get(subject, ())}
    return frozenset(found)


def contains(wide: Rule, narrow: Rule) -> bool:
    """Whether ``wide`` covers every tenant and object that ``narrow`` does; subjects are not compared."""
    return tenant_within(wide.tenant, narrow.tenant) and _covers(wide.covers, narrow.covers)


def tenant_within(wide: str, narrow: str) -> bool:
    """Whether the name or pattern ``wide`` covers every tenant that ``narrow`` does."""
    return wide in ("*", narrow) or _within(wide, narrow)


def _covers(wide: Covers, narrow: Covers) -> bool:
    return all(
        any(act == action and _within(one.text, pattern.text) for act, one in wide) for action, pattern in narrow
    )


@lru_cache(16_384)
def _within(wide: str, narrow: str) -> bool:
    # The star of the narrow pattern is a character that only a star of the wide one can take.
    return wide in ("*", narrow) or Pattern(wide).covers(narrow)


def overlap(one: Covers, other: Covers) -> bool:
    """Whether some object is covered by both."""
    return any(act == action and patterns_meet(left.text, right.text) for act, left in one for action, right in other)


@lru_cache(16_384)
def patterns_meet(one: str, other: str) -> bool:
    """Whether some name fits both patterns."""
    if "*" not in one or "*" not in other:
        return _within(one, other) or _within(other, one)
    # Both have a star: the tails behind the last stars and the heads before the first ones must agree.
    heads = one.partition("*")[0], other.partition("*")[0]
    tails = one.rpartition("*")[2], other.rpartition("*")[2]
    return _agree(*heads) and _agree(tails[0][::-1], tails[1][::-1])


def _agree(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)
