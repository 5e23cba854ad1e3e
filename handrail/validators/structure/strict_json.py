"""Text that is JSON to the letter."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, Fix
from handrail.validators.functions import as_check
from handrail.validators.protocol import NOWHERE, Check, Checkable
from handrail.validators.structure.json_repair import repaired
from handrail.validators.texts import excerpt

MAX_CHARS = 80_000
"""Characters of a text that is read."""
MAX_REPAIRED = 10_000
"""Characters of a text whose slips are mended."""
_HALF = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")


class _Wrong(Exception):
    """A text is JSON, and something in it is not allowed."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class StrictJson(Check):
    """A text that is JSON: one value, no NaN, no key twice, no number that others cannot read.

    What a model slips in by habit (a code fence, a comma too many, single or curly quotes, ``True``, a bare key, a
    comment) is mended where that leaves no doubt.
    Codes: ``strict_json.syntax``, ``strict_json.nan``, ``strict_json.duplicate``, ``strict_json.number``,
    ``strict_json.surrogate``, ``strict_json.depth``, ``strict_json.type`` (it is no text), what ``then`` finds,
    ``unchecked.size``.
    """

    source: ClassVar[str] = "RFC 8259 (JSON) and RFC 7493 (I-JSON)"
    then: Checkable | None = None
    """A check of the value that the text stands for, such as ``schema({...})``."""
    depth: int = 50
    """Most levels of nesting."""
    digits: int = 40
    """Most digits of a number."""
    close: bool = False
    """Whether a text that breaks off before its closing brackets may be mended, too."""

    def __post_init__(self) -> None:
        """Raises ConfigError for bounds outside 1 to 100 levels and 1 to 1,000 digits, and for what is no check."""
        for name, given, most in (("depth", self.depth, 100), ("digits", self.digits, 1_000)):
            if type(given) is not int or not 1 <= given <= most:
                raise ConfigError(f"strict_json({name}={given!r}): it is a whole number from 1 to {most}.")
        if self.then is not None:
            object.__setattr__(self, "then", as_check(self.then))

    @property
    def needs_run(self) -> bool:
        """Whether ``then`` looks at the run."""
        return isinstance(self.then, Check) and self.then.needs_run

    @property
    def bounded(self) -> bool:
        """Whether ``then`` is."""
        return not isinstance(self.then, Check) or self.then.bounded

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the text, with its repair where there is one; and what ``then`` finds in its value."""
        if not isinstance(value, str):
            return (Finding("strict_json.type", "A text that is JSON is expected here."),)
        if len(value) > MAX_CHARS:
            return (Finding("unchecked.size", f"A text of {len(value)} characters is too long to read."),)
        try:
            return self._inside(self._parsed(value), context)
        except _Wrong as problem:
            return (Finding(f"strict_json.{problem.code}", str(problem), excerpt=excerpt(value)),)
        except json.JSONDecodeError as problem:
            return self._mended(value, problem, context)

    def _parsed(self, text: str) -> object:
        """The value of ``text``. Raises _Wrong and JSONDecodeError."""
        if _HALF.search(text) and not _paired(text):
            raise _Wrong("surrogate", "Half of a surrogate pair stands in a text.")
        try:
            found = json.loads(
                text,
                object_pairs_hook=_once,
                parse_constant=_constant,
                parse_int=self._integer,
                parse_float=self._number,
            )
        except RecursionError:
            raise _Wrong("depth", f"The value nests deeper than {self.depth} levels.") from None
        if _deeper(found, self.depth):
            raise _Wrong("depth", f"The value nests deeper than {self.depth} levels.")
        return found

    def _integer(self, text: str) -> int:
        self._short(text)
        return int(text)

    def _number(self, text: str) -> float:
        self._short(text)
        found = float(text)
        if math.isinf(found):
            raise _Wrong("number", f"The number {text} is larger than others can read.")
        return found

    def _short(self, text: str) -> None:
        if len(text) > self.digits + 1:
            raise _Wrong("number", f"A number has {len(text)} digits; {self.digits} are allowed. Write it as a text.")

    def _mended(self, text: str, problem: json.JSONDecodeError, context: Context) -> Findings:
        at = min(problem.pos, len(text))
        said = Finding(
            "strict_json.syntax",
            f"This is not JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}.",
            hint="Write one JSON value and nothing around it.",
            span=(at, min(at + 1, len(text))),
            excerpt=excerpt(text, (at, at + 60)),
        )
        right = repaired(text, close=self.close) if len(text) <= MAX_REPAIRED else None
        if right is None:
            return (said,)
        try:
            found = self._parsed(right)
        except (_Wrong, json.JSONDecodeError):
            return (said,)
        # The repair is of the whole text: it stands in place of all of it.
        return (replace(said, span=None, fix=Fix(right)), *self._inside(found, context))[:MAX_FINDINGS]

    def _inside(self, found: object, context: Context) -> Findings:
        """What ``then`` finds. Its places and repairs are of the value, not of the text that stands for it."""
        if not isinstance(self.then, Check):
            return ()
        return tuple(
            replace(
                one, path="", span=None, fix=None, message=f"{one.path}: {one.message}" if one.path else one.message
            )
            for one in self.then.check(found, context)
        )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _Wrong("duplicate", f"The key {twice[:100]!r} stands twice in one object.")
    return found


def _constant(name: str) -> object:
    raise _Wrong("nan", f"{name} is no JSON number; write null, or a text.")


def _paired(text: str) -> bool:
    """Whether each half of a surrogate pair, as it stands or as an escape, has its other half."""
    try:
        # Escaped pairs become characters; what stays is half of one.
        loose = re.sub(r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}", "", text)
        loose.encode()
    except UnicodeEncodeError:
        return False
    return re.search(r"\\u[dD][89a-fA-F]", loose) is None


def _deeper(value: object, most: int) -> bool:
    level: list[object] = [value]
    for _ in range(most):
        level = [inner for node in level for inner in _children(node)]
        if not level:
            return False
    return any(isinstance(node, (list, Mapping)) for node in level)


def _children(node: object) -> list[object]:
    if isinstance(node, Mapping):
        return list(cast("Mapping[str, object]", node).values())
    return cast("list[object]", node) if isinstance(node, list) else []
