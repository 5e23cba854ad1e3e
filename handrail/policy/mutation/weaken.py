"""Weaker copies of a policy: one rule or delegation at a time lets more through than it did."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from handrail.conditions import parse
from handrail.conditions.syntax import (
    AllOf,
    AnyOf,
    Compare,
    Constant,
    ListOf,
    Node,
    Not,
    Sign,
    unparse,
)
from handrail.config.settings import DelegateSettings, Place, RuleSettings, Settings
from handrail.policy.explain.book import named

Entry = RuleSettings | DelegateSettings
Variant = tuple[str, Node]
"""What was changed, and the condition that it makes."""

_FLIPPED: dict[Sign, Sign] = {"==": "!=", "!=": "==", "in": "not in", "not in": "in"}
_LOOSER: dict[Sign, Sign] = {"<": "<=", ">": ">="}
_TIGHTER: dict[Sign, Sign] = {"<=": "<", ">=": ">"}
_OUTWARDS: dict[Sign, int] = {"<=": 1, "<": 1, ">=": -1, ">": -1}
"""Where a bound moves when more is let in."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One copy of the policy in which one entry is different."""

    id: str
    """Of the rule or delegation."""
    what: str
    """What was changed, in words."""
    place: Place
    kind: Literal["weakened", "removed"]
    """``removed`` is an allowance less: no weakening, but a case should notice it too."""
    before: Entry
    after: Entry | None
    """None where the entry is gone."""


def mutants(settings: Settings) -> Iterator[Mutant]:
    """Every weaker copy, in file order."""
    for rule in settings.rules:
        yield from _of_allow(rule) if rule.verdict == "allow" else _of_deny(rule)
    for one in named(settings).delegates:
        yield from _of_delegate(one)


def applied(settings: Settings, mutant: Mutant) -> Settings:
    """``settings`` with the entry as the mutant has it."""

    def swapped(entries: tuple[Entry, ...]) -> list[Entry]:
        now = (mutant.after if one.id == mutant.id else one for one in entries)
        return [one for one in now if one is not None]

    rules = tuple(one for one in swapped(settings.rules) if isinstance(one, RuleSettings))
    delegates = tuple(one for one in swapped(named(settings).delegates) if isinstance(one, DelegateSettings))
    return replace(settings, rules=rules, delegates=delegates)


def _mutant(before: Entry, what: str, after: Entry | None, kind: Literal["weakened", "removed"] = "weakened") -> Mutant:
    return Mutant(before.id, what, before.place, kind, before, after)


def _of_allow(rule: RuleSettings) -> Iterator[Mutant]:
    if rule.when:
        yield _mutant(rule, "condition dropped", replace(rule, when=""))
        tree = parse(rule.when).tree
        yield from (_mutant(rule, what, replace(rule, when=unparse(node))) for what, node in looser(tree))
    if rule.subject != "*":
        yield _mutant(rule, f'allow = "{rule.subject}" widened to "*"', replace(rule, subject="*"))
    yield from _widened(rule)
    yield _mutant(rule, "rule dropped", None, "removed")


def _of_deny(rule: RuleSettings) -> Iterator[Mutant]:
    yield _mutant(rule, "rule dropped", None)
    if rule.when:
        tree = parse(rule.when).tree
        yield from (_mutant(rule, what, replace(rule, when=unparse(node))) for what, node in tighter(tree))
    if len((*rule.call, *rule.read, *rule.write)) > 1:
        for action in ("call", "read", "write"):
            names: tuple[str, ...] = getattr(rule, action)
            for name in names:
                rest = tuple(one for one in names if one != name)
                yield _mutant(rule, f'"{name}" dropped from {action}', _with(rule, action, rest))


def _of_delegate(one: DelegateSettings) -> Iterator[Mutant]:
    if one.from_ != "*":
        yield _mutant(one, f'from = "{one.from_}" widened to "*"', replace(one, from_="*"))
    if one.to.startswith("agent:") and one.to != "agent:*":
        yield _mutant(one, f'to = "{one.to}" widened to "agent:*"', replace(one, to="agent:*"))
    yield from _widened(one)
    yield _mutant(one, "delegation dropped", None, "removed")


def _widened(entry: Entry) -> Iterator[Mutant]:
    for action in ("call", "read", "write"):
        names: tuple[str, ...] = getattr(entry, action)
        if names and "*" not in names:
            yield _mutant(entry, f'{action} widened to "*"', _with(entry, action, ("*",)))
    if entry.tenant != "*":
        yield _mutant(entry, f'tenant = "{entry.tenant}" widened to "*"', replace(entry, tenant="*"))


def _with(entry: Entry, action: str, names: tuple[str, ...]) -> Entry:
    covered = {"call": entry.call, "read": entry.read, "write": entry.write, action: names}
    return replace(entry, call=covered["call"], read=covered["read"], write=covered["write"])


# Conditions. A looser one is true of more facts, a tighter one of fewer; a flipped comparison is neither.


def looser(node: Node) -> Iterator[Variant]:
    """Conditions that let one thing more be true."""
    match node:
        case AllOf():
            for place, part in enumerate(node.parts):
                rest = (*node.parts[:place], *node.parts[place + 1 :])
                yield f"`{unparse(part)}` dropped", rest[0] if len(rest) == 1 else AllOf(rest)
            yield from _inside(node, loose=True)
        case AnyOf():
            for part in node.parts:
                yield f"`|| true` in place of `{unparse(part)}`", Constant(True)
                break
            yield from _inside(node, loose=True)
        case Not():
            yield f"`!` removed from `{unparse(node)}`", node.operand
            yield from ((what, Not(inner)) for what, inner in tighter(node.operand))
        case Compare():
            yield from _compared(node, loose=True)
        case _:
            return


def tighter(node: Node) -> Iterator[Variant]:
    """Conditions that let one thing less be true."""
    match node:
        case AnyOf():
            for place, part in enumerate(node.parts):
                rest = (*node.parts[:place], *node.parts[place + 1 :])
                yield f"`{unparse(part)}` dropped", rest[0] if len(rest) == 1 else AnyOf(rest)
            yield from _inside(node, loose=False)
        case AllOf():
            yield from _inside(node, loose=False)
        case Not():
            yield f"`!` removed from `{unparse(node)}`", node.operand
            yield from ((what, Not(inner)) for what, inner in looser(node.operand))
        case Compare():
            yield from _compared(node, loose=False)
        case _:
            return


def _inside(node: AllOf | AnyOf, *, loose: bool) -> Iterator[Variant]:
    for place, part in enumerate(node.parts):
        for what, inner in looser(part) if loose else tighter(part):
            yield what, replace(node, parts=(*node.parts[:place], inner, *node.parts[place + 1 :]))


def _compared(node: Compare, *, loose: bool) -> Iterator[Variant]:
    sign = node.sign
    other = (_LOOSER if loose else _TIGHTER).get(sign) or _FLIPPED.get(sign)
    if other is not None:
        yield f"`{unparse(node)}` with {other}", replace(node, sign=other)
    if sign in _OUTWARDS and other is None:
        yield from _moved(node, _OUTWARDS[sign] if loose else -_OUTWARDS[sign])
    if sign == ("not in" if loose else "in") and isinstance(node.right, ListOf) and len(node.right.items) > 1:
        for place, item in enumerate(node.right.items):
            items = (*node.right.items[:place], *node.right.items[place + 1 :])
            yield f"{unparse(item)} dropped from `{unparse(node)}`", replace(node, right=ListOf(items))


def _moved(node: Compare, outwards: int) -> Iterator[Variant]:
    """The bound a little further out. A bound on the left of the sign moves the other way."""
    for side, direction in (("right", outwards), ("left", -outwards)):
        limit = getattr(node, side)
        if isinstance(limit, Constant) and type(limit.value) in (int, float):
            assert isinstance(limit.value, (int, float))
            step = 1 if isinstance(limit.value, int) else 0.01
            moved = Constant(round(limit.value + direction * step, 6))
            changed = replace(node, right=moved) if side == "right" else replace(node, left=moved)
            yield f"`{unparse(node)}` with {unparse(moved)}", changed
