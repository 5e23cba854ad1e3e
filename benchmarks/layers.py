"""Where the CPU of a governed step goes, in two ways. ``python -m benchmarks.layers [--quick]``

Layers: the same agent with one thing more switched on at a time, in alternating processes; only settings differ.
Rooms: one run under the profiler, in all its threads: function calls per step that are not in the bare agent's run. A
call of a built-in function counts to the room of its caller. That figure is the same on every machine, busy or not.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import overhead
from benchmarks.contenders import BARE, OURS, unexported
from benchmarks.overhead import LONG, SHORT

OBSERVED = 'version = 1\nagent = "bench"\n[audit]\npayloads = {payloads}\n'
LAYERS = (
    (BARE, "the agent alone", None),
    (replace(OURS[0], name="records", setup=unexported), "seams, records", OBSERVED.format(payloads="false")),
    (replace(OURS[0], name="payloads", setup=unexported), "+ payloads", OBSERVED.format(payloads="true")),
    (replace(OURS[0], name="gate", setup=unexported), "+ 1,000 rules and schema, enforced", None),
    (OURS[0], "+ spans", None),
    (OURS[1], "+ content on spans", None),
)
ROOMS = (
    ("spans: our part", ("handrail/tracing/spans", "handrail/tracing/genai", "handrail/tracing/openinference",
                         "handrail/tracing/vocabulary", "handrail/tracing/content", "handrail/tracing/messages",
                         "handrail/tracing/others", "handrail/tracing/stamp", "handrail/tracing/metrics")),
    ("spans: the SDK", ("opentelemetry/",)),
    ("causes, plans, proposals", ("handrail/tracing/why", "handrail/tracing/planned", "handrail/tracing/proposals",
                                  "handrail/tracing/kept", "handrail/gate/proposed")),
    ("records: short forms", ("handrail/audit/shorthand",)),
    ("records: put together", ("handrail/audit/steps", "handrail/audit/model_call", "handrail/tracing/links")),
    ("records and payloads: encode, hash, write", ("handrail/audit/", "handrail/tracing/ids")),
    ("schema and validators", ("handrail/validators", "jsonschema", "referencing", "handrail/config/schemas")),
    ("policy", ("handrail/policy", "handrail/gate/judgement")),
    ("files watched", ("handrail/rulebook",)),
    ("gate", ("handrail/gate",)),
    ("seams and frames", ("handrail/",)),
)  # fmt: skip
"""Room -> parts of the paths of its modules; the first that fits counts. What fits none is the agent's own."""


def layers(rounds: int) -> list[tuple[str, float, float]]:
    """What each layer makes a step cost: words, ratio to bare at 10 and at 100 steps."""
    running = {one.name: overhead.Running("layers", one, rules) for one, _, rules in LAYERS}
    found = overhead.measure(running, rounds)
    ratio = overhead.ratio
    return [(what, ratio(found, one.name, SHORT), ratio(found, one.name, LONG)) for one, what, _ in LAYERS]


def profiled(work: Callable[[], object]) -> pstats.Stats:
    """Run ``work`` under the profiler, in this thread and in all that it starts."""
    made: list[cProfile.Profile] = []

    def begin(*event: Any) -> None:
        made.append(cProfile.Profile())
        made[-1].enable()

    threading.setprofile(begin)
    try:
        begin()
        work()
    finally:
        made[0].disable()
        threading.setprofile(None)
    found = pstats.Stats(made[0])
    for other in made[1:]:
        other.create_stats()
        found.add(other)
    return found


def rooms(found: pstats.Stats) -> Counter[str]:
    """Function calls by room."""
    table: Any = found.stats  # type: ignore[attr-defined]
    calls: Counter[str] = Counter()
    for (file, _, _), (_, count, _, _, callers) in table.items():
        if file != "~":
            calls[_room(file)] += count
            continue
        for (caller, _, _), (_, part, _, _) in callers.items():
            calls[_room(caller)] += part
    return calls


def _room(file: str) -> str:
    return next((room for room, parts in ROOMS if any(part in file for part in parts)), "standard library, for us")


def profile(folder: Path) -> list[tuple[str, float]]:
    """Room -> function calls that it adds to a step, the most first; then those of the agent alone."""
    counted: list[Counter[str]] = []
    for one in (BARE, OURS[0]):  # in this order: once an agent is governed, its seams are in place
        made = one.setup(overhead.agent(LONG), folder)
        overhead.once(made, LONG)
        counted.append(rooms(profiled(partial(overhead.once, made, LONG))))
    alone, added = counted[0], counted[1] - counted[0]
    whole = sum(alone.values()) / LONG
    return [*((room, calls / LONG) for room, calls in added.most_common()), ("the agent alone", whole)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--child", nargs=2, metavar=("LAYER", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        name, folder = options.child
        if name == "profile":
            sys.stdin.readline()
            print(json.dumps(profile(Path(folder))))
        else:
            overhead.child(next(one for one, _, _ in LAYERS if one.name == name), Path(folder))
        return
    print("| switched on | 10 steps | 100 steps |\n|---|---|---|")
    for what, short, long in layers(5 if options.quick else 60):
        print(f"| {what} | {short:.2f} | {long:.2f} |")
    profiling = overhead.Running("layers", replace(OURS[0], name="profile"))
    print("\n| room | function calls per step |\n|---|---|")
    for room, calls in profiling.ask():
        print(f"| {room} | {calls:.0f} |")
    profiling.end()


if __name__ == "__main__":
    main()
