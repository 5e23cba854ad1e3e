"""From the spans of one trace to its steps: duplicates folded, plumbing left out, parents found again. Pure.

The result does not depend on the order in which the spans came, and more spans may come later: then it is made again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from handrail.tracing.dialects.boundaries import rebuilt
from handrail.tracing.dialects.duplicates import duplicates
from handrail.tracing.dialects.forest import Forest
from handrail.tracing.dialects.observed import HIDDEN, Observed, Outcome
from handrail.tracing.dialects.refused import not_run

_NO_RUN = HIDDEN | {"create"}
_GRAPHS = frozenset({"agent", "workflow"})
_CALLS = frozenset({"model", "tool"})
_NEVER = 1 << 63
_FILLED = (
    "agent", "model", "response_model", "provider", "call_id", "response_id", "input_tokens", "output_tokens", "finish",
    "proposed", "session", "user", "node",
)  # fmt: skip
"""Facts that a kept span takes from its duplicates where it does not tell them."""


@dataclass(slots=True)
class Step:
    """One span of a trace, resolved."""

    span: Observed
    """With what its duplicates tell besides."""
    parent: str = ""
    """The step above it, past plumbing and duplicates; empty for the outermost."""
    duplicate_of: str = ""
    """The span that is kept for the same step."""
    hidden: bool = False
    """Plumbing, or no cognition: no step of its own."""
    ran: bool = True
    """False for a tool call that a model proposed and nobody made: it has no span, this one stands for it."""
    agent: str = ""
    """The agent that it belongs to."""
    outcome: Outcome = "ok"
    error: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One trace, as a run."""

    trace: str
    root: str
    """The outermost step when there is one above all others; else empty."""
    agent: str
    outcome: Outcome
    error: str
    start_ns: int
    end_ns: int
    session: str
    user: str
    service: str
    dialects: tuple[str, ...]
    """Whose spans tell of it, most first."""
    pending: tuple[str, ...]
    """Tool calls that were proposed last and did not run in this trace."""
    begins_with: str
    """The tool that ran before any model was called: a resumed run begins so."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a trace turned out to be."""

    steps: tuple[Step, ...]
    """One for each span, by start time, and those for what did not run."""
    run: Run | None
    """None for a trace without a step of an agent: plain HTTP requests, say."""

    def shown(self) -> list[Step]:
        """The steps alone: without plumbing and duplicates."""
        return [step for step in self.steps if not step.hidden and not step.duplicate_of]


def resolve(spans: Iterable[Observed]) -> Resolved:
    """What the spans of ONE trace are. A span that is given twice counts once."""
    forest = rebuilt(Forest(spans))
    folded = duplicates(forest)
    learnt = _filled(forest, folded) if folded else {}
    parents = _parents(forest, folded)
    steps = {
        s.span: _step(learnt.get(s.span, s), parents.get(s.span, ""), folded.get(s.span, "")) for s in forest.ordered
    }
    _inherit_agents(forest, steps)
    paused = _pause(forest, steps)
    shown = [step for step in steps.values() if not step.hidden and not step.duplicate_of]
    missing = not_run([step.span for step in shown], parents)
    run = _run(shown, tuple(one.span.name for one in missing if one.pending), paused=paused)
    unmade = [
        Step(one.span, one.span.parent, ran=False, agent=steps[one.model].agent, outcome="rejected")
        for one in missing
        if not one.pending
    ]
    return Resolved((*steps.values(), *unmade), run)


def _step(span: Observed, parent: str, duplicate_of: str) -> Step:
    return Step(span, parent, duplicate_of, span.step in HIDDEN, True, span.agent, span.outcome, span.error)


def _parents(forest: Forest, folded: Mapping[str, str]) -> dict[str, str]:
    """Span -> the step that it belongs below, past plumbing and duplicates."""
    above: dict[str, str] = {}
    for one in forest.downwards:
        parent = forest.parents.get(one)
        if parent is not None:
            is_hidden = forest.by_id[parent].step in HIDDEN
            above[one] = above.get(parent, "") if is_hidden else folded.get(parent, parent)
    if not folded:
        return above
    members: dict[str, list[str]] = {}
    for one, kept in folded.items():
        members.setdefault(kept, [kept]).append(one)
    for kept, group in members.items():
        group[1:] = sorted(group[1:], key=_outermost(forest))
        above[kept] = next((up for one in group if (up := above.get(one, "")) not in ("", kept)), "")
    return _uncircled(above)


def _outermost(forest: Forest) -> Callable[[str], tuple[int, str]]:
    return lambda one: (forest.by_id[one].start_ns, one)


def _uncircled(above: dict[str, str]) -> dict[str, str]:
    """Folding may close a circle where instrumentors tell contrary trees: one of its steps becomes an outermost one."""
    settled: set[str] = set()
    for start in sorted(above):
        path: dict[str, None] = {}
        one = start
        while one and one not in settled and one not in path:
            path[one] = None
            one = above.get(one, "")
        if one in path:
            circle = list(path)
            above[min(circle[circle.index(one) :])] = ""
        settled.update(path)
    return above


def _filled(forest: Forest, folded: Mapping[str, str]) -> dict[str, Observed]:
    """Kept spans with what their duplicates tell besides."""
    learnt: dict[str, Observed] = {}
    for one in sorted(folded):
        best = learnt.get(folded[one], forest.by_id[folded[one]])
        other = forest.by_id[one]
        told = {fact: value for fact in _FILLED if not getattr(best, fact) and (value := getattr(other, fact))}
        if told:
            learnt[best.span] = replace(best, **told)
    return learnt


def _inherit_agents(forest: Forest, steps: Mapping[str, Step]) -> None:
    """A step belongs to the agent that it lies below; what an instrumentation says about itself comes after that."""
    for step in _downwards(forest, steps):
        above = steps.get(step.parent)
        if step.span.step == "agent":
            step.agent = step.span.name
        elif above is not None and above.agent:
            step.agent = above.agent


def _downwards(forest: Forest, steps: Mapping[str, Step]) -> Iterator[Step]:
    """Steps, each after the one above it."""
    seen: set[str] = set()
    for one in forest.downwards:
        path: list[Step] = []
        while one and one not in seen:
            seen.add(one)
            path.append(steps[one])
            one = steps[one].parent
        yield from reversed(path)


def _pause(forest: Forest, steps: Mapping[str, Step]) -> bool:
    """Whether the trace ended in a pause, with no model or tool called after it. The agents around it paused, too."""
    paused = [span for span in forest.ordered if span.outcome == "interrupted"]
    if not paused:
        return False
    last = max((span.start_ns for span in forest.ordered if span.step in _CALLS), default=0)
    final = [span for span in paused if (span.end_ns or _NEVER) >= last]
    for span in final:
        above = steps.get(steps[span.span].duplicate_of or span.span)
        while above is not None and (above.outcome != "interrupted" or above.span is span):
            above.outcome, above.error = "interrupted", ""
            above = steps.get(above.parent)
    return bool(final)


def _run(shown: list[Step], pending: tuple[str, ...], *, paused: bool) -> Run | None:
    counted = [step for step in shown if step.span.step not in _NO_RUN]
    if not counted:
        return None
    tops = [step for step in counted if not step.parent] or counted
    agents = [s for s in tops if s.span.step == "agent"] or [s for s in counted if s.span.step == "agent"]
    lead = (agents or tops)[0]
    final = max(tops, key=lambda step: (step.span.end_ns or _NEVER, step.span.span))
    return Run(
        trace=lead.span.trace,
        root=tops[0].span.span if len(tops) == 1 and tops[0].span.step in _GRAPHS else "",
        agent=lead.span.name if lead.span.step in _GRAPHS else lead.agent or lead.span.service,
        outcome="interrupted" if paused else final.outcome, error="" if paused else final.error,
        start_ns=min(step.span.start_ns for step in counted), end_ns=max(step.span.end_ns for step in counted),
        session=_first(counted, "session"), user=_first(counted, "user"), service=_first(counted, "service"),
        dialects=_dialects(counted), pending=pending, begins_with=_beginning(counted),
    )  # fmt: skip


def _first(steps: list[Step], fact: str) -> str:
    return next((value for step in steps if (value := getattr(step.span, fact))), "")


def _dialects(steps: list[Step]) -> tuple[str, ...]:
    names = Counter(step.span.dialect for step in steps)
    return tuple(sorted(names, key=lambda name: (-names[name], name)))


def _beginning(steps: list[Step]) -> str:
    first = next((step.span for step in steps if step.span.step in _CALLS), None)
    return first.name if first is not None and first.step == "tool" else ""
