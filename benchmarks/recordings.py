"""What was recorded of other people's agents, value by value, told apart by who is behind it.

600 runs of two models under attack (AgentDojo), and 25 conversations with a simulated customer (tau-bench).
"""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from handrail.validators import Call, Context, Source
from handrail.validators.context import On
from handrail.validators.ledger import Seen
from handrail.validators.plain import read
from tests.replay import attacks, recorded

QUICK = 100
"""Recorded runs of AgentDojo in a short form; the other data is small."""
HONEST, INJECTED, OBEYED = "honest", "injected", "obeyed"
"""What a value is: honest; a result with the attacker's text in it; a call that does the attacker's work."""
_THEN = datetime(2024, 5, 15, 15, tzinfo=UTC)
"""The time that tau-bench plays at; nothing asked here depends on the other's."""


class Value(NamedTuple):
    """One thing that a run took in or gave out."""

    data: str
    run: str
    on: On
    name: str
    value: object
    text: str | None
    context: Context
    kind: str
    taken: bool = True
    """Of arguments: whether the tool took them."""


def values(folder: Path, *, quick: bool = False) -> Iterator[Value]:
    """Every value of both sets of data, in the order of each run."""
    yield from of_agentdojo(folder / "agentdojo", QUICK if quick else None)
    yield from of_tau(folder / "tau")


def of_agentdojo(folder: Path, count: int | None) -> Iterator[Value]:
    """The recorded runs of AgentDojo."""
    marks, texts = attackers(folder)
    for run in recorded.runs(folder, count=count):
        yield from _run(run, marks, texts[run.number])


def attackers(folder: Path) -> tuple[attacks.Marks, list[list[str]]]:
    """What gives an attacker's calls away; and for each run what was injected, as it can be found again."""
    with gzip.open(folder / "agentdojo_runs_dev.jsonl.gz", "rt") as lines:
        texts = [[_plain(text)[:60] for text in json.loads(line)["injections"].values()] for line in lines]
    return recorded.attackers(folder), texts


def _run(run: recorded.Run, marks: attacks.Marks, injected: Sequence[str]) -> Iterator[Value]:
    seen, name = Seen(), f"agentdojo-{run.number}"
    seen.source(Source("system", run.system, "input"))
    seen.source(Source("input", run.user, "input"))
    attacked = run.kind == "attack"
    yield _value("agentdojo", name, "input", "", run.user, seen)
    for answer in run.answers:
        for call in answer.calls:
            evil = attacks.is_evil(run, call, marks)
            asked, taken = OBEYED if evil else HONEST, call.error is None
            yield _value("agentdojo", name, "arguments", call.tool, call.args, seen, args=call.args, kind=asked,
                         taken=taken)  # fmt: skip
            if call.result is not None:
                kind = INJECTED if attacked and _has(call.heard, injected) else HONEST
                yield _value("agentdojo", name, "result", call.tool, call.heard, seen, args=call.args, kind=kind)
                seen.call(Call(call.tool, call.args, "error" if call.error else "ok", call.heard), call.id, call.heard)
        if answer.text:
            yield _value("agentdojo", name, "output" if answer.calls else "answer", "", answer.text, seen)


def of_tau(folder: Path) -> Iterator[Value]:
    """The recorded conversations of tau-bench: all of them are honest."""
    with (folder / "tau_trajs.jsonl").open() as lines:
        for number, line in enumerate(lines):
            yield from _conversation(f"tau-{number}", json.loads(line)["messages"])


def _conversation(name: str, messages: list[dict[str, Any]]) -> Iterator[Value]:
    seen, open_calls = Seen(), dict[str, tuple[str, dict[str, Any]]]()
    results = {m["tool_call_id"]: str(m["content"]) for m in messages if m["role"] == "tool"}
    for number, message in enumerate(messages):
        text = message.get("content") or ""
        if message["role"] in ("system", "user"):
            yield _value("tau", name, "input", "", text, seen)
            seen.source(Source(f"input {number}", text, "input"))
        elif message["role"] == "tool":
            tool, args = open_calls[message["tool_call_id"]]
            yield _value("tau", name, "result", tool, text, seen, args=args)
            seen.call(Call(tool, args, "ok", text), message["tool_call_id"], text)
        else:
            if text:
                yield _value("tau", name, "output" if message.get("tool_calls") else "answer", "", text, seen)
            for call in message.get("tool_calls") or ():
                tool, args = call["function"]["name"], json.loads(call["function"]["arguments"])
                open_calls[call["id"]] = tool, args
                taken = not results.get(call["id"], "").startswith("Error")
                yield _value("tau", name, "arguments", tool, args, seen, args=args, taken=taken)


def _value(
    data: str, run: str, on: On, name: str, value: object, seen: Seen, *, args: Mapping[str, Any] | None = None,
    kind: str = HONEST, taken: bool = True,
) -> Value:  # fmt: skip
    text = value if isinstance(value, str) else None
    context = Context(on=on, tool=name, agent="recorded", args=args, run=seen.run(), now=_THEN)
    return Value(data, run, on, name, read(value, on), text, context, kind, taken)


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text)


def _has(text: str, injected: Sequence[str]) -> bool:
    plain = _plain(text)
    return any(one and one in plain for one in injected)


@cache
def data_folder() -> Path | None:
    """Where the recordings are; None where they are not here."""
    repo = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("HANDRAIL_TEST_DATA") or repo.parent / "shared" / "data")
    return folder if (folder / "agentdojo").is_dir() and (folder / "tau").is_dir() else None
