"""What a condition of language.py says about a value. Numbers are fractions, so that nothing is ever rounded."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, cast

from handrail.validators.data.language import Call, Chain, Constant, Field, Join, ListOf, Negative, Node, Not, Today
from handrail.validators.data.moments import day, looks_like_day, looks_like_moment, moment
from handrail.validators.data.values import EXACT, TooLarge, exact, kind
from handrail.validators.paths import Budget, Path

MAX_VISITED = 5_000
"""Places of a value that one evaluation comes by."""
_MAX_BITS = 4_096
_DAY = 86_400_000_000


class Missing(Exception):
    """A field that is needed is not there, or null. Its text is the field."""


class Unusable(Exception):
    """Something cannot be calculated or compared. Its text is a phrase."""


@dataclass(slots=True)
class Reading:
    """One evaluation: what is read, and how."""

    value: object
    today: date
    tolerance: Fraction
    text: bool
    """Whether decimal texts are numbers."""
    strict: bool
    """Whether a missing field is refused also by ==, != and in."""
    seen: dict[str, object] = field(default_factory=dict[str, object])
    """Fields that were read, as written -> their values, where there is one of each."""
    budget: Budget = field(default_factory=lambda: Budget(MAX_VISITED))

    def places(self, path: Path) -> list[tuple[str, object]]:
        """What stands at a path. Raises TooManyPlaces."""
        return list(path.places(self.value, self.budget))

    def one(self, path: Path) -> object:
        """What stands at a path that leads to one place at most; None where nothing does."""
        found = self.places(path)
        value = found[0][1] if found else None
        self.seen[path.written] = value
        return value


def holds(node: Node, reading: Reading) -> bool:
    """Whether a condition holds. Raises Missing, Unusable, TooLarge, TooManyPlaces."""
    match node:
        case Join(word="and"):
            return all(holds(part, reading) for part in node.parts)
        case Join(word="or"):
            return any(holds(part, reading) for part in node.parts)
        case Join():
            return not holds(node.parts[0], reading) or holds(node.parts[1], reading)
        case Not():
            return not holds(node.operand, reading)
        case _:
            answer = _value(node, reading)
            if isinstance(answer, bool):
                return answer
            if answer is None and isinstance(node, Field):
                raise Missing(node.path.written)
            raise Unusable(f"{kind(answer)} is neither true nor false")


def _value(node: Node, reading: Reading) -> object:
    match node:
        case Constant(value=value):
            return Fraction(value) if isinstance(value, Decimal) else value
        case Today():
            return reading.today
        case Field():
            return _usable(reading.one(node.path))
        case ListOf():
            return tuple(_value(item, reading) for item in node.items)
        case Negative():
            return -_number(node.operand, _value(node.operand, reading), reading)
        case Chain():
            return _compared(node, reading) if node.compares else _calculated(node, reading)
        case Call():
            return _CALLS[node.function](node, reading)
        case Join() | Not():
            return holds(node, reading)


def _usable(raw: object) -> object:
    """A raw value with its number exact. Raises TooLarge; Unusable for NaN and infinity."""
    if raw is None or isinstance(raw, (bool, str, date)):
        return str.__str__(raw) if isinstance(raw, str) else raw
    if isinstance(raw, (int, float, Decimal)):
        number = exact(raw)
        if number is None:
            raise Unusable("NaN or infinity cannot be calculated with")
        return Fraction(number)
    return raw


def _named(node: Node) -> str:
    return node.path.written if isinstance(node, Field) else "a part of the condition"


def _number(node: Node, value: object, reading: Reading) -> Fraction:
    if isinstance(value, Fraction):
        return value
    if value is None:
        raise Missing(_named(node))
    found = exact(value, text=True) if reading.text and isinstance(value, str) else None
    if found is None:
        raise Unusable(f"{_named(node)} is {kind(value)}, where a number is needed")
    return Fraction(found)


def _calculated(node: Chain, reading: Reading) -> object:
    total = _operand(node.first, reading)
    for sign, part in node.rest:
        total = _step(sign, total, _operand(part, reading))
        if isinstance(total, Fraction) and total.numerator.bit_length() + total.denominator.bit_length() > _MAX_BITS:
            raise TooLarge
    return total


def _operand(node: Node, reading: Reading) -> Fraction | date:
    """A number, or a day or moment. A text that is neither raises Unusable."""
    value = _value(node, reading)
    if isinstance(value, str) and (found := _as_date(value)) is not None:
        return found
    return value if isinstance(value, date) else _number(node, value, reading)


def _step(sign: str, left: Fraction | date, right: Fraction | date) -> Fraction | date:
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        if sign == "/" and not right:
            raise Unusable("it divides by zero")
        return _ARITHMETIC[sign](left, right)
    try:
        if sign == "-" and isinstance(left, date) and isinstance(right, date):
            return _days(left, right)
        if sign in "+-" and isinstance(left, date) and isinstance(right, Fraction):
            return left + _span(right if sign == "+" else -right, whole=not isinstance(left, datetime))
    except (OverflowError, TypeError) as error:
        raise Unusable("dates cannot be calculated with where they are of different kinds, or too far away") from error
    raise Unusable(f"{sign} does not go with dates in this way")


_ARITHMETIC: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right,
}


def _span(days: Fraction, *, whole: bool) -> timedelta:
    """So many days, of which a date has whole ones only. Raises OverflowError, Unusable."""
    parts = days if whole else days * _DAY
    if parts.denominator != 1:
        raise Unusable("a part of a day cannot be added")
    return timedelta(days=int(parts)) if whole else timedelta(microseconds=int(parts))


def _days(left: date, right: date) -> Fraction:
    """Days from right to left. Raises TypeError for a day and a moment, or one moment without offset."""
    if isinstance(left, datetime) != isinstance(right, datetime):
        raise TypeError
    apart = left - right
    return Fraction((apart.days * 86_400 + apart.seconds) * 1_000_000 + apart.microseconds, _DAY)


def _as_date(text: str) -> date | None:
    """The day or moment that a text is; None for other texts. Raises Unusable for a day that there is not."""
    found = day(text) if looks_like_day(text) else moment(text)
    if found is None and (looks_like_day(text) or looks_like_moment(text)):
        raise Unusable(f"{text!r} is no day that the calendar has")
    return found


def _compared(node: Chain, reading: Reading) -> bool:
    parts = [(node.first, ""), *((part, sign) for sign, part in node.rest)]
    beside_null = any(part == Constant(None) for part, _ in parts)
    values = [_side(part, sign, reading, beside_null) for part, sign in parts]
    return all(
        _sign(sign, left, right, (parts[at][0], parts[at + 1][0]), reading)
        for at, ((left, right), (_, sign)) in enumerate(zip(pairwise(values), parts[1:], strict=True))
    )


def _side(node: Node, sign: str, reading: Reading, beside_null: bool) -> object:
    if sign in ("in", "not in") and isinstance(node, Field):
        return _members(node, reading)
    value = _value(node, reading)
    if value is None and reading.strict and not beside_null and isinstance(node, Field):
        raise Missing(node.path.written)
    return value


def _members(node: Field, reading: Reading) -> tuple[object, ...]:
    """The elements of a list that a field is, or that its places are."""
    if node.many:
        return tuple(_usable(one) for _, one in reading.places(node.path))
    found = reading.one(node.path)
    if not isinstance(found, (list, tuple)):
        raise (
            Missing(node.path.written) if found is None else Unusable(f"{node.path.written} is {kind(found)}, no list")
        )
    items = cast("list[object]", found)
    reading.budget.left -= len(items)
    if reading.budget.left < 0:
        raise TooLarge
    return tuple(map(_usable, items))


def _sign(sign: str, left: object, right: object, nodes: tuple[Node, Node], reading: Reading) -> bool:
    if sign in ("==", "!="):
        return _equal(left, right, reading) is (sign == "==")
    if sign in ("in", "not in"):
        if not isinstance(right, tuple):
            raise Unusable("`in` needs a list")
        members = cast("tuple[object, ...]", right)
        return any(_equal(left, one, reading) for one in members) is (sign == "in")
    return _ordered(sign, left, right, nodes, reading)


def _equal(left: object, right: object, reading: Reading) -> bool:
    """Numbers within the tolerance, dates as dates, anything else as it stands; kinds that differ are not equal."""
    if isinstance(left, Fraction) or isinstance(right, Fraction):
        pair = [_if_number(one, reading) for one in (left, right)]
        if not reading.tolerance or pair[0] is None or pair[1] is None:
            return pair[0] == pair[1]
        return abs(pair[0] - pair[1]) <= reading.tolerance
    if isinstance(left, (str, date)) and isinstance(right, (str, date)):
        first, second = _if_date(left), _if_date(right)
        return (left if first is None else first) == (right if second is None else second)
    if isinstance(left, (bool, type(None))) or isinstance(right, (bool, type(None))):
        return left is right
    raise Unusable(f"{kind(left)} and {kind(right)} cannot be compared")


def _if_number(value: object, reading: Reading) -> Fraction | None:
    if isinstance(value, Fraction):
        return value
    found = exact(value, text=True) if reading.text and isinstance(value, str) else None
    return None if found is None else Fraction(found)


def _if_date(value: object) -> date | None:
    if isinstance(value, str):
        return day(value) or moment(value)
    return value if isinstance(value, date) else None


def _ordered(sign: str, left: object, right: object, nodes: tuple[Node, Node], reading: Reading) -> bool:
    for node, value in zip(nodes, (left, right), strict=True):
        if value is None:
            raise Missing(_named(node))
    dates = [_as_date(one) if isinstance(one, str) else one for one in (left, right)]
    if isinstance(dates[0], date) and isinstance(dates[1], date):
        return _dates_ordered(sign, dates[0], dates[1])
    first, second = _number(nodes[0], dates[0] or left, reading), _number(nodes[1], dates[1] or right, reading)
    if sign in ("<=", ">=") and abs(first - second) <= reading.tolerance:
        return True
    return _ORDERS[sign](first, second)


_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _dates_ordered(sign: str, left: date, right: date) -> bool:
    try:
        if isinstance(left, datetime) != isinstance(right, datetime):
            raise TypeError
        return _ORDERS[sign](left, right)
    except TypeError as error:
        raise Unusable("a day and a moment, or moments with and without offset, have no order") from error


def _numbers(node: Call, reading: Reading) -> Iterator[Fraction]:
    """The numbers that a function of many is about: the places of its fields, or the values of its arguments."""
    for argument in node.arguments:
        if isinstance(argument, Field):
            for place, raw in reading.places(argument.path):
                found = exact(raw, text=reading.text)
                if found is None:
                    raise (
                        Missing(place) if raw is None else Unusable(f"{place} is {kind(raw)}, where a number is needed")
                    )
                yield Fraction(found)
        else:
            yield _number(argument, _value(argument, reading), reading)


def _sum(node: Call, reading: Reading) -> Fraction:
    path = cast("Field", node.arguments[0]).path
    total = Decimal(0)
    for place, raw in reading.places(path):
        found = exact(raw, text=reading.text)
        if found is None:
            raise Missing(place) if raw is None else Unusable(f"{place} is {kind(raw)}, where a number is needed")
        total = EXACT.add(total, found)
    reading.seen[f"sum({path.written})"] = total
    return Fraction(total)


def _count(node: Call, reading: Reading) -> Fraction:
    return Fraction(len(reading.places(cast("Field", node.arguments[0]).path)))


def _extreme(node: Call, reading: Reading) -> Fraction:
    found = list(_numbers(node, reading))
    if not found:
        raise Missing(_named(node.arguments[0]))
    return min(found) if node.function == "min" else max(found)


def _abs(node: Call, reading: Reading) -> Fraction:
    return abs(_number(node.arguments[0], _value(node.arguments[0], reading), reading))


def _round(node: Call, reading: Reading) -> Fraction:
    """To so many decimals, halves away from zero, as invoices are rounded."""
    value, digits = (_number(one, _value(one, reading), reading) for one in (*node.arguments, Constant(Decimal(0)))[:2])
    if digits.denominator != 1 or not 0 <= digits <= 20:
        raise Unusable("round goes to between 0 and 20 decimals")
    scale = 10 ** int(digits)
    whole = int(abs(value) * scale + Fraction(1, 2))
    return Fraction(-whole if value < 0 else whole, scale)


def _has(node: Call, reading: Reading) -> bool:
    return any(raw is not None for _, raw in reading.places(cast("Field", node.arguments[0]).path))


def _len(node: Call, reading: Reading) -> Fraction:
    value = _value(node.arguments[0], reading)
    if value is None:
        raise Missing(_named(node.arguments[0]))
    if not isinstance(value, (str, list, tuple, Mapping)):
        raise Unusable(f"{kind(value)} has no length")
    return Fraction(len(cast("str", value)))


_CALLS: Mapping[str, Callable[[Call, Reading], object]] = {
    "sum": _sum,
    "count": _count,
    "min": _extreme,
    "max": _extreme,
    "abs": _abs,
    "round": _round,
    "has": _has,
    "len": _len,
}
