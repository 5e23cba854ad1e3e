"""How long a revoked right is still good, in two processes that call all the time.

Measured from the moment when ``handrail policy revoke`` begins to write, to the end of the first call that is denied;
and counted: calls that began after it had written and were allowed.
``python -m benchmarks.revocation [--rules N] [--quick] [--json]``
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
from statistics import quantiles
from typing import IO, Any

from benchmarks.overhead import policy

GOAL_MS = 100.0


def child(folder: Path) -> None:
    """Call until told to stop; print each new answer, when the call before it began, and when its own ended."""
    from handrail.frameworks import gates, opening
    from handrail.gate import Refusal, ToolCall

    gate = opening.open_gate(folder / "handrail.toml")
    step = gates.enter(gate, "bench", object(), said={"user": "ana"})
    assert step is not None
    before, last = None, 0.0
    while not (folder / "stop").exists():
        began = time.monotonic()
        found = gate.tool(step.frame, ToolCall("note", {"number": 1}), lambda args: "ran")
        ended, allowed = time.monotonic(), not isinstance(found, Refusal)
        if allowed is not before:
            print(json.dumps([allowed, last, ended]), flush=True)
        before, last = allowed, began
        time.sleep(0.0005)
    gates.leave(step)


def measure(rounds: int, rules: int) -> dict[str, Any]:
    """Milliseconds until the first denial, per round and process, and the calls that were wrongly allowed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "handrail.toml").write_text(policy(rules))
        command = [sys.executable, "-m", "benchmarks.revocation", "--child", name]
        children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        try:
            took = [one for _ in range(rounds) for one in _round(folder, [child.stdout for child in children])]
        finally:
            (folder / "stop").touch()
            for child in children:
                child.wait()
    late = sum(wrong for _, wrong in took)
    cuts = quantiles([ms for ms, _ in took], n=100, method="inclusive")
    return {"p50": cuts[49], "p99": cuts[98], "most": max(ms for ms, _ in took), "late": late, "n": len(took)}


def _round(folder: Path, outputs: list[IO[str] | None]) -> list[tuple[float, bool]]:
    """Per process: milliseconds to the first denial, and whether a call was allowed that began after the writing."""
    from handrail.audit import rights
    from handrail.config.live import Actor, LiveChange

    for output in outputs:
        assert _next(output)[0], "an agent must be allowed before its right is revoked"
    change = LiveChange(
        rights.new_id("suspend"), "suspend", Actor(os.getuid(), ""), "benchmark", time.time(), user="ana"
    )
    begun = time.monotonic()
    rights.edit(folder / ".handrail", lambda changes: (*changes, change))
    written = time.monotonic()
    denied = [_next(output) for output in outputs]
    rights.edit(folder / ".handrail", lambda changes: ())
    return [((ended - begun) * 1e3, last > written) for _, last, ended in denied]


def _next(output: IO[str] | None) -> tuple[bool, float, float]:
    assert output is not None
    allowed, last, ended = json.loads(output.readline())
    return allowed, last, ended


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rules", type=int, default=1_000, help="rules of the policy (default 1,000)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    found = measure(20 if options.quick else 100, options.rules)
    rows = [
        {"id": "revoked_p99_ms", "what": "right revoked to first denial in two processes, p99 ms",
         "figure": round(found["p99"], 2), "goal": GOAL_MS, "better": "lower"},
        {"id": "revoked_late", "what": "calls allowed that began after the revocation was written",
         "figure": found["late"], "goal": 0, "better": "lower"},
    ]  # fmt: skip
    if options.json:
        print(json.dumps({"rows": rows}))
        return
    print(f"{found['n']} revocations seen: p50 {found['p50']:.1f}, p99 {found['p99']:.1f}, most {found['most']:.1f} ms")
    print(f"goal: p99 under {GOAL_MS:.0f} ms. Calls allowed that began after it was written: {found['late']}")


if __name__ == "__main__":
    main()
