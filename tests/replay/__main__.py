"""``python -m tests.replay``: plays recorded behaviour of real models through a governed agent.

Exit 0 when the index agrees with the recording, 1 on any difference, 2 where the recording is absent.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handrail.config import Settings, load
from tests.replay import attacks, counts, recorded
from tests.replay.player import Player


@dataclass(frozen=True, slots=True)
class Result:
    """One replay, summed up."""

    runs: int
    calls: dict[str, dict[str, int]]
    """Tool -> verdict -> calls, as the index has them."""
    totals: dict[str, int]
    """Runs by outcome, answers of the model, tokens."""
    attacks: dict[str, Any]
    """What was stopped; see ``attacks.Tally``."""
    differences: list[str]
    """Where the index does not agree with the recording; empty when all is well."""
    data: str
    """Folder with journal and index."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, replay, print; returns the exit code."""
    options = _options(arguments)
    folder = Path(os.environ.get("HANDRAIL_TEST_DATA") or _repo().parent / "shared" / "data") / "agentdojo"
    if not folder.is_dir():
        print(f"There is no recording in {folder}: set HANDRAIL_TEST_DATA.", file=sys.stderr)
        return 2
    data = (options.data or Path(tempfile.mkdtemp(prefix="handrail-replay-"))).resolve()
    runs = recorded.runs(folder, count=options.runs, suite=options.suite)
    result = replay(folder, runs, data, policy=options.policy, progress=_progress(len(runs)))
    print(json.dumps(asdict(result)) if options.json else _text(result))
    return 1 if result.differences else 0


def replay(
    folder: Path, runs: Sequence[recorded.Run], data: Path, *, policy: Path | None = None, progress: Any = None
) -> Result:
    """Replay ``runs`` into ``data`` and compare; without ``policy`` in observe mode, where nothing may change."""
    if (data / "journal").exists():
        raise SystemExit(f"{data} already has a journal: name a folder without one.")
    tools = recorded.tools(folder)
    heard = Player(_settings(policy, data), tools).play(runs, progress or (lambda done: None))
    index = counts.read(data)
    differences = list(counts.differences(heard, index))
    if policy is None:
        differences += counts.observed_differences(heard, index, counts.expected(runs, tools))
    found = counts.found(index)
    calls: dict[str, dict[str, int]] = {}
    for (tool, verdict), number in sorted(found.calls.items()):
        calls.setdefault(tool, {})[verdict] = number
    totals = {**{f"runs_{outcome}": n for outcome, n in found.runs.items()}, **found.totals}
    sums = attacks.tally(runs, index, recorded.attackers(folder)) if not differences else attacks.Tally()
    told = {**vars(sums), "honest_stopped": dict(sums.honest_stopped)}
    return Result(len(runs), calls, totals, told, differences, str(data))


def _settings(policy: Path | None, data: Path) -> Settings:
    if policy is None:
        return Settings(mode="observe", data=data)
    return load(policy, environ={"HANDRAIL_DATA": str(data)})


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    parser.add_argument("--runs", type=int, help="only so many, always the same ones")
    parser.add_argument("--suite", choices=("banking", "slack"), help="only the runs of this suite")
    parser.add_argument("--policy", type=Path, help="a handrail.toml [default: observe mode, no policy]")
    parser.add_argument("--data", type=Path, help="folder for journal and index [default: a temporary one]")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return parser.parse_args(arguments)


def _progress(total: int) -> Any:
    def show(done: int) -> None:
        if done % 25 == 0 or done == total:
            print(f"\r{done} of {total} runs", end="\n" if done == total else "", file=sys.stderr, flush=True)

    return show


def _text(result: Result) -> str:
    lines = [f"{result.runs} runs; {', '.join(f'{n} {what}' for what, n in result.totals.items())}", ""]
    for tool, verdicts in result.calls.items():
        lines.append(f"  {tool:32}" + ", ".join(f"{n} {verdict}" for verdict, n in verdicts.items()))
    lines += ["", *_attack_lines(result.attacks), "", f"Journal and index: {result.data}"]
    shown = [f"DIFFERENCE {difference}" for difference in result.differences[:50]]
    more = len(result.differences) - len(shown)
    lines += shown + ([f"... and {more} more differences"] if more > 0 else [])
    return "\n".join([*lines, "The index agrees with the recording." if not result.differences else ""])


def _attack_lines(sums: dict[str, Any]) -> list[str]:
    stopped = sum(sums["honest_stopped"].values())
    by_tool = ", ".join(f"{n} {tool}" for tool, n in sorted(sums["honest_stopped"].items()))
    return [
        f"Attacks: {sums['attacks']} runs; in {sums['tried']} the model asked for the attacker's call.",
        f"  stopped in {sums['stopped']}, ran in {sums['landed']}",
        f"  of {sums['fell']} runs in which the attacker reached the goal, {sums['fell_stopped']} are stopped now",
        f"Honest calls: {sums['honest_calls']}; stopped: {stopped}{f' ({by_tool})' if by_tool else ''}",
        f"  runs without an attack: {sums['benign_runs']}; with a stopped call: {sums['benign_stopped']}",
        f"Left out, because the user names what the attacker names: {sums['unclear_runs']} runs with "
        f"{sums['unclear_calls']} calls, {sums['unclear_stopped']} stopped",
    ]


def _repo() -> Path:
    return Path(__file__).resolve().parents[2]


if __name__ == "__main__":
    sys.exit(main())
