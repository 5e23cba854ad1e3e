"""Several instrumentors at one call: which spans tell of the same step. Two real calls are never made one.

Spans of one instrumentation scope are always different steps. Spans of different scopes are the same step when
they are of one kind, their times overlap, nothing that both tell differs, and either one lies below the other or both
watch the same library. Each scope has one span of a step at most, so that a step that all of them saw twice stays two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from handrail.tracing.dialects.forest import Forest, nearest
from handrail.tracing.dialects.observed import HIDDEN, Observed

_RANK = {
    name: place
    for place, name in enumerate(
        (
            "handrail",
            "otel-genai",
            "openinference",
            "microsoft",
            "spring-ai",
            "vercel-ai",
            "openllmetry",
            "langfuse",
            "mlflow",
            "langsmith",
            "logfire",
            "openlit",
            "generic",
        )
    )
}
_UNTOLD = frozenset({"", "unknown", "none", "default"})
_MADE_UP = ("lc_run-", "run-", "lc_run--")
"""Beginnings of answer ids that LangChain makes up where the provider gives none."""
_CLIENTS = frozenset({"openai", "anthropic", "bedrock", "litellm", "vertexai", "mistralai", "groq", "cohere"})
"""Libraries below a framework: their span of a call lies inside the framework's."""
_MAX_OPEN = 64
"""Steps of one kind at once that a span is compared with; of more, the latest."""

_MAX_TELLERS = 8
"""Instrumentors of one call at most."""


class _Step:
    """Spans that tell of one step."""

    __slots__ = ("end", "first", "scopes", "spans")

    def __init__(self, span: Observed) -> None:
        self.first, self.spans, self.scopes, self.end = span, [span], {span.scope}, _end(span)

    def add(self, span: Observed) -> None:
        self.spans.append(span)
        self.scopes.add(span.scope)
        self.end = max(self.end, _end(span))


def duplicates(forest: Forest) -> dict[str, str]:
    """Span -> the span that is kept for its step; only spans that are not kept."""
    steps = [span for span in forest.ordered if span.step not in HIDDEN]
    found = _wrapped(forest)
    if len({span.scope for span in steps}) > 1:
        above = _Above(forest)
        by_kind: dict[str, list[Observed]] = {}
        for span in steps:
            if span.span not in found:
                by_kind.setdefault(span.step, []).append(span)
        for same in by_kind.values():
            for step in _grouped(same, above):
                found |= _kept(step.spans)
    return _settled(found)


def _wrapped(forest: Forest) -> dict[str, str]:
    """An instrumentation that tells an agent twice, one right inside the other: the inner one is the duplicate."""
    graphs = [span for span in forest.ordered if span.step in ("agent", "workflow")]
    if len(graphs) < 2:
        return {}
    above = nearest(forest, {span.span: span.step not in HIDDEN for span in forest.ordered})
    inner: dict[str, list[str]] = {}
    for span in graphs:
        outer = forest.by_id.get(above.get(span.span, ""))
        if outer and span.step == outer.step and span.name == outer.name and span.scope == outer.scope:
            inner.setdefault(outer.span, []).append(span.span)
    found = {inside[0]: outer for outer, inside in inner.items() if len(inside) == 1}
    return _beside(forest, [span for span in graphs if span.dialect == "openllmetry"]) | found


def _beside(forest: Forest, agents: list[Observed]) -> dict[str, str]:
    """OpenLLMetry tells a sub-agent once around its call, with nothing below, and once beside it with its steps."""
    empty: dict[tuple[str, str], list[Observed]] = {}
    found: dict[str, str] = {}
    for span in agents:
        around = [one for one in empty.get((span.name, span.scope), ())[:_MAX_OPEN] if _end(span) <= _end(one)]
        if not any(forest.by_id[child].scope == span.scope for child in forest.children.get(span.span, ())):
            empty.setdefault((span.name, span.scope), []).append(span)
        elif around:
            found[span.span] = around[0].span
            empty[(span.name, span.scope)].remove(around[0])
    return found


def _grouped(spans: Iterable[Observed], above: _Above) -> list[_Step]:
    done: list[_Step] = []
    active: list[_Step] = []
    for span in spans:  # by start time
        active = [step for step in active if step.end >= span.start_ns][-_MAX_OPEN:]
        fits = [step for step in active if _has_room(step, span) and _same(step, span, above)]
        if fits:
            min(fits, key=lambda step: _distance(step, span)).add(span)
        else:
            active.append(_Step(span))
            done.append(active[-1])
    return done


def _has_room(step: _Step, span: Observed) -> bool:
    return span.scope not in step.scopes and len(step.spans) < _MAX_TELLERS


def _distance(step: _Step, span: Observed) -> tuple[bool, int]:
    """How far apart in time two spans are; those with the same id are the nearest."""
    first = step.first
    told = bool(span.call_id and span.call_id == first.call_id) or bool(
        span.response_id and span.response_id == first.response_id
    )
    return not told, abs(first.start_ns - span.start_ns) + abs(_end(first) - _end(span))


def _same(step: _Step, span: Observed, above: _Above) -> bool:
    return all(not _differ(one, span) for one in step.spans) and any(_related(one, span, above) for one in step.spans)


def _differ(one: Observed, other: Observed) -> bool:
    """Whether something that both tell is not the same."""
    if _ids_differ(one.call_id, other.call_id) or _ids_differ(one.response_id, other.response_id):
        return True
    if (one.outcome == "error") != (other.outcome == "error"):
        return True
    if _told_apart(one.input_tokens, other.input_tokens) or _told_apart(one.output_tokens, other.output_tokens):
        return True
    if one.step in ("model", "embedding", "fetch"):
        return not _models_agree(one, other)
    return _names_differ(one, other)


def _ids_differ(one: str, other: str) -> bool:
    return bool(one and other and one != other and not one.startswith(_MADE_UP) and not other.startswith(_MADE_UP))


def _told_apart(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one != other


def _names_differ(one: Observed, other: Observed) -> bool:
    if one.step == "retrieval":  # named after the retriever, its class, or the collection
        return False
    return one.name.lower() != other.name.lower()


def _models_agree(one: Observed, other: Observed) -> bool:
    mine, yours = _models(one), _models(other)
    return not mine or not yours or any(a.startswith(b) or b.startswith(a) for a in mine for b in yours)


def _models(span: Observed) -> set[str]:
    # `models/gemini-2.5-pro`, `openai/gpt-5` and the bare name are one model
    names = {name.lower().rpartition("/")[2] for name in (span.model, span.response_model)}
    return names - _UNTOLD


def _related(one: Observed, other: Observed, above: _Above) -> bool:
    if above.is_below(other, one) or above.is_below(one, other):
        return True
    if one.framework and one.framework == other.framework:
        return True
    if one.response_id and one.response_id == other.response_id:
        return True
    return _is_client_of(one, other) or _is_client_of(other, one)


def _is_client_of(inner: Observed, outer: Observed) -> bool:
    """Whether a client library's call lies inside a framework's, by time and by what it cost."""
    if inner.framework not in _CLIENTS or outer.framework in _CLIENTS or inner.step != "model":
        return False
    if inner.input_tokens is None or inner.input_tokens != outer.input_tokens:
        return False
    return outer.start_ns <= inner.start_ns and _end(inner) <= _end(outer)


class _Above:
    """Which steps of one kind lie below which, in the tree of parents."""

    def __init__(self, forest: Forest) -> None:
        self._nearest: dict[str, dict[str, str]] = {}
        self._forest = forest

    def is_below(self, inner: Observed, outer: Observed) -> bool:
        """Whether ``outer`` is the nearest step of its kind above ``inner``."""
        known = self._nearest.get(outer.step)
        if known is None:
            wanted = {span.span: span.step == outer.step for span in self._forest.ordered}
            known = self._nearest[outer.step] = nearest(self._forest, wanted)
        return known.get(inner.span) == outer.span


def _kept(spans: list[Observed]) -> Mapping[str, str]:
    if len(spans) == 1:
        return {}
    best = min(spans, key=lambda span: (_RANK.get(span.dialect, 99), -_told(span), span.start_ns, span.span))
    return {span.span: best.span for span in spans if span is not best}


def _told(span: Observed) -> int:
    return sum(map(bool, (span.call_id, span.response_id, span.model, span.input_tokens, span.agent, span.session)))


def _end(span: Observed) -> int:
    return span.end_ns or 1 << 63


def _settled(found: dict[str, str]) -> dict[str, str]:
    """``found`` with the span that is kept in the end, where a kept one is a duplicate itself."""
    done: dict[str, str] = {}
    for one in found:
        path: list[str] = []
        while one in found and one not in done and len(path) <= len(found):
            path.append(one)
            one = found[one]
        kept = done.get(one, one)
        done.update(dict.fromkeys(path, kept))
    return done
