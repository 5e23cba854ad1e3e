"""CPU and bytes per agent step, governed against bare and against other instrumentations, in alternating processes.

Bare is a real ``create_agent`` with an in-process scripted chat model and one allowed tool per step. Governed is
the same agent with 1,000 rules in enforce mode, the tool's schema check, journal, payloads, and spans to an
exporter that throws them away. Rivals (contenders.py) send their spans to the same exporter, and do nothing else.
``python -m benchmarks.overhead [--quick] [--json]``; where the time goes: ``python -m benchmarks.layers``
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import BARE, INSTALL, OURS, RIVALS, Contender, wire_bytes

SHORT, LONG = 10, 100


def policy(rules: int = 1000) -> str:
    """A handrail.toml with ``rules`` rules, one of which allows the benchmark's tool under a condition."""
    head = ["version = 1", 'mode = "enforce"', 'agent = "bench"', "[users]", '"ana" = ["staff"]']
    tail = ["[[rule]]", 'id = "work"', 'allow = "staff"', 'call = "note"', 'when = "args.number >= 0"']
    tail += ["[[delegate]]", 'from = "staff"', 'to = "agent:bench"', 'call = "*"']
    filler = [
        f'[[rule]]\nid = "r{n}"\nallow = "staff"\ncall = ["tool_{n % 100}", "other_{n}"]\nwhen = "args.amount <= {n}"'
        for n in range(rules - 1)
    ]
    return "\n".join([*head, *filler, *tail]) + "\n"


def agent(steps: int) -> Any:
    """A bare agent that takes ``steps`` steps, each one model call and one tool call, then answers."""
    from langchain.agents import create_agent
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.tools import tool

    class Scripted(BaseChatModel):
        model_name: str = "scripted-1"  # without a name, OpenTelemetry's own makes no span of a model call

        @property
        def _llm_type(self) -> str:
            return "scripted"

        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self

        def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
            taken = sum(1 for message in messages if message.type == "tool")
            calls = [{"name": "note", "args": {"text": f"note {taken} " * 10, "number": taken}, "id": f"c{taken}"}]
            used = {"input_tokens": 100, "output_tokens": 20, "total_tokens": 120}
            reply = AIMessage(
                "thinking " * 10, tool_calls=calls if taken < steps else [], usage_metadata=used
            )  # fmt: skip
            return ChatResult(generations=[ChatGeneration(message=reply)])

    @tool
    def note(text: str, number: int) -> str:
        """Keep a note."""
        return f"kept {number}: {text[:40]}"

    return create_agent(Scripted(), [note], name="bench")


def child(contender: Contender, folder: Path, seconds: float) -> dict[str, Any]:
    """Measure one configuration in this process: CPU milliseconds per step at each length, the fastest run of each.

    The fastest, because a shared machine only ever adds.
    """
    made = {steps: contender.setup(agent(steps), folder) for steps in (SHORT, LONG)}
    found: dict[str, Any] = {}
    for steps, one in made.items():
        once(one, steps)
        runs: list[float] = []
        while not runs or sum(runs) < seconds / 2:
            runs.append(once(one, steps))
        found[str(steps)] = min(runs) / steps * 1000
    if contender in OURS:
        found["bytes_per_step"] = _bytes_per_step(made[LONG], folder)
    if contender is not BARE and (size := wire_bytes(lambda: _finished(made[LONG]))) is not None:
        found["wire_per_step"] = size / LONG
    return found


def _finished(made: Any) -> None:
    once(made, LONG)


def once(made: Any, steps: int) -> float:
    """Run an agent once; CPU seconds of the process. Ends the program when it did not take its steps."""
    before = time.process_time()
    found = made.invoke({"messages": [("user", "go")]}, {"recursion_limit": 10 * steps})
    spent = time.process_time() - before
    if sum(1 for message in found["messages"] if message.type == "tool" and message.status == "success") != steps:
        raise SystemExit("the agent did not take its steps: nothing was measured")
    return spent


def _bytes_per_step(made: Any, folder: Path) -> float:
    before = _size(folder)
    once(made, LONG)
    return (_size(folder) - before) / LONG


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / ".handrail").rglob("*") if path.is_file())


def measure(contenders: list[tuple[Contender, int]], seconds: float) -> dict[str, list[dict[str, Any]]]:
    """Measure every contender in turn, each as many rounds as it is given; what each round found."""
    found: dict[str, list[dict[str, Any]]] = {contender.name: [] for contender, _ in contenders}
    most = max(rounds for _, rounds in contenders)
    for number in range(most):
        for contender, rounds in contenders:
            if number < rounds:
                print(f"round {number + 1}/{rounds}: {contender.name}", file=sys.stderr)
                found[contender.name].append(spawn("overhead", contender, seconds))
    return found


def spawn(module: str, contender: Contender, seconds: float, rules: str | None = None) -> Any:
    """What a process of its own, ``python -m benchmarks.MODULE --child``, says of one contender."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "handrail.toml").write_text(policy() if rules is None else rules)
        command = [sys.executable, "-m", f"benchmarks.{module}", "--child", contender.name, folder]
        command += ["--seconds", str(seconds)]
        done = subprocess.run(command, env=contender.environment(), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        return json.loads(done.stdout)


def ratio(found: dict[str, list[dict[str, Any]]], name: str, steps: int) -> float:
    """CPU per step against the bare agent of the same round; the median over the rounds."""
    pairs = zip(found[name], found[BARE.name], strict=False)
    return float(median(one[str(steps)] / bare[str(steps)] for one, bare in pairs))


def _worst(found: dict[str, list[dict[str, Any]]], name: str) -> float:
    return max(ratio(found, name, steps) for steps in (SHORT, LONG))


def _flat(found: dict[str, list[dict[str, Any]]], name: str) -> float:
    return ratio(found, name, LONG) / ratio(found, name, SHORT)


def rows(found: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """The figures with their goals; a rival's are held against ours."""
    off, on = "content_off", "content_on"
    kept = median(one["bytes_per_step"] for one in found[off])
    table = [
        _row("step_ratio_content_on", "CPU per step, spans with content / bare", _worst(found, on), 1.25),
        _row("step_ratio_content_off", "CPU per step, spans without content / bare", _worst(found, off), 1.15),
        _row("flat_100_over_10", "a step at 100 steps against one at 10, relative to bare", _flat(found, on), 1.1),
        _row("bytes_per_step", "bytes in journal and payloads per step of a 100-step run", kept, 1536),
    ]
    for contender in (*OURS, *RIVALS):
        table += _rival(found, contender) if contender in RIVALS and contender.name in found else []
        if found.get(contender.name) and "wire_per_step" in found[contender.name][0]:
            size = median(one["wire_per_step"] for one in found[contender.name])
            table.append(
                _row(f"wire_bytes_{contender.name}", "OTLP bytes per step of its spans, 100 steps", size, 1536)
            )
    return table


def _rival(found: dict[str, list[dict[str, Any]]], contender: Contender) -> list[dict[str, Any]]:
    ours = 1.25 if contender.content else 1.15
    said = f"{contender.what}, {contender.version}"
    return [
        _row(f"rival_{contender.name}", f"CPU per step / bare: {said}", _worst(found, contender.name), ours),
        _row(f"rival_{contender.name}_flat", f"100 steps against 10: {said}", _flat(found, contender.name), 1.1),
    ]


def _row(name: str, what: str, figure: float, goal: float) -> dict[str, Any]:
    return {"id": name, "what": what, "figure": round(figure, 3), "goal": goal, "better": "lower"}


def present() -> tuple[list[Contender], str]:
    """Rivals that are installed, and a sentence about those that are not."""
    missing = sorted({rival.package for rival in RIVALS if rival.version is None})
    said = f"Not installed, so left out: {', '.join(missing)}. Install: {INSTALL}" if missing else ""
    return [rival for rival in RIVALS if rival.version is not None], said


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds, under 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--child", nargs=2, metavar=("CONFIGURATION", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        [contender] = (one for one in (BARE, *OURS, *RIVALS) if one.name == options.child[0])
        print(json.dumps(child(contender, Path(options.child[1]), options.seconds)))
        return
    rivals, said = present()
    rounds, seconds = (2, 1.0) if options.quick else (8, 4.0)
    turns = [(one, rounds) for one in (BARE, *OURS)] + [(one, 1 if options.quick else rounds) for one in rivals]
    found = measure(turns, seconds)
    if said:
        print(said, file=sys.stderr)
    table = rows(found)
    if options.json:
        print(json.dumps({"rows": table}))
        return
    for name, rounds_of in found.items():
        print(f"{name:18} " + "  ".join(f"{key}: {median(one[key] for one in rounds_of):.3f}" for key in rounds_of[0]))
    for row in table:
        print(f"{row['id']:28} {row['figure']:>9}  goal {row['goal']:>6}  {row['what']}")


if __name__ == "__main__":
    main()
