"""Frames for charts and tables, and the tables themselves. The one place that knows pandas, which Streamlit brings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd  # its stubs are a package of their own
import streamlit as st

ROW_PX = 32
"""Height of a table's rows, its header among them."""


def height_px(rows: int, *, most: int) -> int:
    """Height of a table that shows ``rows``, but never more than ``most`` pixels."""
    return min(most, ROW_PX * (max(1, rows) + 1) + 2)


def frame(columns: Mapping[str, Sequence[object]]) -> Any:
    """A frame of ``columns``, all of the same length."""
    return pd.DataFrame({name: list(values) for name, values in columns.items()})


def inked(table: Any, inks: Mapping[str, Callable[[object], str]]) -> Any:
    """``table`` with text colours: for each column of ``inks``, a function from cell to colour (hex)."""
    styled = table.style
    for column, ink in inks.items():
        styled = styled.map(_inker(ink), subset=[column])
    return styled


def _inker(ink: Callable[[object], str]) -> Callable[[object], str]:
    def style(cell: object) -> str:
        return f"color: {ink(cell)}; font-weight: 600"

    return style


def show(
    table: Any,
    *,
    key: str,
    name: str,
    picks: Sequence[str] = (),
    picked: Callable[[str], None] | None = None,
    columns: Mapping[str, Any] | None = None,
    most_px: int = 640,
) -> None:
    """Draw ``table``, named ``name`` for screen readers, at most ``most_px`` high.

    A click anywhere in row i, or on its box, calls ``picked`` with ``picks[i]``.
    """

    def selected() -> None:
        selection = st.session_state[key].selection
        rows: list[int] = [*selection.get("rows", ()), *(cell[0] for cell in selection.get("cells", ()))]
        if picked and rows and rows[0] < len(picks):
            picked(picks[rows[0]])

    st.dataframe(  # pyright: ignore[reportUnknownMemberType]
        table, key=key, hide_index=True, width="stretch", row_height=ROW_PX, column_config=columns, alt=name,
        height=height_px(len(getattr(table, "data", table)), most=most_px),
        on_select=selected if picked else "ignore", selection_mode=["single-row", "single-cell"],
    )  # type: ignore[call-overload,unused-ignore]  # fmt: skip
