"""What the model reads of what it may not do: the bytes that reached a model server, shape by shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_classic.agents import AgentExecutor, create_tool_calling_agent
from langchain_core.messages import ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

import handrail
from handrail.gate import NEUTRAL
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from tests.kept import kept, policy

DENIED = ToolCall("wire_money", {"amount": 900})
UNKNOWN = ToolCall("drop_tables", {"really": "yes"})
MISSING = ToolCall("look_up", {"name": "SENTINEL-account"})
INVALID_DENIED = ToolCall("wire_money", {"amount": "SENTINEL"})
INVALID_ALLOWED = ToolCall("add", {"a": "x"})
SECRETS = ("no-wires", "staff", "SENTINEL", "LookupError", "not a valid tool", "try one of", "is not a valid")
ASK = {"messages": [("user", "hi")]}
_CHAT = ChatPromptTemplate.from_messages([("system", "s"), ("human", "{input}"), ("placeholder", "{agent_scratchpad}")])


def tools() -> list[BaseTool]:
    """One tool of each kind."""

    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @tool
    def wire_money(amount: int) -> str:
        """Wire money."""
        raise AssertionError("a denied tool ran")

    @tool
    def look_up(name: str) -> str:
        """Look up an account."""
        raise KeyError(f"no account {name}, accounts are SENTINEL-1, SENTINEL-2")

    return [add, wire_money, look_up]


def _node_graph(model: Any, act: Any) -> Any:
    graph = StateGraph(MessagesState)
    bound = model.bind_tools(tools())
    graph.add_node("llm", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_node("tools", act)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition)
    graph.add_edge("tools", "llm")
    return graph.compile(name="clerk")


def _own_node(model: Any) -> Any:
    named = {each.name: each for each in tools()}

    def act(state: Any) -> Any:
        answers: list[ToolMessage] = []
        for call in state["messages"][-1].tool_calls:
            if call["name"] in named:
                found = named[call["name"]].invoke(call["args"])
                answers.append(ToolMessage(str(found), tool_call_id=call["id"]))
        return {"messages": answers}

    return _node_graph(model, act)


def _deep(model: Any) -> Any:
    from deepagents import create_deep_agent

    return create_deep_agent(model=model, tools=tools(), name="clerk")


def _executor(model: Any) -> Any:
    own = tools()
    return AgentExecutor(agent=create_tool_calling_agent(model, own, _CHAT), tools=own)


BUILDS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "create_agent": (lambda model: create_agent(model, tools(), name="clerk"), ASK),
    "ToolNode": (lambda model: _node_graph(model, ToolNode(tools())), ASK),
    "own node": (_own_node, ASK),
    "deep agent": (_deep, ASK),
    "AgentExecutor": (_executor, {"input": "hi"}),
}
DRIVES: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda agent, ask: agent.invoke(ask),
    "ainvoke": lambda agent, ask: asyncio.run(agent.ainvoke(ask)),
    "stream": lambda agent, ask: list(agent.stream(ask)),
}


def answers(server: ScriptedModel) -> list[bytes]:
    """What the model was told of each call, in order, as the bytes of the last request's body held it."""
    body = server.requests[-1].body
    if server.requests[-1].api == "chat":
        items = [item["content"] for item in body["messages"] if item["role"] == "tool"]  # type: ignore[attr-defined]
    else:
        items = [item["output"] for item in body["input"] if item.get("type") == "function_call_output"]  # type: ignore[attr-defined]
    return [json.dumps(item).encode() for item in items]


def told(tmp_path: Path, shape: str, drive: str, calls: Sequence[ToolCall], **options: Any) -> list[bytes]:
    """Run an enforced agent over ``calls``, one each turn, and return what the model was told."""
    build, ask = BUILDS[shape]
    turns = [*(Turn(tool_calls=(call,)) for call in calls), Turn("final")]
    with ScriptedModel(turns) as server:
        agent = build(chat_openai(server, **options))
        DRIVES[drive](handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"}), ask)
        assert len(server.requests) == len(turns)
        told = answers(server)
        results = " ".join(str(answer) for answer in told)
    assert not [secret for secret in SECRETS if secret in results]
    return told


@pytest.mark.parametrize("responses", [False, True], ids=["chat completions", "responses"])
@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("shape", BUILDS)
def test_denied_unknown_and_missing_are_the_same_bytes(shape: str, drive: str, responses: bool, tmp_path: Path) -> None:
    """A model cannot tell what is forbidden from what does not exist, and learns no name it did not use."""
    calls = [DENIED, MISSING, INVALID_DENIED]
    if shape != "own node":  # there an unknown name is the graph's own affair
        calls.append(UNKNOWN)
    found = told(tmp_path, shape, drive, calls, use_responses_api=responses)
    assert set(found) == {json.dumps(NEUTRAL).encode()}
    assert len(found) == len(calls)
    verdicts = [(call["by"], call["verdict"]) for call in kept(tmp_path, "tool.call")]
    assert (
        verdicts
        == [("policy", "deny"), ("policy", "allow"), ("policy", "deny"), ("unknown_tool", "deny")][: len(calls)]
    )


@pytest.mark.parametrize("shape", BUILDS)
def test_parallel_calls_read_the_same(shape: str, tmp_path: Path) -> None:
    """The same holds when one answer asks for all of them at once, beside an allowed call that works."""
    build, ask = BUILDS[shape]
    calls = (DENIED, MISSING, ToolCall("add", {"a": 1, "b": 2}))
    with ScriptedModel([Turn(tool_calls=calls), Turn("final")]) as server:
        governed = handrail.govern(build(chat_openai(server)), config=policy(tmp_path), principal={"user": "ana"})
        governed.invoke(ask)
        assert answers(server) == [json.dumps(NEUTRAL).encode()] * 2 + [b'"3"']


@pytest.mark.parametrize("shape", BUILDS)
def test_only_an_allowed_tool_explains_its_arguments(shape: str, tmp_path: Path) -> None:
    """What is wrong with arguments is told of an allowed tool, by its own schema, and of no other."""
    [allowed] = told(tmp_path, shape, "invoke", [INVALID_ALLOWED])
    assert b"are not valid" in allowed
    assert b"wire_money" not in allowed


def test_everything_but_the_id_of_a_refusal_is_equal(tmp_path: Path) -> None:
    """The whole tool message, not only its text, is the same for a denied and an unknown tool."""
    with ScriptedModel([Turn(tool_calls=(DENIED, UNKNOWN)), Turn("final")]) as server:
        agent = create_agent(chat_openai(server), tools(), name="clerk")
        handrail.govern(agent, config=policy(tmp_path), principal={"user": "ana"}).invoke(ASK)  # type: ignore[call-overload]
        messages: Any = server.requests[-1].body["messages"]
    denied, unknown = ({**item, "tool_call_id": "", "name": ""} for item in messages if item["role"] == "tool")
    assert denied == unknown


@pytest.mark.parametrize("shape", ["create_agent", "ToolNode", "deep agent", "AgentExecutor"])
def test_observe_leaves_the_frameworks_own_text(shape: str, tmp_path: Path) -> None:
    """In observe mode the model reads of an unknown tool exactly what it reads in an ungoverned agent."""
    read: list[list[bytes]] = []
    for governed in (False, True):
        build, ask = BUILDS[shape]
        with ScriptedModel([Turn(tool_calls=(UNKNOWN,)), Turn("final")]) as server:
            agent = build(chat_openai(server))
            if governed:
                agent = handrail.govern(agent, config=policy(tmp_path, "observe"), principal={"user": "ana"})
            agent.invoke(ask)
            read.append(answers(server))
    assert read[0] == read[1]
    assert b"wire_money" in read[0][0]
    assert [call["verdict"] for call in kept(tmp_path, "tool.call")] == ["would_deny"]


def test_identity_refusal_reads_the_same(tmp_path: Path) -> None:
    """An agent that acts for nobody is refused in the same words."""
    with ScriptedModel([Turn(tool_calls=(ToolCall("add", {"a": 1, "b": 2}),)), Turn("final")]) as server:
        agent = create_agent(chat_openai(server), tools(), name="clerk")
        handrail.govern(agent, config=policy(tmp_path)).invoke(ASK)  # type: ignore[call-overload]
        assert answers(server) == [json.dumps(NEUTRAL).encode()]
