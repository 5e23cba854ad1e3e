"""The shapes that exist on LangChain 0.3 and LangGraph 0.6, governed: ``python -m tests.compat.old_line``.

For an environment of the old line, without the development tools: it needs langchain, langgraph and Handrail's
own dependencies. Exits 1 and names the cells in which a denied tool ran or a run differed.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import traceback
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.prebuilt import create_react_agent as prebuilt_react_agent

import handrail
from handrail.testing import ToolCall, Turn
from tests.frameworks.langchain.kit import Scripted, call, plain, policy, recorded, unordered

agents: Any = import_module("langchain.agents")
"""Typed as Any: the new line, in which types are checked, has other names there."""
ASK = {"messages": [("user", "hi")]}
QUESTION = {"input": "hi"}
ADD = ToolCall("add", {"a": 2, "b": 3})
WIRE = ToolCall("wire_money", {"amount": 900})
ONE_BY_ONE = (Turn(tool_calls=(ADD,)), Turn(tool_calls=(WIRE,)), Turn("final"))
PARALLEL = (Turn(tool_calls=(ADD, WIRE)), Turn("final"))
REACT = (Turn("Thought: x\nAction: wire_money\nAction Input: 900"), Turn("Thought: I know\nFinal Answer: final"))


def tools(ran: list[str]) -> list[BaseTool]:
    """An allowed tool and a denied one."""

    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        ran.append("add")
        return a + b

    @tool
    def wire_money(amount: int) -> str:
        """Wire money."""
        ran.append("wire_money")
        return "sent"

    return [add, wire_money]


def _graph(model: Scripted, ran: list[str], act: Any) -> Any:
    bound = model.bind_tools(tools(ran))
    graph = StateGraph(MessagesState)
    graph.add_node("llm", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_node("tools", act)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition)
    graph.add_edge("tools", "llm")
    return graph.compile(name="clerk")


def _own_node(ran: list[str]) -> Any:
    named = {each.name: each for each in tools(ran)}

    def act(state: Any) -> Any:
        calls = state["messages"][-1].tool_calls
        return {"messages": [ToolMessage(str(named[c["name"]].invoke(c["args"])), tool_call_id=c["id"]) for c in calls]}

    return act


_CHAT = ChatPromptTemplate.from_messages([("system", "s"), ("human", "{input}"), ("placeholder", "{agent_scratchpad}")])
_REACT = ChatPromptTemplate.from_template("Tools {tools} {tool_names}\nQ {input}\n{agent_scratchpad}")


def _executor(model: Scripted, ran: list[str]) -> Any:
    own = tools(ran)
    return agents.AgentExecutor(agent=agents.create_tool_calling_agent(model, own, _CHAT), tools=own)


def _react(model: Scripted, ran: list[str]) -> Any:
    @tool("wire_money")
    def wire(amount: str) -> str:
        """Wire money."""
        ran.append("wire_money")
        return "sent"

    return agents.AgentExecutor(agent=agents.create_react_agent(model, [wire], _REACT), tools=[wire])


def _chain(model: Scripted, ran: list[str]) -> Any:
    named = {each.name: each for each in tools(ran)}
    run_tools: Any = RunnableLambda(lambda message: [named[c["name"]].invoke(c) for c in message.tool_calls])
    return ChatPromptTemplate.from_messages([("human", "{input}")]) | model.bind_tools(list(named.values())) | run_tools


def _agent_as_tool(model: Scripted, ran: list[str]) -> Any:
    sub = prebuilt_react_agent(model, tools(ran), name="researcher")

    @tool
    def ask_sub(q: str) -> str:
        """Ask the sub-agent."""
        return str(sub.invoke({"messages": [("user", q)]})["messages"][-1].content)

    return prebuilt_react_agent(model, [ask_sub], name="clerk")


Shape = tuple[Callable[[Scripted, list[str]], Any], Sequence[Turn], Any]
SHAPES: dict[str, Shape] = {
    "create_react_agent": (lambda m, r: prebuilt_react_agent(m, tools(r), name="clerk"), ONE_BY_ONE, ASK),
    "create_react_agent v1": (
        lambda m, r: prebuilt_react_agent(m, tools(r), name="clerk", version="v1", prompt="Be brief."),
        PARALLEL,
        ASK,
    ),
    "StateGraph with ToolNode": (lambda m, r: _graph(m, r, ToolNode(tools(r))), PARALLEL, ASK),
    "StateGraph, tool.invoke": (lambda m, r: _graph(m, r, _own_node(r)), ONE_BY_ONE, ASK),
    "AgentExecutor, tool calling": (_executor, ONE_BY_ONE, QUESTION),
    "AgentExecutor, ReAct": (_react, REACT, QUESTION),
    "LCEL chain": (_chain, PARALLEL, QUESTION),
    "agent as a tool": (
        _agent_as_tool,
        (call("ask_sub", q="x"), call("wire_money", amount=1), Turn("sub final"), Turn("final")),
        ASK,
    ),
}


async def _drain(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


ENTRIES: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda agent, ask: agent.invoke(ask),
    "ainvoke": lambda agent, ask: asyncio.run(agent.ainvoke(ask)),
    "stream": lambda agent, ask: list(agent.stream(ask)),
    "astream": lambda agent, ask: asyncio.run(_drain(agent.astream(ask))),
    "batch": lambda agent, ask: agent.batch([ask]),
    "abatch": lambda agent, ask: asyncio.run(agent.abatch([ask])),
    "with_config.invoke": lambda agent, ask: agent.with_config(tags=["x"]).invoke(ask),
    "with_config.stream": lambda agent, ask: list(agent.with_config(tags=["x"]).stream(ask)),
}


def _outcome(shape: Shape, entry: str, wrap: Callable[[Any], Any]) -> tuple[Any, list[str], Scripted]:
    build, turns, ask = shape
    ran: list[str] = []
    model = Scripted(turns=turns)
    agent = wrap(build(model, ran))
    value = unordered(plain(ENTRIES[entry](agent, ask)))
    return value, sorted(ran), model


def check(shape: Shape, entry: str, folder: Path) -> list[str]:
    """What is wrong with one cell; nothing when the wire was stopped, recorded, and observing changed nothing."""
    wrong: list[str] = []
    observed = _outcome(shape, entry, lambda agent: handrail.govern(agent, config=policy(folder / "observe")))
    bare = _outcome(shape, entry, lambda agent: agent)
    if (observed[0], observed[1], observed[2].seen) != (bare[0], bare[1], bare[2].seen):
        wrong.append("observing changed the run")
    _, ran, model = _outcome(
        shape, entry, lambda agent: handrail.govern(agent, config=policy(folder / "enforce", "enforce"))
    )
    if "wire_money" in ran:
        wrong.append("the denied tool ran")
    if len(model.seen) != len(bare[2].seen):
        wrong.append("the run did not go on to its answer")
    for mode, verdict in (("observe", "would_deny"), ("enforce", "deny")):
        found = [r["verdict"] for r in recorded(folder / mode, "tool.call") if r["tool"] == "wire_money"]
        if found != [verdict]:
            wrong.append(f"{mode}: recorded {found}")
        if len(recorded(folder / mode, "run.end")) != 1:
            wrong.append(f"{mode}: not one run")
        if len(recorded(folder / mode, "model.result")) != len(bare[2].seen):
            wrong.append(f"{mode}: model calls are missing")
    return wrong


def main() -> int:
    """Check every cell and say what failed."""
    logging.getLogger("handrail").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    say = sys.stdout.write
    say(f"langchain {version('langchain')}, langgraph {version('langgraph')}\n")
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, entry) in enumerate((name, entry) for name in SHAPES for entry in ENTRIES):
            try:
                wrong = check(SHAPES[name], entry, Path(folder) / str(number))
            except Exception:
                wrong = [traceback.format_exc(limit=-1)]
            failures += bool(wrong)
            for each in wrong:
                say(f"FAILED {name} / {entry}: {each}\n")
    total = len(SHAPES) * len(ENTRIES)
    say(f"{total - failures} of {total} cells passed\n")
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
