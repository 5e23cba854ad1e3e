"""Units of measurement: whether they are known, of the right dimension, and the same throughout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from handrail.config.nearest import nearest
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.data.values import TooLarge, exact, known_words, number, plain, shown, words, wrong_type
from handrail.validators.findings import Finding, Findings
from handrail.validators.paths import Budget, Path, TooManyPlaces, compiled
from handrail.validators.protocol import NOWHERE, Check

MAX_VISITED = 10_000
"""Places that one check comes by."""
_MAX_UNIT = 20
_TOO_LARGE = Finding("unchecked.size", "The value has too many parts, or numbers too long, to check.")
_MEASURE = re.compile(r"([+-]?[0-9]{1,40}(?:\.[0-9]{1,40})?)[ \u00a0\u202f]{0,3}([^0-9\s]\S{0,19})")

_SIZES: Mapping[str, str] = {
    "mass": "kg 1 g 1/1000 mg 1/1000000 ug 1/1000000000 µg 1/1000000000 ng 1/1000000000000 t 1000 lb 0.45359237 "
    "oz 0.028349523125 st 6.35029318",
    "length": "m 1 km 1000 dm 1/10 cm 1/100 mm 1/1000 um 1/1000000 µm 1/1000000 nm 1/1000000000 in 0.0254 ft 0.3048 "
    "yd 0.9144 mi 1609.344 nmi 1852",
    "area": "m2 1 m² 1 km2 1000000 km² 1000000 cm2 1/10000 cm² 1/10000 mm2 1/1000000 mm² 1/1000000 ha 10000 "
    "acre 4046.8564224 ft2 0.09290304 sqft 0.09290304",
    "volume": "m3 1 m³ 1 L 1/1000 l 1/1000 hL 1/10 dL 1/10000 cL 1/100000 mL 1/1000000 ml 1/1000000 uL 1/1000000000 "
    "µL 1/1000000000 cm3 1/1000000 cm³ 1/1000000 gal 0.003785411784",
    "time": "s 1 ms 1/1000 us 1/1000000 µs 1/1000000 ns 1/1000000000 min 60 h 3600 d 86400 wk 604800",
    "speed": "m/s 1 km/h 5/18 mph 0.44704 kn 463/900",
    "pressure": "Pa 1 hPa 100 kPa 1000 MPa 1000000 mbar 100 bar 100000 atm 101325 mmHg 133.322387415",
    "energy": "J 1 kJ 1000 MJ 1000000 GJ 1000000000 Wh 3600 kWh 3600000 MWh 3600000000 GWh 3600000000000 cal 4.184 "
    "kcal 4184",
    "power": "W 1 mW 1/1000 kW 1000 MW 1000000 GW 1000000000",
    "force": "N 1 kN 1000",
    "frequency": "Hz 1 kHz 1000 MHz 1000000 GHz 1000000000",
    "current": "A 1 mA 1/1000 uA 1/1000000 µA 1/1000000 kA 1000",
    "voltage": "V 1 mV 1/1000 kV 1000",
    "resistance": "ohm 1 Ω 1 kΩ 1000 MΩ 1000000",
    "data": "bit 1 B 8 kB 8000 MB 8000000 GB 8000000000 TB 8000000000000 KiB 8192 MiB 8388608 GiB 8589934592 "
    "TiB 8796093022208",
    "amount of substance": "mol 1 mmol 1/1000 umol 1/1000000 µmol 1/1000000",
    "mass concentration": "g/L 1 mg/L 1/1000 mg/dL 1/100 g/dL 10 ug/L 1/1000000 µg/L 1/1000000 ug/mL 1/1000 "
    "ng/mL 1/1000000",
    "substance concentration": "mol/L 1 mmol/L 1/1000 umol/L 1/1000000 µmol/L 1/1000000",
    "ratio": "1 1 % 1/100 ‰ 1/1000 ppm 1/1000000",
}
"""Dimension -> unit and its size in the first one of the dimension."""


@dataclass(frozen=True, slots=True)
class Known:
    """A unit."""

    dimension: str
    size: Fraction
    """How many of the dimension's base unit it is."""
    zero: Fraction = Fraction(0)
    """Where its zero lies, in the base unit; for temperatures."""

    def base(self, amount: Decimal) -> Fraction:
        """So many of this unit in the base unit."""
        return Fraction(amount) * self.size + self.zero


def _table() -> dict[str, Known]:
    found: dict[str, Known] = {}
    for dimension, sizes in _SIZES.items():
        parts = sizes.split()
        found |= {unit: Known(dimension, Fraction(size)) for unit, size in zip(parts[::2], parts[1::2], strict=True)}
    kelvin = Fraction("273.15")
    fahrenheit = kelvin - 32 * Fraction(5, 9)
    found["K"] = Known("temperature", Fraction(1))
    found |= dict.fromkeys(("degC", "°C", "Cel"), Known("temperature", Fraction(1), kelvin))
    return found | dict.fromkeys(("degF", "°F", "[degF]"), Known("temperature", Fraction(5, 9), fahrenheit))


UNITS: Mapping[str, Known] = _table()
"""Unit as written -> what it is. Case counts: mg is a thousandth of a gram, Mg would be a tonne."""
DIMENSIONS = frozenset(known.dimension for known in UNITS.values())
_BY_DIMENSION: Mapping[str, tuple[str, ...]] = {
    dimension: tuple(unit for unit, known in UNITS.items() if known.dimension == dimension) for dimension in DIMENSIONS
}


def _dimension(option: str, value: str) -> None:
    if value:
        known_words(option, (value,), DIMENSIONS)


def _misfit(name: str, raw: object, dimension: str, allowed: tuple[str, ...], place: str = "") -> Finding | None:
    """What is wrong with a unit."""
    if not isinstance(raw, str):
        return wrong_type(name, "A unit as text, such as kg,", raw, path=place)
    known = UNITS.get(raw)
    if known is None:
        near = nearest(raw, list(UNITS)) if 0 < len(raw) <= _MAX_UNIT else None
        return Finding(
            f"{name}.unknown", f"{shown(raw)} is no unit that is known.", place, hint=near or "", excerpt=shown(raw)
        )
    if dimension and known.dimension != dimension:
        text = f"{raw} is a unit of {known.dimension}; one of {dimension} is expected: {_some(dimension)}."
        return Finding(f"{name}.dimension", text, place, excerpt=raw)
    if allowed and raw not in allowed:
        text = f"{raw} is not one of the units that are allowed: {', '.join(allowed)[:200]}."
        return Finding(f"{name}.refused", text, place, excerpt=raw)
    return None


def _some(dimension: str) -> str:
    return ", ".join(_BY_DIMENSION[dimension][:8])


@dataclass(frozen=True)
class Unit(Check):
    """A unit of measurement, as written in SI or UCUM; case counts.

    Findings: ``unit.unknown``, ``unit.dimension`` (a length where a mass is expected), ``unit.refused`` (not one of
    those allowed), ``unit.type``.
    """

    source: ClassVar[str] = "The SI brochure, 9th edition; UCUM; NIST SP 811, appendix B (factors)"
    dimension: str = ""
    """What it must measure: mass, length, area, volume, time, temperature, speed, pressure, energy, power, data, ..."""
    allowed: tuple[str, ...] = ()
    """Units allowed; empty for all of the dimension."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a dimension or unit that is not known."""
        _dimension("unit: dimension", self.dimension)
        known_words("unit: allowed", self.allowed, UNITS)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the unit."""
        found = _misfit("unit", value, self.dimension, self.allowed)
        return () if found is None else (found,)


@dataclass(frozen=True)
class Quantity(Check):
    """A number with its unit: an object with both, or a text such as "12.5 kg"; within bounds, whatever unit it is in.

    Findings: ``quantity.unknown``, ``quantity.dimension``, ``quantity.min``, ``quantity.max``, ``quantity.missing``,
    ``quantity.form`` (a text that is no number with a unit), ``quantity.type``.
    """

    source: ClassVar[str] = "The SI brochure, 9th edition; UCUM; NIST SP 811, appendix B (factors)"
    unit: str
    """The unit that ``min`` and ``max`` are in; the quantity may be in any that converts to it."""
    min: int | float | str | None = None
    """Smallest quantity allowed, in ``unit``."""
    max: int | float | str | None = None
    """Largest quantity allowed, in ``unit``."""
    amount: str = "$.amount"
    """Path of the number in an object."""
    measured_in: str = "$.unit"
    """Path of the unit in an object."""
    _bounds: tuple[tuple[str, Decimal, Fraction, int], ...] = field(init=False, repr=False, compare=False)
    _paths: tuple[Path, Path] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for options that cannot be read."""
        known_words("quantity: unit", (self.unit,), UNITS)
        given = [(name, number(name, value), sign) for name, value, sign in self._given() if value is not None]
        bounds = tuple((name, bound, UNITS[self.unit].base(bound), sign) for name, bound, sign in given)
        object.__setattr__(self, "_bounds", bounds)
        object.__setattr__(self, "_paths", (compiled(self.amount), compiled(self.measured_in)))

    def _given(self) -> tuple[tuple[str, int | float | str | None, int], ...]:
        return ("min", self.min, 1), ("max", self.max, -1)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the quantity."""
        try:
            parts = self._parts(value)
            if isinstance(parts, Finding):
                return (parts,)
            (at, raw), (place, unit) = parts
            if wrong := _misfit("quantity", unit, UNITS[self.unit].dimension, (), place):
                return (wrong,)
            amount = exact(raw, text=isinstance(value, str))
            if amount is None:
                return (wrong_type("quantity", "A number", raw, path=at),)
            return self._compare(amount, str(unit), at)
        except (TooLarge, TooManyPlaces):
            return (_TOO_LARGE,)

    def _parts(self, value: object) -> tuple[tuple[str, object], tuple[str, object]] | Finding:
        """(place, number) and (place, unit). Raises TooManyPlaces."""
        if isinstance(value, str):
            found = _MEASURE.fullmatch(value) if len(value) <= 100 else None
            if found is None:
                return Finding(
                    "quantity.form",
                    f"A number and a unit are expected, such as 12.5 {self.unit}.",
                    excerpt=shown(value),
                )
            return ("", found[1]), ("", found[2])
        budget = Budget(MAX_VISITED)
        places = [list(path.places(value, budget)) for path in self._paths]
        if [len(one) for one in places] != [1, 1]:
            text = f"A number at {self.amount} and its unit at {self.measured_in} are expected."
            return Finding("quantity.missing", text)
        return places[0][0], places[1][0]

    def _compare(self, amount: Decimal, unit: str, place: str) -> Findings:
        base = UNITS[unit].base(amount)
        said: list[Finding] = []
        for name, bound, limit, sign in self._bounds:
            if (base - limit) * sign < 0:
                words = "at least" if sign > 0 else "at most"
                text = f"A quantity of {words} {plain(bound)} {self.unit} is expected, not {plain(amount)} {unit}."
                said.append(Finding(f"quantity.{name}", text, place, excerpt=f"{plain(amount)} {unit}"))
        return tuple(said)


@dataclass(frozen=True)
class SameUnit(Check):
    """All measures are in one unit, or in units of one dimension: ``same_unit(["$.items[*].unit"])``.

    Findings: ``same_unit.differs`` (with the place of the first that differs), ``same_unit.unknown``,
    ``same_unit.type``.
    """

    source: ClassVar[str] = "own: measures of different units cannot be added"
    paths: tuple[str, ...]
    """Where the units stand; null counts as missing."""
    convertible: bool = False
    """Whether units of the same dimension, such as g and kg, are the same."""
    _paths: tuple[Path, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for paths that cannot be read."""
        if not words("same_unit: paths", self.paths):
            raise ConfigError("same_unit needs at least one path.", hint='Write it like ["$.items[*].unit"].')
        object.__setattr__(self, "_paths", tuple(map(compiled, self.paths)))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether all units in ``value`` are the same."""
        budget, first = Budget(MAX_VISITED), ""
        try:
            for path in self._paths:
                for place, unit in path.places(value, budget):
                    if unit is None:
                        continue
                    if wrong := _misfit("same_unit", unit, "", (), place):
                        return (wrong,)
                    what = UNITS[str(unit)].dimension if self.convertible else str(unit)
                    first = first or what
                    if what != first:
                        text = f"Everything is expected in {first}, and here is {unit}."
                        return (Finding("same_unit.differs", text, place, excerpt=str(unit)),)
        except TooManyPlaces:
            return (_TOO_LARGE,)
        return ()
