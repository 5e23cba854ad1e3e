"""The governed episode: an unmodified LangChain agent that plans, is denied, delegates, fails, asks a person and ends.

Run as a program it plays one part of the episode, so that another process can play the rest:
``python -m tests.frameworks.langchain.episode FOLDER start|start-and-die|die-in-tool|die-in-tool-early|resume|reject|
approve-and-die|go-on``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    HumanInTheLoopMiddleware,
    ModelCallLimitMiddleware,
    PIIMiddleware,
    TodoListMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
    hook_config,
)
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

import handrail
from handrail.testing import ToolCall, Turn
from tests.frameworks.langchain.kit import Scripted, adrain

Way = Literal["invoke", "ainvoke", "stream", "astream"]
WAYS: tuple[Way, ...] = ("invoke", "ainvoke", "stream", "astream")

POLICY = """
version = 1
mode = "enforce"
agent = "clerk"

[users]
"ana" = ["staff"]

[tools.send_mail]
effect = "irreversible"

[tools.flaky]
idempotent = true

[tools.look_up]
effect = "read"

[tools.search]
effect = "read"

[tools.ask_researcher]   # does nothing by itself
effect = "read"

[[rule]]
id = "staff-work"
allow = "staff"
call = ["write_todos", "look_up", "ask_researcher", "search", "flaky", "send_mail"]

[[rule]]
id = "nobody-deletes"
deny = "*"
call = "delete_record"

[[delegate]]
from = "staff"
to = "agent:clerk"
call = "*"

[[delegate]]
from = "agent:clerk"
to = "agent:researcher"
call = "search"
"""
THREAD = "case-17"
RAN = ["look_up", "look_up", "ask_researcher", "search", "flaky", "flaky", "send_mail", "write_todos", "write_todos"]
"""What runs in the whole episode."""
DIES_IN: list[str] = []
"""Tools in which the process is killed."""
ADDRESS = "bob@example.org"
QUESTION = f"Settle case 17 and write to {ADDRESS}."


class Playing(Scripted):
    """Plays by how many answers the conversation holds already, so that another process goes on where one stopped."""

    def _next(self, messages: list[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        self.seen.append(len(messages))
        if "model" in DIES_IN:
            os.kill(os.getpid(), signal.SIGKILL)
        said = sum(isinstance(message, AIMessage) for message in messages)
        turn = self.turns[said]
        calls = [
            {"name": each.name, "args": dict(each.args), "id": each.id or f"{self.name}_{said}_{n}"}
            for n, each in enumerate(turn.tool_calls)
        ]
        usage: Any = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
        return AIMessage(turn.text or "", tool_calls=calls, usage_metadata=usage)


class Answer(BaseModel):
    """What the clerk ends with."""

    case: int
    settled: bool


class Finished(AgentMiddleware[Any, Any, Any]):
    """A team's own validator: an answer in prose is sent back to the model."""

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Send prose back."""
        last = state["messages"][-1]
        if isinstance(last, AIMessage) and not last.tool_calls:
            return {"jump_to": "model", "messages": [HumanMessage("Use a tool.")]}
        return None


def _todos(*states: str) -> ToolCall:
    names = ("look up", "delete", "write")
    items = [{"content": name, "status": state} for name, state in zip(names, states, strict=True) if state]
    return ToolCall("write_todos", {"todos": items})


CLERK: Sequence[Turn] = (
    Turn("First a plan.", tool_calls=(_todos("in_progress", "pending", "pending"),)),
    Turn("Both are needed.", tool_calls=(ToolCall("look_up", {"what": "a"}), ToolCall("look_up", {"what": "b"}))),
    Turn(tool_calls=(ToolCall("delete_record", {"record": "17"}),)),
    Turn("Without deleting, then.", tool_calls=(_todos("completed", "", "pending"),)),
    Turn(tool_calls=(ToolCall("ask_researcher", {"question": "who pays?"}),)),
    Turn(tool_calls=(ToolCall("flaky", {}),)),
    Turn(tool_calls=(ToolCall("look_up", {"what": "c"}),)),
    Turn("I think we are done."),
    Turn(tool_calls=(ToolCall("send_mail", {"to": ADDRESS, "text": "settled"}),)),
    Turn(tool_calls=(ToolCall("Answer", {"case": "seventeen", "settled": True}),)),
    Turn(tool_calls=(ToolCall("Answer", {"case": 17, "settled": True}),)),
)
RESEARCHER: Sequence[Turn] = (Turn(tool_calls=(ToolCall("search", {"question": "who pays?"}),)), Turn("The bank pays."))


def tools(ran: list[str]) -> list[Any]:
    """The clerk's tools; each notes in ``ran`` that it was run."""

    @tool
    def search(question: str) -> str:
        """Search the archive."""
        ran.append("search")
        if "search" in DIES_IN:
            os.kill(os.getpid(), signal.SIGKILL)
        return "the bank"

    researcher = create_agent(Playing(turns=RESEARCHER, name="researcher"), [search], name="researcher")

    @tool
    def look_up(what: str) -> str:
        """Look something up."""
        ran.append("look_up")
        return f"{what} is fine"

    @tool
    def delete_record(record: str) -> str:
        """Delete a record."""
        ran.append("delete_record")
        return "deleted"

    @tool
    def ask_researcher(question: str) -> str:
        """Ask the researcher."""
        ran.append("ask_researcher")
        found = researcher.invoke({"messages": [HumanMessage(question)]})
        return str(found["messages"][-1].content)

    @tool
    def flaky() -> str:
        """Fail."""
        ran.append("flaky")
        raise ConnectionError("the archive does not answer")

    @tool
    def send_mail(to: str, text: str) -> str:
        """Send a mail."""
        ran.append("send_mail")
        return "sent"

    return [look_up, delete_record, ask_researcher, flaky, send_mail]


def middleware() -> list[Any]:
    """LangChain's own middleware, and one of the team's."""
    return [
        TodoListMiddleware(),
        ModelCallLimitMiddleware(run_limit=20, thread_limit=40),
        ToolCallLimitMiddleware(tool_name="look_up", run_limit=2),
        PIIMiddleware("email", strategy="redact", apply_to_input=True),
        HumanInTheLoopMiddleware({"send_mail": True}),
        ToolRetryMiddleware(max_retries=1, tools=["flaky"], initial_delay=0, jitter=False),
        Finished(),
    ]


def clerk(ran: list[str], checkpointer: Any) -> Any:
    """The agent, unmodified."""
    return create_agent(
        Playing(turns=CLERK, name="clerk"),
        tools(ran),
        name="clerk",
        middleware=middleware(),
        response_format=ToolStrategy(Answer),
        checkpointer=checkpointer,
    )


def drive(agent: Any, given: Any, way: Way = "invoke", thread: str = THREAD) -> Any:
    """One invocation of the agent; what it gave back."""
    config = {"configurable": {"thread_id": thread}}
    if way == "invoke":
        return agent.invoke(given, config)
    if way == "stream":
        return list(agent.stream(given, config))
    if way == "ainvoke":
        return asyncio.run(agent.ainvoke(given, config))
    return asyncio.run(adrain(agent.astream(given, config)))


ASKED: Any = {"messages": [HumanMessage(QUESTION)]}
REJECTED: Any = Command(resume={"decisions": [{"type": "reject"}]})
APPROVED: Any = Command(resume={"decisions": [{"type": "approve"}]})


def write_policy(folder: Path) -> Path:
    """The policy of the episode."""
    path = folder / "handrail.toml"
    path.write_text(POLICY)
    return path


def govern(agent: Any, folder: Path) -> Any:
    """The agent under the episode's policy."""
    return handrail.govern(agent, config=folder / "handrail.toml", principal={"user": "ana", "channel": "web"})


def play(folder: Path, way: Way = "invoke") -> list[str]:
    """The whole episode in one process; the tools that ran, in their order."""
    write_policy(folder)
    ran: list[str] = []
    agent = govern(clerk(ran, InMemorySaver()), folder)
    drive(agent, ASKED, way)
    with handrail.acting_for(user="ana", channel="phone"):
        drive(agent, APPROVED, way)
    return ran


@contextmanager
def saver(folder: Path) -> Iterator[Any]:
    """A checkpointer that another process can go on with."""
    from langgraph.checkpoint.sqlite import SqliteSaver

    with SqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite")) as found:
        yield found


GIVEN: Mapping[str, Any] = {
    "start": ASKED,
    "start-and-die": ASKED,
    "die-in-tool": ASKED,
    "die-in-tool-early": ASKED,
    "resume": APPROVED,
    "approve-and-die": APPROVED,
    "reject": REJECTED,
}


def main(folder: Path, part: str) -> None:
    """Play one part; what is given for ``go-on`` is nothing, which goes on from the checkpoint."""
    if part.startswith("die-in-tool"):
        DIES_IN.append("search")
    if part == "approve-and-die":
        DIES_IN.append("model")
    with saver(folder) as checkpointer:
        agent = govern(clerk([], checkpointer), folder)
        if part == "die-in-tool":  # with every checkpoint on the disk; otherwise the last ones may not be
            agent.invoke(ASKED, {"configurable": {"thread_id": THREAD}}, durability="sync")
        drive(agent, GIVEN.get(part))
        if part == "start-and-die":
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
