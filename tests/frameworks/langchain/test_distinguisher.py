"""Denied, unknown and missing cannot be told apart: everything that a model gets to see, compared as a whole.

The distinguisher is the best that there is for text and structure: it is shown two worlds that differ in nothing but
why the call fails, takes out what the model itself had put in (the name and the id), and looks for any difference.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_classic.agents import AgentExecutor, create_tool_calling_agent
from langchain_core.messages import BaseMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import BaseTool, tool
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition

import handrail
from handrail.testing import ToolCall, Turn
from tests.frameworks.langchain.kit import Scripted, adrain, policy

POLICY = """
version = 1
mode = "enforce"
agent = "clerk"

[users]
"ana" = ["staff"]
"acme/ana" = ["staff"]

[tools.look_up]
not_found = ["LookupError"]

[[rule]]
id = "staff-work"
allow = "staff"
call = ["add", "look_up"]

[[rule]]
id = "no-wires"
deny = "*"
call = "wire_money"
when = "args.name != 'nobody'"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""
ARGS = {"name": "x"}
ASKED: dict[str, tuple[str, str]] = {
    "denied": ("wire_money", "ana"),
    "unknown": ("drop_tables", "ana"),
    "missing": ("look_up", "ana"),
    "unknown principal": ("wire_money", "mallory"),
    "unknown tool and principal": ("drop_tables", "mallory"),
    "allowed to others": ("look_up", "mallory"),
    "nobody": ("wire_money", "anonymous"),
}
"""World -> the tool that the model asks for, and on whose behalf."""
ADD = ToolCall("add", {"a": 1, "b": 2}, id="call_good")
_CHAT = ChatPromptTemplate.from_messages([("system", "s"), ("human", "{input}"), ("placeholder", "{agent_scratchpad}")])
_MESSAGES = {"messages": [("user", "hi")]}


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _tools() -> list[BaseTool]:
    @tool
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @tool
    def wire_money(name: str) -> str:
        """Wire money."""
        raise AssertionError("a denied tool ran")

    @tool
    def look_up(name: str) -> str:
        """Look up an account."""
        raise KeyError(f"no account {name}, accounts are SENTINEL-1 and SENTINEL-2")

    return [add, wire_money, look_up]


def _graph(model: Any, **options: Any) -> Any:
    bound = model.bind_tools(_tools())
    graph = StateGraph(MessagesState)
    graph.add_node("llm", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode(_tools(), **options))
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition)
    graph.add_edge("tools", "llm")
    return graph.compile(name="clerk")


def _executor(model: Any) -> Any:
    return AgentExecutor(agent=create_tool_calling_agent(model, _tools(), _CHAT), tools=_tools())


def _handled(error: Exception) -> str:
    return f"the tool said {error}"


def _deep(model: Any) -> Any:
    from deepagents import create_deep_agent

    return create_deep_agent(model=model, tools=_tools(), name="clerk")


BUILDS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "create_agent": (lambda model: create_agent(model, _tools(), name="clerk"), _MESSAGES),
    "ToolNode": (_graph, _MESSAGES),
    "ToolNode, errors handled": (lambda model: _graph(model, handle_tool_errors=True), _MESSAGES),
    "ToolNode, own handler": (lambda model: _graph(model, handle_tool_errors=_handled), _MESSAGES),
    "ToolNode, errors not handled": (lambda model: _graph(model, handle_tool_errors=False), _MESSAGES),
    "deep agent": (_deep, _MESSAGES),
    "AgentExecutor": (_executor, {"input": "hi"}),
}
DRIVES: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda agent, ask: agent.invoke(ask),
    "ainvoke": lambda agent, ask: asyncio.run(agent.ainvoke(ask)),
    "stream": lambda agent, ask: list(agent.stream(ask)),
    "astream": lambda agent, ask: asyncio.run(adrain(agent.astream(ask))),
    "batch": lambda agent, ask: agent.batch([ask]),
}
CALLS: dict[str, Callable[[ToolCall], list[Turn]]] = {
    "alone": lambda bad: [Turn(tool_calls=(bad,)), Turn("final")],
    "first of two": lambda bad: [Turn(tool_calls=(bad, ADD)), Turn("final")],
    "last of two": lambda bad: [Turn(tool_calls=(ADD, bad)), Turn("final")],
    "twice": lambda bad: [Turn(tool_calls=(bad,)), Turn(tool_calls=(bad,)), Turn("final")],
}


def _all(value: Any, name: str) -> Any:
    """Everything in ``value`` down to the last field; the name that the model chose, and random ids, as blanks."""
    if isinstance(value, BaseMessage):
        fields = {key: field for key, field in value.model_dump().items() if key != "id"}
        return (type(value).__name__, sorted(fields), _all(fields, name))
    if isinstance(value, Mapping):
        return {str(key): _all(item, name) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_all(item, name) for item in value]
    return value.replace(name, "_") if isinstance(value, str) else value


class Watching(Scripted):
    """Keeps the very messages that it is given, every field of them."""

    def _next(self, messages: list[BaseMessage], kwargs: Any) -> Any:
        reply = super()._next(messages, kwargs)
        self.seen[-1] = ([message.model_copy(deep=True) for message in messages], dict(kwargs))
        return reply


def _view(folder: Path, build: str, drive: str, calls: str, world: str, config: Path) -> Any:
    """Everything that the model saw in one world."""
    name, user = ASKED[world]
    make, ask = BUILDS[build]
    model = Watching(turns=CALLS[calls](ToolCall(name, ARGS, id="call_bad")))
    DRIVES[drive](handrail.govern(make(model), config=config, principal={"user": user}), ask)
    assert len(model.seen) == len(model.turns)
    return [_all(messages, name) for messages, _ in model.seen]


def _same(views: Mapping[str, Any]) -> None:
    """The distinguisher: any difference between two of the views is named by their worlds."""
    (first, expected), *rest = views.items()
    for world, view in rest:
        assert view == expected, f"{world} differs from {first}"


def _worlds(build: str, calls: str) -> list[str]:
    """The worlds to compare: beside an allowed call only those of the user whom it is allowed to."""
    return [world for world, (_, user) in ASKED.items() if calls in ("alone", "twice") or user == "ana"]


@pytest.mark.parametrize("calls", CALLS)
@pytest.mark.parametrize("drive", ["invoke", "astream"])
@pytest.mark.parametrize("build", BUILDS)
def test_no_world_can_be_told_from_another(build: str, drive: str, calls: str, tmp_path: Path) -> None:
    """Whatever makes the call fail, the model is given the same messages, field by field, in the same order."""
    config = policy(tmp_path, "enforce", POLICY)
    views = {world: _view(tmp_path, build, drive, calls, world, config) for world in _worlds(build, calls)}
    assert "SENTINEL" not in str(views)
    _same(views)


@pytest.mark.parametrize("drive", DRIVES)
def test_no_entry_tells_more(drive: str, tmp_path: Path) -> None:
    """The same through every entry point of an agent."""
    config = policy(tmp_path, "enforce", POLICY)
    _same({world: _view(tmp_path, "create_agent", drive, "alone", world, config) for world in ASKED})


@pytest.mark.parametrize("mode", ["values", "updates", "messages", "debug", "custom", "tasks"])
def test_streams_tell_denied_and_unknown_apart_in_nothing(mode: str, tmp_path: Path) -> None:
    """What a consumer of a stream gets is the same number of items of the same shape too."""
    config = policy(tmp_path, "enforce", POLICY)
    shapes: dict[str, Any] = {}
    for world in ("denied", "unknown"):
        model = Watching(turns=CALLS["alone"](ToolCall(ASKED[world][0], ARGS, id="call_bad")))
        agent: Any = create_agent(model, _tools(), name="clerk")
        governed = handrail.govern(agent, config=config, principal={"user": "ana"})
        shapes[world] = [_shape(item) for item in governed.stream(_MESSAGES, stream_mode=mode)]
    _same(shapes)


def test_events_tell_denied_and_unknown_apart_in_nothing(tmp_path: Path) -> None:
    """Neither do the events of astream_events, in number, kind and order."""
    config = policy(tmp_path, "enforce", POLICY)
    kinds: dict[str, Any] = {}
    for world in ("denied", "unknown"):
        model = Watching(turns=CALLS["alone"](ToolCall(ASKED[world][0], ARGS, id="call_bad")))
        agent: Any = create_agent(model, _tools(), name="clerk")
        governed: Any = handrail.govern(agent, config=config, principal={"user": "ana"})
        events = asyncio.run(adrain(governed.astream_events(_MESSAGES, version="v2")))
        kinds[world] = [(event["event"], event["name"], sorted(event["data"])) for event in events]
    _same(kinds)


def _shape(value: Any) -> Any:
    """Types, keys and lengths of what a stream gives out."""
    if isinstance(value, BaseMessage):
        return (type(value).__name__, sorted(value.model_dump()), getattr(value, "status", None))
    if isinstance(value, Mapping):
        return {str(key): _shape(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shape(item) for item in value]
    return type(value).__name__


def test_another_tenants_world_is_the_same(tmp_path: Path) -> None:
    """Users of the same name in two tenants, one of which has the rule: a refusal tells neither of the other."""
    text = POLICY.replace('id = "no-wires"', 'id = "no-wires"\ntenant = "acme"').replace('"ana" = ["staff"]\n', "", 1)
    config = policy(tmp_path, "enforce", text)
    views: dict[str, Any] = {}
    for tenant in ("acme", "default", "rival"):
        for name in ("wire_money", "drop_tables"):
            model = Watching(turns=CALLS["alone"](ToolCall(name, ARGS, id="call_bad")))
            agent: Any = create_agent(model, _tools(), name="clerk")
            handrail.govern(agent, config=config, principal={"tenant": tenant, "user": "ana"}).invoke(_MESSAGES)
            views[f"{tenant} {name}"] = [_all(messages, name) for messages, _ in model.seen]
    assert "acme" not in str(views.values())
    _same(views)


def test_the_journal_tells_them_apart(tmp_path: Path) -> None:
    """What the model cannot know stands in the audit: each world with its own reason, and equally many records."""
    from tests.frameworks.langchain.kit import recorded

    reasons: dict[str, tuple[str, str]] = {}
    counts: dict[str, list[str]] = {}
    for world in ("denied", "unknown", "missing"):
        config = policy(tmp_path / world, "enforce", POLICY)
        _view(tmp_path, "create_agent", "invoke", "alone", world, config)
        [decided], [ended] = recorded(tmp_path / world, "tool.call"), recorded(tmp_path / world, "tool.result")
        reasons[world] = (decided["by"], ended["outcome"])
        counts[world] = [record["k"] for record in recorded(tmp_path / world)]
    assert reasons == {
        "denied": ("policy", "rejected"), "unknown": ("unknown_tool", "rejected"), "missing": ("policy", "not_found"),
    }  # fmt: skip
    assert counts["denied"] == counts["unknown"] == counts["missing"]
