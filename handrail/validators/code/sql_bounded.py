"""Whether a query multiplies no table by another without a bound."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from handrail.errors import ConfigError
from handrail.validators.code.sql import QueryCheck
from handrail.validators.code.sql_scopes import Block, Joined, NotUnderstood, Scopes
from handrail.validators.context import Context
from handrail.validators.findings import Finding

_DIGITS = 9


@dataclass(frozen=True)
class SqlBounded(QueryCheck):
    """Whether a text is one query in which whatever is joined is joined by a column, or bounded by a LIMIT.

    All that one SELECT reads from must hang together by equalities between columns of two of its tables, that must
    hold (in ON, USING or WHERE, joined by AND). Otherwise it is a cross join, and needs a LIMIT of at most
    ``max_limit`` on the same SELECT, which must not sort, group, count or drop doubles first: those read everything.
    Findings: ``sql_bounded.cross``, ``sql_bounded.limit``, ``sql_bounded.unclear``, ``sql_bounded.statement``,
    ``sql_bounded.function``, ``sql_bounded.hidden``, ``sql_bounded.syntax``, ``sql_bounded.unknown``,
    ``sql_bounded.statements``, ``sql_bounded.depth``.
    """

    max_limit: int = 1_000
    """Largest LIMIT that bounds anything, in rows."""
    always: bool = False
    """Whether the query as a whole must have such a LIMIT, with or without a cross join."""

    name: ClassVar[str] = "sql_bounded"

    def __post_init__(self) -> None:
        """Raise ConfigError for a bound that is none, an unknown dialect or a missing extra."""
        super().__post_init__()
        if not 0 < self.max_limit < 10**_DIGITS:
            raise ConfigError(f"sql_bounded(max_limit={self.max_limit}) is no number of rows.", hint="Write 1000.")

    def query(self, text: str, tree: Any, context: Context) -> Iterator[Finding]:
        """Where it multiplies."""
        try:
            scopes = Scopes(tree, self.known)
        except NotUnderstood as problem:
            yield Finding("sql_bounded.unclear", f"It cannot be told what this reads: {problem}. Write it plainly.")
            return
        for block in scopes.blocks.values():
            apart = _Links(scopes, block).apart()
            if apart and (not self._limited(scopes, block.select) or _reads_all(scopes, block.select)):
                said = f"{apart[:100]} is joined to the rest by no equal columns: every row meets every row."
                hint = "Join it with ON a.x = b.x, naming the tables of both columns, or add a LIMIT."
                yield Finding("sql_bounded.cross", said, hint=hint)
        if self.always and not self._limited(scopes, tree):
            said = f"The query has no LIMIT of at most {self.max_limit}."
            yield Finding("sql_bounded.limit", said, hint=f"Add LIMIT {self.max_limit}.")

    def _limited(self, scopes: Scopes, node: Any) -> bool:
        exp = scopes.exp
        limit = node.args.get("limit")
        if limit is None or (limit.args.get("limit_options") and limit.args["limit_options"].args.get("percent")):
            return False
        count = limit.args.get("count") if isinstance(limit, exp.Fetch) else limit.args.get("expression")
        if not isinstance(count, exp.Literal) or count.is_string or not count.this.isdecimal():
            return False
        return len(count.this) <= _DIGITS and int(count.this) <= self.max_limit


def _reads_all(scopes: Scopes, select: Any) -> bool:
    """Whether a SELECT must read all rows before it can stop at its LIMIT."""
    if any(select.args.get(part) for part in ("group", "having", "order", "distinct", "qualify", "windows", "offset")):
        return True
    exp = scopes.exp
    return any(one.find(exp.AggFunc, exp.Window, exp.Anonymous) for one in select.expressions)


@dataclass
class _Links:
    """Which of the things that a block reads from hang together."""

    scopes: Scopes
    block: Block

    def apart(self) -> str:
        """The alias of one that hangs together with no other; empty where all do."""
        origins = list(self.block.origins)
        if len(origins) < 2:
            return ""
        linked = {one: {one} for one in origins}
        for left, right in self._links():
            together = linked[left] | linked[right]
            for one in together:
                linked[one] = together
        first = linked[origins[0]]
        return next((one for one in origins if one not in first), "")

    def _links(self) -> Iterator[tuple[str, str]]:
        where = self.block.select.args.get("where")
        yield from self._equalities(where.this if where is not None else None)
        for joined in self.block.joins:
            yield from self._equalities(joined.node.args.get("on"))
            yield from self._using(joined)
        for alias, origin in self.block.origins.items():
            if origin.kind == "function":
                yield from self._spread(alias, origin.node)

    def _using(self, joined: Joined) -> Iterator[tuple[str, str]]:
        for identifier in joined.node.args.get("using") or ():
            name = self.scopes.key(identifier)
            here = [one for one in joined.aliases if self._varies(one, name)]
            there = [one for one in joined.before if self._varies(one, name)]
            if here and there:
                yield here[0], there[-1]

    def _spread(self, alias: str, node: Any) -> Iterator[tuple[str, str]]:
        """UNNEST of a column of another table gives rows for each of its own rows."""
        for column in node.find_all(self.scopes.exp.Column):
            found = self.scopes.column(column)
            if found and found[0] in self.block.origins and found[0] != alias:
                yield alias, found[0]

    def _equalities(self, condition: Any) -> Iterator[tuple[str, str]]:
        for part in self.scopes.conjuncts(condition):
            if isinstance(part, self.scopes.exp.EQ):
                left, right = self._source(part.this), self._source(part.expression)
                if left and right and left != right:
                    yield left, right

    def _source(self, node: Any) -> str:
        """The alias of a plain column of this block that is no constant; empty for anything else."""
        exp = self.scopes.exp
        while isinstance(node, (exp.Paren, exp.Cast, exp.Lower, exp.Upper)):
            node = node.this
        found = self.scopes.column(node)
        if found is None or found[0] not in self.block.origins:
            return ""
        return found[0] if self._varies(*found) else ""

    def _varies(self, alias: str, name: str) -> bool:
        """Whether a column may have more than one value: what is derived may give every row the same."""
        origin = self.block.origins[alias]
        made = self.scopes.outputs(origin) if origin.kind == "derived" else None
        result = made.get(name) if made is not None else None
        return result is None or result.find(self.scopes.exp.Column) is not None
