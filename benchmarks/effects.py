"""What it costs that nothing is done twice: ``python -m benchmarks.effects [--quick] [--json]``.

CPU microseconds (`time.thread_time`, all threads for DBOS) of one governed call in enforce mode under 1,000 rules,
medians; calls of every kind are made in turn. *Unjournalled* is the same call, decided and recorded, without its part
for effects: no key, no value kept. Beside them a step of DBOS on its SQLite, in the same run, where it is installed
(``pip install dbos``); it is no dependency. Times on the clock, with the waits for the disk, are in the table.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.overhead import policy
from handrail.audit import oscalls
from handrail.effects.declared import Declaration
from handrail.frameworks import gates, opening
from handrail.frameworks.resuming import resuming
from handrail.gate import Gate, ToolCall, once
from handrail.tracing.context import Frame

RESULT = {"status": "booked", "reference": "R-2041", "lines": [{"item": "room", "nights": 3, "price": 412.5}]}
INSTALL = "n/a: pip install dbos"
Clock = Callable[[], float]


@dataclass
class Spent:
    """Seconds of each call of one kind."""

    cpu: list[float] = field(default_factory=list[float])
    wall: list[float] = field(default_factory=list[float])

    @contextmanager
    def timed(self, clock: Clock = time.thread_time) -> Generator[None]:
        """Time what is done in this block."""
        wall, cpu = time.perf_counter(), clock()
        yield
        self.cpu.append(clock() - cpu)
        self.wall.append(time.perf_counter() - wall)

    @property
    def us(self) -> float:
        """Median CPU microseconds."""
        return round(median(self.cpu) * 1e6, 1)

    @property
    def wall_us(self) -> float:
        """Median microseconds on the clock."""
        return round(median(self.wall) * 1e6, 1)


@dataclass
class Figures:
    """What was measured."""

    spent: dict[str, Spent] = field(default_factory=dict[str, Spent])
    added: list[float] = field(default_factory=list[float])
    """Seconds that a journalled read took longer than the unjournalled one before it."""
    synced: list[int] = field(default_factory=list[int])
    """Calls of ``fdatasync`` that each irreversible call waited for."""

    def of(self, kind: str) -> Spent:
        """The calls of one kind."""
        return self.spent.setdefault(kind, Spent())


def _call(kind: str, number: int) -> ToolCall:
    effect: Any = kind if kind in ("read", "write", "irreversible") else "read"
    args = {"text": f"note {number} " * 10, "number": number}
    return ToolCall("note", args, f"c{number}", declared=Declaration(effect))


def _ran(args: Mapping[str, Any]) -> dict[str, Any]:
    return dict(RESULT)


@contextmanager
def _unjournalled() -> Generator[None]:
    """Calls in this block have no part for effects."""

    def nothing(*given: object, **more: object) -> Generator[Any, Any, None]:
        return None
        yield

    original = once.resolve
    setattr(once, "resolve", nothing)  # noqa: B010
    try:
        yield
    finally:
        setattr(once, "resolve", original)  # noqa: B010


def first_life(gate: Gate, rounds: int, found: Figures) -> str:
    """Calls of each kind in turn; the id of the run."""
    step = gates.enter(gate, "bench", object(), said={"user": "ana"})
    assert step is not None
    for number in range(rounds):
        with _unjournalled(), found.of("unjournalled").timed():
            gate.tool(step.frame, _call("unjournalled", 4 * number), _ran)
        for place, kind in enumerate(("read", "write")):
            with found.of(kind).timed():
                gate.tool(step.frame, _call(kind, 4 * number + place + 1), _ran)
        found.added.append(found.of("read").cpu[-1] - found.of("unjournalled").cpu[-1])
        if number % 10 == 0:
            _irreversible(gate, step.frame, 4 * number + 3, found)
    gates.leave(step)
    return step.frame.state.run


def _irreversible(gate: Gate, frame: Frame, number: int, found: Figures) -> None:
    count, original, mine = [0], oscalls.sync_data, threading.get_ident()

    def counted(fd: int) -> None:
        count[0] += threading.get_ident() == mine
        original(fd)

    setattr(oscalls, "sync_data", counted)  # noqa: B010
    try:
        with found.of("irreversible").timed():
            gate.tool(frame, _call("irreversible", number), _ran)
    finally:
        setattr(oscalls, "sync_data", original)  # noqa: B010
    found.synced.append(count[0])


def second_life(gate: Gate, run: str, rounds: int, found: Figures) -> None:
    """The writes again: half of them looked up only, half of them made as whole calls."""
    with resuming(run):
        step = gates.enter(gate, "bench", object(), said={"user": "ana"})
    assert step is not None
    declared = Declaration("write")
    for number in range(rounds):
        call = _call("write", 4 * number + 2)
        if number % 2:
            with found.of("replayed call").timed():
                gate.tool(step.frame, call, _must_not)
        else:
            with found.of("replay").timed():
                known = once.now(once.resolve(step.frame, call, call.args, enforced=True, declared=declared))
            assert known.value == RESULT
    gates.close(step, "interrupted")


def _must_not(args: Mapping[str, Any]) -> Any:
    raise AssertionError("a completed call was made again")


def dbos(rounds: int, folder: Path, found: Figures) -> str:
    """Steps of DBOS that do what the calls do; its version, or how to install it."""
    try:
        library: Any = import_module("dbos").DBOS
    except ImportError:
        return INSTALL
    from importlib.metadata import version

    address = f"sqlite:///{folder / 'dbos.sqlite'}"
    settings = {"name": "bench", "system_database_url": address, "log_level": "ERROR", "run_admin_server": False}
    library(config=settings)

    def work(text: str, number: int) -> dict[str, Any]:
        return dict(RESULT)

    step = library.step()(work)

    def steps() -> None:
        for number in range(rounds):
            with found.of("DBOS step").timed(time.process_time):
                step(f"note {number} " * 10, number)

    flow = library.workflow()(steps)
    library.launch()
    try:
        flow()
    finally:
        library.destroy()
    return version("dbos")


def measure(rounds: int) -> tuple[Figures, str]:
    """Figures of everything, and which DBOS."""
    found = Figures()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "handrail.toml").write_text(policy())
        gate = opening.open_gate(folder / "handrail.toml")
        first_life(gate, rounds // 10, Figures())  # everything is loaded and compiled once
        run = first_life(gate, rounds, found)
        second_life(gate, run, rounds, found)
        which = dbos(max(20, rounds // 5), folder, found)
    return found, which


def rows(found: Figures, which: str) -> list[dict[str, Any]]:
    """The figures with their goals."""
    made: list[tuple[str, str, Any, Any]] = [
        ("replay_hit_us", "CPU us to find, decrypt and give back a recorded result", found.of("replay").us, 50),
        ("read_us", "CPU us that a journalled read takes longer than an unjournalled one",
         round(median(found.added) * 1e6, 1), 20),
        ("write_us", "CPU us of a whole write: decided, intent, result kept and recorded", found.of("write").us, 200),
        ("irreversible_fsyncs", "fdatasync calls that an irreversible call waits for", max(found.synced), 1),
    ]  # fmt: skip
    if "DBOS step" not in found.spent:
        made.append(("dbos_step_us", "CPU us of a step of DBOS on SQLite", which, "-"))
    else:
        theirs = found.of("DBOS step").us
        made.append(("dbos_step_us", f"CPU us of a step of DBOS {which} on SQLite", theirs, "-"))
        made.append(("write_vs_dbos", "a write against a step of DBOS", round(found.of("write").us / theirs, 3), 1))
    return [{"id": id, "what": what, "figure": figure, "goal": goal, "better": "lower"}
            for id, what, figure, goal in made]  # fmt: skip


def table(found: Figures, which: str) -> str:
    """Every kind of call, CPU and clock."""
    head = "one governed call under 1,000 rules, medians; unjournalled is the same without its part for effects.\n\n"
    lines = [f"| {kind} | {one.us} | {one.wall_us} |" for kind, one in found.spent.items()]
    if "DBOS step" not in found.spent:
        lines.append(f"| DBOS step | {which} | |")
    return head + "| call | CPU us | us on the clock |\n|---|---|---|\n" + "\n".join(lines)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    found, which = measure(500 if options.quick else 3000)
    made = rows(found, which)
    if options.json:
        print(json.dumps({"rows": made, "table": table(found, which)}))
        return
    for row in made:
        print(f"{row['id']:22} {row['figure']!s:>22}   goal {row['goal']}   {row['what']}")
    print("\n" + table(found, which))


if __name__ == "__main__":
    main()
