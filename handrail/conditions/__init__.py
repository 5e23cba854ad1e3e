"""The language of ``when``: small, read-only, typed. Text is checked and compiled once, when the policy is built.

    or:       and (("||" | "or") and)*
    and:      not (("&&" | "and") not)*
    not:      ("!" | "not") not | comparison
    compare:  value [("==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in") value]
    value:    number | string | true | false | null | list | path | function "(" value, ... ")" | "(" or ")"
    path:     root ("." name | "." position | "[" string "]")*

A condition that cannot be evaluated (missing argument, mixed types, NaN) raises `Unevaluable`; what that means
for a rule is decided by the caller. Facts are never changed, and Python attributes are never looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from handrail.conditions.evaluate import compiled
from handrail.conditions.faults import Fault, Unevaluable
from handrail.conditions.functions import FUNCTIONS, Function
from handrail.conditions.parser import MAX_DEPTH, MAX_SOURCE, kind_of, tree_of
from handrail.conditions.reading import MAX_STEPS, MISSING, Evaluate, Facts, Reading
from handrail.conditions.roots import ROOTS, Fact
from handrail.conditions.syntax import (
    CONSTANTS,
    AllOf,
    AnyOf,
    Call,
    Compare,
    Constant,
    ListOf,
    Node,
    Not,
    Path,
    Sign,
    children,
    path_text,
    unparse,
    walk,
)
from handrail.conditions.tokens import explain
from handrail.conditions.values import COMPARISONS, truth
from handrail.config.settings import Place
from handrail.errors import PolicyError

__all__ = [
    "COMPARISONS", "CONSTANTS", "FUNCTIONS", "MAX_DEPTH", "MAX_SOURCE", "MAX_STEPS", "MISSING", "ROOTS",
    "AllOf", "AnyOf", "Call", "Compare", "Condition", "Constant", "Fact", "Facts", "Function", "ListOf", "Node",
    "Not", "Path", "Reading", "Sign", "Unevaluable", "children", "kind_of", "of_tree", "parse", "path_text", "trace",
    "unparse", "walk",
]  # fmt: skip


MAX_KEPT = 4_096
"""Compiled conditions that are kept for the next policy that has them."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One compiled condition. Immutable and safe to share between threads."""

    source: str
    """The text as written."""
    tree: Node
    """What it says."""
    paths: tuple[tuple[str, ...], ...]
    """Every path that it reads, such as ``("args", "amount")``, in order of appearance."""
    evaluate: Evaluate
    """The compiled form; use `holds`."""

    def holds(self, facts: Facts | Reading) -> bool:
        """Whether the condition is true of ``facts``; raises `Unevaluable` and nothing else.

        Give one `Reading` to all the conditions of one decision: together they may do a bounded amount of work.
        """
        try:
            return truth(self.evaluate(facts if type(facts) is Reading else Reading(cast("Facts", facts))))
        except Unevaluable:
            raise
        except Exception as error:
            raise Unevaluable(f"a fact could not be read ({type(error).__name__})") from error


def parse(source: str, *, place: Place | None = None, of: str = "condition") -> Condition:
    """Compile ``source``; raises PolicyError with the file and line of ``place`` and a caret under the fault."""
    where = place or Place()
    try:
        return _condition(source)
    except Fault as fault:
        problem = f"The {of} is not understood: {fault.problem}.\n{explain(source, fault.position)}\n"
        raise PolicyError(problem, file=where.file, line=where.line, hint="Correct the text above the caret.") from None


@lru_cache(MAX_KEPT)
def _condition(source: str) -> Condition:
    """Kept, because a changed policy repeats most of its conditions, and calls wait until it is built."""
    return of_tree(tree_of(source), source)


def of_tree(tree: Node, source: str | None = None) -> Condition:
    """A condition from its tree, which must be one that `parse` could give; ``source`` stands for its text."""
    paths = tuple(node.steps for node in walk(tree) if isinstance(node, Path))
    return Condition(unparse(tree) if source is None else source, tree, paths, compiled(tree))


def trace(condition: Condition, facts: Facts) -> tuple[tuple[str, object], ...]:
    """(path as written, value) of every fact that the condition names, each once; `MISSING` where there is none, or
    none that can be read. Values are what the facts hold: copy what is kept."""
    return tuple((path_text(steps), _traced(facts, steps)) for steps in dict.fromkeys(condition.paths))


def _traced(facts: Facts, steps: tuple[str, ...]) -> object:
    try:
        return Reading(facts).find(steps)
    except Exception:
        return MISSING
