"""The shape of the index: base tables, views, and the version by which an outdated file is known."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FORMAT = "6"
"""Changes whenever tables.sql, views.sql or the meaning of a column does: an index of another one is made again."""


class OtherFormat(Exception):
    """An index was made by another release; never seen outside this package, since the index is made again."""


@cache
def statements(name: str) -> str:
    """The text of ``name``.sql beside this module."""
    return files("handrail.audit").joinpath(f"{name}.sql").read_text(encoding="utf-8")


@cache
def statement(file: str, name: str) -> str:
    """The statement under the line ``-- name: NAME`` of ``file``.sql."""
    _, *named = re.split(r"^-- name: (\w+)\n", statements(file), flags=re.MULTILINE)
    return dict(zip(named[::2], named[1::2], strict=True))[name].strip()


def make(con: DuckDBPyConnection) -> None:
    """Fill an empty database with tables and views."""
    con.execute("BEGIN")
    con.execute(statements("tables"))
    con.execute(statements("views"))
    con.execute("INSERT INTO meta VALUES ($1)", [FORMAT])
    con.execute("COMMIT")


def require_format(con: DuckDBPyConnection) -> None:
    """Raise OtherFormat unless the database has exactly this release's tables."""
    import duckdb

    try:
        found = con.execute("SELECT format FROM meta").fetchall()
    except duckdb.ProgrammingError as error:
        raise OtherFormat("no format is noted in it") from error
    if found != [(FORMAT,)]:
        raise OtherFormat(f"its format is {found[0][0] if found else 'not noted'}, this release's is {FORMAT}")
