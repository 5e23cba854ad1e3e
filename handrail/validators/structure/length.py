"""How long a text, a list or an object is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, cast, get_args

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import NOWHERE, Check

Unit = Literal["characters", "bytes", "words", "items"]
MAX_CHARS = 200_000
"""Characters of a text whose words or bytes are still counted."""


@dataclass(frozen=True)
class Length(Check):
    """A text, list or object that is neither too short nor too long: ``length(max=500)``.

    Codes: ``length.short``, ``length.long``, ``length.type`` (it has no such length), ``unchecked.size``.
    """

    source: ClassVar[str] = (
        "own: characters are Unicode code points, bytes are UTF-8, words are separated by whitespace"
    )
    min: int = 0
    """Fewest."""
    max: int | None = None
    """Most; none for no bound."""
    unit: Unit = "characters"
    """What is counted: ``characters``, ``bytes`` or ``words`` of a text, or ``items`` of a list or object."""

    def __post_init__(self) -> None:
        """Raises ConfigError for bounds that nothing, or everything, is within."""
        if self.unit not in get_args(Unit):
            raise ConfigError(f"length(unit={self.unit!r}): the unit is one of {', '.join(get_args(Unit))}.")
        for name, bound in (("min", self.min), ("max", self.max)):
            if bound is not None and (type(bound) is not int or bound < 0):
                raise ConfigError(f"length({name}={bound!r}): a length is a whole number, and not below 0.")
        if self.min == 0 and self.max is None:
            raise ConfigError("length() allows every length.", hint="Give min or max.")
        if self.max is not None and self.min > self.max:
            raise ConfigError(f"length(min={self.min}, max={self.max}) allows no length at all.")

    @property
    def raw(self) -> bool:
        """It looks at a text as it stands, even where that is JSON."""
        return True

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """One finding where ``value`` has another length."""
        long = self._long(value)
        if isinstance(long, Finding):
            return (long,)
        if long < self.min:
            wanted = f"At least {self.min} {self.unit} are expected; there are {long}."
            return (Finding("length.short", wanted),)
        if self.max is not None and long > self.max:
            return (Finding("length.long", f"At most {self.max} {self.unit} are allowed; there are {long}."),)
        return ()

    def _long(self, value: object) -> int | Finding:
        if self.unit == "items":
            if isinstance(value, (list, tuple, Mapping)):
                return len(cast("list[object]", value))
            return Finding("length.type", "A list or an object is expected here.")
        if not isinstance(value, str):
            return Finding("length.type", "A text is expected here.")
        if self.unit == "characters":
            return len(value)
        if len(value) > MAX_CHARS:
            return Finding("unchecked.size", f"A text of {len(value)} characters is too long to count its {self.unit}.")
        return len(value.split()) if self.unit == "words" else len(value.encode("utf-8", "surrogatepass"))
