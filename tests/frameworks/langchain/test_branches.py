"""Branches of a graph that pass on no messages: where they fork and rejoin is said by links."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langgraph.graph import START, StateGraph
from langgraph.types import Send

import handrail
from handrail.testing import Turn
from tests.frameworks.langchain.asked import Asked
from tests.frameworks.langchain.episode import WAYS, Way, drive
from tests.frameworks.langchain.kit import Scripted, policy


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


class State(TypedDict, total=False):
    """What the graph keeps."""

    topic: str
    found: Annotated[list[str], operator.add]
    said: str


def _agents(model: Any) -> Any:
    """A sub-graph that asks once."""
    graph = StateGraph(State)
    graph.add_node("think", lambda state: {"found": [str(model.invoke("think").content)]})
    graph.add_edge(START, "think")
    return graph.compile(name="thinker")


def _graph(model: Any, branch: Any) -> Any:
    graph = StateGraph(State)
    graph.add_node("plan", lambda state: {"topic": str(model.invoke("plan").content)})
    graph.add_node("work", branch)
    graph.add_node("quiet", lambda state: {})
    graph.add_node("sum", lambda state: {"said": str(model.invoke("sum").content)})
    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", lambda state: [Send("work", {"found": []})] * 3, ["work"])
    graph.add_edge("work", "quiet")
    graph.add_edge("quiet", "sum")
    return graph.compile(name="clerk")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("agents", [False, True])
def test_fork_and_rejoin(agents: bool, way: Way, tmp_path: Path) -> None:
    """Each branch comes from the step before it, and the step after them from every branch, whatever lies between."""
    model = Scripted(turns=[Turn("said")] * 5)
    branch = _agents(model) if agents else lambda state: {"found": [str(model.invoke("work").content)]}
    drive(handrail.govern(_graph(model, branch), config=policy(tmp_path)), {"topic": ""}, way)
    asked = Asked(tmp_path)
    root = asked.one("SELECT step FROM runs")
    steps = [row[0] for row in asked.rows("SELECT step FROM steps WHERE parent = ? ORDER BY started_at", root)]
    first, *branches, last = steps
    assert len(branches) == 3
    links = asked.rows("SELECT step, type, to_step FROM links")
    assert {(step, "caused_by", first) for step in branches} <= set(links)
    assert sorted(to for step, kind, to in links if (step, kind) == (last, "rejoins")) == sorted(branches)
    assert len(links) == 6


def test_a_straight_graph_has_no_such_links(tmp_path: Path) -> None:
    """Nodes one after the other are told by the tree and their order."""
    model = Scripted(turns=[Turn("one"), Turn("two")])
    graph = StateGraph(State)
    graph.add_node("one", lambda state: {"said": str(model.invoke("a").content)})
    graph.add_node("two", lambda state: {"said": str(model.invoke("b").content)})
    graph.add_edge(START, "one")
    graph.add_edge("one", "two")
    drive(handrail.govern(graph.compile(name="clerk"), config=policy(tmp_path)), {"topic": ""})
    assert Asked(tmp_path).rows("SELECT * FROM links") == []
