"""An explanation as a few lines of text: the verdict, why as a short tree, then what came nearest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from handrail.policy.explain import Explanation, LinkTrail, Nearest, Part, PrincipalTrail, RuleTrail


def lines(told: Explanation) -> Iterator[str]:
    """The text, line by line. What it quotes is not yet safe for a terminal."""
    yield f"{'ALLOWED' if told.verdict == 'allow' else 'DENIED'}: {told.reason}"
    if told.principals or told.scopes:
        yield ""
    for scope in told.scopes:
        yield f"{_mark(scope.covers)} token for {', '.join(scope.patterns) or 'nothing'}"
    for place, trail in enumerate(told.principals):
        if place:
            yield from _link(told.links[place - 1])
        yield from _principal(trail, told)
    if told.nearest is not None:
        yield ""
        yield from _nearest(told.nearest)


def _mark(good: bool | None) -> str:
    return {True: "+", False: "-", None: "?"}[good]


def _place(file: str | None, line: int | None) -> str:
    return f" ({Path(file).name}:{line})" if file and line else ""


def _principal(trail: PrincipalTrail, told: Explanation) -> Iterator[str]:
    may = "may" if trail.verdict == "allow" else "may not"
    yield f"{_mark(trail.verdict == 'allow')} {trail.principal} {may} {told.action} {told.object} in {told.tenant}"
    if trail.rule is None:
        yield "    by no rule: what nothing allows is denied"
        return
    yield from _rule(trail.rule, trail.line)


def _rule(rule: RuleTrail, line: str | None) -> Iterator[str]:
    verb = "allowed" if rule.verdict == "allow" else "denied"
    yield f"    {verb} by {rule.id}{_place(rule.file, rule.line)}"
    if line is not None:
        yield f"    line     {line}"
    if rule.held_by is not None and len(rule.held_by) > 1:
        yield f"    as       {' -> '.join(rule.held_by)}"
    if rule.covered_by is not None:
        yield f"    covers   {' -> '.join(rule.covered_by)}"
    if rule.tenant != "*":
        yield f"    tenant   {rule.tenant}"
    if rule.condition is not None:
        yield from _condition(rule.condition, "    when     ")


def _condition(part: Part, lead: str) -> Iterator[str]:
    values = "" if part.parts else _values(part)
    yield f"{lead}{_mark(part.holds)} {part.text}{values}"
    for inner in part.parts:
        yield from _condition(inner, " " * len(lead) + "  ")


def _values(part: Part) -> str:
    told = [f"{fact.path} is {'missing' if fact.missing else repr(fact.value)}" for fact in part.facts]
    problem = f" [no answer: {part.problem}]" if part.problem else ""
    return (f"   ({', '.join(told)})" if told else "") + problem


def _link(link: LinkTrail) -> Iterator[str]:
    acts = "acts for" if link.allowed else "may not act for"
    by = f" by {link.delegation}{_place(link.file, link.line)}" if link.delegation else ""
    yield f"{_mark(link.allowed)} {link.delegate} {acts} {link.delegator}{by}"
    if len(link.delegator_by) > 1:
        yield f"    as       {' -> '.join(link.delegator_by)}"


def _nearest(nearest: Nearest) -> Iterator[str]:
    if nearest.rule is not None:
        yield f"nearest: {nearest.rule}{_place(nearest.file, nearest.line)}"
        for unmet in nearest.unmet:
            yield f"    {unmet}"
    else:
        yield f"nearest: {'; '.join(nearest.unmet) or 'no rule'}"
    if nearest.changes:
        yield "would be allowed with:"
        for change in nearest.changes:
            yield f"    {change.text}"
