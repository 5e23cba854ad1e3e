"""CPU per agent step, governed against bare, in alternating processes.

Bare is a real ``create_agent`` with an in-process scripted chat model and one allowed tool per step. Governed is
the same agent with 1,000 rules in enforce mode, the tool's schema check, journal, payloads, and spans to an
exporter that throws them away. ``python -m benchmarks.overhead [--quick] [--json]``
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

SHORT, LONG = 10, 100
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
CONFIGURATIONS = ("bare", "content_off", "content_on")


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


def child(configuration: str, folder: Path, seconds: float) -> dict[str, Any]:
    """Measure one configuration in this process: CPU milliseconds per step at each length."""
    agents = {steps: agent(steps) for steps in (SHORT, LONG)}
    if configuration != "bare":
        agents = {steps: _governed(made, folder) for steps, made in agents.items()}
    found: dict[str, Any] = {}
    for steps, made in agents.items():
        _once(made, steps)
        runs: list[float] = []
        spent = 0.0
        while spent < seconds / 2 or len(runs) < 3:
            runs.append(_once(made, steps))
            spent += runs[-1]
        found[str(steps)] = median(runs) / steps * 1000
    if configuration != "bare":
        found["bytes_per_step"] = _bytes_per_step(agents[LONG], folder)
    return found


def _governed(made: Any, folder: Path) -> Any:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    import handrail

    class Null(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    if not isinstance(trace.get_tracer_provider(), TracerProvider):
        provider = TracerProvider()
        provider.add_span_processor(BatchSpanProcessor(Null()))
        trace.set_tracer_provider(provider)
    return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"})


def _once(made: Any, steps: int) -> float:
    before = time.process_time()
    found = made.invoke({"messages": [("user", "go")]}, {"recursion_limit": 10 * steps})
    spent = time.process_time() - before
    if sum(1 for message in found["messages"] if message.type == "tool" and message.status == "success") != steps:
        raise SystemExit("the agent did not take its steps: nothing was measured")
    return spent


def _bytes_per_step(made: Any, folder: Path) -> float:
    before = _size(folder)
    _once(made, LONG)
    return (_size(folder) - before) / LONG


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / ".handrail").rglob("*") if path.is_file())


def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Run every configuration in turn, ``rounds`` times; the medians over the rounds."""
    samples: dict[str, list[dict[str, Any]]] = {name: [] for name in CONFIGURATIONS}
    for number in range(rounds):
        for name in CONFIGURATIONS:
            print(f"round {number + 1}/{rounds}: {name}", file=sys.stderr)
            samples[name].append(_spawn(name, seconds))
    return {name: {key: median(sample[key] for sample in found) for key in found[0]} for name, found in samples.items()}


def _spawn(name: str, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "handrail.toml").write_text(policy())
        environ = {**os.environ, "LANGSMITH_TRACING": "false", CAPTURE: "true" if name == "content_on" else "false"}
        command = [sys.executable, "-m", "benchmarks.overhead", "--child", name, folder, "--seconds", str(seconds)]
        done = subprocess.run(command, env=environ, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        return dict(json.loads(done.stdout))


def rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The figures with their goals."""
    bare, on, off = (found[name] for name in ("bare", "content_on", "content_off"))
    short, long = str(SHORT), str(LONG)
    ratio_on, ratio_off = (max(side[k] / bare[k] for k in (short, long)) for side in (on, off))
    flat = (on[long] / on[short]) / (bare[long] / bare[short])
    return [
        _row("step_ratio_content_on", "CPU per step, spans with content / bare", ratio_on, 1.25),
        _row("step_ratio_content_off", "CPU per step, spans without content / bare", ratio_off, 1.15),
        _row("flat_100_over_10", "a step at 100 steps against one at 10, relative to bare", flat, 1.1),
        _row("bytes_per_step", "bytes in journal and payloads per step of a 100-step run", off["bytes_per_step"], 1536),
    ]


def _row(name: str, what: str, figure: float, goal: float) -> dict[str, Any]:
    return {"id": name, "what": what, "figure": round(figure, 3), "goal": goal, "better": "lower"}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two short rounds, under 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--child", nargs=2, metavar=("CONFIGURATION", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0.0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(child(options.child[0], Path(options.child[1]), options.seconds)))
        return
    found = measure(2, 1.5) if options.quick else measure(6, 4.0)
    table = rows(found)
    if options.json:
        print(json.dumps({"rows": table}))
        return
    for name, figures in found.items():
        print(f"{name:12} " + "  ".join(f"{key}: {value:.3f}" for key, value in figures.items()))
    for row in table:
        print(f"{row['id']:26} {row['figure']:>9}  goal {row['goal']:>6}  {row['what']}")


if __name__ == "__main__":
    main()
