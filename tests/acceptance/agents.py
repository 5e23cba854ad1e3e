"""A real agent without a network: its model calls tools for ever, and says what it knows to be recorded.

``python -m tests.acceptance.agents FOLDER`` forks such agents from one warmed parent. They write until standard
input ends; what they know goes to standard output, a line each: ``began KEY``, ``done KEY``, ``ended SESSION``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import select
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool, tool
from langchain_core.utils.function_calling import convert_to_openai_tool

import handrail

Known: TypeAlias = Literal["began", "done", "ended"]
"""``began``: a tool is running, so its intent is recorded. ``done``: the model has been given the result of a
call, so call and result are. ``ended``: ``invoke`` returned, so the end of the run is."""
FOREVER = 1 << 30
ENTRIES = ("invoke", "stream", "ainvoke", "astream")
POLICY = """
version = 1
mode = "MODE"
agent = "clerk"
data = "data"

[principal]
tenant = "acme"
user = "ana"

[users]
"acme/ana" = ["staff"]

[tools.note]
effect = "write"

[tools.send]
effect = "irreversible"

[[rule]]
id = "staff-works"
allow = "staff"
call = ["note", "send"]

[[delegate]]
from = "staff"
to = "agent:clerk"
call = ["note", "send"]
"""


def write_policy(folder: Path, *, mode: str = "enforce") -> Path:
    """A handrail.toml that allows ``note`` and ``send`` and no other tool; its data folder is ``data`` beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "handrail.toml"
    path.write_text(POLICY.replace("MODE", mode))
    return path


class Script:
    """How long agents go on, how long their tools take, and where they tell what they know."""

    def __init__(self, *, turns: int = 8, pause: float = 0.0, pipe: int | None = None) -> None:
        self.turns, self.pause, self.pipe = turns, pause, pipe
        self.goes_on: Callable[[], bool] = lambda: True

    def say(self, what: Known, key: str) -> None:
        """Tell, in one write that no other process can split."""
        if self.pipe is not None:
            os.write(self.pipe, f"{what} {key}\n".encode())


class Endless(BaseChatModel):
    """Calls tools, each time with another key, until the script says that it is enough."""

    script: Any

    @property
    def _llm_type(self) -> str:
        return "endless"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, Any]:
        """Send the tools along with each request."""
        return self.bind(tools=[convert_to_openai_tool(each) for each in tools])

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        for message in reversed(messages):
            if not isinstance(message, ToolMessage):
                break
            self.script.say("done", message.tool_call_id)
        turn = sum(isinstance(message, AIMessage) for message in messages)
        calls = [] if turn >= self.script.turns or not self.script.goes_on() else _calls(messages[0].text, turn)
        return ChatResult(generations=[ChatGeneration(message=AIMessage("" if calls else "done", tool_calls=calls))])


def _calls(session: str, turn: int) -> list[dict[str, Any]]:
    names = {3: ["note", "note"], 5: ["send"], 6: ["wipe"]}.get(turn % 8, ["note"])
    keys = [f"{session}/{turn}/{number}" for number in range(len(names))]
    return [{"name": name, "args": {"key": key}, "id": key} for name, key in zip(names, keys, strict=True)]


def build(script: Script) -> Any:
    """The bare agent: ``note`` and ``send`` are allowed by ``POLICY``, ``wipe`` is not."""

    def work(key: str) -> str:
        script.say("began", key)
        time.sleep(script.pause)
        return f"did {key}"

    return create_agent(cast(Any, Endless(script=script)), _tools(work), name="clerk")


def _tools(work: Callable[[str], str]) -> list[BaseTool]:
    @tool
    def note(key: str) -> str:
        """Write something down."""
        return work(key)

    @tool
    def send(key: str) -> str:
        """Send a letter."""
        return work(key)

    @tool
    def wipe(key: str) -> str:
        """Delete everything."""
        return work(key)

    return [note, send, wipe]


def hold(agent: Any, session: str, *, entry: str = "invoke") -> Any:
    """One run in a session of its own, by one of ``ENTRIES``; the final state, or the streamed items."""
    asked = {"messages": [{"role": "user", "content": session}]}, {"recursion_limit": FOREVER}
    with handrail.acting_for(session=session):
        if entry == "stream":
            return list(agent.stream(*asked))
        if entry == "ainvoke":
            return asyncio.run(agent.ainvoke(*asked))
        return asyncio.run(_drained(agent, asked)) if entry == "astream" else agent.invoke(*asked)


async def _drained(agent: Any, asked: tuple[Any, Any]) -> list[Any]:
    return [item async for item in agent.astream(*asked)]


def work(agent: Any, script: Script, slot: int, *, runs: int = FOREVER) -> None:
    """Run after run in sessions ``SLOT-NUMBER``, by the entry point of this slot."""
    for number in range(runs):
        session = f"{slot}-{number}"
        hold(agent, session, entry=ENTRIES[slot % len(ENTRIES)])
        script.say("ended", session)
        if not script.goes_on():
            return


def fork(child: Callable[[], None], *, clean: bool = False) -> int:
    """Run ``child`` in a forked process; its id. ``clean`` lets the interpreter end by itself, with all handlers."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        child()
        code = 0
    except Exception:
        traceback.print_exc()
    finally:
        if not clean:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    sys.exit(code)


def _stdin_is_open() -> bool:
    return not select.select([0], [], [], 0)[0]


def _crew(asked: argparse.Namespace) -> int:
    """Fork writers (at most ``--together`` at a time) and wait for them; 0 when all of them ended well."""
    script = Script(turns=1, pause=asked.pause, pipe=1)
    agent = handrail.govern(build(script), config=asked.folder / "handrail.toml")
    # what is imported late is imported once; the parent counts as one more writer
    work(agent, script, asked.first + asked.writers, runs=1)
    script.turns = asked.turns
    script.goes_on = _stdin_is_open
    failed = running = 0
    for slot in range(asked.first, asked.first + asked.writers):
        if running == asked.together:
            failed, running = failed + (os.wait()[1] != 0), running - 1
        fork(lambda slot=slot: _member(agent, script, slot, asked), clean=slot % 10 == 0)  # type: ignore[misc]
        running += 1
    return 1 if failed + sum(os.wait()[1] != 0 for _ in range(running)) else 0


def _member(agent: Any, script: Script, slot: int, asked: argparse.Namespace) -> None:
    if slot == asked.first and asked.long:
        script.turns = FOREVER
    work(agent, script, slot, runs=asked.runs)


def main() -> int:
    """0 when every writer ended well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds the handrail.toml")
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first writer, which its sessions begin with"
    )
    parser.add_argument("--together", type=int, default=FOREVER, help="writers at the same time")
    parser.add_argument("--runs", type=int, default=FOREVER, help="runs of each writer")
    parser.add_argument("--turns", type=int, default=8, help="turns of each run")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds that a tool takes")
    parser.add_argument("--long", action="store_true", help="the first writer has one run that goes on for ever")
    return _crew(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
