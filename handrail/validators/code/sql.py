"""Whether a text is one SQL statement of a dialect, and whether it only reads. Parsed by sqlglot; nothing is run."""

from __future__ import annotations

import logging
import re
import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, ClassVar, cast

from handrail.config.regex import Regex, compiled
from handrail.errors import ConfigError
from handrail.validators.code.source_text import DEEP, CodeCheck, needed
from handrail.validators.code.sql_parts import (
    BATCHES,
    STATEMENTS,
    effects,
    exp,
    function_name,
    is_called,
    qualified_name,
    reads,
    star,
)
from handrail.validators.context import Context
from handrail.validators.findings import Finding

MAX_TOKENS = 600
"""Words and signs of the longest statement that is read."""
MAX_NESTING = 16
"""Brackets inside each other, and CASEs."""
MAX_SUBSCRIPTS = 12
"""Square brackets and braces: sqlglot takes time in the square of those in a row."""
MAX_STEPS = 1_400
"""Times that the parser may go forward or back by a token."""
_QUOTED = re.compile(r"""\\['"`]|\b[uU]&['"]""")
_quiet = threading.local()


class _TooMuch(BaseException):
    """The parser has made all the steps that it may. No Exception, because sqlglot catches some of these."""


@dataclass(frozen=True)
class SqlCheck(CodeCheck):
    """A check of one SQL statement. Findings: ``NAME.syntax``, ``.unknown``, ``.statements``, ``.depth``."""

    dialect: str = "postgres"
    """Dialect as sqlglot names it: ``postgres``, ``mysql``, ``sqlite``, ``tsql``, ``bigquery``, ``snowflake``..."""
    known: Any = field(init=False, repr=False, compare=False)
    """sqlglot's dialect."""

    source: ClassVar[str] = "the dialect's grammar as sqlglot knows it"
    extra: ClassVar[str] = "sql"
    language: ClassVar[str] = "SQL"
    max_chars: ClassVar[int] = 4_000

    def __post_init__(self) -> None:
        """Raise ConfigError for an unknown dialect, or where the extra is missing."""
        needed("sqlglot", f"{self.name}()", "sql")
        _silence()
        try:
            known = import_module("sqlglot").Dialect.get_or_raise(self.dialect)
        except ValueError as error:
            raise ConfigError(f"{self.name}(dialect={self.dialect!r:.50}): {str(error)[:200]}") from None
        object.__setattr__(self, "known", known)

    @abstractmethod
    def rules(self, text: str, tree: Any, context: Context) -> Iterator[Finding]:
        """What is wrong with one parsed statement."""

    def read(self, text: str) -> list[Any] | Finding:
        """The statements of ``text``, or what keeps it from being read."""
        errors = import_module("sqlglot.errors")
        _quiet.now = True
        try:
            tokens = self.known.tokenize(text)
            if finding := self._oversized(tokens):
                return finding
            return [one for one in self._parser().parse(tokens, text) if one is not None]
        except _TooMuch:
            return Finding("unchecked.size", "The statement takes too much work to read. Write it plainly.")
        except errors.ParseError as error:
            return self._broken(text, error)
        except errors.SqlglotError as error:
            return Finding(f"{self.name}.syntax", f"This is not well-formed SQL of {self.dialect}: {str(error)[:100]}")
        except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:  # sqlglot's own slips
            return Finding(
                f"{self.name}.unknown", f"This SQL cannot be read ({type(error).__name__}). Write it plainly."
            )
        finally:
            _quiet.now = False

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with it."""
        trees = self.read(text)
        if isinstance(trees, Finding):
            yield trees
            return
        if unknown := next((one for tree in trees for one in tree.find_all(exp().Command)), None):
            said = f"The statement {str(unknown.this)[:50]} is not understood, and so cannot be checked."
            yield Finding(f"{self.name}.unknown", said)
        elif len(trees) != 1 and not getattr(self, "many", False):
            said = f"It has {len(trees)} statements, and should have one."
            yield Finding(f"{self.name}.statements", said, hint="Give one statement, without another after a `;`.")
        else:
            for tree in trees:
                yield from self.rules(text, tree, context)

    def _parser(self) -> Any:
        """sqlglot's parser, which tries one reading after another, with a bound on its steps."""
        parser = self.known.parser()
        forward, left = parser._advance, MAX_STEPS

        def counted(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise _TooMuch
            return forward(*args, **kwargs)

        with suppress(AttributeError, TypeError):  # a compiled parser cannot be counted
            parser._advance = counted
        return parser

    def _broken(self, text: str, error: Any) -> Finding:
        first: dict[str, Any] = error.errors[0] if error.errors else {}
        return self.broken(
            text, str(first.get("description") or error)[:150], first.get("line") or 1, first.get("col") or 1
        )

    def _oversized(self, tokens: list[Any]) -> Finding | None:
        if len(tokens) > MAX_TOKENS:
            said = f"The statement has more than {MAX_TOKENS} words and signs, which is too much to check."
            return Finding("unchecked.size", said, hint="Make it shorter.")
        depth = subscripts = prefixes = 0
        for token in tokens:
            kind = token.token_type.name
            depth += _OPENS.get(kind, 0)
            subscripts += kind in ("L_BRACKET", "L_BRACE")
            prefixes += kind in _PREFIXES
            if depth > MAX_NESTING or subscripts > MAX_SUBSCRIPTS or prefixes > MAX_PREFIXES:
                return Finding(f"{self.name}.depth", DEEP)
        return None


_OPENS = {"L_PAREN": 1, "R_PAREN": -1, "CASE": 1, "END": -1}
_PREFIXES = frozenset({"NOT", "DASH", "PLUS", "TILDE", "INTERVAL", "ARROW", "UNION", "EXCEPT", "INTERSECT"})
MAX_PREFIXES = 40
"""``NOT``, signs, ``UNION`` and others after which the parser goes one level down."""


@dataclass(frozen=True)
class Sql(SqlCheck):
    """Whether a text is one statement of the dialect, of any kind.

    Findings: ``sql.syntax``, ``sql.unknown`` (sqlglot has no grammar for it), ``sql.statements`` (not exactly one),
    ``sql.depth``.
    """

    many: bool = False
    """Whether several statements, or none, may stand in it."""

    name: ClassVar[str] = "sql"

    def rules(self, text: str, tree: Any, context: Context) -> Iterator[Finding]:
        """Nothing more."""
        yield from ()


@dataclass(frozen=True)
class QueryCheck(SqlCheck):
    """A check of one query whose every part is understood. Findings besides: ``NAME.statement``, ``NAME.hidden``."""

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with it; what readers of SQL understand differently is refused."""
        if hidden := _QUOTED.search(text):
            said = "A backslash before a quote, and U& strings, are read differently by different databases. Use none."
            yield self.found("hidden", said, text, hidden.span())
            return
        yield from super().look(text, context)

    def rules(self, text: str, tree: Any, context: Context) -> Iterator[Finding]:
        """What is wrong with the query: first whether it is one, and all of it is understood."""
        refused = list(self._refused(tree))
        yield from refused
        if not refused:
            yield from self.query(text, tree, context)

    @abstractmethod
    def query(self, text: str, tree: Any, context: Context) -> Iterator[Finding]:
        """What is wrong with a query of which every part is known to only read."""

    def _refused(self, tree: Any) -> Iterator[Finding]:
        if not isinstance(tree, (exp().Select, exp().SetOperation, exp().Subquery, exp().Values)):
            said = f"{tree.key.upper()[:50]} is no query. Only SELECT may be used."
            yield Finding(f"{self.name}.statement", said)
            return
        for node in tree.walk():
            if node.comments:
                said = "It has a comment, and what is a comment to one database is code to another. Leave it out."
                yield Finding(f"{self.name}.hidden", said, excerpt=node.comments[0][:200])
            if isinstance(node, exp().Identifier):
                yield from self._word(node)
            elif not reads(cast("Any", type(node))):
                yield self._part(node)
            elif isinstance(node, exp().Func) and (name := self.refused_function(node)):
                said = f"The function {name[:100]} may not be used: it does more than compute a value."
                yield Finding(f"{self.name}.function", said)

    def _word(self, node: Any) -> Iterator[Finding]:
        word = "" if node.args.get("quoted") else node.name.lower()
        if word in STATEMENTS or (word in BATCHES and self.dialect in ("tsql", "fabric")):
            said = f"{word.upper()} stands for a name here, and may begin another statement. Use another name."
            yield Finding(f"{self.name}.hidden", said, excerpt=node.name)
        elif word in ("nextval", "currval") and isinstance(node.parent, exp().Column):
            yield Finding(f"{self.name}.function", "Sequences may not be used.", excerpt=node.name)

    def _part(self, node: Any) -> Finding:
        kind = str(node.key)
        written = _WRITTEN.get(kind, kind.upper())
        said = f"{written[:50]} may not be used: only plain queries that read are allowed."
        return Finding(f"{self.name}.statement", said)

    def refused_function(self, node: Any) -> str:
        """The name of a function that does more than compute, or the empty text."""
        names = {function_name(node), qualified_name(node)}
        return next((one for one in sorted(names) if effects().fullmatch(one.encode(errors="replace"))), "")


_WRITTEN = {"lock": "FOR UPDATE", "into": "INTO", "propertyeq": ":=", "hint": "A hint", "withtablehint": "A hint"}


@dataclass(frozen=True)
class SqlReadOnly(QueryCheck):
    """Whether a text is one query that only reads, at every level of it.

    Refused are all other statements, also inside of a query (``WITH d AS (DELETE ...)``), ``INTO``, ``FOR UPDATE``,
    hints, comments, assignments to variables, and functions that sleep, write, lock, read files or run SQL. A function
    of the database's users may do the same: ``functions`` closes the list.
    Findings: ``sql_read_only.statement``, ``sql_read_only.function``, ``sql_read_only.hidden``,
    ``sql_read_only.syntax``, ``sql_read_only.unknown``, ``sql_read_only.statements``, ``sql_read_only.depth``.
    """

    functions: tuple[str, ...] | None = None
    """The only functions that may be called, such as ``count``; none given allows all but those that do more."""
    deny: tuple[str, ...] = ()
    """Further functions that may not be called; ``*`` stands for any characters."""
    denied: Regex = field(init=False, repr=False, compare=False)

    name: ClassVar[str] = "sql_read_only"

    def __post_init__(self) -> None:
        """Raise ConfigError for an unknown dialect, what is no name, or where the extra is missing."""
        super().__post_init__()
        object.__setattr__(self, "denied", compiled("|".join(map(star, self.deny)) or "-"))

    def query(self, text: str, tree: Any, context: Context) -> Iterator[Finding]:
        """Nothing more."""
        yield from ()

    def refused_function(self, node: Any) -> str:
        """The name of a function that is denied or not listed, or the empty text."""
        name = function_name(node)
        listed = self.functions is None or not is_called(node) or name in {one.lower() for one in self.functions}
        if not listed or self.denied.fullmatch(name.encode(errors="replace")):
            return name
        return super().refused_function(node)


@cache
def _silence() -> None:
    """Keep sqlglot from quoting the statement in the log while a check reads it: it is content."""
    logging.getLogger("sqlglot").addFilter(lambda record: not getattr(_quiet, "now", False))
