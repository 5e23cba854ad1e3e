"""Whether a query reads only the tables and columns that are listed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

from handrail.errors import ConfigError
from handrail.validators.code.sql import QueryCheck
from handrail.validators.code.sql_scopes import Block, NotUnderstood, Origin, Scopes
from handrail.validators.context import Context
from handrail.validators.findings import Finding


@dataclass(frozen=True)
class SqlTables(QueryCheck):
    """Whether a text is one query that reads only these tables, and of them only these columns, at every level.

    A name of a ``WITH`` is no table where it is seen. ``orders`` allows no ``other.orders``: list names as they are to
    be written. Where columns are listed, a column without its table must be in the lists of all tables that it may
    belong to, and ``*``, whole rows, ``NATURAL`` and other names for columns are refused.
    Findings: ``sql_tables.table``, ``sql_tables.column``, ``sql_tables.star``, ``sql_tables.function`` (in FROM, or one
    that does more than compute), ``sql_tables.unclear``, ``sql_tables.statement``, ``sql_tables.hidden``,
    ``sql_tables.syntax``, ``sql_tables.unknown``, ``sql_tables.statements``, ``sql_tables.depth``.
    """

    tables: tuple[str, ...] = ()
    """Tables that may be read, such as ``orders`` or ``public.orders``."""
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], hash=False)
    """Table -> the only columns of it that may be named; of a table that is not here, all."""
    allowed: Mapping[tuple[str, ...], frozenset[str] | None] = field(init=False, repr=False, compare=False)

    name: ClassVar[str] = "sql_tables"

    def __post_init__(self) -> None:
        """Raise ConfigError for what is no table's name, and for columns of a table that is not listed."""
        super().__post_init__()
        allowed: dict[tuple[str, ...], frozenset[str] | None] = {self._path(one): None for one in self.tables}
        for table, columns in self.columns.items():
            if self._path(table) not in allowed:
                hint = f"Add it to tables, which has {', '.join(self.tables) or 'none'}."
                raise ConfigError(
                    f"sql_tables(columns=...) names {table!r:.100}, which tables does not list.", hint=hint
                )
            allowed[self._path(table)] = frozenset(self._folded(one) for one in columns)
        object.__setattr__(self, "allowed", allowed)

    def _path(self, name: str) -> tuple[str, ...]:
        sqlglot = import_module("sqlglot")
        try:
            if not re.fullmatch(r"\S{1,200}", name):
                raise ValueError
            return self._parts(sqlglot.exp.to_table(name, dialect=self.dialect))
        except (sqlglot.errors.SqlglotError, ValueError, AttributeError, TypeError):
            raise ConfigError(f"sql_tables: {name!r:.100} is no table's name.") from None

    def _folded(self, name: str) -> str:
        identifier = import_module("sqlglot").exp.to_identifier(name)
        return str(self.known.normalize_identifier(identifier).name)

    def _parts(self, table: Any) -> tuple[str, ...]:
        parts = (table.args.get("catalog"), table.args.get("db"), table.this)
        return tuple(str(self.known.normalize_identifier(one.copy()).name) for one in parts if one)

    def query(self, text: str, tree: Any, context: Context) -> Iterator[Finding]:
        """What it reads besides."""
        try:
            scopes = Scopes(tree, self.known)
        except NotUnderstood as problem:
            yield Finding("sql_tables.unclear", f"It cannot be told what this reads: {problem}. Write it plainly.")
            return
        yield from self._tables(scopes)
        if self.columns:
            for block in scopes.blocks.values():
                yield from _Columns(self, scopes, block).findings()
            yield from self._ordering(scopes, tree)

    def _ordering(self, scopes: Scopes, tree: Any) -> Iterator[Finding]:
        """Columns that stand in no SELECT, as after a UNION: they must be results."""
        results = scopes.results(tree) or {}
        for node in tree.find_all(scopes.exp.Column):
            if scopes.block_of(node) is None and scopes.key(node.this) not in results:
                yield Finding("sql_tables.column", f"{node.name[:100]} is no result that can be ordered by.")

    def _tables(self, scopes: Scopes) -> Iterator[Finding]:
        for block in scopes.blocks.values():
            for origin in block.origins.values():
                if origin.kind == "table" and self._parts(origin.node) not in self.allowed:
                    shown = ".".join(self._parts(origin.node))[:100]
                    hint = f"Tables that may be read: {', '.join(self.tables)}."[:300]
                    yield Finding("sql_tables.table", f"The table {shown} may not be read.", hint=hint, excerpt=shown)
                elif origin.kind == "function" and not _harmless(scopes, origin.node):
                    yield Finding("sql_tables.function", "A function in FROM may read any table. Use listed tables.")

    def listed(self, origin: Origin) -> frozenset[str] | None:
        """Columns of a table that may be read; None for all."""
        return self.allowed.get(self._parts(origin.node)) if origin.kind == "table" else None


def _harmless(scopes: Scopes, node: Any) -> bool:
    exp = scopes.exp
    inner = node.this if isinstance(node, (exp.Table, exp.Lateral)) else node
    return isinstance(inner, (exp.Unnest, exp.Explode, exp.GenerateSeries, exp.ExplodingGenerateSeries))


@dataclass
class _Columns:
    """The columns that one block names."""

    check: SqlTables
    scopes: Scopes
    block: Block

    def findings(self) -> Iterator[Finding]:
        """What may not be named."""
        exp = self.scopes.exp
        for origin in self.block.origins.values():
            if self.check.listed(origin) is not None and origin.renamed:
                yield self._unclear(f"The columns of {origin.alias[:50]} are given other names.")
        for joined in self.block.joins:
            yield from self._join(joined)

        def inner(node: Any) -> bool:
            return isinstance(node, exp.Select) and node is not self.block.select

        for node in self.block.select.walk(prune=inner):
            if isinstance(node, exp.Column):
                yield from self._column(node)
            elif isinstance(node, exp.Star) and not isinstance(node.parent, (exp.Column, exp.Count)):
                yield from self._star(self.block.origins.values())
            elif isinstance(node, exp.Pseudocolumn) or (isinstance(node, exp.Parameter) and self._positional):
                yield self._refused(node.name)

    @property
    def _positional(self) -> bool:
        """Whether ``$1`` or ``#1`` is a column by its number rather than a parameter."""
        return self.check.dialect in ("snowflake", "duckdb")

    def _refused(self, name: str) -> Finding:
        return Finding("sql_tables.column", f"The column {name[:100]} may not be read.", excerpt=name[:200])

    def _unclear(self, what: str) -> Finding:
        return Finding("sql_tables.unclear", f"{what} Write each column plainly, with its table.")

    def _join(self, joined: Any) -> Iterator[Finding]:
        restricted = [one for one in self.block.origins.values() if self.check.listed(one) is not None]
        if joined.natural and restricted:
            yield self._unclear("A NATURAL join names no columns.")
        for identifier in joined.node.args.get("using") or ():
            name = self.scopes.key(identifier)
            if not all(name in (self.check.listed(one) or ()) for one in restricted):
                yield self._refused(name)

    def _column(self, node: Any) -> Iterator[Finding]:
        exp = self.scopes.exp
        alias, name = self.scopes.key(node.args.get("table")), self.scopes.key(node.this)
        if node.args.get("db"):
            yield self._unclear(f"{node.sql()[:50]} names a schema.")
        elif isinstance(node.this, exp.Star):
            origin = self.block.find(alias)
            yield from self._star([origin] if origin else [])
            if origin is None:
                yield self._unclear(f"{alias[:50]} is nothing that is read here.")
        elif alias:
            yield from self._qualified(alias, name)
        elif not self._is_output(node, name) and not self._possible(name):
            yield self._refused(name)

    def _qualified(self, alias: str, name: str) -> Iterator[Finding]:
        origin = self.block.find(alias)
        if origin is None:
            yield self._unclear(f"{alias[:50]} is nothing that is read here.")
        elif (listed := self.check.listed(origin)) is not None and name not in listed:
            yield self._refused(f"{alias}.{name}")

    def _star(self, origins: Any) -> Iterator[Finding]:
        if any(self.check.listed(one) is not None for one in origins):
            yield Finding("sql_tables.star", "`*` reads every column. Name the ones that are needed.")

    def _is_output(self, node: Any, name: str) -> bool:
        """Whether a column in ORDER BY, alone, is a name that the same SELECT gives to one of its results."""
        exp = self.scopes.exp
        if not isinstance(node.parent, exp.Ordered) or not isinstance(node.parent.parent, exp.Order):
            return False
        if node.parent.parent.parent is not self.block.select:
            return False
        results = self.block.select.expressions
        return any(isinstance(one, exp.Alias) and self.scopes.key(one.args.get("alias")) == name for one in results)

    def _possible(self, name: str) -> bool:
        """Whether a column without its table can only be one that may be read."""
        block: Block | None = self.block
        inside: Any = None
        while block is not None:
            if any(self._has(origin, name) for origin in _before(block, inside)):
                return True
            if any(origin.kind == "table" for origin in block.origins.values()):
                return not any(map(self._restricted, _around(block)))
            inside, block = block.select, block.outer
        return not any(map(self._restricted, _around(self.block)))

    def _has(self, origin: Origin, name: str) -> bool:
        """Whether it certainly has a column of this name, which may be read."""
        if origin.kind == "table":
            return name in (self.check.listed(origin) or ())
        return name in (self.scopes.outputs(origin) or ())

    def _restricted(self, origin: Origin) -> bool:
        return self.check.listed(origin) is not None


def _before(block: Block, inside: Any) -> Iterator[Origin]:
    """What ``inside``, a SELECT in the block, sees of it: in FROM, with LATERAL, only what stands before itself."""
    above: set[int] = set()
    while inside is not None and inside is not block.select:
        above.add(id(inside))
        inside = inside.parent
    for origin in block.origins.values():
        if id(origin.node) in above:
            return
        yield origin


def _around(block: Block | None) -> Iterator[Origin]:
    while block is not None:
        yield from block.origins.values()
        block = block.outer
