"""Every way in: event streams, the functional API, executors step by step, whole processes and their undoing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_classic.agents import AgentExecutor
from langchain_classic.agents.agent_iterator import AgentExecutorIterator
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk
from langchain_core.runnables import RunnableLambda, RunnableSequence
from langchain_core.tools import BaseTool, tool
from langgraph._internal._runnable import RunnableSeq
from langgraph.func import entrypoint, task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.pregel import Pregel

import handrail
from handrail.testing import ToolCall, Turn
from tests.frameworks.langchain import test_copies
from tests.frameworks.langchain.kit import Scripted, adrain, plain, policy, recorded, run_async
from tests.frameworks.langchain.scenarios import ASK, END
from tests.frameworks.langchain.test_copies import KINDS, RAN, WIRE, ask_model, wire_money

SEAMS = (BaseTool, BaseChatModel, RunnableSequence, Pregel, ToolNode, AgentExecutor, AgentExecutorIterator, RunnableSeq)
"""Every class that is wrapped."""


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    RAN.clear()
    yield
    handrail.uninstrument()


def _agent(turns: tuple[Turn, ...] = (WIRE, END), **options: Any) -> Any:
    return create_agent(Scripted(turns=turns), [wire_money], name="clerk", **options)


def _verdicts(folder: Path) -> list[str]:
    return [record["verdict"] for record in recorded(folder, "tool.call")]


def _whole(folder: Path) -> dict[str, int]:
    """How often each kind of record was written."""
    kinds = [record["k"] for record in recorded(folder)]
    return {kind: kinds.count(kind) for kind in kinds if kind not in ("writer.start", "config.load", "writer.stop")}


@pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_astream_events(version: Any, tmp_path: Path) -> None:
    """Event streams of both versions are governed."""
    governed = handrail.govern(_agent(), config=policy(tmp_path, "enforce"))
    run_async(lambda: adrain(governed.astream_events(ASK, version=version)))
    assert RAN == []
    assert _whole(tmp_path) == ONE_RUN


ONE_RUN = {
    "run.start": 1, "run.input": 1, "model.call": 2, "model.result": 2, "tool.call": 1, "tool.result": 1, "run.end": 1,
}  # fmt: skip
"""Records of a run that asks its model, calls a tool, and asks again."""


async def _v3(agent: Any) -> Any:
    stream = await agent.astream_events(ASK, version="v3")
    return await stream.output()


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize(
    "drive", [lambda a: a.stream_events(ASK, version="v3").output, lambda a: run_async(lambda: _v3(a))]
)
def test_stream_events_v3(drive: Callable[[Any], Any], tmp_path: Path) -> None:
    """The content-block protocol of graphs is governed, and its output is that of the bare graph."""
    bare = plain(drive(_agent()))
    RAN.clear()
    observed = handrail.govern(_agent(), config=policy(tmp_path / "observe"))
    assert plain(drive(observed)) == bare
    assert RAN == ["wire_money"]
    RAN.clear()
    drive(handrail.govern(_agent(), config=policy(tmp_path / "enforce", "enforce")))
    assert RAN == []
    assert _whole(tmp_path / "enforce") == ONE_RUN


async def _amodel_v3(model: Any, messages: Any) -> Any:
    stream = await model.astream_events(messages, version="v3")
    return await stream.output


def _nodes(model: Any) -> dict[str, Any]:
    return {
        "stream_events v3": lambda state: {"messages": [model.stream_events(state["messages"], version="v3").output]},
        "stream": lambda state: {"messages": [sum(model.stream(state["messages"]), start=AIMessageChunk(content=""))]},
        "generate": lambda state: {"messages": [model.generate([state["messages"]]).generations[0][0].message]},
        "batch": lambda state: {"messages": model.batch([state["messages"]])},
        "structured": lambda state: {"messages": [model.bind(x=1).invoke(state["messages"])]},
    }


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("way", _nodes(None))
def test_model_inside_a_node(way: str, tmp_path: Path) -> None:
    """Every way to ask a model inside a node is recorded once, with its usage."""
    graph = StateGraph(MessagesState)
    graph.add_node("ask", _nodes(Scripted(turns=(END,)))[way])
    graph.add_edge(START, "ask")
    agent = handrail.govern(graph.compile(name="clerk"), config=policy(tmp_path))
    agent.invoke(ASK)
    (result,) = recorded(tmp_path, "model.result")
    assert result["outcome"] == "ok"
    assert result["usage"] == {"input": 11, "output": 7, "cache_read": 0, "reasoning": 0}
    (end,) = recorded(tmp_path, "run.end")
    assert (end["input_tokens"], end["output_tokens"], end["model_calls"]) == (11, 7, 1)


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_model_v3_in_a_node_keeps_the_callbacks_of_the_graph(tmp_path: Path) -> None:
    """A model streamed inside an asynchronous node still reports to the callbacks of the run around it."""

    def events(wrap: Callable[[Any], Any]) -> list[str]:
        model = Scripted(turns=(END,))

        async def ask(state: Any) -> Any:
            return {"messages": [await _amodel_v3(model, state["messages"])]}

        graph = StateGraph(MessagesState)
        graph.add_node("ask", ask)
        graph.add_edge(START, "ask")
        agent = wrap(graph.compile(name="clerk"))
        found = run_async(lambda: adrain(agent.astream_events(ASK, version="v2")))
        return [f"{event['event']} {event['name']}" for event in found]

    bare = events(lambda agent: agent)
    assert "on_chat_model_start Scripted" in bare
    assert events(lambda agent: handrail.govern(agent, config=policy(tmp_path))) == bare
    (result,) = recorded(tmp_path, "model.result")
    assert result["usage"]["output"] == 7


def _functional() -> Any:
    @task
    def transfer(amount: int) -> str:
        return str(wire_money.invoke({"amount": amount}))

    @entrypoint()
    def workflow(amount: int) -> str:
        return transfer(amount).result()

    return workflow


def test_functional_api(tmp_path: Path) -> None:
    """Tools inside @task and @entrypoint are governed, by the synchronous and the asynchronous way in."""
    bare = _functional().invoke(9)
    RAN.clear()
    assert handrail.govern(_functional(), config=policy(tmp_path / "o")).invoke(9) == bare
    RAN.clear()
    governed = handrail.govern(_functional(), config=policy(tmp_path, "enforce"))
    assert isinstance(governed, Pregel)
    answers = [governed.invoke(9), list(governed.stream(9))[-1]["workflow"]]
    assert answers[0] == answers[1] != bare
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny", "deny"]


def test_executor_step_by_step(tmp_path: Path) -> None:
    """``AgentExecutor.iter`` gives the bare steps in observe mode, and is governed in enforce mode."""
    bare = plain(list(test_copies._executor().iter({"input": "x"})))
    RAN.clear()
    observed = handrail.govern(test_copies._executor(), config=policy(tmp_path / "o"))
    assert plain(list(observed.iter({"input": "x"}))) == bare
    RAN.clear()
    governed = handrail.govern(test_copies._executor(), config=policy(tmp_path, "enforce"))
    list(governed.iter({"input": "x"}))
    other = handrail.govern(test_copies._executor(), config=policy(tmp_path, "enforce"))
    run_async(lambda: adrain(other.iter({"input": "x"})))
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny", "deny"]
    assert len(recorded(tmp_path, "run.end")) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::langchain_core._api.LangChainDeprecationWarning")
@pytest.mark.parametrize("way", ["__call__", "call by name"])
def test_executor_called_the_old_way(way: str, tmp_path: Path) -> None:
    """The calls of the first LangChain releases are still governed."""
    governed = handrail.govern(test_copies._executor(), config=policy(tmp_path, "enforce"))
    if way == "__call__":
        governed({"input": "x"})
    else:
        governed.invoke(input={"input": "x"})
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny"]
    assert len(recorded(tmp_path, "run.start")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_arguments_by_name(kind: str, tmp_path: Path) -> None:
    """Inputs given by keyword work on what is governed as they do on the bare object."""
    make, ask = KINDS[kind]
    for entry, name in (("invoke", "input"), ("batch", "inputs")):
        assert getattr(make(), entry)(**{name: [ask] if entry == "batch" else ask})
        governed = handrail.govern(make(), config=policy(tmp_path))
        assert getattr(governed, entry)(**{name: [ask] if entry == "batch" else ask})
    assert list(handrail.govern(make(), config=policy(tmp_path)).stream(input=ask))


# --- the whole process -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_govern_and_instrument_decide_once(kind: str, tmp_path: Path) -> None:
    """A governed agent in an instrumented process is decided and traced once, by its own configuration."""
    make, ask = KINDS[kind]
    handrail.instrument(config=policy(tmp_path / "process"))
    governed = handrail.govern(make(), config=policy(tmp_path / "own", "enforce"))
    governed.invoke(ask)
    assert RAN == []
    assert _verdicts(tmp_path / "own") == ["deny"]
    assert recorded(tmp_path / "process", "run.start", "tool.call") == []
    same = handrail.govern(make(), config=tmp_path / "process" / "handrail.toml")
    same.invoke(ask)
    assert _verdicts(tmp_path / "process") == ["would_deny"]
    assert len(recorded(tmp_path / "process", "run.start")) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_instrument_covers_what_is_older_and_younger(kind: str, tmp_path: Path) -> None:
    """Agents built before and after ``instrument()`` are governed; after ``uninstrument()`` none is."""
    make, ask = KINDS[kind]
    older, spare = make(), make()
    handrail.instrument(config=policy(tmp_path, "enforce"))
    older.invoke(ask)
    make().invoke(ask)
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny", "deny"]
    assert len(recorded(tmp_path, "run.start")) == 2
    handrail.uninstrument()
    spare.invoke(ask)
    assert RAN == ["wire_money"]
    assert len(recorded(tmp_path, "run.start")) == 2


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_instrument_covers_bare_calls(tmp_path: Path) -> None:
    """A tool or a model called outside every agent is governed too, each as a run of its own."""
    handrail.instrument(config=policy(tmp_path, "enforce"))
    wire_money.invoke({"amount": 1})
    run_async(lambda: wire_money.ainvoke({"amount": 1}))
    ToolNode([wire_money], handle_tool_errors=True)
    assert RAN == []
    assert _verdicts(tmp_path) == ["deny", "deny"]
    Scripted(turns=(END,)).invoke("hi")
    list(Scripted(turns=(END,)).stream("hi"))
    run_async(lambda: Scripted(turns=(END,)).ainvoke("hi"))
    _ = Scripted(turns=(END,)).stream_events("hi", version="v3").output
    run_async(lambda: _amodel_v3(Scripted(turns=(END,)), "hi"))
    usages = [record["usage"]["output"] for record in recorded(tmp_path, "model.result")]
    assert usages == [7] * 5
    assert [record["outcome"] for record in recorded(tmp_path, "run.end")] == ["ok"] * 7


def test_instrument_covers_a_chain_once(tmp_path: Path) -> None:
    """A chain of chains is one run, and its inner chains are no agents of their own."""
    handrail.instrument(config=policy(tmp_path))
    inner = RunnableLambda(lambda x: x) | Scripted(turns=(END,))
    (RunnableLambda(lambda x: x) | RunnableLambda(lambda x: inner.invoke(x))).invoke("hi")
    assert _whole(tmp_path) == {"run.start": 1, "model.call": 1, "model.result": 1, "run.end": 1}
    assert {record["agent"] for record in recorded(tmp_path, "model.call")} == {"clerk"}


def test_chain_inside_an_agent_is_no_agent(tmp_path: Path) -> None:
    """A prompt-and-model chain in a node acts as the agent, and needs no delegation to nobody."""
    text = policy(tmp_path, "enforce").read_text().split("[[delegate]]")[0]
    (tmp_path / "handrail.toml").write_text(text + '[[rule]]\nid = "a"\nallow = "agent:clerk"\ncall = "*"\n'
        '[[delegate]]\nfrom = "staff"\nto = "agent:clerk"\ncall = "*"\n')  # fmt: skip
    chain = RunnableLambda(lambda state: state["messages"]) | RunnableLambda(lambda _: [add.invoke({"a": 1})])

    @tool
    def add(a: int) -> int:
        """Add one."""
        RAN.append("add")
        return a + 1

    graph = StateGraph(MessagesState)
    graph.add_node("chain", lambda state: {"messages": [str(chain.invoke(state)[0])]})
    graph.add_edge(START, "chain")
    handrail.govern(graph.compile(name="clerk"), config=tmp_path / "handrail.toml").invoke(ASK)
    assert RAN == ["add"]
    assert [record["chain"] for record in recorded(tmp_path, "tool.call")] == [["user:ana", "agent:clerk"]]


def test_unknown_tool_and_own_entry_in_a_bare_tool_node(tmp_path: Path) -> None:
    """An instrumented process also sees a ToolNode that runs in nobody's graph, with the same neutral text."""
    handrail.instrument(config=policy(tmp_path, "enforce"))
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([wire_money]))
    graph.add_edge(START, "tools")
    calls = Turn(tool_calls=(ToolCall("nope", {}), ToolCall("wire_money", {"amount": 1})))
    found = graph.compile().invoke({"messages": [Scripted(turns=(calls,)).invoke("x")]})
    texts = {message.content for message in found["messages"][1:]}
    assert len(texts) == 1
    assert "wire_money" not in texts.pop()
    assert sorted(_verdicts(tmp_path)) == ["deny", "deny"]


def _attributes() -> dict[str, dict[str, Any]]:
    from langchain_core.tools import StructuredTool

    kinds = (*SEAMS, StructuredTool, Scripted, ask_model)
    return {str(kind): dict(vars(kind)) for kind in kinds if isinstance(kind, type)}


def _without_caches(attributes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {kind: {k: v for k, v in found.items() if k != "_abc_impl"} for kind, found in attributes.items()}


def test_uninstrument_restores_every_original(tmp_path: Path) -> None:
    """Every wrapped class has its own ``__dict__`` back, after double instrumenting and governing as well."""
    handrail.uninstrument()
    before = _without_caches(_attributes())
    handrail.instrument(config=policy(tmp_path / "a"))
    handrail.instrument(config=policy(tmp_path / "b"))
    handrail.govern(_agent(), config=policy(tmp_path / "a")).invoke(ASK)
    changed = [kind for kind, found in _without_caches(_attributes()).items() if found != before[kind]]
    assert len(changed) == len(SEAMS)
    handrail.uninstrument()
    handrail.uninstrument()
    assert _without_caches(_attributes()) == before


def test_what_was_governed_is_free_after_uninstrument(tmp_path: Path) -> None:
    """After ``uninstrument()`` governed objects run bare, and govern again as soon as something is governed."""
    governed = [handrail.govern(make(), config=policy(tmp_path, "enforce")) for make, _ in KINDS.values()]
    handrail.uninstrument()
    for agent, (_, ask) in zip(governed, KINDS.values(), strict=True):
        agent.invoke(ask)
    assert RAN == ["wire_money"] * 3
    assert recorded(tmp_path, "run.start", "tool.call") == []


def test_governed_objects_can_be_collected(tmp_path: Path) -> None:
    """A notebook that governs again and again keeps no copies: what nobody holds is freed."""
    import weakref

    path = policy(tmp_path)
    refs = [weakref.ref(type(handrail.govern(_agent(), config=path))) for _ in range(20)]
    gc.collect()
    assert sum(ref() is not None for ref in refs) <= 1


def test_seam_does_not_import_what_is_absent() -> None:
    """The tests above really ran with the classic executor and LangGraph loaded."""
    assert {"langgraph.pregel", "langchain_classic.agents.agent_iterator"} <= set(sys.modules)
