"""The agent shapes that people build with the LangChain family, each with a script that tries a denied call."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents import create_agent
from langchain_classic.agents import AgentExecutor, create_react_agent, create_tool_calling_agent
from langchain_core.messages import ToolMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.prebuilt import create_react_agent as prebuilt_react_agent

from handrail.testing import ToolCall, Turn

ADD = ToolCall("add", {"a": 2, "b": 3})
WIRE = ToolCall("wire_money", {"amount": 900})
SEQUENTIAL = (Turn(tool_calls=(ADD,)), Turn(tool_calls=(WIRE,)), Turn("final"))
PARALLEL = (Turn(tool_calls=(ADD, WIRE)), Turn("final"))
ASK = {"messages": [("user", "hi")]}


@dataclass(frozen=True, slots=True)
class Shape:
    """One way to build an agent."""

    name: str
    build: Callable[[Any, list[str]], Any]
    """Makes the agent from a model and the list in which its tools note that they ran."""
    script: Sequence[Turn] = SEQUENTIAL
    ask: Any = None
    """Input of one run."""
    hole: bool = False
    """Whether no seam can see its denied call."""


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


class OwnEntry(BaseTool):
    """A tool class that overrides the public entry point."""

    name: str = "wire_money"
    description: str = "Wire money."
    ran: Any = None

    def _run(self, amount: int) -> str:
        self.ran.append("wire_money")
        return "sent"

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        """Skip BaseTool.run altogether."""
        found = self._run(**input.get("args", input))
        return ToolMessage(found, tool_call_id=input["id"]) if input.get("type") == "tool_call" else found

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        """Skip BaseTool.arun altogether."""
        return self.invoke(input, config, **kwargs)


def _graph(model: Any, ran: list[str], act: Any) -> Any:
    graph = StateGraph(MessagesState)
    bound = model.bind_tools(tools(ran))
    graph.add_node("llm", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_node("tools", act)
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition)
    graph.add_edge("tools", "llm")
    return graph.compile(name="clerk")


def _own_node(ran: list[str], call: Callable[[BaseTool, Any], Any]) -> Any:
    named = {each.name: each for each in tools(ran)}

    def act(state: Any) -> Any:
        calls = state["messages"][-1].tool_calls
        return {"messages": [ToolMessage(str(call(named[c["name"]], c["args"])), tool_call_id=c["id"]) for c in calls]}

    return act


def _prebuilt(model: Any, ran: list[str]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return prebuilt_react_agent(model, tools(ran), name="clerk")


_CHAT = ChatPromptTemplate.from_messages([("system", "s"), ("human", "{input}"), ("placeholder", "{agent_scratchpad}")])
_REACT = ChatPromptTemplate.from_template("Tools {tools} {tool_names}\nQ {input}\n{agent_scratchpad}")


def _executor(model: Any, ran: list[str]) -> Any:
    own = tools(ran)
    return AgentExecutor(agent=create_tool_calling_agent(model, own, _CHAT), tools=own)


def _react_executor(model: Any, ran: list[str]) -> Any:
    @tool("wire_money")
    def wire(amount: str) -> str:
        """Wire money."""
        ran.append("wire_money")
        return "sent"

    return AgentExecutor(agent=create_react_agent(model, [wire], _REACT), tools=[wire])


def _chain(model: Any, ran: list[str]) -> Any:
    named = {each.name: each for each in tools(ran)}

    def act(message: Any) -> Any:
        return [named[c["name"]].invoke(c) for c in message.tool_calls]

    run_tools: Any = RunnableLambda(act)
    return ChatPromptTemplate.from_messages([("human", "{input}")]) | model.bind_tools(list(named.values())) | run_tools


def _deep(model: Any, ran: list[str]) -> Any:
    from deepagents import create_deep_agent

    return create_deep_agent(model=model, tools=tools(ran), name="clerk")


def _agent_as_tool(model: Any, ran: list[str]) -> Any:
    sub: Any = create_agent(model, tools(ran), name="researcher")

    @tool
    def ask_sub(q: str) -> str:
        """Ask the sub-agent."""
        return str(sub.invoke({"messages": [("user", q)]})["messages"][-1].content)

    return create_agent(model, [ask_sub], name="clerk")


_IN_SUB = (Turn(tool_calls=(ADD,)), Turn(tool_calls=(WIRE,)), Turn("sub final"), Turn("final"))
_TASK = ToolCall("task", {"description": "do it", "subagent_type": "general-purpose"})
_QUESTION = {"input": "hi"}

SHAPES = (
    Shape("create_agent", lambda m, r: create_agent(m, tools(r), name="clerk"), ask=ASK),
    Shape("create_agent parallel", lambda m, r: create_agent(m, tools(r), name="clerk"), PARALLEL, ASK),
    Shape(
        "create_agent, tool with its own invoke",
        lambda m, r: create_agent(m, [tools(r)[0], OwnEntry(ran=r)], name="clerk"),
        PARALLEL,
        ASK,
    ),
    Shape("langgraph create_react_agent", _prebuilt, ask=ASK),
    Shape("StateGraph with ToolNode", lambda m, r: _graph(m, r, ToolNode(tools(r))), PARALLEL, ASK),
    Shape("StateGraph, tool.invoke", lambda m, r: _graph(m, r, _own_node(r, lambda t, a: t.invoke(a))), ask=ASK),
    Shape(
        "StateGraph, tool.func",
        lambda m, r: _graph(m, r, _own_node(r, lambda t, a: t.func(**a))),  # type: ignore[attr-defined]
        ask=ASK,
        hole=True,
    ),
    Shape("AgentExecutor, tool calling", _executor, ask=_QUESTION),
    Shape(
        "AgentExecutor, ReAct",
        _react_executor,
        (
            Turn("Thought: x\nAction: wire_money\nAction Input: 900"),
            Turn("Thought: I know\nFinal Answer: final"),
        ),
        _QUESTION,
    ),
    Shape("LCEL chain", _chain, PARALLEL, _QUESTION),
    Shape("deep agent", _deep, ask=ASK),
    Shape("deep agent, in a sub-agent", _deep, (Turn(tool_calls=(_TASK,)), *_IN_SUB), ASK),
    Shape(
        "agent as a tool", _agent_as_tool, (Turn(tool_calls=(ToolCall("ask_sub", {"q": "x"}),)), *_IN_SUB), ASK
    ),
)  # fmt: skip
