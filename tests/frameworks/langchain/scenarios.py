"""Agents whose tools do everything that tools of this family may do; used to compare governed and bare runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain.tools import ToolRuntime
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, ToolException, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.config import get_stream_writer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import InjectedState, InjectedStore, ToolNode, tools_condition
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt
from pydantic import BaseModel

from handrail.testing import ToolCall, Turn
from tests.frameworks.langchain.kit import Scripted, call

ASK: Any = {"messages": [HumanMessage("hi")]}
END = Turn("final answer")


@dataclass(frozen=True, slots=True)
class Scenario:
    """One agent, and what its model plays."""

    name: str
    build: Callable[[Scripted, list[str]], Any]
    """Makes the agent from its model and the list in which tools note that they ran."""
    turns: Sequence[Any]
    resume: Any = None
    """Value with which an interrupted run goes on; None where it is not interrupted."""

    @property
    def parallel(self) -> bool:
        """Whether calls run side by side, so that their order of completion is anybody's guess."""
        return any(len(getattr(turn, "tool_calls", ())) > 1 for turn in self.turns)


def _agent(make: Callable[[list[str]], Sequence[Any]], **options: Any) -> Callable[[Scripted, list[str]], Any]:
    return lambda model, ran: create_agent(model, list(make(ran)), name="clerk", **_fresh(options))


def _fresh(options: dict[str, Any]) -> dict[str, Any]:
    """Stores and checkpointers are given as classes, so that no two agents share one."""
    return {name: value() if value in (InMemorySaver, InMemoryStore) else value for name, value in options.items()}


def _node(
    make: Callable[[list[str]], Sequence[Any]], errors: Any = True, **options: Any
) -> Callable[[Scripted, list[str]], Any]:
    def build(model: Scripted, ran: list[str]) -> Any:
        tools = list(make(ran))
        bound = model.bind_tools(tools)
        graph = StateGraph(MessagesState)
        graph.add_node("llm", lambda state: {"messages": [bound.invoke(state["messages"])]})
        graph.add_node("tools", ToolNode(tools, handle_tool_errors=errors))
        graph.add_edge(START, "llm")
        graph.add_conditional_edges("llm", tools_condition)
        graph.add_edge("tools", "llm")
        return graph.compile(name="clerk", **_fresh(options))

    return build


def _add(ran: list[str]) -> Any:
    @tool
    def add(a: int, b: int = 3) -> int:
        """Add two numbers."""
        ran.append(f"add({a},{b})")
        return a + b

    return add


def _raising(ran: list[str]) -> list[Any]:
    @tool
    def broken(a: int) -> int:
        """Fail."""
        ran.append("broken")
        raise ValueError(f"no {a}")

    return [broken, _add(ran)]


def _tool_exception(handle: Any) -> Callable[[list[str]], list[Any]]:
    def make(ran: list[str]) -> list[Any]:
        def body(a: int) -> int:
            ran.append("excepting")
            raise ToolException(f"cannot {a}")

        return [StructuredTool.from_function(body, name="excepting", description="Fail.", handle_tool_error=handle)]

    return make


def _validation_handled(ran: list[str]) -> list[Any]:
    def body(a: int) -> int:
        ran.append("checked")
        return a

    return [
        StructuredTool.from_function(
            body, name="checked", description="Check.", handle_validation_error="please check your arguments"
        )
    ]


def _direct(ran: list[str]) -> list[Any]:
    @tool(return_direct=True)
    def direct(a: int) -> str:
        """Answer by itself."""
        ran.append("direct")
        return f"direct {a}"

    return [direct]


def _command(ran: list[str]) -> list[Any]:
    @tool
    def commanding(a: int, tool_call_id: Annotated[str, InjectedToolCallId]) -> Command[Any]:
        """Update the state."""
        ran.append(f"commanding({a})")
        return Command(update={"messages": [ToolMessage(f"by command {a}", tool_call_id=tool_call_id)]})

    return [commanding]


def _artifact(ran: list[str]) -> list[Any]:
    @tool(response_format="content_and_artifact")
    def picture(a: int) -> tuple[str, Any]:
        """Give a picture."""
        ran.append("picture")
        return "a picture", {"pixels": [a, object]}

    return [picture]


def _injected(ran: list[str]) -> list[Any]:
    @tool
    def looking(
        a: int,
        state: Annotated[dict[str, Any], InjectedState],
        last: Annotated[Any, InjectedState("messages")],
        store: Annotated[Any, InjectedStore()],
    ) -> str:
        """Look at the state."""
        ran.append(f"looking({a}, {len(state['messages'])}, {len(last)}, {type(store).__name__})")
        store.put(("seen",), "a", {"a": a})
        return f"{len(state['messages'])} messages, {store.get(('seen',), 'a').value}"

    return [looking]


def _runtime(ran: list[str]) -> list[Any]:
    @tool
    def running(a: int, runtime: ToolRuntime) -> str:
        """Look at the runtime."""
        ran.append(f"running({a}, {sorted(runtime.state)}, {type(runtime.store).__name__})")
        runtime.stream_writer({"progress": a})
        return str(runtime.tool_call_id)[:5]

    return [running]


def _writer(ran: list[str]) -> list[Any]:
    @tool
    async def streaming(a: int) -> str:
        """Stream progress."""
        ran.append("streaming")
        get_stream_writer()({"progress": a})
        return "done"

    return [streaming]


def _asking(ran: list[str]) -> list[Any]:
    @tool
    def asking(a: int) -> str:
        """Ask a person."""
        ran.append("asking")
        return f"they said {interrupt({'question': a})}"

    return [asking, _add(ran)]


def _wire(ran: list[str]) -> list[Any]:
    @tool
    def wire_money(amount: int) -> str:
        """Wire money."""
        ran.append(f"wire_money({amount})")
        return "sent"

    return [wire_money, _add(ran)]


class Weather(BaseModel):
    """A structured answer."""

    celsius: float
    sky: str = "clear"


class Recounting(AgentMiddleware[Any, Any]):
    """Middleware that changes arguments and results, and counts."""

    def before_model(self, state: Any, runtime: Any) -> Any:
        """Leave the state alone."""
        return None

    def wrap_tool_call(self, request: Any, handler: Any) -> Any:
        """Double the first argument, mark the result."""
        args = {**request.tool_call["args"], "a": request.tool_call["args"]["a"] * 2}
        found = handler(request.override(tool_call={**request.tool_call, "args": args}))
        return found.model_copy(update={"content": f"<{found.content}>"})

    async def awrap_tool_call(self, request: Any, handler: Any) -> Any:
        """Double the first argument, mark the result."""
        args = {**request.tool_call["args"], "a": request.tool_call["args"]["a"] * 2}
        found = await handler(request.override(tool_call={**request.tool_call, "args": args}))
        return found.model_copy(update={"content": f"<{found.content}>"})


def _handled(error: ValueError) -> str:
    return f"handled {error}"


def _mixed(*calls: ToolCall) -> Turn:
    return Turn(tool_calls=calls)


_TWO = _mixed(ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": 1, "b": 2}))

SCENARIOS = (
    Scenario("defaults and twins", _agent(lambda r: [_add(r)]), (call("add", a=1), _TWO, END)),
    Scenario("would be denied", _agent(_wire), (call("wire_money", amount=9), END)),
    Scenario("tool raises", _agent(_raising), (call("broken", a=1), END)),
    Scenario("tool raises, errors handled", _node(_raising, True), (call("broken", a=1), END)),
    Scenario("tool raises, errors not handled", _node(_raising, False), (call("broken", a=1), END)),
    Scenario("tool raises, fixed text", _node(_raising, "sorry"), (call("broken", a=1), END)),
    Scenario("tool raises, handled by type", _node(_raising, (ValueError,)), (call("broken", a=1), END)),
    Scenario("tool raises, other type handled", _node(_raising, (KeyError,)), (call("broken", a=1), END)),
    Scenario("tool raises, handled by function", _node(_raising, _handled), (call("broken", a=1), END)),
    Scenario("unknown tool", _agent(lambda r: [_add(r)]), (call("nope", a=1), END)),
    Scenario("unknown tool in a ToolNode", _node(lambda r: [_add(r)]), (call("nope", a=1), END)),
    Scenario("invalid arguments", _agent(lambda r: [_add(r)]), (call("add", a="x"), call("add"), END)),
    Scenario("coerced arguments", _agent(lambda r: [_add(r)]), (call("add", a="7"), call("add", a=1, zzz=2), END)),
    Scenario("invalid arguments, not handled", _node(lambda r: [_add(r)], False), (call("add", a="x"), END)),
    Scenario("validation error handled by the tool", _agent(_validation_handled), (call("checked", a="x"), END)),
    Scenario("return direct", _agent(_direct), (call("direct", a=1),)),
    Scenario("command", _agent(_command), (call("commanding", a=1), END)),
    Scenario("artifact", _agent(_artifact), (call("picture", a=1), END)),
    Scenario("injected state and store", _agent(_injected, store=InMemoryStore), (call("looking", a=1), END)),
    Scenario("tool runtime", _agent(_runtime, store=InMemoryStore), (call("running", a=1), END)),
    Scenario("stream writer", _agent(_writer), (call("streaming", a=1), END)),
    Scenario("ToolException raised", _agent(_tool_exception(False)), (call("excepting", a=1), END)),
    Scenario("ToolException handled", _agent(_tool_exception(True)), (call("excepting", a=1), END)),
    Scenario("ToolException, text", _agent(_tool_exception("oh")), (call("excepting", a=1), END)),
    Scenario("ToolException, function", _agent(_tool_exception(str)), (call("excepting", a=1), END)),
    Scenario(
        "structured output", _agent(lambda r: [_add(r)], response_format=ToolStrategy(Weather)),
        (call("add", a=1), call("Weather", celsius="hot"), call("Weather", celsius=3.5)),
    ),
    Scenario("middleware", _agent(lambda r: [_add(r)], middleware=[Recounting()]), (call("add", a=1), END)),
    Scenario("model raises", _agent(lambda r: [_add(r)]), (call("add", a=1), RuntimeError("model is down"))),
    Scenario("the step limit", _agent(lambda r: [_add(r)]), tuple(call("add", a=n) for n in range(40))),
    Scenario(
        "interrupt in a tool", _agent(_asking, checkpointer=InMemorySaver),
        (_mixed(ToolCall("asking", {"a": 1}), ToolCall("add", {"a": 1})), END), resume="yes",
    ),
    Scenario(
        "interrupt in a ToolNode", _node(_asking, checkpointer=InMemorySaver),
        (_mixed(ToolCall("asking", {"a": 1})), END), resume="yes",
    ),
    Scenario(
        "human in the loop", _agent(
            lambda r: [_add(r)], checkpointer=InMemorySaver,
            middleware=[HumanInTheLoopMiddleware(interrupt_on={"add": True})],
        ),
        (call("add", a=1), END), resume={"decisions": [{"type": "approve"}]},
    ),
)  # fmt: skip
