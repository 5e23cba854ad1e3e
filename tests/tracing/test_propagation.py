"""Where a call comes from, written and read: only what is well formed is believed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import handrail
from handrail.tracing import context
from handrail.tracing.propagation import MAX_TEXT, carried, origin
from tests.frameworks.langchain.kit import policy

GOOD = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_what_is_carried_is_read_back(tmp_path: Path) -> None:
    """Trace and step of a frame come out as they went in, also where no span exists for the step."""
    with handrail.run("clerk", config=policy(tmp_path)):
        frame = context.current()
        assert frame is not None
        found = origin(carried(frame))
    assert found is not None
    assert found[1:] == (frame.state.trace, frame.step)


@pytest.mark.parametrize(
    "said",
    [{}, {"traceparent": None}, {"traceparent": 7}, {"traceparent": ""}, {"traceparent": GOOD[:-3]},
     {"traceparent": GOOD.replace("b7ad6b7169203331", "0" * 16)}, {"traceparent": GOOD + "0" * MAX_TEXT},
     {"tracestate": "a=b"}],
)  # fmt: skip
def test_what_names_no_origin_is_none(said: dict[str, object]) -> None:
    """A missing, malformed, empty or endless parent is no origin."""
    assert origin(said) is None


@given(
    st.dictionaries(st.sampled_from(["traceparent", "tracestate", "baggage"]), st.text() | st.integers() | st.none())
)
def test_nothing_raises(said: dict[str, object]) -> None:
    """Whatever the other side sends, reading it never fails, and gives ids of the right length or nothing."""
    found = origin(said)
    assert found is None or (len(found[1]), len(found[2])) == (32, 16)
