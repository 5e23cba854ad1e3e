"""What a condition says of the facts: which values remain where it is true, or where it is false.

What remains is never too little. So where nothing remains, the condition can have no such answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from handrail.conditions import AllOf, AnyOf, Call, Compare, Constant, ListOf, Node, Not, Path, Sign
from handrail.policy.check.types import items_of
from handrail.policy.check.values import (
    ABSENT,
    NOTHING,
    TRUTHS,
    Scalars,
    Shapes,
    Span,
    Values,
    constant,
    joined,
    listed,
)

_OPPOSITE: Mapping[Sign, Sign] = {
    "==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "not in": "in"
}  # fmt: skip
_NUMBERS: Mapping[str, Span] = {"len": Span(0), "hour": Span(0, 23), "weekday": Span(1, 7)}
"""What the functions that give a whole number can give."""
_TEXT_TESTS: Mapping[str, Callable[[str, str], bool] | None] = {
    "startswith": str.startswith, "endswith": str.endswith, "contains": lambda text, part: part in text,
    "matches": None, "within": None,
}  # fmt: skip
"""Tests of a text by another one, and how they are done where that is simple."""
_LAST_CHARACTER = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the facts at some place of a condition. Never changed, only replaced."""

    of: Callable[[Path], Values]
    """What each path can be, by schemas alone."""
    learned: Mapping[Node, Values]
    """What the condition itself says of paths and of calls such as ``len(args.x)``."""

    def values(self, node: Node) -> Values:
        """Every value that ``node`` can have."""
        match node:
            case Constant():
                return constant(node.value)
            case Path():
                return self.learned.get(node) or self.of(node)
            case ListOf():
                return Values(lists=Shapes())
            case Call():
                return self.learned.get(node) or self._call(node)
            case _:
                return Values(truths=TRUTHS)

    def learn(self, node: Node, values: Values) -> Known | None:
        """With ``node`` being one of ``values``; None where that cannot be."""
        if values.empty and not values.missing:
            return None
        if isinstance(node, Path) or (isinstance(node, Call) and node.function in (*_NUMBERS, "lower")):
            return replace(self, learned={**self.learned, node: values})
        return self

    def _call(self, node: Call) -> Values:
        if node.function == "len":
            return _length(self.values(node.arguments[0]))
        if node.function in _NUMBERS:
            timed = self.values(node.arguments[0]).numbers is not None
            return Values(numbers=Scalars(_NUMBERS[node.function], whole=True)) if timed else NOTHING
        if node.function == "lower":
            return _lowered(self.values(node.arguments[0]).texts)
        return Values(truths=TRUTHS)


def refine(node: Node, want: bool, known: Known) -> Known | None:
    """What is known where ``node`` is ``want``; None where it can never be."""
    match node:
        case Constant():
            return known if node.value is want else None
        case Path():
            values = known.values(node)
            return known.learn(node, Values(truths=values.truths & {want}))
        case Not():
            return refine(node.operand, not want, known)
        case AllOf() | AnyOf():
            every = isinstance(node, AllOf) == want
            return (_every if every else _some)(node.parts, want, known)
        case Compare():
            return _compare(node.sign if want else _OPPOSITE[node.sign], node.left, node.right, known)
        case Call():
            return _test(node, want, known)
        case ListOf():
            return None


def _every(parts: Iterable[Node], want: bool, known: Known) -> Known | None:
    found: Known | None = known
    # Twice, since a later part can say more of what an earlier one compares.
    for part in (*parts, *parts):
        found = refine(part, want, found) if found is not None else None
    return found


def _some(parts: Iterable[Node], want: bool, known: Known) -> Known | None:
    found = [one for part in parts if (one := refine(part, want, known)) is not None]
    if not found:
        return None
    nodes = [node for node in found[0].learned if all(node in one.learned for one in found)]
    return replace(known, learned={node: joined(one.learned[node] for one in found) for node in nodes})


def _compare(sign: Sign, left: Node, right: Node, known: Known) -> Known | None:
    if sign in ("in", "not in"):
        return _member(sign == "in", left, right, known)
    if isinstance(left, Path) and left == right and sign in ("!=", "<", ">"):
        return None
    one, two = known.values(left), known.values(right)
    if sign == "==":
        both = one.scalar().meet(two.scalar())
        return _learn_both(known, (left, both), (right, both))
    if sign == "!=":
        return _learn_both(known, (left, _unequal(one, two)), (right, _unequal(two, one)))
    strict = sign in ("<", ">")
    if sign in (">", ">="):
        below, above = _ordered(two, one, strict)
        return _learn_both(known, (left, above), (right, below))
    below, above = _ordered(one, two, strict)
    return _learn_both(known, (left, below), (right, above))


def _learn_both(known: Known, *pairs: tuple[Node, Values]) -> Known | None:
    found: Known | None = known
    if any(values.empty for _, values in pairs):
        return None
    for node, values in pairs:
        found = found.learn(node, values) if found is not None else None
    return found


def _unequal(values: Values, other: Values) -> Values:
    """What of ``values`` can be compared with one of ``other`` and differ from it."""
    alone = other.only()
    if alone == (None,):
        return replace(values.present(), null=False)
    if other.null:  # everything differs from null, lists and objects too
        return values.present()
    fitting = replace(
        values.scalar(),
        truths=values.truths if other.truths else frozenset[bool](),
        numbers=values.numbers if other.numbers else None,
        texts=values.texts if other.texts else None,
    )
    return _without(fitting, alone[0]) if alone else fitting


def _without(values: Values, value: object) -> Values:
    if isinstance(value, bool):
        return replace(values, truths=values.truths - {value})
    if isinstance(value, str):
        return replace(values, texts=values.texts and values.texts.without(value))
    return replace(values, numbers=values.numbers and values.numbers.without(value))


def _ordered(below: Values, above: Values, strict: bool) -> tuple[Values, Values]:
    """What remains of both where ``below`` is less than ``above``."""
    numbers = _ordered_scalars(below.numbers, above.numbers, strict)
    texts = _ordered_scalars(below.texts, above.texts, strict)
    return Values(numbers=numbers[0], texts=texts[0]), Values(numbers=numbers[1], texts=texts[1])


def _ordered_scalars(
    below: Scalars | None, above: Scalars | None, strict: bool
) -> tuple[Scalars | None, Scalars | None]:
    if below is None or above is None:
        return None, None
    top, bottom = above.hull(), below.hull()
    less = below.meet(Scalars(Span(None, top.high, high_open=strict or top.high_open)))
    more = above.meet(Scalars(Span(bottom.low, None, low_open=strict or bottom.low_open)))
    return (less, more) if less and more else (None, None)


def _member(inside: bool, left: Node, right: Node, known: Known) -> Known | None:
    if not isinstance(right, ListOf):
        return _member_of_fact(inside, left, right, known)
    if not inside:
        found: Known | None = known
        for item in right.items:
            found = _compare("!=", left, item, found) if found is not None else None
        return found
    one = known.values(left).scalar()
    both = joined(one.meet(known.values(item).scalar()) for item in right.items)
    return None if both.empty else known.learn(left, both)


def _member_of_fact(inside: bool, left: Node, right: Node, known: Known) -> Known | None:
    lists = known.values(right).lists
    if inside:
        lists = lists and lists.meet(Shapes(shortest=1))
    # An empty list answers `not in` for values of every kind.
    if lists is None or (not inside and known.values(left).empty):
        return None
    found = known.learn(right, Values(lists=lists))
    if not inside or found is None:
        return found
    both = known.values(left).scalar().meet(items_of(lists).scalar())
    return None if both.empty else found.learn(left, both)


def _test(node: Call, want: bool, known: Known) -> Known | None:
    """A call that is true or false."""
    if node.function == "has":
        values = known.values(node.arguments[0])
        if want:
            return None if values.empty else known.learn(node.arguments[0], values.present())
        return known.learn(node.arguments[0], ABSENT) if values.missing else None
    if node.function == "contains" and (found := _contains_item(node, want, known)) is not None:
        return found
    return _test_text(node, want, known)


def _contains_item(node: Call, want: bool, known: Known) -> Known | None:
    """``contains`` of a list; where the container may be a text as well, nothing is learned."""
    container, item = node.arguments
    if isinstance(container, ListOf):
        return _member(want, item, container, known)
    if known.values(container).lists is None:
        return None
    found = _member_of_fact(want, item, container, known)
    return known if found is not None and known.values(container).texts is not None else found


def _test_text(node: Call, want: bool, known: Known) -> Known | None:
    if node.function not in _TEXT_TESTS:
        return known
    subject, other = node.arguments
    texts, part = known.values(subject).texts, known.values(other).only()
    if texts is None or known.values(other).texts is None:
        return None
    if part is not None and isinstance(part[0], str):
        kept = _passing(texts, node.function, part[0], want)
        return None if kept is None else known.learn(subject, Values(texts=kept))
    return known.learn(subject, Values(texts=texts))


def _passing(texts: Scalars, function: str, part: str, want: bool) -> Scalars | None:
    """What of ``texts`` the test with ``part`` can answer with ``want``."""
    test = _TEXT_TESTS[function]
    if texts.among is not None and test is not None:
        return listed(text for text in texts.among if test(text, part) is want)
    if not want:
        return None if part == "" and test is not None else texts
    return texts.meet(_shape(function, part))


def _shape(function: str, part: str) -> Scalars:
    """Texts for which the test with ``part`` can be true."""
    if function == "startswith":
        return Scalars(Span(part or None, _after(part), high_open=True), shortest=len(part))
    return Scalars(shortest=len(part)) if function in ("endswith", "contains") else Scalars()


def _after(prefix: str) -> str | None:
    """The least text that is greater than everything that begins with ``prefix``; None where there is none."""
    kept = prefix.rstrip(chr(_LAST_CHARACTER))
    return kept[:-1] + chr(ord(kept[-1]) + 1) if kept else None


def _length(values: Values) -> Values:
    found: Scalars | None = None
    if values.texts is not None:
        texts = values.texts
        sizes = [len(text) for text in texts.among] if texts.among is not None else None
        found = listed(sizes) if sizes else Scalars(Span(texts.shortest, texts.longest), whole=True)
    for shape in (values.lists, values.objects):
        if shape is not None:
            sized = Scalars(Span(shape.shortest, shape.longest), whole=True)
            found = found.join(sized) if found else sized
    return Values(numbers=found)


def _lowered(texts: Scalars | None) -> Values:
    if texts is None:
        return NOTHING
    if texts.among is not None:
        return Values(texts=listed(text.lower() for text in texts.among))
    return Values(texts=Scalars(lowered=True))
