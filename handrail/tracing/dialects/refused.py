"""Tool calls that a model proposed and nobody made: no instrumentation has a span for them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise

from msgspec.structs import replace

from handrail.tracing.dialects.observed import Observed


@dataclass(frozen=True, slots=True)
class Missing:
    """A call that was proposed and did not run."""

    span: Observed
    """Stands for it: a tool step with an id of its own, at the moment of the answer, below the model's agent."""
    model: str
    """The span of the model call that proposed it."""
    pending: bool
    """Whether no model was called after it: it may run when the conversation goes on."""


def not_run(shown: list[Observed], parents: Mapping[str, str]) -> list[Missing]:
    """What models proposed and nobody ran, by time.

    Told only where it is sure: the instrumentation shows tools, and one agent's model calls follow one another.
    """
    if not any(span.proposed for span in shown):
        return []
    tools = [span for span in shown if span.step == "tool"]
    seeing = {span.scope for span in tools}
    made = {span.call_id for span in tools if span.call_id}
    found: list[Missing] = []
    below: dict[str, list[Observed]] = {}
    for span in tools:
        below.setdefault(parents.get(span.span, ""), []).append(span)
    for parent, models in _by_agent(shown, parents):
        for model, following in zip(models, [*models[1:], None], strict=True):
            if model.proposed and model.scope in seeing:
                found += _unmade(model, following, below.get(parent, []), made, parent)
    return found


def _by_agent(shown: list[Observed], parents: Mapping[str, str]) -> Iterator[tuple[str, list[Observed]]]:
    """Each agent with its model calls, where none overlaps the next."""
    by_agent: dict[str, list[Observed]] = {}
    for span in shown:
        if span.step == "model":
            by_agent.setdefault(parents.get(span.span, ""), []).append(span)
    for parent, models in by_agent.items():
        if all(one.end_ns and one.end_ns <= other.start_ns for one, other in pairwise(models)):
            yield parent, models


def _unmade(
    model: Observed, following: Observed | None, below: list[Observed], made: set[str], parent: str
) -> Iterator[Missing]:
    # `below` is in order of start: a run of many steps is not gone through for each of them
    first = bisect_left(below, model.start_ns, key=_start)
    last = bisect_left(below, following.start_ns, key=_start) if following else len(below)
    ran = Counter(tool.name for tool in below[first:last] if not tool.call_id)
    for place, (call_id, name) in enumerate(model.proposed):
        if call_id and call_id in made:
            continue
        if ran[name]:
            ran[name] -= 1
            continue
        yield Missing(_stand_in(model, place, call_id, name, parent), model.span, pending=following is None)


def _start(span: Observed) -> int:
    return span.start_ns


def _stand_in(model: Observed, place: int, call_id: str, name: str, parent: str) -> Observed:
    return replace(
        model, span=blake2b(f"{model.trace}{model.span}{place}".encode(), digest_size=8).hexdigest(), parent=parent,
        step="tool", name=name, call_id=call_id, start_ns=model.end_ns, end_ns=model.end_ns, outcome="ok", error="",
        model="", response_model="", provider="", response_id="", input_tokens=None, output_tokens=None, finish=(),
        proposed=(),
    )  # fmt: skip
