"""What each path of a condition can be, for the tool that is called: its schema, and the table of all other facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handrail.conditions import ROOTS, Fact, Path, path_text
from handrail.config.nearest import nearest
from handrail.policy.check.describe import described
from handrail.policy.check.types import member, values_of
from handrail.policy.check.values import ANY, Scalars, Schema, Shapes, Span, Values

ToolSchema = Mapping[str, Any] | None
"""JSON Schema of a tool's arguments; None where it is not known."""

_SLIP = 0.8
_COUNTED = Values(missing=True, numbers=Scalars(Span(0)))
_TYPES: Mapping[str, Values] = {
    "string": Values(missing=True, texts=Scalars()),
    "number": Values(missing=True, numbers=Scalars()),
    "array": Values(missing=True, lists=Shapes()),
    "object": Values(missing=True, objects=Shapes()),
}


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a path can be, and what is wrong with it."""

    values: Values
    code: str = ""
    """Code of the complaint; empty when nothing is wrong."""
    problem: str = ""
    """What is wrong, after the path: `is no argument`."""
    hint: str = ""


class ToolFacts:
    """The facts of a call of one tool. Remembers what it has resolved."""

    def __init__(
        self,
        schema: ToolSchema,
        *,
        validated: Sequence[Mapping[str, Any]] = (),
        equal: dict[Resolved, Resolved] | None = None,
    ) -> None:
        """``schema`` is the tool's own; ``validated`` those of validators, which need not name every argument.

        Facts that share ``equal`` give the same object for the same values, so that it can stand for them.
        """
        rows = [Schema(schema, schema)] if schema is not None else []
        rows += [Schema(one, one, open=True) for one in validated]
        self._args = Values(objects=Shapes(((),)))
        for row in rows:
            self._args = self._args.meet(replace(values_of(row), missing=False))
        self.known = bool(schema)
        """Whether the tool's own schema is known."""
        self._resolved: dict[tuple[str, ...], Resolved] = {}
        self._equal = equal if equal is not None else {}

    def resolve(self, path: Path) -> Resolved:
        """What ``path`` can be."""
        found = self._resolved.get(path.steps)
        if found is None:
            found = self._resolve(path.steps)
            if not (found.values.lists or found.values.objects):  # these hold schemas, which have no hash
                found = self._equal.setdefault(found, found)
            self._resolved[path.steps] = found
        return found

    def values(self, path: Path) -> Values:
        """As `resolve`, the values only."""
        return self.resolve(path).values

    def arguments(self) -> tuple[tuple[str, Values], ...]:
        """Every declared argument with what it can be."""
        names = member(self._args, "").names
        return tuple((name, self.resolve(Path(("args", name))).values) for name in names)

    def _resolve(self, steps: tuple[str, ...]) -> Resolved:
        if steps[0] != "args":
            return _fact(steps)
        values, warning = self._args, Resolved(ANY)
        for place, step in enumerate(steps[1:], 1):
            found = member(values, step)
            if not found.possible:
                return _impossible(steps, place, values, found.names)
            if not found.declared and found.names and (near := nearest(step, found.names, cutoff=_SLIP)):
                problem = f"{path_text(steps[: place + 1])} is not declared, though the tool takes undeclared arguments"
                warning = Resolved(ANY, "near-argument", problem, near)
            values = found.values
        return replace(warning, values=values)


def _impossible(steps: tuple[str, ...], place: int, values: Values, names: Sequence[str]) -> Resolved:
    """A path whose step at ``place`` leads nowhere."""
    path, before = path_text(steps[: place + 1]), path_text(steps[:place])
    if values.objects is not None:
        what = "argument" if place == 1 else f"part of {before}"
        hint = nearest(steps[place], names) or (f"There are {', '.join(names)}." if names else "There are none.")
        return Resolved(ANY, "unknown-argument", f"{path} is no {what}", hint)
    hint = f"Say which item: {before}.0.{steps[place]}." if values.lists else f"Compare {before} itself."
    return Resolved(ANY, "impossible-type", f"{path} is never there: {before} is {described(values)}", hint)


def _fact(steps: tuple[str, ...]) -> Resolved:
    fact: Fact | None = ROOTS.get(steps[0])
    values = _of(fact)
    for place, step in enumerate(steps[1:], 1):
        if fact is not None and fact.members is not None:
            if step not in fact.members:
                names = list(fact.members)
                hint = nearest(step, names) or f"There are {', '.join(names)}."
                return Resolved(ANY, "unknown-fact", f"{path_text(steps[: place + 1])} is no fact", hint)
            fact = fact.members[step]
            values = _COUNTED if steps[0] == "run" and fact.type == "number" else _of(fact)
            continue
        found = member(values, step)
        if not found.possible:
            return replace(_impossible(steps, place, values, ()), code="unknown-fact")
        fact, values = None, found.values
    return Resolved(values)


def _of(fact: Fact | None) -> Values:
    return _TYPES.get(fact.type, ANY) if fact is not None else ANY
