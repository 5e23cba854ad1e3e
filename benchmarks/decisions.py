"""CPU per decision: ours, stock pycasbin, Cedar and Rego over the same rules, in one run.

Medians in microseconds of `time.thread_time_ns` around single calls (the clock's own part of a microsecond included),
every request asked once. cedarpy and regorus are measured where they are: `pip install cedarpy lakera-regorus`.
``python -m benchmarks.decisions [--quick] [--json]``
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Literal

from benchmarks.engines import ENGINES, Ask
from benchmarks.world import SCENARIOS, Scenario, World

SIZES = (10, 100, 1_000, 10_000, 100_000)
KINDS: tuple[Literal["allow"], Literal["deny"]] = ("allow", "deny")
NOTES = {
    "ours": "the whole `Policy.decide`: default deny, deny wins, verdict with rule and reason in words",
    "pycasbin": "stock enforcer, cheap comparisons first, stops at the first allowance; one `eval(p.cond)` per rule",
    "cedarpy": "policies and entities parsed once into handles",
    "regorus": "rules laid out by hand as nested maps, role to tool; patterns as a list per role",
}
Cell = tuple[float, float] | str
"""Median microseconds for allow and deny, or why there are none."""


@dataclass(slots=True)
class Found:
    """What was measured."""

    cells: dict[tuple[str, Scenario, int], Cell] = field(default_factory=dict[tuple[str, Scenario, int], Cell])
    chain3: float = 0.0
    """Microseconds of a decision over three principals with 2,000 rules."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    sizes: dict[str, tuple[int, ...]]
    """Engine -> numbers of rules; n/a beyond."""
    calls: int
    """Most calls for one figure."""
    seconds: float
    """Most CPU seconds for one figure."""


QUICK = Effort(
    {"ours": (10, 1_000, 100_000), "pycasbin": (10, 1_000), "cedarpy": (10, 1_000), "regorus": (10, 1_000, 100_000)},
    500, 0.4,
)  # fmt: skip
LONG = Effort({"ours": SIZES, "pycasbin": SIZES[:-1], "cedarpy": SIZES[:-1], "regorus": SIZES}, 2_000, 1.5)


def measure(effort: Effort) -> Found:
    """Every engine over every scenario and size."""
    found = Found()
    for scenario in SCENARIOS:
        for engine, sizes in effort.sizes.items():
            for size in SIZES:
                if size in sizes:
                    print(f"{scenario}: {engine}, {size:,} rules", file=sys.stderr)
                    found.cells[engine, scenario, size] = _cell(engine, World(scenario, size), effort)
    found.chain3 = chain3(effort)
    return found


def _cell(engine: str, world: World, effort: Effort) -> Cell:
    try:
        ask = ENGINES[engine](world)
    except ImportError:
        return "not installed"
    allow, deny = (_timed(ask, world, kind, effort) for kind in KINDS)
    return allow, deny


def _timed(ask: Ask, world: World, kind: Literal["allow", "deny"], effort: Effort) -> float:
    """Median CPU microseconds of a call; every request is another one and its verdict is checked."""
    requests = world.asked(kind, effort.calls + 5)
    for asked in requests[:5]:
        ask(asked)
    spent: list[int] = []
    wrong, total = 0, 0
    gc.collect()
    gc.freeze()
    for asked in requests[5:]:
        before = time.thread_time_ns()
        allowed = ask(asked)
        spent.append(time.thread_time_ns() - before)
        wrong += allowed is not (kind == "allow")
        total += spent[-1]
        if total > effort.seconds * 1e9 and len(spent) >= 5:
            break
    gc.unfreeze()
    if wrong:
        raise SystemExit(f"{world}: {wrong} of {len(spent)} answers are wrong, so nothing was measured")
    return median(spent) / 1000


def chain3(effort: Effort, rules: int = 2_000) -> float:
    """Median CPU microseconds of a decision for user -> agent -> agent, each call under a condition."""
    from handrail.config.settings import DelegateSettings, RuleSettings, Settings
    from handrail.policy import PolicyRequest, build

    world = World("conditions", rules)
    policy = build(
        Settings(
            users={f"{tenant}/{user}": (role,) for tenant, user, role in world.users()},
            rules=tuple(
                RuleSettings(f"r{n}", "allow", rule.role, (rule.tool,), f"args.amount <= {rule.limit}")
                for n, rule in enumerate(world.rules())
            ),
            delegates=(
                DelegateSettings("user:*", "agent:planner", ("*",), id="plan"),
                DelegateSettings("agent:planner", "agent:worker", ("tool_*",), id="work"),
            ),
        )
    )

    def ask(asked: Any) -> bool:
        chain = (f"user:{asked.user}", "agent:planner", "agent:worker")
        facts = {"args": {"amount": asked.amount}}
        return policy.decide(PolicyRequest(asked.tenant, chain, asked.tool, facts=facts)).verdict == "allow"

    return _timed(ask, world, "allow", effort)


def rows(found: Found) -> list[dict[str, Any]]:
    """The figures with their goals; the worst of all scenarios and verdicts counts."""
    growth = max(
        large / small
        for scenario in SCENARIOS
        for large, small in zip(_ours(found, 100_000, scenario), _ours(found, 1_000, scenario), strict=True)
    )
    worst = {size: max(max(_ours(found, size, scenario)) for scenario in SCENARIOS) for size in (1_000, 100_000)}
    return [
        _row("ours_1k_us", "CPU us of a decision over 1,000 rules, worst scenario", worst[1_000], 20),
        _row("ours_100k_us", "CPU us of a decision over 100,000 rules, worst scenario", worst[100_000], 50),
        _row("chain3_2k_us", "CPU us of a decision over three principals, 2,000 rules", found.chain3, 100),
        _row("growth_100k_1k", "a decision over 100,000 rules against one over 1,000, worst scenario", growth, 3),
    ]


def _ours(found: Found, size: int, scenario: Scenario) -> tuple[float, float]:
    cell = found.cells["ours", scenario, size]
    assert not isinstance(cell, str)
    return cell


def _row(name: str, what: str, figure: float, goal: float) -> dict[str, Any]:
    return {"id": name, "what": what, "figure": round(figure, 2), "goal": goal, "better": "lower"}


def table(found: Found) -> str:
    """Allow / deny in microseconds, as Markdown; under it, how each engine was set up."""
    head = "| scenario | engine |" + "".join(f" {size:,} |" for size in SIZES)
    lines = [head, "|---|---|" + "---|" * len(SIZES)]
    for scenario in SCENARIOS:
        for engine in ENGINES:
            cells = "".join(f" {_shown(found.cells.get((engine, scenario, size), 'n/a'))} |" for size in SIZES)
            lines.append(f"| {scenario} | {engine} |{cells}")
    notes = [f"- {engine}{_version(engine)}: {note}" for engine, note in NOTES.items()]
    about = "CPU microseconds of one decision, allow / deny, by number of rules; medians, every request asked once:"
    return "\n".join([about, "", *lines, "", *notes])


def _shown(cell: Cell) -> str:
    return cell if isinstance(cell, str) else " / ".join(f"{us:,.0f}" if us >= 100 else f"{us:.1f}" for us in cell)


def _version(engine: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f" {version({'ours': 'handrail', 'regorus': 'lakera-regorus'}.get(engine, engine))}"
    except PackageNotFoundError:
        return " (not installed)"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer sizes and calls, under 50 s on two cores")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    found = measure(QUICK if options.quick else LONG)
    if options.json:
        print(json.dumps({"rows": rows(found), "table": table(found)}))
        return
    print(table(found), end="\n\n")
    for row in rows(found):
        print(f"{row['id']:26} {row['figure']:>9}  goal {row['goal']:>6}  {row['what']}")


if __name__ == "__main__":
    main()
