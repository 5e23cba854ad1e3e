"""What both pages use: the one source, the journal's problems, and links between the pages."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping
from pathlib import Path

import streamlit as st

from handrail.dashboard import plain
from handrail.dashboard.data import Row, Source
from handrail.dashboard.data import problems as problems_of
from handrail.errors import HandrailError


@st.cache_resource(show_spinner=False)
def source() -> Source:
    """The data folder that ``handrail dashboard`` names in ``HANDRAIL_DATA`` (and ``HANDRAIL_INDEX``)."""
    # a thread of Streamlit's that is inside DuckDB when the interpreter ends would abort the process
    atexit.register(os._exit, 0)
    index = os.environ.get("HANDRAIL_INDEX")
    return Source(Path(os.environ.get("HANDRAIL_DATA") or ".handrail"), index=Path(index) if index else None)


def fresh() -> Source:
    """The source after a look for new records. Shows the error and stops the page where that fails."""
    found = source()
    try:
        found.poll()
    except HandrailError as error:
        st.error("The journal cannot be read.", icon=":material/error:")
        st.code(plain.block(str(error)), language=None, wrap_lines=True)
        st.stop()
    return found


def show_problems(found: Source) -> None:
    """One line for each damaged or refused part of the journal, with file and offset."""
    rows = problems_of(found)
    if not rows:
        return
    st.warning("Parts of the journal are damaged or refused. All that is sound before them is shown.",
               icon=":material/warning:")  # fmt: skip
    st.code("\n".join(map(_problem, rows)), language=None, wrap_lines=True)


def _problem(row: Row) -> str:
    return f"{plain.name(row['file'], limit=120)} at byte {row['byte_offset']}: {plain.name(row['problem'], limit=300)}"


def set_query(values: Mapping[str, str | None]) -> None:
    """Put ``values`` into the URL; None and the empty text leave it."""
    for key, value in values.items():
        if value:
            st.query_params[key] = value
        else:
            st.query_params.pop(key, None)


def page_number(last: int) -> int:
    """The page in the URL, from 1 to ``last``; 1 where there is none or no number."""
    asked = st.query_params.get("page", "")
    return min(max(1, int(asked)), max(1, last)) if asked.isdecimal() and len(asked) < 9 else 1


def turn_page(*, last: int, total: int, size: int, what: str) -> None:
    """Buttons to page through ``total`` of ``what``; nothing where one page holds them all."""
    if last <= 1:
        return
    page = page_number(last)
    first_shown = (page - 1) * size + 1
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="right"):
        st.text(f"{what} {first_shown:,}–{min(total, page * size):,} of {total:,}")
        for label, target in (("First", 1), ("Previous", page - 1), ("Next", page + 1), ("Last", last)):
            there = 1 <= target <= last and target != page
            st.button(label, key=f"page-{what}-{label}", disabled=not there, on_click=set_query,
                      args=({"page": str(target) if target > 1 else None},))  # fmt: skip
