"""``govern`` gives back a governed copy of the same kind, and the copy stays governed whatever is made of it."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_classic.agents import AgentExecutor, create_tool_calling_agent
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnableParallel, RunnablePassthrough, RunnableSequence
from langchain_core.tools import BaseTool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command

import handrail
from handrail.testing import Turn
from tests.frameworks.langchain.kit import Scripted, adrain, call, plain, policy, recorded, run_async
from tests.frameworks.langchain.scenarios import ASK, END, SCENARIOS

WIRE = call("wire_money", amount=9)
RAN: list[str] = []
"""What ran in this process; for tools that are pickled and so cannot note it elsewhere."""


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()


@tool
def wire_money(amount: int) -> str:
    """Wire money."""
    RAN.append("wire_money")
    return "sent"


def wire(message: AIMessage) -> list[Any]:
    """Run the calls of a message: the last step of a chain."""
    return [wire_money.invoke(each) for each in message.tool_calls]


def ask_model(_: Any) -> AIMessage:
    """A step that stands for a model."""
    calls: list[Any] = [{"name": "wire_money", "args": {"amount": 9}, "id": "c", "type": "tool_call"}]
    return AIMessage("", tool_calls=calls)


def _agent(turns: tuple[Turn, ...] = (WIRE, END), **options: Any) -> Any:
    return create_agent(Scripted(turns=turns), [wire_money], name="clerk", **options)


def _chain() -> Any:
    return RunnableLambda(ask_model) | RunnableLambda(wire)


def _executor() -> Any:
    prompt = ChatPromptTemplate.from_messages([("human", "{input}"), ("placeholder", "{agent_scratchpad}")])
    return AgentExecutor(
        agent=create_tool_calling_agent(Scripted(turns=(WIRE, END)), [wire_money], prompt), tools=[wire_money]
    )


KINDS: dict[str, tuple[Callable[[], Any], Any]] = {
    "graph": (_agent, ASK),
    "chain": (_chain, "x"),
    "executor": (_executor, {"input": "x"}),
}


@pytest.fixture(name="enforced")
def _enforced(tmp_path: Path) -> Callable[..., Any]:
    return partial(handrail.govern, config=policy(tmp_path, "enforce"))


def _verdicts(folder: Path) -> list[str]:
    return [record["verdict"] for record in recorded(folder, "tool.call")]


@pytest.mark.parametrize("kind", KINDS)
def test_original_stays_as_it_was(kind: str, enforced: Any, tmp_path: Path) -> None:
    """The object that was governed is not touched: its own runs leave no record and are not stopped."""
    make, ask = KINDS[kind]
    original = make()
    before, state = type(original), dict(vars(original))
    enforced(original)
    assert type(original) is before
    assert dict(vars(original)) == state
    original.invoke(ask)
    assert RAN == ["wire_money"]
    assert recorded(tmp_path, "run.start") == []


@pytest.mark.parametrize("kind", KINDS)
def test_govern_twice_decides_once(kind: str, enforced: Any, tmp_path: Path) -> None:
    """Governing the governed object again does not decide, record or trace twice."""
    make, ask = KINDS[kind]
    original = make()
    governed = enforced(enforced(original))
    assert isinstance(governed, type(original))
    assert type(governed).__mro__[1] is type(original)
    governed.invoke(ask)
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny"]
    assert len(recorded(tmp_path, "run.start")) == 1
    assert recorded(tmp_path, "step.start") == []


@pytest.mark.parametrize("kind", KINDS)
def test_notebook_cell_run_again_takes_the_new_configuration(kind: str, enforced: Any, tmp_path: Path) -> None:
    """``agent = govern(agent, config=...)`` run again with another file: only the new one counts."""
    make, ask = KINDS[kind]
    governed = handrail.govern(enforced(make()), config=policy(tmp_path / "new", "observe"))
    governed.invoke(ask)
    assert RAN == ["wire_money"]
    assert recorded(tmp_path, "run.start") == []
    assert _verdicts(tmp_path / "new") == ["would_deny"]


def _in_parent(agent: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("agent", agent)
    graph.add_edge(START, "agent")
    return graph.compile()


def _sequence_of(*steps: Any) -> Any:
    return RunnableSequence(*steps)


MADE: dict[str, Callable[[Any], Any]] = {
    "with_config": lambda a: a.with_config(tags=["t"]),
    "with_config twice": lambda a: a.with_config(tags=["t"]).with_config(run_name="r"),
    "with_retry": lambda a: a.with_retry(stop_after_attempt=1),
    "with_fallbacks": lambda a: a.with_fallbacks([RunnableLambda(lambda x: "fallback")]),
    "a fallback": lambda a: RunnableLambda(_fail).with_fallbacks([a]),
    "with_types": lambda a: a.with_types(input_type=Any),
    "with_listeners": lambda a: a.with_listeners(on_end=lambda run: None),
    "bind": lambda a: a.bind(),
    "or lambda": lambda a: a | (lambda x: x),
    "lambda or": lambda a: (lambda x: x) | a,
    "runnable or": lambda a: RunnablePassthrough() | a,
    "chain or": lambda a: (RunnablePassthrough() | RunnableLambda(lambda x: x)) | a,
    "or chain": lambda a: a | (RunnablePassthrough() | RunnableLambda(lambda x: x)),
    "between": lambda a: RunnablePassthrough() | a | (lambda x: x),
    "pipe": lambda a: a.pipe(lambda x: x, lambda x: x),
    "RunnableSequence": lambda a: _sequence_of(RunnablePassthrough(), a, RunnablePassthrough()),
    "RunnableParallel": lambda a: RunnableParallel(one=a, two=RunnablePassthrough()),
    "dict or": lambda a: {"one": a} | RunnablePassthrough(),
    "map": lambda a: RunnableLambda(lambda x: [x]) | a.map(),
    "in a lambda": lambda a: RunnableLambda(lambda x: a.invoke(x)),
    "returned by a lambda": lambda a: RunnableLambda(lambda x: a),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
}


PAIRS = [(kind, made) for kind in KINDS for made in MADE if (kind, made) != ("graph", "copy.deepcopy")]
"""A deep copy of a bare graph does not run either: LangGraph tells its sentinels by identity."""


def _fail(_: Any) -> Any:
    raise ValueError("first choice fails")


@pytest.mark.parametrize("entry", ["invoke", "ainvoke", "stream", "batch", "batch_as_completed"])
@pytest.mark.parametrize(("kind", "made"), PAIRS)
def test_whatever_is_made_of_it_is_governed(kind: str, made: str, entry: str, enforced: Any, tmp_path: Path) -> None:
    """Wrappers, compositions and copies of a governed object are governed, and decide once."""
    make, ask = KINDS[kind]
    thing = MADE[made](enforced(make()))
    if entry == "ainvoke":
        run_async(lambda: thing.ainvoke(ask))
    elif entry == "invoke":
        thing.invoke(ask)
    elif entry == "stream":
        list(thing.stream(ask))
    else:
        list(getattr(thing, entry)([ask]))
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny"]
    assert len(recorded(tmp_path, "run.start")) == 1


@pytest.mark.parametrize(("kind", "made"), PAIRS)
def test_whatever_is_made_of_it_gives_the_same(kind: str, made: str, tmp_path: Path) -> None:
    """What is made of an observed object gives what is made of the bare one."""
    make, ask = KINDS[kind]
    bare = plain(MADE[made](make()).invoke(ask))
    observed = plain(MADE[made](handrail.govern(make(), config=policy(tmp_path))).invoke(ask))
    assert observed == bare


@pytest.mark.parametrize("kind", KINDS)
def test_node_of_an_ungoverned_graph(kind: str, enforced: Any, tmp_path: Path) -> None:
    """As a node of a graph that nobody governs it keeps its gate, and the graph's own tools have none."""
    make, ask = KINDS[kind]
    graph: Any = StateGraph(dict)
    graph.add_node("free", lambda state: (wire_money.invoke({"amount": 1}), state)[1])
    graph.add_node("agent", enforced(make()) | (lambda _: {}))
    graph.add_node("bare", enforced(make()) if kind == "graph" else lambda state: state)
    graph.add_edge(START, "free")
    graph.add_edge("free", "agent")
    parent = graph.compile()
    parent.invoke(ask if isinstance(ask, dict) else {"x": ask})
    assert RAN == ["wire_money"], "the free node's own call is nobody's business"
    assert _verdicts(tmp_path) == ["deny"]


def test_chain_as_a_node(enforced: Any, tmp_path: Path) -> None:
    """A governed chain put into a graph as it is, is not taken apart by it."""
    graph = StateGraph(MessagesState)
    chain: Any = RunnableLambda(lambda state: ask_model(state)) | RunnableLambda(lambda m: {"messages": wire(m)})
    graph.add_node("agent", enforced(chain))
    graph.add_edge(START, "agent")
    graph.compile().invoke(ASK)
    run_async(lambda: graph.compile().ainvoke(ASK))
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny", "deny"]


def test_subgraph_streams_the_same(tmp_path: Path) -> None:
    """``stream(subgraphs=True)`` of a parent shows a governed node as it shows the bare one."""
    bare = list(_in_parent(_agent()).stream(ASK, subgraphs=True, stream_mode=["updates", "values"]))
    governed = handrail.govern(_agent(), config=policy(tmp_path))
    observed = list(_in_parent(governed).stream(ASK, subgraphs=True, stream_mode=["updates", "values"]))
    assert plain(observed) == plain(bare)
    assert _verdicts(tmp_path) == ["would_deny"]


def test_pickle_comes_back_governed(enforced: Any, tmp_path: Path) -> None:
    """A chain that could be pickled still can, and the unpickled one is governed; so are copies of it."""
    again = pickle.loads(pickle.dumps(enforced(_chain())))  # noqa: S301 - our own bytes
    assert isinstance(again, RunnableSequence)
    again.invoke("x")
    again.with_config(tags=["t"]).invoke("x")
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny", "deny"]


def test_pickle_of_what_contains_it(enforced: Any, tmp_path: Path) -> None:
    """Picklable things that contain a governed chain stay picklable, and it stays governed in them."""
    again = pickle.loads(pickle.dumps(RunnablePassthrough() | enforced(_chain())))  # noqa: S301 - our own bytes
    again.invoke("x")
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny"]


def test_what_cannot_be_pickled_fails_as_before(enforced: Any) -> None:
    """A chain with a lambda in it raises what the bare one raises."""
    chain = RunnableLambda(lambda x: x) | RunnableLambda(wire)
    with pytest.raises(Exception) as bare:
        pickle.dumps(chain)
    with pytest.raises(type(bare.value)):
        pickle.dumps(enforced(chain))


def test_state_of_threads(tmp_path: Path) -> None:
    """Graph, state, history, forks and updates work on the governed copy, with the saver of the original."""
    config: Any = {"configurable": {"thread_id": "1"}}

    def drive(agent: Any) -> Any:
        agent.invoke(ASK, config)
        shown = [agent.get_graph().draw_mermaid(), agent.get_state(config).values, agent.get_state(config).next]
        history = list(agent.get_state_history(config))
        agent.update_state(config, {"messages": [("user", "more")]})
        after = agent.get_state(config).values
        fork = agent.invoke(None, history[-2].config)
        return plain([shown, [(h.values, h.next) for h in history], after, fork])

    bare = drive(_agent((WIRE, END, WIRE, END), checkpointer=InMemorySaver()))
    original = _agent((WIRE, END, WIRE, END), checkpointer=InMemorySaver())
    governed = handrail.govern(original, config=policy(tmp_path))
    assert drive(governed) == bare
    assert plain(original.get_state(config).values) == plain(governed.get_state(config).values)
    assert {record["thread"] for record in recorded(tmp_path, "run.start")} == {"1"}


def test_interrupted_run_is_recorded_as_such(tmp_path: Path) -> None:
    """A run that waits for a person ends as interrupted; the one that resumes it ends ok."""
    for scenario in (each for each in SCENARIOS if each.resume is not None):
        folder = tmp_path / scenario.name
        agent = handrail.govern(scenario.build(Scripted(turns=scenario.turns), []), config=policy(folder))
        config: Any = {"configurable": {"thread_id": "1"}}
        agent.invoke(ASK, config)
        list(agent.stream(Command(resume=scenario.resume), config, stream_mode="values"))
        assert [record["outcome"] for record in recorded(folder, "run.end")] == ["interrupted", "ok"], scenario.name


def test_two_policies_never_mix(tmp_path: Path) -> None:
    """Two agents with different policies, and one with none, in 8 threads and 8 tasks at once."""
    strict = _many(tmp_path / "strict", "enforce")
    loose = _many(tmp_path / "loose", "observe")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: (strict, loose, _agent)[n % 3]().invoke(ASK), range(24)))
    assert RAN.count("wire_money") == 16
    asyncio.run(_gather([strict, loose, _agent]))
    assert RAN.count("wire_money") == 32
    for name, verdict in (("strict", "deny"), ("loose", "would_deny")):
        assert _verdicts(tmp_path / name) == [verdict] * 16
        starts, calls = recorded(tmp_path / name, "run.start"), recorded(tmp_path / name, "tool.call")
        assert sorted(c["run"] for c in calls) == sorted(s["run"] for s in starts)
        assert {c["agent"] for c in calls} == {name}


def _many(folder: Path, mode: str) -> Callable[[], Any]:
    path = policy(folder, mode)
    return lambda: handrail.govern(_unnamed(), config=path, name=folder.name)


def _unnamed() -> Any:
    return create_agent(Scripted(turns=(WIRE, END)), [wire_money])


async def _gather(makers: list[Callable[[], Any]]) -> None:
    await asyncio.gather(*(makers[n % 3]().ainvoke(ASK) for n in range(24)))


def test_running_loop_as_in_jupyter(enforced: Any, tmp_path: Path) -> None:
    """Inside a running event loop the synchronous and the asynchronous ways in work."""

    async def cell() -> None:
        enforced(_agent()).invoke(ASK)
        await enforced(_agent()).ainvoke(ASK)
        await adrain(enforced(_agent()).astream(ASK))
        list(enforced(_agent()).stream(ASK))

    asyncio.run(cell())
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny"] * 4


def test_governed_tool(enforced: Any, tmp_path: Path) -> None:
    """A tool governed by itself is governed by every way to call it."""
    governed: BaseTool = enforced(wire_money)
    assert isinstance(governed, type(wire_money))
    governed.invoke({"amount": 1})
    governed.run({"amount": 1})
    run_async(lambda: governed.ainvoke({"amount": 1}))
    run_async(lambda: governed.arun({"amount": 1}))
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny"] * 4
