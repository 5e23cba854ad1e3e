"""Branches of a graph that run side by side: where the models and agents in them fork, and where they rejoin.

Tool calls say so by their causes; this is for nodes that pass something else on than messages.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handrail.audit.steps import Step
from handrail.frameworks.langchain.place import place
from handrail.tracing.context import Frame
from handrail.tracing.links import Link, LinkType

_NOTE = "branches"


@dataclass(slots=True)
class _Graph:
    """What ran in one graph: the latest step of each node that runs now, and of each that ran before."""

    now: dict[str, str] = field(default_factory=dict[str, str])
    before: tuple[str, ...] = ()
    forks: bool = False
    """Whether several nodes run now."""


def advance(frame: Frame, nodes: int) -> None:
    """The graph of ``frame`` goes on to its next nodes, ``nodes`` in number."""
    graphs: dict[str, _Graph] = frame.state.notes.setdefault(_NOTE, {})
    graph = graphs.get(frame.step)
    if graph is None:
        graph = graphs[frame.step] = _Graph()
    if graph.now:
        graph.before, graph.now = tuple(graph.now.values()), {}
    graph.forks = nodes > 1


def links(frame: Frame) -> tuple[Link, ...]:
    """What the first step of a node comes from: the branches that end here, or the step that forks here."""
    graph = _graph(frame)
    if graph is None or place()[1] in graph.now:
        return ()
    kind: LinkType | None = "rejoins" if len(graph.before) > 1 else "caused_by" if graph.forks else None
    return tuple(Link(kind, step) for step in graph.before) if kind is not None else ()


def opened(frame: Frame, step: Step) -> None:
    """``step`` is the latest of the node that runs in ``frame``."""
    graph = _graph(frame)
    if graph is not None:
        graph.now[place()[1]] = step.frame.step


def over(frame: Frame) -> None:
    """The graph of ``frame`` has ended."""
    graphs: dict[str, _Graph] | None = frame.state.notes.get(_NOTE)
    if graphs is not None:
        graphs.pop(frame.step, None)


def _graph(frame: Frame) -> _Graph | None:
    graphs: dict[str, _Graph] | None = frame.state.notes.get(_NOTE)
    return graphs.get(frame.step) if graphs is not None else None
