"""What is wrong with one condition for one tool: types that cannot fit, and parts that can never be true."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from handrail.conditions import (
    AllOf,
    AnyOf,
    Call,
    Compare,
    Constant,
    ListOf,
    Node,
    Not,
    Path,
    children,
    path_text,
    unparse,
    walk,
)
from handrail.config.nearest import nearest
from handrail.policy.check.describe import described
from handrail.policy.check.facts import Resolved, ToolFacts
from handrail.policy.check.refine import Known, refine
from handrail.policy.check.values import Values, constant


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a condition. The same for two tools where it is equal."""

    code: str
    text: str
    """What is wrong; the same for every tool."""
    hint: str = field(default="", compare=False)
    says: str = field(default="", compare=False)
    """What the facts can be, which may differ from tool to tool."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Everything that is known of a condition for one tool."""

    problems: tuple[Problem, ...]
    missing: tuple[tuple[str, Problem], ...]
    """Arguments that the tool does not have, as written, with what to say of them."""
    guarded: bool
    """Whether every one of them is asked for with ``has`` first."""
    always: bool
    """Whether the condition is never false."""
    holds: Known | None
    """What is known of the facts where it is true; None where it never is."""


def examine(tree: Node, facts: ToolFacts) -> Finding:
    """Everything that is wrong with the condition ``tree`` of a rule that covers the tool of ``facts``."""
    paths = list(dict.fromkeys(node for node in walk(tree) if isinstance(node, Path)))
    resolved = {path: facts.resolve(path) for path in paths}
    strange = {path: one for path, one in resolved.items() if one.code in ("unknown-argument", "unknown-fact")}
    missing = tuple((path_text(path.steps), _of_path(one)) for path, one in strange.items() if _is_argument(one))
    asked = [node.arguments[0] for node in walk(tree) if isinstance(node, Call) and node.function == "has"]
    guarded = all(any(_begins(path, one) for one in asked) for path, one in strange.items() if _is_argument(one))
    known = Known(lambda path: resolved[path].values, {})
    holds = refine(tree, True, known)
    problems = [_of_path(one) for one in resolved.values() if one.code and not _is_argument(one)]
    problems += _Visit(known, {path for path, one in resolved.items() if one.code}).problems_of(tree, holds)
    sure = not any(one.values.missing or one.code for one in resolved.values())
    always = sure and refine(tree, False, known) is None
    return Finding(tuple(dict.fromkeys(problems)), missing, guarded, always, holds)


def _is_argument(resolved: Resolved) -> bool:
    return resolved.code == "unknown-argument"


def _of_path(resolved: Resolved) -> Problem:
    return Problem(resolved.code, resolved.problem, resolved.hint)


def _begins(path: Path, asked: Node) -> bool:
    return isinstance(asked, Path) and path.steps[: len(asked.steps)] == asked.steps


class _Visit:
    """One walk over a condition, from the whole to its parts."""

    def __init__(self, base: Known, strange: set[Path]) -> None:
        self._base, self._strange = base, strange
        self._found: list[Problem] = []

    def problems_of(self, tree: Node, holds: Known | None) -> list[Problem]:
        """Every problem of ``tree``; where it never holds there is at least one."""
        self._visit(tree, True, self._base)
        if holds is None and not self._found:
            self._found.append(Problem("never-true", f"`{unparse(tree)}` can never be true", "Correct or remove it."))
        return self._found

    def _visit(self, node: Node, want: bool, known: Known) -> None:
        if isinstance(node, Not):
            self._visit(node.operand, not want, known)
        elif not isinstance(node, (AllOf, AnyOf)):
            self._leaf(node, want, known)
        elif isinstance(node, AllOf) != want:
            for part in node.parts:
                self._visit(part, want, known)
        else:
            self._together(node, want, known)

    def _together(self, node: AllOf | AnyOf, want: bool, known: Known) -> None:
        """Parts that must all be ``want``."""
        whole = refine(node, want, known)
        before = len(self._found)
        for part in node.parts:
            self._visit(part, want, known if whole is None else whole)
        if whole is None and len(self._found) == before:
            self._found.append(_contradiction(node, want, known))

    def _leaf(self, node: Node, want: bool, known: Known) -> None:
        if self._strange.intersection(inner for inner in walk(node) if isinstance(inner, Path)):
            return
        here = [*self._items(node)] or [*self._alone(node, want)]
        if not here and refine(node, want, known) is None:
            text = f"`{_wanted(node, want)}` can never be true beside the rest of the condition"
            here = [Problem("never-true", text, "Correct or remove one of them.")]
        self._found += here

    def _alone(self, node: Node, want: bool) -> Iterator[Problem]:
        """What is wrong with a leaf whatever stands beside it."""
        possible = refine(node, want, self._base) is not None
        other = refine(node, not want, self._base) is not None
        if possible and other:
            return
        if not possible and not other:
            yield self._untyped(node)
        elif isinstance(node, Compare) and (strange := self._unlisted(node)):
            yield strange
        elif not possible:
            text = f"`{_wanted(node, want)}` can never be true"
            yield Problem("never-true", text, "Correct or remove it.", self._says(node))

    def _items(self, node: Node) -> Iterator[Problem]:
        """What is wrong with single items of ``x in [...]``."""
        if not isinstance(node, Compare) or node.sign not in ("in", "not in") or not isinstance(node.right, ListOf):
            return
        for item in node.right.items:
            if not isinstance(item, Constant) or item.value is None or isinstance(node.left, Constant):
                continue
            alone = Compare("==", node.left, item)
            if refine(alone, True, self._base) is not None:
                continue
            if refine(alone, False, self._base) is None:
                yield self._untyped(alone)
            else:
                yield self._outside(node.left, item)

    def _unlisted(self, node: Compare) -> Problem | None:
        """A comparison with a constant that is none of the values that the schema lists."""
        if node.sign not in ("==", "!="):
            return None
        for fact, value in ((node.left, node.right), (node.right, node.left)):
            if isinstance(value, Constant) and not isinstance(fact, Constant) and self._is_listed(fact, value):
                return self._outside(fact, value)
        return None

    def _is_listed(self, fact: Node, value: Constant) -> bool:
        values, wanted = self._base.values(fact), constant(value.value)
        pairs = ((values.numbers, wanted.numbers), (values.texts, wanted.texts))
        return any(one and two and one.among is not None and two.among is not None for one, two in pairs) and (
            values.scalar().meet(wanted).empty
        )

    def _outside(self, fact: Node, value: Constant) -> Problem:
        values = self._base.values(fact)
        names = list(values.texts.among or ()) if values.texts else []
        hint = nearest(value.value, names) if isinstance(value.value, str) else None
        text = f"{unparse(fact)} is never {unparse(value)}"
        return Problem("outside-values", text, hint or f"It is {described(values)}.", f"it is {described(values)}")

    def _untyped(self, node: Node) -> Problem:
        text = f"`{unparse(node)}` never has an answer"
        return Problem("impossible-type", text, self._type_hint(node), self._says(node))

    def _says(self, node: Node) -> str:
        """What the facts of a leaf can be."""
        operands = (node.left, node.right) if isinstance(node, Compare) else children(node) or (node,)
        facts = [one for one in dict.fromkeys(operands) if not isinstance(one, (Constant, ListOf))]
        return ", ".join(f"{unparse(fact)} is {described(self._base.values(fact))}" for fact in facts)

    def _type_hint(self, node: Node) -> str:
        if isinstance(node, Compare):
            for fact, value in ((node.left, node.right), (node.right, node.left)):
                if isinstance(value, Constant) and (hint := _retyped(value.value, self._base.values(fact))):
                    return hint
            if node.sign in ("in", "not in") and not isinstance(node.right, ListOf):
                return f"`in` needs a list; contains({unparse(node.right)}, {unparse(node.left)}) looks into a text."
        return "Compare values of one type."


def _contradiction(node: AllOf | AnyOf, want: bool, known: Known) -> Problem:
    """The first part that leaves nothing, with those before it that it contradicts."""
    parts = list(node.parts)
    for end in range(1, len(parts)):
        for start in range(end):
            pair = AllOf((parts[start], parts[end])) if want else AnyOf((parts[start], parts[end]))
            if refine(pair, want, known) is None:
                one, two = _wanted(parts[start], want), _wanted(parts[end], want)
                text = f"`{one}` and `{two}` can never both be true"
                return Problem("never-true", text, "Change a bound, or join them with || if either is enough.")
    text = f"`{_wanted(node, want)}` can never be true: its parts contradict each other"
    return Problem("never-true", text, "Change a bound, or join them with || if either is enough.")


def _wanted(node: Node, want: bool) -> str:
    return unparse(node if want else Not(node))


def _retyped(value: object, values: Values) -> str:
    """The same constant in a type that ``values`` have, as a hint; empty where there is none."""
    if isinstance(value, str) and values.numbers and _is_number(value):
        return f"Write {value} without quotes."
    if isinstance(value, str) and values.truths and value.lower() in ("true", "false"):
        return f"Write {value.lower()} without quotes."
    if isinstance(value, bool) and values.texts:
        return f"Write '{str(value).lower()}' in quotes."
    if isinstance(value, (int, float)) and not isinstance(value, bool) and values.texts:
        return f"Write '{value}' in quotes."
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
