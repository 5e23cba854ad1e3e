"""Any span that OTLP can say, for hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from handrail.tracing.otlp.limits import MAX_TIME_NS
from handrail.tracing.otlp.span import KINDS, STATUSES, OtlpSpan, SpanEvent, SpanLink

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plain = st.one_of(
    st.none(), texts, st.booleans(), st.integers(-1 << 63, (1 << 63) - 1), st.floats(), st.binary(max_size=6)
)
values = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
"""Whatever an attribute can be."""
attributes = st.dictionaries(texts | st.sampled_from(["$bytes", "$map"]), values, max_size=4)
counts = st.integers(0, (1 << 32) - 1)
times = st.integers(1, MAX_TIME_NS)


def ids(size: int) -> st.SearchStrategy[str]:
    """Ids of ``size`` bytes as hex digits, never zero."""
    return st.integers(1, (1 << size * 8) - 1).map(lambda bits: f"{bits:0{size * 2}x}")


events = st.builds(SpanEvent, texts, st.integers(0, MAX_TIME_NS), attributes, counts)
links = st.builds(SpanLink, ids(16), ids(8), attributes, texts, counts, counts)


_rest: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    dict.fromkeys(("scope", "scope_version", "scope_schema", "resource_schema", "trace_state"), texts)
    | dict.fromkeys(("resource", "scope_attributes"), attributes)
    | dict.fromkeys(("flags", "resource_dropped", "scope_dropped"), counts)
    | dict.fromkeys(("dropped_attributes", "dropped_events", "dropped_links"), counts)
)


@st.composite
def spans(draw: st.DrawFn) -> OtlpSpan:
    """A span that every limit allows."""
    start, end = sorted((draw(times), draw(times)))
    return OtlpSpan(
        draw(ids(16)),
        draw(ids(8)),
        draw(st.just("") | ids(8)),
        draw(texts),
        draw(st.sampled_from(KINDS)),
        start,
        end,
        draw(attributes),
        draw(st.sampled_from(STATUSES)),
        draw(texts),
        tuple(draw(st.lists(events, max_size=2))),
        tuple(draw(st.lists(links, max_size=2))),
        **draw(_rest),
    )
