"""A run as a tree for the terminal: one line per step, and below it what is not as one would expect."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click

from handrail.audit.spoken import Spoken, by_validators, spoken
from handrail.audit.traces import Content, Row, Trace, chain_of
from handrail.audit.tree import Place
from handrail.cli.traces import facts
from handrail.cli.traces.columns import cells, cut, filled, shown
from handrail.dashboard import plain

MAX_INDENT = 12
"""Most levels that are drawn; deeper steps stand below one another."""
MAX_CONTENT = 2_000
"""Most characters of one payload; ``--json`` has all."""
_VERDICTS = {
    "allow": "allowed", "deny": "DENIED", "reject": "REJECTED", "would_deny": "would be denied",
    "would_reject": "would be rejected", "stopped": "STOPPED", "ask": "WAITS",
}  # fmt: skip
_COLORS = {"deny": "red", "reject": "red", "stopped": "red", "would_deny": "yellow", "would_reject": "yellow"}
_OUTCOME_COLORS = {"error": "magenta", "lost": "magenta", "running": "blue", "interrupted": "yellow"}
_BY = {
    "policy": "no rule allows it", "schema": "its schema", "none": "no policy", "approval": "a person",
    "limit": "a limit", "agent": "the agent's code", "run": "the end of the run", "invalid": "being unreadable",
    "output": "being the answer", "effect": "a person's answer: nobody knows whether it happened",
}  # fmt: skip
_GAP = "  "


@dataclass(frozen=True, slots=True)
class _Line:
    """One step, ready to be laid out."""

    guides: str
    """What is drawn before the step."""
    below: str
    """What is drawn before the lines about it."""
    cells: tuple[str, ...]
    """Name, decision, outcome, duration, tokens."""
    color: str | None
    details: tuple[str, ...]


def lines(trace: Trace, width: int, contents: Callable[[Row], Iterator[tuple[str, Content]]]) -> Iterator[str]:
    """The text, line by line, at most ``width`` columns each. ``contents`` gives what is shown of a step's payloads."""
    yield from _head(trace, width)
    drawn = [_line(trace, place, guides) for place, guides in zip(trace.places, _guides(trace.places), strict=True)]
    widths = _widths(drawn, width)
    for line, place in zip(drawn, trace.places, strict=True):
        yield click.style(_laid_out(line, widths, width), fg=line.color)
        for detail in line.details:
            yield click.style(cut(f"{line.below}{detail}", width), dim=True)
        for name, content in contents(trace.steps[place.step]):
            yield from _content(line.below, name, content, width)
    if trace.elided:
        yield f"{trace.elided:,} of {trace.total:,} steps are not shown (--limit, --depth, --step)."


def _head(trace: Trace, width: int) -> Iterator[str]:
    run = trace.run
    took = plain.duration(run["duration_ms"])
    yield cut(f"run {shown(run['run'])}  {shown(run['agent'])}  {shown(run['mode'])}  {_ended(run)}  {took}", width)
    tokens = f"{run['input_tokens']:,} tokens in, {run['output_tokens']:,} out"
    calls = f"{run['model_calls']:,} model calls, {run['tool_calls']:,} tool calls, {run['denied']:,} denied"
    yield cut(f"{run['started_at']:%Y-%m-%dT%H:%M:%SZ}  tenant {shown(run['tenant'])}  {calls}, {tokens}", width)


def _ended(row: Row) -> str:
    return " ".join(filter(None, (shown(row["outcome"], most=24), shown(row["error"], most=60))))


def _guides(places: Sequence[Place]) -> list[tuple[str, str]]:
    """For each step what is drawn before it, and before the lines about it."""
    found: list[tuple[str, str]] = []
    going: set[int] = set()  # levels on which another step follows
    deeper = 0  # level of the step that follows
    for place in reversed(places):
        level = min(place.depth, MAX_INDENT)
        above = "".join("│  " if at in going else "   " for at in range(1, level))
        own = ("├─ " if level in going else "└─ ") if level else ""
        beside = ("│  " if level in going else "   ") if level else ""
        found.append((above + own, above + beside + ("│  " if deeper > level else "   ")))
        going = {at for at in going if at < level} | {level}
        deeper = level
    return found[::-1]


def _line(trace: Trace, place: Place, guides: tuple[str, str]) -> _Line:
    step = trace.steps[place.step]
    tokens = f"{step['input_tokens'] or 0:,}+{step['output_tokens'] or 0:,}" if step["type"] == "model" else ""
    name = f"{shown(step['type'], most=20)} {shown(step['name'], most=80)}"
    stopped = step["verdict"] in {"deny", "reject", "stopped", "ask"} or _observed(step)
    ended = (
        "given back"
        if step["how"] == "replayed"
        else "did not run"
        if stopped and step["ran"] is False
        else _ended(step)
    )
    row = (guides[0] + name, _decision(step), ended, plain.duration(step["duration_ms"]), tokens)
    color = _COLORS.get(step["verdict"] or "") or _OUTCOME_COLORS.get(step["outcome"])
    return _Line(guides[0], guides[1], row, color, tuple(_details(trace, step, place)))


def _decision(step: Row) -> str:
    if step["type"] != "tool":
        return ""
    if _observed(step):
        return f"seen by {shown(step['source'], most=24)}"
    word = _VERDICTS.get(step["verdict"] or "", "unknown")
    by = shown(step["rule"], most=60) or _BY.get(step["decided_by"] or "", shown(step["decided_by"], most=24))
    return f"{word} by {by}" if by else word


def _observed(step: Row) -> bool:
    """Whether another instrumentation told of it, so that nobody here decided it."""
    return str(step.get("source", "handrail")) != "handrail"


def _details(trace: Trace, step: Row, place: Place) -> Iterator[str]:
    chain, above = chain_of(step), trace.steps.get(str(step["parent"]))
    if chain and (above is None or (chain_of(above) and chain_of(above) != chain)):
        yield "as " + " → ".join(shown(link, most=60) for link in chain)
    if step["verdict"] not in {None, "allow"} and step["reason"]:
        yield shown(step["reason"])
    yield from facts.about(step)
    yield from facts.linked(trace, step)
    notes = trace.notes.get(place.step, ())
    yield from facts.noted_all([note for note in notes if not by_validators(note)])
    yield from map(_spoken, spoken(step, notes))
    hidden = trace.below.get(place.step, 0) - trace.shown_below.get(place.step, 0)
    if hidden > 0:
        yield f"… {hidden:,} more {'step' if hidden == 1 else 'steps'} directly below"


def _spoken(one: Spoken) -> str:
    where = " ".join(filter(None, (shown(one.on, most=20), shown(one.path, most=60)))) or "/"
    warning = " (warning)" if one.severity == "warning" else ""
    told = f": {shown(one.done, most=60)}" if one.done else ""
    return f"{shown(one.validator, most=40) or 'validator'} found {shown(one.code, most=60)} at {where}{warning}{told}"


def _widths(drawn: Sequence[_Line], width: int) -> list[int]:
    widest = [max((cells(line.cells[column]) for line in drawn), default=0) for column in range(5)]
    widest[1] = min(widest[1], 36, width // 3)
    widest[2] = min(widest[2], 24, width // 5)
    rest = sum(wide + len(_GAP) for wide in widest[1:] if wide)
    widest[0] = max(16, min(widest[0], width - rest))
    return widest


def _laid_out(line: _Line, widths: Sequence[int], width: int) -> str:
    columns = [
        filled(cell, wide, right=number >= 3)
        for number, (cell, wide) in enumerate(zip(line.cells, widths, strict=True))
        if wide
    ]
    return cut(_GAP.join(columns).rstrip(), width)


def _content(below: str, name: str, content: Content, width: int) -> Iterator[str]:
    text = content.missing or (
        content.value if isinstance(content.value, str) else json.dumps(content.value, ensure_ascii=False)
    )
    if not content.missing and len(text) > MAX_CONTENT:
        text = f"{text[:MAX_CONTENT]}… {len(text) - MAX_CONTENT:,} more characters (--json has all)"
    first = cut(f"{below}{name}: ", width)
    room = max(20, width - cells(first))
    for number, piece in enumerate(_wrapped(text, room)):
        yield (first if number == 0 else filled(below, cells(first))) + piece


def _wrapped(text: str, room: int) -> Iterator[str]:
    for line in text.split("\n"):
        left = shown(line.expandtabs(4), most=len(line) * 12 + 1)
        while cells(left) > room:
            piece = cut(left, room + 1)[:-1]
            yield piece
            left = left[len(piece) :]
        yield left
