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
from collections.abc import Mapping
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


def child(contender: Contender, folder: Path) -> None:
    """Be one contender in this process: for each number of steps that stdin asks for, run them; CPU ms per step.

    An empty line asks for the bytes instead. Answers are one line of JSON each.
    """
    made = {steps: contender.setup(agent(steps), folder) for steps in (SHORT, LONG)}
    once(made[SHORT], SHORT)
    for line in sys.stdin:
        steps = int(line.strip() or 0)
        answer: Any = once(made[steps], steps) / steps * 1000 if steps else _bytes(contender, made[LONG], folder)
        print(json.dumps(answer), flush=True)


def _bytes(contender: Contender, made: Any, folder: Path) -> dict[str, float]:
    found: dict[str, float] = {}
    if contender in OURS:
        found["bytes_per_step"] = _bytes_per_step(made, folder)
    if contender is not BARE and (size := wire_bytes(lambda: _finished(made))) is not None:
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


class Running:
    """A process that is one contender, to be asked a little at a time."""

    def __init__(self, module: str, contender: Contender, rules: str | None = None) -> None:
        """``module`` of benchmarks has the ``--child``; ``rules`` is its handrail.toml."""
        self._folder = tempfile.TemporaryDirectory()
        (Path(self._folder.name) / "handrail.toml").write_text(policy() if rules is None else rules)
        command = [sys.executable, "-m", f"benchmarks.{module}", "--child", contender.name, self._folder.name]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, env=contender.environment(), text=True, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL
        )

    def ask(self, steps: int = 0) -> Any:
        """CPU ms per step of a run of so many steps; for 0 the bytes per step."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(steps or "", file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("a measured process ended before its time: run its --child by hand to see why")
        return json.loads(answer)

    def end(self) -> None:
        """Let the process end, and take its folder away."""
        self._process.communicate()
        self._folder.cleanup()


def measure(running: Mapping[str, Running], rounds: int, dear: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Ask every process in turn, ``rounds`` times: CPU ms per step at both lengths, and the bytes at the end.

    What is compared ran within the same second or two, so that a machine that slows down slows down all. Runs of the
    ``dear`` at full length are taken in every fourth round only.
    """
    found: dict[str, Any] = {name: {str(SHORT): [], str(LONG): []} for name in running}
    for number in range(rounds):
        print(f"round {number + 1}/{rounds}", file=sys.stderr)
        for name, process in running.items():
            found[name][str(SHORT)].append(min(process.ask(SHORT) for _ in range(3)))
        for name, process in running.items():
            again = name not in dear or number % 4 == 0
            found[name][str(LONG)].append(process.ask(LONG) if again else None)
    for name, process in running.items():
        found[name] |= process.ask()
        process.end()
    return found


def ratio(found: Mapping[str, Any], name: str, steps: int) -> float:
    """CPU per step against the bare agent in the same round; the median over the rounds."""
    pairs = zip(found[name][str(steps)], found[BARE.name][str(steps)], strict=True)
    return float(median(one / bare for one, bare in pairs if one is not None))


def _worst(found: Mapping[str, Any], name: str) -> float:
    return max(ratio(found, name, steps) for steps in (SHORT, LONG))


def _flat(found: Mapping[str, Any], name: str) -> float:
    return ratio(found, name, LONG) / ratio(found, name, SHORT)


def rows(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The figures with their goals; a rival's are held against ours."""
    off, on = "content_off", "content_on"
    kept = found[off]["bytes_per_step"]
    table = [
        _row("step_ratio_content_on", "CPU per step, spans with content / bare", _worst(found, on), 1.25),
        _row("step_ratio_content_off", "CPU per step, spans without content / bare", _worst(found, off), 1.15),
        _row("flat_100_over_10", "a step at 100 steps against one at 10, relative to bare", _flat(found, on), 1.1),
        _row("bytes_per_step", "bytes in journal and payloads per step of a 100-step run", kept, 1536),
    ]
    for contender in (*OURS, *RIVALS):
        table += _rival(found, contender) if contender in RIVALS and contender.name in found else []
        size = found.get(contender.name, {}).get("wire_per_step")
        if size is not None:
            table.append(
                _row(f"wire_bytes_{contender.name}", "OTLP bytes per step of its spans, 100 steps", size, 1536)
            )
    return table


def _rival(found: Mapping[str, Any], contender: Contender) -> list[dict[str, Any]]:
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
    parser.add_argument("--quick", action="store_true", help="few rounds, under 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--child", nargs=2, metavar=("CONFIGURATION", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        [contender] = (one for one in (BARE, *OURS, *RIVALS) if one.name == options.child[0])
        child(contender, Path(options.child[1]))
        return
    rivals, said = present()
    running = {one.name: Running("overhead", one) for one in (BARE, *OURS, *rivals)}
    found = measure(running, 5 if options.quick else 60, frozenset(one.name for one in rivals))
    if said:
        print(said, file=sys.stderr)
    table = rows(found)
    if options.json:
        print(json.dumps({"rows": table}))
        return
    for name, one in found.items():
        print(
            f"{name:18} "
            + "  ".join(f"{steps}: {min(filter(None, one[str(steps)])):.3f} ms" for steps in (SHORT, LONG))
        )
    for row in table:
        print(f"{row['id']:28} {row['figure']:>9}  goal {row['goal']:>6}  {row['what']}")


if __name__ == "__main__":
    main()
