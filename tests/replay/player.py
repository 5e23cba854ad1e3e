"""Plays a recorded run: a real ``create_agent`` with the suite's tools, governed, on a scripted model."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import wrap_tool_call
from langchain_core.messages import ToolMessage
from langchain_core.tools import StructuredTool
from langgraph.errors import GraphRecursionError
from openai import DefaultHttpxClient

import handrail
from handrail.config import Settings
from handrail.testing import Request, ScriptedModel, ToolCall, Turn, chat_openai
from tests.replay.recorded import Run, key

HEADER = "x-replay-run"
TENANT, USER = "blue-sparrow", "emma"


@dataclass(frozen=True, slots=True)
class Heard:
    """What one replayed run came to."""

    run: Run
    crash: str
    """Error that ended the run, other than the step limit; empty when there was none."""
    results: tuple[str, ...]
    """What the model had read of its calls when it was asked for its last answer, in order."""
    asked: int
    """How many answers the model was asked for."""


class Player:
    """Replays runs under ``settings``, several at a time."""

    def __init__(self, settings: Settings, tools: Mapping[str, list[dict[str, Any]]], *, workers: int = 4) -> None:
        self._settings, self._tools, self._workers = settings, tools, workers
        self._last: dict[int, Request] = {}
        self._asked: dict[int, int] = {}

    def play(self, runs: Sequence[Run], progress: Callable[[int], None]) -> list[Heard]:
        """Replay them all, in any order; ``progress`` hears how many are done."""
        by_number = {run.number: run for run in runs}
        heard: list[Heard] = []
        with (
            ScriptedModel(lambda request: self._turn(by_number, request)) as model,
            DefaultHttpxClient(trust_env=False) as http,
            ThreadPoolExecutor(self._workers) as pool,
        ):
            for one in pool.map(lambda run: self._play(run, model, http), runs):
                heard.append(one)
                progress(len(heard))
        return heard

    def _turn(self, runs: Mapping[int, Run], request: Request) -> Turn:
        number = int(request.headers[HEADER])
        self._last[number] = request
        self._asked[number] = self._asked.get(number, 0) + 1
        answer = runs[number].answers[request.answered]
        return Turn(answer.text, tuple(ToolCall(call.tool, call.args, call.id) for call in answer.calls))

    def _play(self, run: Run, model: ScriptedModel, http: Any) -> Heard:
        crash = ""
        try:
            agent = handrail.govern(self._agent(run, model, http), config=self._settings)
            with handrail.acting_for(tenant=TENANT, user=USER, session=run.session, channel="replay"):
                agent.invoke({"messages": [{"role": "user", "content": run.user}]}, _limits(run))
        except GraphRecursionError as error:
            crash = "" if run.capped else f"GraphRecursionError: {error}"
        except Exception as error:  # whatever else ends a run is a difference to report, not the end of the replay
            crash = f"{type(error).__name__}: {error}"
        last = self._last.get(run.number)
        results = tuple(message.text for message in last.messages if message.role == "tool") if last else ()
        return Heard(run, crash, results, self._asked.get(run.number, 0))

    def _agent(self, run: Run, model: ScriptedModel, http: Any) -> Any:
        chat = chat_openai(
            model, name=run.model, http_client=http, default_headers={HEADER: str(run.number)}, max_retries=0
        )
        return create_agent(
            chat,
            self._run_tools(run),
            system_prompt=run.system,
            middleware=[errors_as_text],
            name=f"{run.suite}-assistant",
        )

    def _run_tools(self, run: Run) -> list[StructuredTool]:
        left: dict[tuple[str, str], deque[Any]] = {}
        for call in run.calls:
            left.setdefault(call.key, deque()).append(call)
        return [_tool(described, left) for described in self._tools[run.suite]]


def _limits(run: Run) -> Any:
    # Calls of one answer run one after the other, so that equal calls get their results in the recorded order.
    steps = 2 * len(run.answers) - (1 if run.capped else 0)
    return {"max_concurrency": 1, "recursion_limit": steps}


class Recorded(Exception):
    """Base of the errors that recorded tools raise; their classes are named as in the recording."""


def _error(text: str) -> Recorded:
    name = text.partition(":")[0]
    error: Recorded = type(name, (Recorded,), {})(text)
    return error


@wrap_tool_call
def errors_as_text(request: Any, handler: Callable[[Any], Any]) -> Any:
    """The recorded agent's own way with errors: the model reads them."""
    try:
        return handler(request)
    except Recorded as error:
        return ToolMessage(str(error), tool_call_id=request.tool_call["id"], status="error")


def _tool(described: Mapping[str, Any], left: Mapping[tuple[str, str], deque[Any]]) -> StructuredTool:
    def recorded(**args: Any) -> str:
        call = left[key(described["tool"], args)].popleft()
        if call.error is not None:
            raise _error(call.error)
        return str(call.result)

    return StructuredTool.from_function(
        recorded, name=described["tool"], description=described["description"], args_schema=described["schema"]
    )
