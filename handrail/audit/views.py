"""The documented views of the index: what each is about, its columns, their types and meaning.

Names and types come from the database itself, meanings from ``views.toml`` beside this module.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from handrail.audit.schema import make


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a view."""

    name: str
    type: str
    """As DuckDB names it."""
    meaning: str


@dataclass(frozen=True, slots=True)
class View:
    """One view that queries may read."""

    name: str
    about: str
    columns: tuple[Column, ...]


@cache
def _told() -> Mapping[str, Any]:
    return tomllib.loads(files("handrail.audit").joinpath("views.toml").read_text("utf-8"))


def names() -> frozenset[str]:
    """Names of the documented views."""
    return frozenset(_told()["views"])


def documented() -> tuple[View, ...]:
    """The documented views, in the order of the documentation."""
    import duckdb

    con = duckdb.connect(":memory:")
    try:
        make(con)
        return tuple(View(name, told["about"], _columns(con, name)) for name, told in _told()["views"].items())
    finally:
        con.close()


def _columns(con: Any, view: str) -> tuple[Column, ...]:
    rows = con.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = $1 ORDER BY column_index", [view]
    ).fetchall()
    return tuple(Column(name, kind, meaning(view, name)) for name, kind in rows)


def meaning(view: str, column: str) -> str:
    """What a column of a view means; empty where nothing is written about it."""
    told = _told()
    own = told["views"][view]
    like = told["views"].get(own.get("like", ""), {})
    for words in (own.get("columns", {}), like.get("columns", {}), told["common"]):
        if column in words:
            return str(words[column])
    return ""


def unused() -> list[str]:
    """Meanings of columns that no view has, as ``view.column``."""
    have = {view.name: {column.name for column in view.columns} for view in documented()}
    own = [(view, column) for view, told in _told()["views"].items() for column in told.get("columns", {})]
    stale = [f"{view}.{column}" for view, column in own if column not in have[view]]
    return stale + [
        f"common.{column}" for column in _told()["common"] if not any(column in has for has in have.values())
    ]
