"""Agents that an instrumentation lost or told as plumbing, found again by the shape of the trace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from hashlib import blake2b

from msgspec.structs import replace

from handrail.tracing.dialects.forest import Forest, nearest
from handrail.tracing.dialects.observed import HIDDEN, Observed, StepKind
from handrail.tracing.dialects.words import is_generic

_GRAPHS = frozenset({"chain", "workflow"})
_INSIDE = frozenset({"agent", "workflow"})


def rebuilt(forest: Forest) -> Forest:
    """``forest`` with agents where they were: told ones, named graphs, and those lost below a tool."""
    if not any(span.step in _GRAPHS or span.step == "tool" for span in forest.ordered):
        return forest
    steps = _named(forest)
    steps = _shaped(steps)
    return _lost(steps)


def _named(forest: Forest) -> Forest:
    """LangChain says in each span which agent it is in: where that changes, the agent begins."""
    changed: dict[str, Observed] = {}
    inside: dict[str, str] = {}
    for one in forest.downwards:
        span = forest.by_id[one]
        above = inside.get(forest.parents.get(one, ""), "")
        inside[one] = span.agent or above
        if span.step not in _GRAPHS or is_generic(span.agent):
            continue
        if span.agent != above or span.name == span.agent:
            changed[one] = replace(span, step="agent", name=span.agent)
    return _with(forest, changed)


def _shaped(forest: Forest) -> Forest:
    """A graph with a name of its own that calls models and tools is an agent; without tools it is a workflow."""
    below = _counted(forest)
    changed: dict[str, Observed] = {}
    above: dict[str, str] = {}
    for one in forest.downwards:
        span = forest.by_id[one]
        seen = above.get(forest.parents.get(one, ""), "")
        step = span.step
        if step in _GRAPHS and seen not in _INSIDE:
            step = _shape(span, below.get(one, {}), is_root=not seen)
            if step != span.step:
                changed[one] = replace(span, step=step)
        above[one] = seen if step in HIDDEN else step
    return _with(forest, changed)


def _shape(span: Observed, below: Mapping[str, int], *, is_root: bool) -> StepKind:
    if "model" in below and "tool" in below and not is_generic(span.name) and not span.node:
        return "agent"
    is_wrapper = sum(below.values()) == 1 and not _INSIDE.isdisjoint(below)
    if span.step == "chain" and is_root and below and not is_wrapper:
        return "workflow"
    return span.step


def _counted(forest: Forest) -> dict[str, dict[str, int]]:
    """Span -> how many steps of each kind are below it, reached through plumbing only."""
    found: dict[str, dict[str, int]] = {}
    for one in reversed(forest.downwards):
        parent = forest.parents.get(one)
        step = forest.by_id[one].step
        if parent is not None and step not in ("other", "unknown"):
            _add(found.setdefault(parent, {}), found.get(one, {}) if step == "chain" else {step: 1})
        elif parent is not None and one in found:
            _add(found.setdefault(parent, {}), found[one])
    return found


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for step, number in more.items():
        total[step] = total.get(step, 0) + number


def _lost(forest: Forest) -> Forest:
    """A tool below which models and tools are called, and no agent, has lost the agent that called them."""
    below: dict[str, list[Observed]] = {}
    above = nearest(forest, {span.span: span.step not in HIDDEN for span in forest.ordered})
    for span in forest.ordered:
        parent = above.get(span.span)
        if parent is not None and span.step not in HIDDEN and forest.by_id[parent].step == "tool":
            below.setdefault(parent, []).append(span)
    made = [_made(forest.by_id[tool], children) for tool, children in below.items() if _is_agent(children)]
    if not made:
        return forest
    moved = {child.span: agent.span for agent in made for child in below[agent.parent]}
    return Forest([*(replace(s, parent=moved[s.span]) if s.span in moved else s for s in forest.ordered), *made])


def _is_agent(children: list[Observed]) -> bool:
    kinds = [child.step for child in children]
    if "model" not in kinds or not _INSIDE.isdisjoint(kinds):
        return False
    # several instrumentors may tell of one call of a model
    models = Counter(child.scope for child in children if child.step == "model")
    return "tool" in kinds or max(models.values()) > 1


def _made(tool: Observed, children: list[Observed]) -> Observed:
    name = next((child.agent for child in children if child.agent not in ("", tool.agent)), tool.name)
    return replace(
        tool, span=blake2b(f"{tool.trace}{tool.span} agent".encode(), digest_size=8).hexdigest(), parent=tool.span,
        step="agent", name=name, agent=name, call_id="", scope=f"{tool.scope} (rebuilt)"[:256],
        start_ns=min(child.start_ns for child in children), end_ns=max(child.end_ns for child in children),
        outcome="ok", error="",
    )  # fmt: skip


def _with(forest: Forest, changed: dict[str, Observed]) -> Forest:
    if not changed:
        return forest
    forest.by_id = {**forest.by_id, **changed}
    forest.ordered = [changed.get(span.span, span) for span in forest.ordered]
    return forest
