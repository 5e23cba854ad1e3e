"""References: a key is in a table, an id occurred earlier in the run, rows are unique."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Call, Context
from handrail.validators.data.values import kind, same, sequence, shown, words, wrong_type
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, pointer
from handrail.validators.paths import Budget, Path, TooManyPlaces, compiled
from handrail.validators.protocol import NOWHERE, Check

MAX_ROWS = 100_000
"""Rows of a table."""
MAX_ITEMS = 10_000
"""Elements of a list that one check looks at."""
_MAX_JSON = 200_000
_MAX_ID_DIGITS = 30
_SIGNS = ".,;:!?#()[]{}<>\"'`*"
_TOO_LARGE = Finding("unchecked.size", "The value has too many parts to check.")
_Key = tuple[tuple[str, object], ...]


@dataclass(frozen=True)
class InTable(Check):
    """A key that occurs in a table: ``in_table(["A1", "B2"])``, or rows and the columns that make the key.

    With one column the value is the key; with several the value is an object that has them. The table is not told.
    Findings: ``in_table.unknown``, ``in_table.missing`` (a part of the key), ``in_table.type``.
    """

    source: ClassVar[str] = "ISO/IEC 9075-2 (SQL), referential constraints"
    values: tuple[str | int | float | bool | None, ...] = ()
    """The keys, where the table has one column."""
    table: tuple[Mapping[str, object], ...] = ()
    """The rows, where it has several."""
    column: str | tuple[str, ...] = ()
    """The column, or columns, of ``table`` that are the key."""
    fields: tuple[str, ...] = ()
    """What the columns are called in the value; empty where they are called the same."""
    _keys: frozenset[_Key] = field(init=False, repr=False, compare=False)
    _fields: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for a table without keys."""
        columns = (self.column,) if isinstance(self.column, str) else words("in_table: column", self.column)
        rows = sequence("in_table: table", self.table)
        if bool(self.values) == bool(rows) or bool(rows) != bool(columns):
            hint = 'Write in_table(["A1"]), or in_table(table=[{"id": "A1"}], column="id").'
            raise ConfigError("in_table needs either values, or a table and its column.", hint=hint)
        if max(len(rows), len(self.values)) > MAX_ROWS:
            raise ConfigError(f"in_table: the table has more than {MAX_ROWS} rows.", hint="Check it in a tool.")
        keys = [_row_key(row, columns) for row in rows] if rows else [_key([one]) for one in self.values]
        if None in keys:
            raise ConfigError("in_table: every key is a text, number, true, false or null, and no row lacks one.")
        names = words("in_table: fields", self.fields) or (columns if len(columns) > 1 else ())
        if names and len(names) != len(columns):
            raise ConfigError("in_table: as many fields as columns are needed.")
        object.__setattr__(self, "_keys", frozenset(keys))
        object.__setattr__(self, "_fields", names)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether the key is in the table."""
        parts = [value]
        if self._fields:
            if not isinstance(value, Mapping):
                return (wrong_type("in_table", f"An object with {', '.join(self._fields)[:200]}", value),)
            row = cast("Mapping[str, object]", value)
            if lacking := [name for name in self._fields if name not in row]:
                return (Finding("in_table.missing", f"The key lacks {', '.join(lacking)[:200]}."),)
            parts = [row[name] for name in self._fields]
        key = _key(parts)
        if key is None:
            return (
                wrong_type("in_table", "A text or a number as key", next(one for one in parts if same(one) is None)),
            )
        if key in self._keys:
            return ()
        given = ", ".join(map(shown, parts))[:200]
        return (Finding("in_table.unknown", f"{given} does not occur in the table.", excerpt=given),)


def _key(parts: list[object]) -> _Key | None:
    found = tuple(map(same, parts))
    return None if None in found else cast("_Key", found)


def _row_key(row: object, columns: tuple[str, ...]) -> _Key | None:
    if not isinstance(row, Mapping):
        return None
    cells = cast("Mapping[str, object]", row)
    return _key([cells[name] for name in columns]) if all(name in cells for name in columns) else None


@dataclass(frozen=True)
class KnownFrom(Check):
    """An id, or a list of ids, that an earlier result of the run holds: ``known_from(tool="search", path="$[*].id")``.

    A model that makes an id up, or carries one over from somewhere else, is found. Results that are JSON texts are
    read; the latest come first. Findings: ``known_from.unknown``, ``known_from.type``; ``unchecked.run`` where the run
    had more results than are remembered, and the id is in none of those.
    """

    source: ClassVar[str] = "own: an id comes from somewhere"
    tool: str | tuple[str, ...] = ()
    """Tools whose results count; empty for all."""
    path: str = ""
    """Where the ids stand in a result; empty for any text or number in it, and any word of a result that is prose."""
    input: bool = False
    """Whether words that the user said count too."""
    _tools: frozenset[str] = field(init=False, repr=False, compare=False)
    _path: Path | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for a path that cannot be read."""
        tools = (self.tool,) if isinstance(self.tool, str) else words("known_from: tool", self.tool)
        object.__setattr__(self, "_tools", frozenset(tools))
        object.__setattr__(self, "_path", compiled(self.path) if self.path else None)

    @property
    def needs_run(self) -> bool:
        """It looks at the results of earlier calls."""
        return True

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Which ids no earlier result holds."""
        ids = cast("list[object]", value) if isinstance(value, (list, tuple)) else [value]
        if len(ids) > MAX_ITEMS:
            return (_TOO_LARGE,)
        wanted: dict[tuple[str, object], tuple[str, object]] = {}
        for at, one in enumerate(ids):
            key = same(one)
            if key is None or one is None:
                place = pointer(at) if ids is value else ""
                return (wrong_type("known_from", "An id, which is a text or a number,", one, path=place),)
            wanted.setdefault(key, (pointer(at) if ids is value else "", one))
        try:
            complete = self._search(context, wanted)
        except TooManyPlaces:
            return (_TOO_LARGE,)
        return tuple(self._found(place, one, complete) for place, one in [*wanted.values()][:MAX_FINDINGS])

    def _search(self, context: Context, wanted: dict[tuple[str, object], tuple[str, object]]) -> bool:
        """Take out of ``wanted`` what a result holds, the latest first. Whether all results could be looked at."""
        budget, chars = Budget(MAX_ITEMS), [_MAX_JSON]
        complete = context.run.complete
        for one in self._all(context, budget, chars):
            if (key := same(one)) is not None:
                wanted.pop(key, None)
                if not wanted:
                    return True
        return complete and chars[0] >= 0

    def _all(self, context: Context, budget: Budget, chars: list[int]) -> Iterator[object]:
        for call in reversed(context.run.calls):
            if call.outcome == "ok" and (not self._tools or call.tool in self._tools):
                yield from self._ids(call, budget, chars)
        for source in reversed(context.run.sources) if self.input else ():
            if source.kind == "input":
                yield from _words(source.text, budget, chars)

    def _ids(self, call: Call, budget: Budget, chars: list[int]) -> Iterator[object]:
        result = _read(call.result, chars) if isinstance(call.result, str) else call.result
        if self._path is None:
            yield from _words(result, budget, chars) if isinstance(result, str) else _scalars(result, budget)
            return
        for _, found in self._path.places(result, budget):
            yield found

    def _found(self, place: str, one: object, complete: bool) -> Finding:
        where = f"result of {', '.join(sorted(self._tools))[:100]}" if self._tools else "earlier result"
        if not complete:
            text = f"The run had more results than are remembered, and {shown(one)} is in none of those."
            return Finding("unchecked.run", text, place, excerpt=shown(one))
        text = f"{shown(one)} is in no {where} of this run."
        return Finding(
            "known_from.unknown", text, place, hint="Look it up first, then use it as it is.", excerpt=shown(one)
        )


def _read(text: str, chars: list[int]) -> object:
    """What a JSON text says, as long as there are characters left; the text itself where it is none."""
    chars[0] -= len(text)
    if chars[0] < 0 or text[:1] not in ("{", "[", '"'):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _words(text: str, budget: Budget, chars: list[int]) -> Iterator[object]:
    """The text, and each word of it with and without the signs around it.

    Whole numbers also as such. Raises TooManyPlaces.
    """
    yield text
    chars[0] -= len(text)
    found = text.split() if chars[0] >= 0 else []
    budget.left -= len(found)
    if budget.left < 0:
        raise TooManyPlaces
    for word in found:
        bare = word.strip(_SIGNS)
        yield word
        yield bare
        if bare.isascii() and bare.isdecimal() and len(bare) <= _MAX_ID_DIGITS:
            yield int(bare)


def _scalars(value: object, budget: Budget) -> Iterator[object]:
    """Every text and number in a value, keys aside. Raises TooManyPlaces."""
    todo = [value]
    while todo:
        node = todo.pop()
        inner: list[object] = []
        if isinstance(node, Mapping):
            inner = list(cast("Mapping[object, object]", node).values())
        elif isinstance(node, (list, tuple)):
            inner = list(cast("list[object]", node))
        else:
            yield node
        budget.left -= len(inner)
        if budget.left < 0:
            raise TooManyPlaces
        todo.extend(inner)


@dataclass(frozen=True)
class UniqueBy(Check):
    """The rows of a list are unique by a key: ``unique_by("sku")``, or by all that they are.

    Findings, with the place of the second one: ``unique_by.repeated``, ``unique_by.missing`` (a row lacks the key),
    ``unique_by.type``. Found by hashing, in linear time.
    """

    source: ClassVar[str] = "ISO/IEC 9075-2 (SQL), unique constraints; JSON Schema 2020-12, 6.4.3 (uniqueItems)"
    key: str | tuple[str, ...] = ()
    """The field, or fields, that make the key; empty where whole elements are compared."""
    rows: str = "$"
    """Path of the list."""
    _names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _rows: Path = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise ConfigError for a path that cannot be read."""
        names = (self.key,) if isinstance(self.key, str) else words("unique_by: key", self.key)
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_rows", compiled(self.rows))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Which rows repeat an earlier one; at most 20 findings."""
        budget, said = Budget(MAX_ITEMS), list[Finding]()
        try:
            for place, rows in self._rows.places(value, budget):
                if not isinstance(rows, (list, tuple)):
                    return (wrong_type("unique_by", "A list", rows, path=place),)
                said += self._repeated(place, cast("list[object]", rows), budget)
        except TooManyPlaces:
            return (_TOO_LARGE,)
        return tuple(said[:MAX_FINDINGS])

    def _repeated(self, place: str, rows: list[object], budget: Budget) -> list[Finding]:
        budget.left -= len(rows)
        if budget.left < 0:
            raise TooManyPlaces
        seen, said = dict[object, int](), list[Finding]()
        for at, row in enumerate(rows):
            key = self._key(row, budget)
            if isinstance(key, Finding):
                said.append(Finding(key.code, key.message, place + pointer(at)))
            elif (first := seen.setdefault(key, at)) != at:
                what = f"the same {' and '.join(self._names)}" if self._names else "the same element"
                said.append(Finding("unique_by.repeated", f"Row {at} has {what} as row {first}.", place + pointer(at)))
            if len(said) >= MAX_FINDINGS:
                break
        return said

    def _key(self, row: object, budget: Budget) -> object:
        if not self._names:
            return fingerprint(row, budget)
        if not isinstance(row, Mapping):
            return wrong_type("unique_by", "A row, which is an object,", row)
        cells = cast("Mapping[str, object]", row)
        if lacking := [name for name in self._names if cells.get(name) is None]:
            return Finding("unique_by.missing", f"The row has no {' and no '.join(lacking)[:200]}.")
        parts = [cells[name] for name in self._names]
        return _key(parts) or Finding("unique_by.type", f"A key is a text or a number, not {kind(parts[0])}.")


def fingerprint(value: object, budget: Budget) -> tuple[object, ...]:
    """What two values share exactly where JSON takes them for equal, whatever the order of keys.

    Raises TooManyPlaces.
    """
    found: list[object] = []
    todo: list[object] = [value]
    while todo:
        node = todo.pop()
        inner: list[object] = []
        if isinstance(node, Mapping):
            items = sorted(((str(key), one) for key, one in cast("Mapping[object, object]", node).items()), key=_first)
            found += ["{", len(items), *(key for key, _ in items)]
            inner = [one for _, one in items]
        elif isinstance(node, (list, tuple)):
            inner = list(cast("list[object]", node))
            found += ["[", len(inner)]
        else:
            found.append(same(node) or ("other", kind(node)))
        budget.left -= len(inner)
        if budget.left < 0:
            raise TooManyPlaces
        todo.extend(reversed(inner))
    return tuple(found)


def _first(item: tuple[str, object]) -> str:
    return item[0]
