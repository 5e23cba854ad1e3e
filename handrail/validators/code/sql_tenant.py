"""Whether a query reads every table for one tenant only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Literal

from handrail.errors import ConfigError
from handrail.validators.code.sql import QueryCheck
from handrail.validators.code.sql_scopes import Block, Joined, NotUnderstood, Origin, Scopes
from handrail.validators.context import Context
from handrail.validators.findings import Finding

_SAFE_CASTS = frozenset({"UUID", "TEXT", "VARCHAR", "CHAR", "INT", "BIGINT"})


@dataclass(frozen=True)
class SqlTenant(QueryCheck):
    """Whether a text is one query in which every table that is read, at every level, is read for one tenant only.

    For each there must be a condition such as ``orders.tenant_id = 'acme'`` that no row escapes: joined to others by
    AND, in the WHERE of the same SELECT, or in the ON of a join where it filters that table. It may also be equal to
    the same column of another table that is held to the tenant. Conditions around a subquery hold not for its inside.
    Findings: ``sql_tenant.missing``, ``sql_tenant.context`` (the tenant is not known), ``sql_tenant.function`` (in
    FROM, or one that does more than compute), ``sql_tenant.unclear``, ``sql_tenant.statement``, ``sql_tenant.hidden``,
    ``sql_tenant.syntax``, ``sql_tenant.unknown``, ``sql_tenant.statements``, ``sql_tenant.depth``.
    """

    column: str = "tenant_id"
    """Column that says whose a row is."""
    value_from: Literal["context", "value", "parameter"] = "context"
    """Where the tenant is: in the context of the run, in ``value``, or in the parameter called ``value``."""
    value: str = ""
    """The tenant, or the name of the parameter (``tenant`` for ``:tenant``), whose value the program gives."""
    shared: tuple[str, ...] = ()
    """Tables that belong to all tenants, such as ``countries``, as they are written."""
    folded: str = field(init=False, repr=False, compare=False)
    exempt: frozenset[str] = field(init=False, repr=False, compare=False)

    name: ClassVar[str] = "sql_tenant"

    def __post_init__(self) -> None:
        """Raise ConfigError for options that do not fit together, an unknown dialect or a missing extra."""
        super().__post_init__()
        if self.value_from not in ("context", "value", "parameter"):
            raise ConfigError(f"sql_tenant(value_from={self.value_from!r:.50}) is unknown.", hint='Write "context".')
        if (self.value_from == "context") == bool(self.value) or not self.column:
            hint = 'Give value with value_from="value" or "parameter", and none with "context".'
            raise ConfigError("sql_tenant(value=...) does not fit value_from.", hint=hint)
        exp = import_module("sqlglot").exp
        object.__setattr__(self, "folded", self._name(exp.to_identifier(self.column)))
        object.__setattr__(self, "exempt", frozenset(self._path(exp.to_table(one)) for one in self.shared))

    def _name(self, identifier: Any) -> str:
        return str(self.known.normalize_identifier(identifier.copy()).name)

    def _path(self, table: Any) -> str:
        parts = (table.args.get("catalog"), table.args.get("db"), table.this)
        return ".".join(self._name(one) for one in parts if one)

    def is_shared(self, origin: Origin) -> bool:
        """Whether a table belongs to all tenants."""
        return self._path(origin.node) in self.exempt

    def query(self, text: str, tree: Any, context: Context) -> Iterator[Finding]:
        """Which tables it reads for others too."""
        wanted = context.tenant if self.value_from == "context" else self.value
        if not wanted:
            yield Finding("sql_tenant.context", "The tenant of this run is not known, so the query cannot be checked.")
            return
        try:
            scopes = Scopes(tree, self.known)
        except NotUnderstood as problem:
            yield Finding("sql_tenant.unclear", f"It cannot be told what this reads: {problem}. Write it plainly.")
            return
        for block in scopes.blocks.values():
            yield from self._block(_Facts(self, scopes, block, wanted))

    def _block(self, facts: _Facts) -> Iterator[Finding]:
        held = facts.held()
        for origin in facts.block.origins.values():
            if origin.kind == "function" and not facts.unnests(origin.node):
                yield Finding("sql_tenant.function", "A function in FROM may read any table. Use tables.")
            elif origin.kind == "table" and not self.is_shared(origin) and (origin.renamed or origin.alias not in held):
                said = f"The table {self._path(origin.node)[:100]} is read for all tenants."
                hint = f"Add {origin.alias[:50]}.{self.column} = ... for the tenant, with AND, in the same SELECT."
                yield Finding("sql_tenant.missing", said, hint=hint, excerpt=self._path(origin.node)[:200])


@dataclass
class _Facts:
    """What the conditions of one block say of its tables."""

    check: SqlTenant
    scopes: Scopes
    block: Block
    wanted: str

    def unnests(self, node: Any) -> bool:
        """Whether a function in FROM only spreads out a value."""
        exp = self.scopes.exp
        inner = node.this if isinstance(node, (exp.Table, exp.Lateral)) else node
        return isinstance(inner, (exp.Unnest, exp.Explode, exp.GenerateSeries, exp.ExplodingGenerateSeries))

    def held(self) -> set[str]:
        """Aliases of the block that are held to the tenant."""
        found: set[str] = set()
        equal: list[tuple[str, str]] = []
        for condition, filtered in self._conditions():
            for alias, other in self._says(condition):
                if alias in filtered:
                    if other is None:
                        found.add(alias)
                    else:
                        equal.append((alias, other))
        for _ in self.block.origins:
            found.update(alias for alias, other in equal if other in found or self._outside(other))
        return found

    def _outside(self, alias: str) -> bool:
        """Whether ``alias`` is a table of a block around, which is held to the tenant there or found there."""
        if alias in self.block.origins or self.block.outer is None:
            return False
        origin = self.block.outer.find(alias)
        return origin is not None and origin.kind == "table" and not self.check.is_shared(origin)

    def _conditions(self) -> Iterator[tuple[Any, set[str]]]:
        """(condition, the aliases whose rows it filters) for WHERE, and the ON of every join."""
        everything = set(self.block.origins)
        where = self.block.select.args.get("where")
        yield (where.this if where is not None else None), everything
        for joined in self.block.joins:
            inside = {*joined.before, *joined.aliases} if joined.nested else everything
            yield joined.node.args.get("on"), self._filtered(joined, inside)

    def _filtered(self, joined: Joined, everything: set[str]) -> set[str]:
        if joined.natural or not joined.plain:
            return set()
        if joined.side == "LEFT":
            return set(joined.aliases)
        if joined.side == "RIGHT":
            return set(joined.before)
        return everything if joined.side == "" else set()

    def _says(self, condition: Any) -> Iterator[tuple[str, str | None]]:
        """(alias, None) for "alias is the tenant's", (alias, other) for "alias has the same tenant as other"."""
        exp = self.scopes.exp
        for part in self.scopes.conjuncts(condition):
            if isinstance(part, exp.In) and len(part.expressions) == 1 and not part.args.get("query"):
                left, right = part.this, part.expressions[0]
            elif isinstance(part, exp.EQ):
                left, right = part.this, part.expression
            else:
                continue
            for one, other in ((left, right), (right, left)):
                alias = self._tenant_column(one)
                if alias is not None and self._is_tenant(other):
                    yield alias, None
                elif alias is not None and (second := self._tenant_column(other)) is not None:
                    yield alias, second

    def _tenant_column(self, node: Any) -> str | None:
        found = self.scopes.column(node)
        if found is None or found[1] != self.check.folded:
            return None
        if found[0]:
            return found[0]
        return next(iter(self.block.origins)) if len(self.block.origins) == 1 else None

    def _is_tenant(self, node: Any) -> bool:
        exp = self.scopes.exp
        if isinstance(node, exp.Paren):
            return self._is_tenant(node.this)
        if isinstance(node, exp.Cast) and node.to.this.name in _SAFE_CASTS and not node.to.expressions:
            return isinstance(node.this, exp.Literal) and self._is_tenant(node.this)
        if self.check.value_from == "parameter":
            return isinstance(node, (exp.Placeholder, exp.Parameter)) and node.name == self.wanted
        return isinstance(node, exp.Literal) and node.this == self.wanted
