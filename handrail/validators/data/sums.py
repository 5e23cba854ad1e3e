"""Whether totals are the sums that they claim to be. Decimal arithmetic, nothing rounded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.data.values import EXACT, TooLarge, exact, number, plain, tolerance, words, wrong_type
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, pointer
from handrail.validators.paths import Budget, Path, TooManyPlaces, compiled
from handrail.validators.protocol import NOWHERE, Check

MAX_VISITED = 6_000
"""Places that one check comes by."""
MAX_LINES = 2_000
"""Lines, or shares, that one check looks at."""
_TOO_LARGE = Finding("unchecked.size", "The value has too many parts, or numbers too long, to add up.")


_Place = tuple[str, object]


@dataclass(frozen=True)
class _Adding(Check):
    """What the checks of sums have in common."""

    def _number(self, name: str, place: str, raw: object, text: bool) -> Decimal | Finding:
        found = exact(raw, text=text)
        return wrong_type(name, "A number", raw, path=place) if found is None else found

    def _all(self, name: str, places: Iterable[_Place], text: bool) -> tuple[list[Decimal], Findings]:
        """The numbers at some places, and what is wrong with those that are none. Raises TooLarge."""
        numbers, wrong = list[Decimal](), list[Finding]()
        for place, raw in places:
            found = self._number(name, place, raw, text)
            if isinstance(found, Finding):
                wrong.append(found)
                if len(wrong) == MAX_FINDINGS:
                    break
            else:
                numbers.append(found)
        return numbers, tuple(wrong)


def _few(places: list[_Place]) -> list[_Place]:
    if len(places) > MAX_LINES:
        raise TooManyPlaces
    return places


def _sum(numbers: list[Decimal], sign: int = 1) -> Decimal:
    # Operators of Decimal round to 28 digits, which only the methods of a context, and the copy_ ones, do not.
    total = Decimal(0)
    for one in numbers:
        total = EXACT.add(total, one)
    return total if sign > 0 else total.copy_negate()


def _apart(left: Decimal, right: Decimal) -> Decimal:
    return EXACT.subtract(left, right).copy_abs()


@dataclass(frozen=True)
class AddsUp(_Adding):
    """A total is the sum of its parts: ``adds_up("$.total", ["$.lines[*].amount", "$.fee"], less=["$.discount"])``.

    Findings: ``adds_up.total`` (the sum is another), ``adds_up.missing`` (no total, or no part at all),
    ``adds_up.type`` (something that is no number).
    """

    source: ClassVar[str] = "EN 16931-1, business rules of the group BR-CO (totals of an invoice)"
    total: str
    """Path of the total."""
    parts: tuple[str, ...] | str
    """Paths of what is added."""
    less: tuple[str, ...] | str = ()
    """Paths of what is taken away."""
    tolerance: int | float | str = 0
    """How far apart sum and total may be."""
    text: bool = False
    """Whether a decimal text such as "12.50" is a number."""
    _total: Path = field(init=False, repr=False, compare=False)
    _parts: tuple[tuple[Path, int], ...] = field(init=False, repr=False, compare=False)
    _tolerance: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for options that cannot be read."""
        parts = [(compiled(one), 1) for one in _paths("adds_up: parts", self.parts)]
        less = [(compiled(one), -1) for one in _paths("adds_up: less", self.less)]
        if not parts:
            raise ConfigError("adds_up needs at least one path in parts.", hint='Write it like "$.lines[*].amount".')
        object.__setattr__(self, "_total", compiled(self.total))
        object.__setattr__(self, "_parts", (*parts, *less))
        object.__setattr__(self, "_tolerance", tolerance(self.tolerance))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether the total of ``value`` is the sum of its parts."""
        try:
            return self._check(value, Budget(MAX_VISITED))
        except (TooLarge, TooManyPlaces):
            return (_TOO_LARGE,)

    def _check(self, value: object, budget: Budget) -> Findings:
        places = list(self._total.places(value, budget))
        if len(places) != 1:
            return (Finding("adds_up.missing", f"One total is expected at {self.total}, and {len(places)} are there."),)
        place, raw = places[0]
        total = self._number("adds_up", place, raw, self.text)
        if isinstance(total, Finding):
            return (total,)
        added, count = Decimal(0), 0
        for path, sign in self._parts:
            numbers, wrong = self._all("adds_up", path.places(value, budget), self.text)
            if wrong:
                return wrong
            added, count = EXACT.add(added, _sum(numbers, sign)), count + len(numbers)
        if not count:
            return (Finding("adds_up.missing", f"Nothing is there to be added up to {self.total}.", place),)
        if _apart(added, total) <= self._tolerance:
            return ()
        text = f"The {count} parts add up to {plain(added)}, and {self.total} says {plain(total)}."
        return (Finding("adds_up.total", text, place, excerpt=plain(total)),)


def _paths(option: str, value: object) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else words(option, value)


@dataclass(frozen=True)
class LineTotals(_Adding):
    """Each line's amount is its quantity times its price, less its discount.

    Findings, with the place of the line: ``line_totals.amount``, ``line_totals.missing``, ``line_totals.type``.
    """

    source: ClassVar[str] = "EN 16931-1, BT-131 (invoice line net amount)"
    lines: str = "$.lines[*]"
    """Path of the lines, which are objects."""
    quantity: str = "quantity"
    """Name of a line's field."""
    price: str = "price"
    """Name of a line's field."""
    amount: str = "amount"
    """Name of a line's field."""
    discount: str = ""
    """Name of a line's field, whose number is taken from the product where it is there; empty for none."""
    tolerance: int | float | str = 0
    """How far apart product and amount may be, such as 0.005 where amounts are rounded to cents."""
    text: bool = False
    """Whether a decimal text such as "12.50" is a number."""
    _lines: Path = field(init=False, repr=False, compare=False)
    _tolerance: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for options that cannot be read."""
        object.__setattr__(self, "_lines", compiled(self.lines))
        object.__setattr__(self, "_tolerance", tolerance(self.tolerance))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Which lines do not fit; at most 20 findings."""
        said: list[Finding] = []
        try:
            for place, line in _few(list(self._lines.places(value, Budget(MAX_VISITED)))):
                said += self._line(place, line)
                if len(said) >= MAX_FINDINGS:
                    break
        except (TooLarge, TooManyPlaces):
            return (_TOO_LARGE,)
        return tuple(said[:MAX_FINDINGS])

    def _line(self, place: str, line: object) -> list[Finding]:
        if not isinstance(line, Mapping):
            return [wrong_type("line_totals", "A line, which is an object,", line, path=place)]
        fields = cast("Mapping[str, object]", line)
        names = [self.quantity, self.price, self.amount]
        if lacking := [name for name in names if fields.get(name) is None]:
            return [Finding("line_totals.missing", f"The line has no {' and no '.join(lacking)}.", place)]
        if self.discount and fields.get(self.discount) is not None:
            names.append(self.discount)
        found = [self._number("line_totals", place + pointer(name), fields[name], self.text) for name in names]
        if wrong := [one for one in found if isinstance(one, Finding)]:
            return wrong
        return self._compare(place, [one for one in found if isinstance(one, Decimal)])

    def _compare(self, place: str, numbers: list[Decimal]) -> list[Finding]:
        quantity, price, amount, *less = numbers
        product = EXACT.subtract(EXACT.multiply(quantity, price), less[0] if less else Decimal(0))
        if _apart(product, amount) <= self._tolerance:
            return []
        minus = f" - {plain(less[0])}" if less else ""
        text = f"{plain(quantity)} x {plain(price)}{minus} is {plain(product)}, and the line says {plain(amount)}."
        return [Finding("line_totals.amount", text, place + pointer(self.amount), excerpt=plain(amount))]


@dataclass(frozen=True)
class Shares(_Adding):
    """Shares of a whole: each between 0 and the whole, together the whole (percentages: 100).

    Findings: ``shares.total``, ``shares.part`` (below 0, or above the whole), ``shares.missing``, ``shares.type``.
    """

    source: ClassVar[str] = "own: the parts of a whole are the whole"
    parts: str = "$[*]"
    """Path of the shares."""
    total: int | float | str = 100
    """The whole."""
    tolerance: int | float | str = 0
    """How far the sum may be from the whole, such as 0.1 for rounded percentages."""
    text: bool = False
    """Whether a decimal text such as "12.50" is a number."""
    _parts: Path = field(init=False, repr=False, compare=False)
    _total: Decimal = field(init=False, repr=False, compare=False)
    _tolerance: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for options that cannot be read."""
        object.__setattr__(self, "_parts", compiled(self.parts))
        object.__setattr__(self, "_total", number("total", self.total))
        object.__setattr__(self, "_tolerance", tolerance(self.tolerance))
        if self._total <= 0:
            raise ConfigError("shares: total must be above 0.", hint="It is 100 for percentages, 1 for fractions.")

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether the shares of ``value`` make the whole."""
        try:
            places = _few(list(self._parts.places(value, Budget(MAX_VISITED))))
            numbers, wrong = self._all("shares", places, self.text)
        except (TooLarge, TooManyPlaces):
            return (_TOO_LARGE,)
        if wrong:
            return wrong
        if not numbers:
            return (Finding("shares.missing", f"No shares are at {self.parts}."),)
        said = [
            Finding("shares.part", f"A share is between 0 and {plain(self._total)}, not {plain(one)}.", place)
            for (place, _), one in zip(places, numbers, strict=True)
            if not 0 <= one <= EXACT.add(self._total, self._tolerance)
        ]
        added = _sum(numbers)
        if _apart(added, self._total) > self._tolerance:
            text = f"The shares add up to {plain(added)}, not to {plain(self._total)}."
            said.insert(0, Finding("shares.total", text))
        return tuple(said[:MAX_FINDINGS])
