"""How long it takes to decide a million recorded calls again: ``python -m benchmarks.what_if [--quick] [--json]``.

Half of the calls are settled by who asks for which tool; of the other half each one's arguments, all different, are
read from the journal and decided. Writing the journal and folding the index are not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.audit.report import Window
from handrail.audit.what_if import WhatIf, what_if
from handrail.config import load
from handrail.policy import Policy, build

LONG, QUICK = 1_000_000, 30_000
PER_RUN = 10
USERS, TOOLS = 200, 100
GOAL = 60.0


def candidate(folder: Path) -> Policy:
    """1,000 rules; half of the tools under a condition on their arguments."""
    lines = ["version = 1", "[users]"]
    lines += [f'"acme/user{n}" = ["role{n % 20}"]' for n in range(USERS)]
    for number in range(1_000):
        tool, role = number % TOOLS, number // 50 % 20
        lines += ["[[rule]]", f'id = "rule-{number}"', f'allow = "role{role}"', f'call = "tool{tool}"']
        if tool % 2:
            lines.append("when = \"args.amount <= 500 && args.currency in ['EUR', 'USD']\"")
    lines += ["[[delegate]]", 'from = "*"', 'to = "agent:*"', 'call = "*"']
    (folder / "candidate.toml").write_text("\n".join(lines))
    return build(load(folder / "candidate.toml"))


def record(folder: Path, calls: int) -> None:
    """A journal of ``calls`` decisions that were all allowed without a policy."""
    journal = Journal(folder)
    for number in range(calls):
        if number % PER_RUN == 0:
            run, user = os.urandom(16).hex(), f"user{number // PER_RUN % USERS}"
            chain = [f"user:{user}", "agent:helpdesk"]
            who = {"agent": "helpdesk", "tenant": "acme", "user": user, "chain": chain}
            journal.append({"k": "run.start", "run": run, "trace": run, "step": f"{0:016x}", "parent": None, **who})
        args = b'{"amount":%d,"currency":"EUR","note":"order %d"}' % (number % 1_000, number)
        facts = {"now": 1.7e9 + number, "run": {"steps": 1, "model_calls": 1, "tool_calls": number % PER_RUN}}
        journal.append({"k": "tool.call", "run": run, "trace": run, "step": f"{number + 1:016x}", "parent": f"{0:016x}",
                        "agent": "helpdesk", "tool": f"tool{number * 7 % TOOLS}", "tenant": "acme", "chain": chain,
                        "verdict": "allow", "by": "none", "rule": None, "reason": "no policy is configured",
                        "effect": "write", "ran": True, "args": journal.put(args), "facts": facts})  # fmt: skip
        if number % 50_000 == 0:
            print(f"\rrecorded {number:,}", end="", file=sys.stderr)
    journal.close()


def measure(calls: int) -> tuple[float, float, WhatIf]:
    """Wall and CPU seconds of the replay, and what it found."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        record(folder, calls)
        policy, index = candidate(folder), Index(folder)
        index.refresh(block=True)
        now = datetime.now(UTC)
        window = Window(now - timedelta(days=1), now + timedelta(days=1))
        wall, cpu = time.monotonic(), time.process_time()
        with index.snapshot() as copy:
            found = what_if(copy, folder, policy, window)
        return time.monotonic() - wall, time.process_time() - cpu, found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} decisions instead of {LONG:,}, scaled up")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    calls = QUICK if options.quick else LONG
    wall, cpu, found = measure(calls)
    assert found.decided == calls
    what = f"seconds to decide 1,000,000 recorded calls again ({found.changed:,} of {calls:,} would change)"
    row: dict[str, Any] = {"id": "what_if_1m_s", "what": what, "figure": round(wall * LONG / calls, 1), "goal": GOAL,
                           "better": "lower"}  # fmt: skip
    if options.json:
        print(json.dumps({"rows": [row]}))
    else:
        print(f"\n{what}: {row['figure']} (goal {GOAL}); {calls / cpu:,.0f} decisions per CPU second")


if __name__ == "__main__":
    main()
