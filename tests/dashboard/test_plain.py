"""Text of traces made safe: code spans, labels, blocks."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.dashboard import plain


@given(st.text())
def test_a_chip_is_one_code_span_whatever_the_text_holds(text: str) -> None:
    """CommonMark closes a code span at the first run of backticks as long as its fence: only our own is."""
    shown = plain.chip(text)
    if shown == "–":
        return
    fence = re.match(r"`+", shown)
    assert fence and shown.endswith(fence[0])
    inner = shown[len(fence[0]) : -len(fence[0])]
    assert all(len(run) < len(fence[0]) for run in re.findall(r"`+", inner))
    assert "\n" not in shown and "\r" not in shown


@given(st.text())
def test_a_name_is_one_short_line_that_can_be_sent(text: str) -> None:
    """A name has no line break, direction mark or surrogate, and never more than 80 characters."""
    shown = plain.name(text)
    assert len(shown) <= 80
    assert not re.search(r"[\x00-\x1f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)
    shown.encode()


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_a_block_can_be_sent_and_keeps_its_lines(text: str) -> None:
    """A block of content has as many lines as before and encodes as UTF-8, lone surrogates included."""
    shown = plain.block(text)
    shown.encode()
    assert shown.count("\n") == text.count("\n")


def test_a_huge_block_is_cut_and_says_so() -> None:
    """A payload of megabytes does not reach the browser whole, and the page tells how much is left."""
    shown = plain.block("a" * (plain.MAX_BLOCK + 5))
    assert len(shown) < plain.MAX_BLOCK + 100
    assert shown.endswith("… 5 more characters are in the journal.")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, "–"),
        (0.34, "340 µs"),
        (12.3, "12 ms"),
        (999.6, "1.0 s"),
        (3_400, "3.4 s"),
        (59_960, "1 min 00 s"),
        (125_000, "2 min 05 s"),
        (3_720_000, "1 h 02 min"),
    ],
)
def test_durations_are_written_for_people(milliseconds: float | None, text: str) -> None:
    """Each size of duration has its unit, also where rounding carries over."""
    assert plain.duration(milliseconds) == text
