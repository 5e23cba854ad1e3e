"""What is an agent and what is a workflow, in records and spans; who acts does not depend on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.func import entrypoint
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, create_react_agent, tools_condition
from langgraph.pregel.remote import RemoteGraph
from langgraph_supervisor import create_supervisor

import handrail
from handrail.frameworks.langchain import kinds
from handrail.testing import Turn
from tests.frameworks.langchain.kit import Scripted, policy, recorded
from tests.frameworks.langgraph_server import LangGraphServer
from tests.frameworks.recorded import Recorded

ASK: Any = {"messages": [("user", "hi")]}
CONFIG = 'version = 1\nmode = "observe"\n[principal]\nuser = "ana"\n'


@tool
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _model() -> Scripted:
    return Scripted(turns=[Turn("done")] * 9)


def _loop() -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("model", lambda state: {"messages": [_model().invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([add]))
    graph.add_edge(START, "model")
    graph.add_conditional_edges("model", tools_condition)
    graph.add_edge("tools", "model")
    return graph.compile()


def _pipeline(node: Any = None, name: str | None = None) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("one", node or (lambda state: {"messages": [_model().invoke(state["messages"])]}))
    graph.add_edge(START, "one")
    return graph.compile(name=name)


@entrypoint()
def written(given: Any) -> Any:
    """A workflow in LangGraph's functional API."""
    return given


AGENTS: dict[str, Callable[[], Any]] = {
    "create_agent": lambda: create_agent(_model(), [add]),
    "create_agent without tools": lambda: create_agent(_model(), []),
    "create_react_agent": lambda: create_react_agent(_model(), [add]),
    "create_react_agent without tools": lambda: create_react_agent(_model(), []),
    "deep agent": lambda: create_deep_agent(model=_model(), tools=[add]),
    "hand-written loop": _loop,
    "agent with retries": lambda: create_agent(_model(), [add]).with_retry(),
    "agent with fallbacks": lambda: create_agent(_model(), []).with_fallbacks([create_agent(_model(), [])]),
}
WORKFLOWS: dict[str, Callable[[], Any]] = {
    "plain graph": _pipeline,
    "graph of agents": lambda: _pipeline(create_agent(_model(), [add])),
    "supervisor": lambda: create_supervisor([create_agent(_model(), [], name="a")], model=_model()).compile(),
    "functional": lambda: written,
    "chain": lambda: RunnableLambda(lambda x: x) | RunnableLambda(lambda x: x),
}


@pytest.mark.parametrize("case", AGENTS)
def test_what_a_model_leads_is_an_agent(case: str) -> None:
    """Every stock agent, with tools or without, and a hand-written loop over a ToolNode."""
    assert "type" not in kinds.shape_of(AGENTS[case](), named=False)


@pytest.mark.parametrize("case", WORKFLOWS)
def test_what_its_author_leads_is_a_workflow(case: str) -> None:
    """Graphs without such a loop, those of several agents, functions and chains; named, they are agents."""
    made = WORKFLOWS[case]()
    assert kinds.shape_of(made, named=False) == {"type": "workflow"}
    assert kinds.shape_of(made, named=True) == {}


def test_a_workflow_is_recorded_as_one_and_acts_as_before(tmp_path: Path) -> None:
    """A graph of an agent: run and step have their types, and both stand in the delegation chain by their names."""
    agent = create_agent(_model(), [], name="helper")
    flow = handrail.govern(_pipeline(agent, "pipeline"), config=policy(tmp_path, text=CONFIG))
    flow.invoke(ASK)
    [run], [step, *_] = recorded(tmp_path, "run.start"), recorded(tmp_path, "step.start")
    assert (run["type"], run["agent"], run["chain"]) == ("workflow", "pipeline", ["user:ana", "agent:pipeline"])
    assert (step["type"], step["chain"]) == ("agent", ["user:ana", "agent:pipeline", "agent:helper"])


@pytest.mark.parametrize("named", ["govern", "config"])
def test_a_named_workflow_is_an_agent(named: str, tmp_path: Path) -> None:
    """``govern(name=)`` and ``agent`` in the file make an agent of any graph."""
    config = policy(tmp_path, text=CONFIG if named == "govern" else 'agent = "clerk"\n' + CONFIG)
    handrail.govern(_pipeline(), config=config, name="clerk" if named == "govern" else None).invoke(ASK)
    [run] = recorded(tmp_path, "run.start")
    assert "type" not in run
    assert run["agent"] == "clerk"


async def test_a_remote_agent_is_one_step_however_it_is_called(tmp_path: Path) -> None:
    """Each way into a RemoteGraph is one agent's step that says where the agent runs."""
    with LangGraphServer() as server:
        remote = RemoteGraph("helper", url=server.url, name="far", api_key="k")
        with handrail.run("clerk", config=policy(tmp_path, text=CONFIG)):
            said = [remote.invoke(ASK), *remote.stream(ASK, stream_mode="values"), await remote.ainvoke(ASK)]
            said += [item async for item in remote.astream(ASK, stream_mode="values")]
        assert [state["messages"][-1]["content"] for state in said] == ["far and away"] * 4
        assert len(server.requests) == 4
        port = int(server.url.rpartition(":")[2])
    steps = recorded(tmp_path, "step.start")
    where = {"remote": True, "provider": "langgraph", "agent_id": "helper", "server": "127.0.0.1", "port": port}
    assert [{name: step[name] for name in where} for step in steps] == [where] * 4
    assert {(step["type"], step["name"], step["chain"][-1]) for step in steps} == {("agent", "far", "agent:far")}
    Recorded(tmp_path / ".handrail").check_complete()


def test_a_remote_agent_as_a_node_and_by_itself(tmp_path: Path) -> None:
    """As a node it is a step of the workflow's run, called alone it is a run; what it raises is its error."""
    with LangGraphServer() as server:
        config = policy(tmp_path, text=CONFIG)
        far = RemoteGraph("helper", url=server.url, api_key="k")
        handrail.govern(_pipeline(far, "pipeline"), config=config).invoke(ASK)
        broken = handrail.govern(RemoteGraph("broken", url=server.url, api_key="k"), config=config)
        with pytest.raises(Exception, match="SENTINEL"):
            broken.invoke(ASK)
    first, second = recorded(tmp_path, "run.start")
    assert (first.get("type"), first.get("remote"), second.get("type"), second["remote"]) == (
        "workflow",
        None,
        None,
        True,
    )
    [step] = recorded(tmp_path, "step.start")
    assert (step["type"], step["remote"], step["parent"]) == ("agent", True, first["step"])
    assert [end["error"] for end in recorded(tmp_path, "run.end")] == [None, "RemoteException"]
    assert "SENTINEL" not in str(recorded(tmp_path))
