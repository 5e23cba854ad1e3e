"""What the names in a query stand for: the tables that it reads, by block, and the joins between them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal


class NotUnderstood(Exception):
    """A part of the query whose meaning is not known for certain; the text says which."""


@dataclass
class Origin:
    """One thing that a block reads from, under one alias."""

    alias: str
    kind: Literal["table", "derived", "function"]
    node: Any
    """Its node: a Table, a Subquery, a function..."""
    query: Any = None
    """Of a derived one, the query that it stands for: a CTE with its name, a query, or VALUES."""

    @property
    def renamed(self) -> bool:
        """Whether its columns are given other names."""
        alias = self.node.args.get("alias")
        return bool(alias and alias.args.get("columns"))


@dataclass
class Joined:
    """One join of a block."""

    node: Any
    aliases: tuple[str, ...]
    """What it adds to the block."""
    before: tuple[str, ...]
    """What stands to the left of it, in the same brackets."""
    nested: bool = False
    """Whether it stands in brackets of its own, so that it filters nothing outside of them."""

    @property
    def side(self) -> str:
        """``""``, ``LEFT``, ``RIGHT``, ``FULL``."""
        return str(self.node.args.get("side") or "").upper()

    @property
    def plain(self) -> bool:
        """Whether it is an inner or cross join as everybody knows it."""
        kind = str(self.node.args.get("kind") or "").upper()
        return kind in ("", "INNER", "CROSS", "OUTER") and not self.natural

    @property
    def natural(self) -> bool:
        """Whether it has a method such as NATURAL, ASOF or POSITIONAL."""
        return bool(self.node.args.get("method"))


@dataclass
class Block:
    """One SELECT with what it reads from."""

    select: Any
    outer: Block | None
    origins: dict[str, Origin] = field(default_factory=dict[str, Origin])
    joins: list[Joined] = field(default_factory=list[Joined])

    def find(self, alias: str) -> Origin | None:
        """What ``alias`` stands for here, or in a block around."""
        block: Block | None = self
        while block is not None:
            if alias in block.origins:
                return block.origins[alias]
            block = block.outer
        return None


class Scopes:
    """All blocks of a query."""

    def __init__(self, tree: Any, dialect: Any) -> None:
        """Find them. Raises NotUnderstood."""
        self.exp, self.dialect = import_module("sqlglot").exp, dialect
        self.blocks: dict[int, Block] = {}
        self._seen: set[int] = set()
        for select in tree.find_all(self.exp.Select):
            self._block(select)
        for table in tree.find_all(self.exp.Table):
            if id(table) not in self._seen:
                raise NotUnderstood("a table stands where it is not known what is read of it")

    def key(self, identifier: Any) -> str:
        """A name as the dialect compares it."""
        if isinstance(identifier, self.exp.Identifier):
            return str(self.dialect.normalize_identifier(identifier.copy()).name)
        return str(identifier or "")

    def block_of(self, node: Any) -> Block | None:
        """The innermost block that ``node`` stands in."""
        while node is not None:
            if id(node) in self.blocks:
                return self.blocks[id(node)]
            node = node.parent
        return None

    def _block(self, select: Any) -> None:
        block = Block(select, self.block_of(select.parent))
        self.blocks[id(select)] = block
        first = select.args.get("from_")
        if first is not None:
            self._add(block, first.this)
        for lateral in select.args.get("laterals") or ():
            raise NotUnderstood(f"{lateral.key.upper()} may read anything")
        self._joins(block, select, 0)

    def _joins(self, block: Block, holder: Any, begin: int) -> None:
        nested = not isinstance(holder, self.exp.Select)
        for join in holder.args.get("joins") or ():
            before = tuple(block.origins)
            self._add(block, join.this)
            block.joins.append(Joined(join, tuple(block.origins)[len(before) :], before[begin:], nested))

    def _add(self, block: Block, node: Any) -> None:
        exp = self.exp
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Table):
            if node.args.get("alias"):
                raise NotUnderstood("an alias of a join in brackets hides what is joined")
            begin = len(block.origins)
            self._add(block, node.this)
            self._joins(block, node, begin)
            return
        origin = self._origin(node)
        if origin.alias in block.origins:
            raise NotUnderstood(f"{origin.alias[:50] or 'what has no alias'} stands for two things")
        block.origins[origin.alias] = origin
        if isinstance(node, exp.Table):
            self._seen.add(id(node))
            self._joins(block, node, len(block.origins) - 1)

    def _origin(self, node: Any) -> Origin:
        exp = self.exp
        alias = self._alias(node)
        if isinstance(node, exp.Table):
            if not isinstance(node.this, exp.Identifier):
                return Origin(alias or f"?{id(node)}", "function", node)
            cte = self.cte(node)
            name = alias or self.key(node.this)
            return Origin(name, "derived", node, cte) if cte is not None else Origin(name, "table", node)
        if isinstance(node, exp.Subquery):
            return Origin(alias or f"?{id(node)}", "derived", node, node.this)
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            return Origin(alias or f"?{id(node)}", "derived", node, node.this.this)
        if isinstance(node, exp.Values):
            return Origin(alias or f"?{id(node)}", "derived", node, node)
        if isinstance(node, (exp.Unnest, exp.Lateral)):
            return Origin(alias or f"?{id(node)}", "function", node)
        raise NotUnderstood(f"{node.key.upper()} may read anything")

    def _alias(self, node: Any) -> str:
        alias = node.args.get("alias")
        return self.key(alias.this) if alias is not None and alias.this is not None else ""

    def cte(self, table: Any) -> Any:
        """The common table expression that the name of a table stands for, or None for a table of the database."""
        if table.args.get("db") or table.args.get("catalog"):
            return None
        name, node = self.key(table.this), table
        inside: Any = None
        while node.parent is not None:
            if isinstance(node, self.exp.CTE):
                inside = node
            node = node.parent
            with_ = node.args.get("with_")
            if with_ is not None and (found := self._visible(with_, name, inside)) is not None:
                return found
        return None

    def _visible(self, with_: Any, name: str, inside: Any) -> Any:
        """The expression of a WITH that has ``name``; from inside of one of them, only those before it are seen."""
        for one in with_.expressions:
            if one is inside and not with_.args.get("recursive"):
                return None
            if self._alias(one) == name:
                return one
            if one is inside:
                return None
        return None

    def outputs(self, origin: Origin) -> dict[str, Any] | None:
        """Column -> expression of what is derived, as far as that is certain; None where it may have any column."""
        exp = self.exp
        query = origin.query.this if isinstance(origin.query, exp.CTE) else origin.query
        for named in (origin.node, origin.query):
            alias = named.args.get("alias") if named is not None else None
            if alias is not None and alias.args.get("columns"):
                made = list((self.results(query) or {}).values())
                names = [self.key(one) for one in alias.args["columns"]]
                return {name: made[at] if at < len(made) else None for at, name in enumerate(names)}
        return {origin.alias: None} if origin.kind == "function" else self.results(query)

    def results(self, query: Any) -> dict[str, Any] | None:
        """Column -> expression of a query; None where it may have any column."""
        exp = self.exp
        while isinstance(query, (exp.SetOperation, exp.Subquery)):
            query = query.this
        if not isinstance(query, exp.Select) or any(one.is_star for one in query.expressions):
            return None
        return {self.name(one) or f"?{at}": one for at, one in enumerate(query.expressions)}

    def name(self, result: Any) -> str:
        """The name of one result of a SELECT; empty where it has none of its own."""
        given = result.args.get("alias") if isinstance(result, self.exp.Alias) else getattr(result, "this", None)
        return self.key(given) if isinstance(given, self.exp.Identifier) else ""

    def tables(self) -> Iterator[tuple[Block, Origin]]:
        """Every reading of a table of the database."""
        for block in self.blocks.values():
            for origin in block.origins.values():
                if origin.kind == "table":
                    yield block, origin

    def conjuncts(self, condition: Any) -> Iterator[Any]:
        """The parts of a condition all of which must hold."""
        todo = [condition]
        while todo:
            node = todo.pop()
            if isinstance(node, self.exp.And):
                todo += (node.this, node.expression)
            elif isinstance(node, self.exp.Paren):
                todo.append(node.this)
            elif node is not None:
                yield node

    def column(self, node: Any) -> tuple[str, str] | None:
        """(alias or "", name) of a plain column; None for anything else, and where a schema is named as well."""
        if isinstance(node, self.exp.Paren):
            return self.column(node.this)
        if not isinstance(node, self.exp.Column) or node.args.get("db") or isinstance(node.this, self.exp.Star):
            return None
        return self.key(node.args.get("table")), self.key(node.this)
