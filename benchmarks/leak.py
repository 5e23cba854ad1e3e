"""Can a denied tool be told from one that does not exist by the time of the answer?

A real LangChain agent in enforce mode, whose scripted model asks in shuffled order for a tool that a rule denies and
for one that no agent has; timed is what the agent does between two calls of its model. The figure is the area under the
ROC curve (AUC): 0.5 means that the times tell nothing, 1 that they tell everything.
``python -m benchmarks.leak [--quick] [--json]``
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

DENIED, UNKNOWN = "wire_money", "wire_monex"
STEPS = 40
"""Calls in one run: half of them denied, half unknown."""
ARGS = {"to": "account-17", "amount": 900}
POLICY = """
version = 1
mode = "enforce"
agent = "bench"

[users]
"ana" = ["staff"]

[[rule]]
id = "work"
allow = "staff"
call = "note"

[[rule]]
id = "no-wires"
deny = "*"
call = "wire_money"
when = "args.amount > 10"

[[delegate]]
from = "staff"
to = "agent:bench"
call = "*"
"""


class Times(NamedTuple):
    """Nanoseconds of every answer, by what was asked for."""

    denied: list[int]
    unknown: list[int]

    def add(self, name: str, spent: int) -> None:
        """Keep one."""
        (self.denied if name == DENIED else self.unknown).append(spent)


def shuffled(random: Random, pairs: int) -> list[str]:
    """Both names ``pairs`` times, the order within each pair at random."""
    return [name for _ in range(pairs) for name in random.sample((DENIED, UNKNOWN), 2)]


def auc(times: Times) -> float:
    """How often a denied call took longer than an unknown one, of all their pairs; equal ones count half."""
    ranked = sorted((spent, kind) for kind, side in enumerate((times.unknown, times.denied)) for spent in side)
    total, place = 0.0, 0
    while place < len(ranked):
        end = place
        while end < len(ranked) and ranked[end][0] == ranked[place][0]:
            end += 1
        rank = (place + 1 + end) / 2
        total += rank * sum(kind for _, kind in ranked[place:end])
        place = end
    count = len(times.denied)
    return (total - count * (count + 1) / 2) / (count * len(times.unknown))


def through_agent(folder: Path, runs: int, random: Random) -> Times:
    """Times between two calls of the model of a governed agent."""
    from langchain.agents import create_agent
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.tools import tool

    import handrail
    from handrail.testing import Request, ScriptedModel, ToolCall, Turn, chat_openai

    @tool
    def wire_money(to: str, amount: float) -> str:
        """Send money."""
        raise SystemExit("a denied tool ran")

    @tool
    def note(text: str) -> str:
        """Keep a note."""
        return text

    asked: list[str] = []
    times = Times([], [])

    class Watch(BaseCallbackHandler):
        """Notes when the model has answered and when it is asked again."""

        run_inline = True
        answered = 0

        def on_llm_end(self, *args: Any, **kwargs: Any) -> None:
            self.answered = time.perf_counter_ns()

        def on_chat_model_start(self, serialized: Any, messages: Any, **kwargs: Any) -> None:
            now = time.perf_counter_ns()
            results = sum(1 for message in messages[0] if message.type == "tool")
            if results:
                times.add(asked[results - 1], now - self.answered)

    def script(request: Request) -> Turn:
        if request.answered >= len(asked):
            return Turn("done")
        return Turn(tool_calls=(ToolCall(asked[request.answered], ARGS),))

    with ScriptedModel(script) as model:
        bare = create_agent(chat_openai(model), [note, wire_money], name="bench")
        agent: Any = handrail.govern(bare, config=folder / "handrail.toml", principal={"user": "ana"})
        for run in range(runs + 1):
            asked[:] = shuffled(random, STEPS // 2)
            agent.invoke({"messages": [("user", "go")]}, {"callbacks": [Watch()], "recursion_limit": 10 * STEPS})
            if run == 0:
                times = Times([], [])  # what is loaded on first use
    return times


def through_gate(folder: Path, pairs: int, random: Random) -> Times:
    """Times of `Gate.tool` alone."""
    from handrail.frameworks import gates, opening
    from handrail.gate import Refusal, ToolCall

    schema = {"type": "object", "properties": {"to": {"type": "string"}, "amount": {"type": "number"}}}
    gate = opening.open_gate(folder / "handrail.toml")
    step = gates.enter(gate, "bench", object(), said={"user": "ana"})
    assert step is not None
    calls = {
        DENIED: ToolCall(DENIED, ARGS, tool=POLICY, schema=lambda: schema, description="Send money."),
        UNKNOWN: ToolCall(UNKNOWN, ARGS, known=False),
    }
    times = Times([], [])
    warm = 20
    for number, name in enumerate(shuffled(random, pairs + warm)):
        before = time.perf_counter_ns()
        found = gate.tool(step.frame, calls[name], lambda args: "ran")
        spent = time.perf_counter_ns() - before
        if not isinstance(found, Refusal):
            raise SystemExit(f"{name} was not refused: nothing was measured")
        if number >= 2 * warm:
            times.add(name, spent)
    gates.leave(step)
    return times


def child(way: str, folder: Path, count: int, seed: int) -> Times:
    """Measure one way in this process."""
    (folder / "handrail.toml").write_text(POLICY)
    gc.collect()
    gc.freeze()
    return (through_agent if way == "agent" else through_gate)(folder, count, Random(seed))


def measure(quick: bool, seed: int) -> dict[str, Times]:
    """Both ways, each in a process and a folder of its own."""
    counts = {"agent": 15, "gate": 3_000} if quick else {"agent": 75, "gate": 15_000}
    return {way: _spawn(way, count, seed) for way, count in counts.items()}


def _spawn(way: str, count: int, seed: int) -> Times:
    print(way, file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.leak", "--child", way, folder, str(count), "--seed", str(seed)]
        environ = {**os.environ, "LANGSMITH_TRACING": "false"}
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        return Times(*json.loads(done.stdout))


def rows(found: dict[str, Times]) -> list[dict[str, Any]]:
    """The figures with their goals."""
    agent = "AUC of denied against unknown, a LangChain agent's calls, from 0.5 on"
    gate = "AUC of denied against unknown, the bare gate, from 0.5 on"
    return [
        _row("denied_vs_unknown_auc", agent, auc(found["agent"])),
        _row("denied_vs_unknown_gate_auc", gate, auc(found["gate"])),
    ]


def _row(name: str, what: str, figure: float) -> dict[str, Any]:
    # 0.45 tells as much as 0.55: the goal is one-sided so that one number can be held against it.
    worse = round(max(figure, 1 - figure), 3)
    return {"id": name, "what": f"{what} ({figure:.3f})", "figure": worse, "goal": 0.55, "better": "lower"}


def _line(name: str, times: Times) -> str:
    medians = ", ".join(
        f"{what} {median(side) / 1000:,.1f} us ({len(side):,})" for what, side in zip(times._fields, times, strict=True)
    )
    return f"{name:6} AUC {auc(times):.3f}   median {medians}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, under 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--child", nargs=3, metavar=("WAY", "FOLDER", "COUNT"), help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=1, help="of the order in which tools are asked for")
    options = parser.parse_args(arguments)
    if options.child:
        way, folder, count = options.child
        print(json.dumps(child(way, Path(folder), int(count), options.seed)))
        return
    found = measure(options.quick, options.seed)
    if options.json:
        print(json.dumps({"rows": rows(found)}))
        return
    for name, times in found.items():
        print(_line(name, times))
    for row in rows(found):
        print(f"{row['id']:28} {row['figure']:>7}  goal {row['goal']:>5}  {row['what']}")


if __name__ == "__main__":
    main()
