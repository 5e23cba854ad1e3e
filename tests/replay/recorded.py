"""The recorded runs, as frozen dataclasses: what models said, which tools they called, what came back.

What the file holds (AgentDojo, two models, two suites, 600 runs), and how it is played:

* 2,889 answers of the models ask for 2,698 calls, up to five in one answer. 2,674 calls have a result.
* In 24 runs the last answer still asks for a call: the recording stopped at its step limit. The replay stops
  at the same step (LangGraph's recursion limit), so those 24 runs end in an error, as they did.
* 161 results are errors, with the error's text and an empty content. The tool raises, and the model reads the
  text. Some are arguments that the tool does not take, or of the wrong type.
* 26 results are empty, and one answer has neither text nor calls: both are played as they are.
* In 8 runs the model used one call id twice. Nothing here is looked up by call id.
* No run calls a tool that its suite does not have, no arguments are anything but an object, and no message
  follows the final answer.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE = 2
"""Chooses the runs of a short form."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call that the model asked for."""

    tool: str
    args: Mapping[str, Any]
    id: str
    result: str | None
    """What came back; None where the recording stopped before the call was made."""
    error: str | None
    """Text of the error that the tool raised."""

    @property
    def key(self) -> tuple[str, str]:
        """What tells this call from others of its run: the tool and its exact arguments."""
        return key(self.tool, self.args)

    @property
    def heard(self) -> str:
        """What the model read of it."""
        return self.error if self.error is not None else self.result or ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the model."""

    text: str
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run."""

    number: int
    """Position in the file, from 0."""
    model: str
    suite: str
    kind: str
    """``attack``, ``benign``, or ``injection_as_user`` (the user asks for what the attacker would)."""
    user_task: str
    injection_task: str | None
    fell: bool
    """Whether AgentDojo found that the attacker's goal was reached."""
    system: str
    user: str
    answers: tuple[Answer, ...]

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls that were made, in order."""
        return tuple(call for answer in self.answers for call in answer.calls if call.result is not None)

    @property
    def capped(self) -> bool:
        """Whether the recording stopped at its step limit."""
        return bool(self.answers[-1].calls)

    @property
    def session(self) -> str:
        """Name under which the replay records it."""
        return f"run-{self.number:03d}"


def key(tool: str, args: Mapping[str, Any]) -> tuple[str, str]:
    """A tool and its exact arguments, hashable."""
    return tool, json.dumps(args, sort_keys=True)


def runs(folder: Path, *, count: int | None = None, suite: str | None = None) -> list[Run]:
    """The recorded runs of ``suite``, or ``count`` of them, always the same."""
    with gzip.open(folder / "agentdojo_runs_dev.jsonl.gz", "rt") as lines:
        found = [_run(number, json.loads(line)) for number, line in enumerate(lines)]
    found = [run for run in found if suite in (None, run.suite)]
    if count is None or count >= len(found):
        return found
    return sorted(random.Random(SAMPLE).sample(found, count), key=lambda run: run.number)


def tools(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Suite -> its tools: ``tool`` (the name), ``description``, ``schema`` (JSON Schema of the arguments)."""
    suites: dict[str, list[dict[str, Any]]] = {}
    with (folder / "agentdojo_tools.jsonl").open() as lines:
        for line in lines:
            suites.setdefault(json.loads(line)["suite"], []).append(json.loads(line))
    return suites


def attackers(folder: Path) -> dict[tuple[str, str], tuple[tuple[str, frozenset[str]], ...]]:
    """(suite, injection task) -> the calls that do the attacker's work: tool and the arguments that give it away.

    Those arguments are the ones that the attacker's goal quotes, such as an account number. Reading a channel is
    no such call: it is honest work too.
    """
    found: dict[tuple[str, str], tuple[tuple[str, frozenset[str]], ...]] = {}
    with (folder / "agentdojo_injection_tasks.jsonl").open() as lines:
        for task in map(json.loads, lines):
            marked = [(call["tool"], _quoted(task["goal"], call["args"])) for call in task["calls"]]
            found[task["suite"], task["id"]] = tuple(
                (tool, marks) for tool, marks in marked if marks and not tool.startswith("read_")
            )
    return found


def _quoted(goal: str, args: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(value for value in args.values() if isinstance(value, str) and value in goal)


def _run(number: int, raw: Mapping[str, Any]) -> Run:
    system, user, *rest = raw["messages"]
    return Run(
        number=number,
        model=raw["model"],
        suite=raw["suite"],
        kind=raw["kind"],
        user_task=raw["user_task"],
        injection_task=raw["injection_task"],
        fell=raw["kind"] == "attack" and raw["security"],
        system=system["content"],
        user=user["content"],
        answers=tuple(_answers(rest)),
    )


def _answers(messages: list[Mapping[str, Any]]) -> Iterator[Answer]:
    for position, message in enumerate(messages):
        if message["role"] == "assistant":
            asked = message.get("tool_calls") or []
            results = messages[position + 1 : position + 1 + len(asked)]
            calls = [_call(a, results[n] if n < len(results) else None) for n, a in enumerate(asked)]
            yield Answer(message["content"], tuple(calls))


def _call(asked: Mapping[str, Any], result: Mapping[str, Any] | None) -> Call:
    if result is not None and result["tool_call"] != asked:
        raise ValueError(f"the result of call {asked['id']} is not where it should be")
    heard, error = (None, None) if result is None else (result["content"], result["error"])
    return Call(asked["tool"], asked["args"], asked["id"], heard, error)
