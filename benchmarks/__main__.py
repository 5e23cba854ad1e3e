"""Run every benchmark and write the table and the plot in docs/: ``python -m benchmarks [--quick] [--only NAME]``."""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

MODULES = ("overhead", "decisions", "leak", "what_if", "revocation", "ingest", "validators", "false_alarms",
           "effects")  # fmt: skip
DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, PLOT = DOCS / "reference" / "benchmarks.md", DOCS / "images" / "benchmarks.svg"
BAR, GAP, LEFT, WIDTH = 22, 14, 220, 640


def run(module: str, quick: bool) -> dict[str, Any]:
    """What one benchmark prints: its rows, and a table of its own where it has one."""
    command = [sys.executable, "-m", f"benchmarks.{module}", "--json", *(["--quick"] if quick else [])]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout))


def page(rows: list[dict[str, Any]], tables: dict[str, str], options: argparse.Namespace) -> str:
    """The tables as Markdown; ``tables`` has those that benchmarks bring themselves, by their names."""
    command = "".join([" --quick" * options.quick, *(f" --only {name}" for name in options.only or ())])
    head = (
        "# Benchmarks\n\n"
        "Ratios measured side by side in one run; absolute times mean nothing on shared machines. "
        f"Written by `python -m benchmarks{command}`, Python {platform.python_version()}; "
        "`make bench` measures everything.\n\n"
        "![Each figure as a part of its goal](../images/benchmarks.svg)\n\n"
        "| id | what | figure | goal | better |\n|---|---|---|---|---|\n"
    )
    return (
        head
        + "".join(
            f"| `{row['id']}` | {row['what']} | {row['figure']} | {row['goal']} | {row['better']} |\n" for row in rows
        )
        + "".join(f"\n## {name}\n\n`python -m benchmarks.{name}`: {table}\n" for name, table in tables.items())
    )


def plot(rows: list[dict[str, Any]]) -> str:
    """One bar per figure that has a goal other than 0, in parts of it; the line is the goal."""
    rows = [row for row in rows if isinstance(row["figure"], (int, float)) and row["goal"] not in (0, "-")]
    height = len(rows) * (BAR + GAP) + 2 * GAP
    most = max(1.0, *(row["figure"] / row["goal"] for row in rows))
    scale = (WIDTH - LEFT - 80) / most
    bars = "".join(_bar(row, number, scale) for number, row in enumerate(rows))
    goal, bottom = f"{LEFT + scale:.0f}", height - 4
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{bars}'
        f'<line x1="{goal}" y1="4" x2="{goal}" y2="{bottom}" stroke="black" stroke-dasharray="4 3"/></svg>\n'
    )


def _bar(row: dict[str, Any], number: int, scale: float) -> str:
    top = GAP + number * (BAR + GAP)
    part = row["figure"] / row["goal"]
    good = part <= 1 if row["better"] == "lower" else part >= 1
    colour = "#009e73" if good else "#d55e00"
    end = LEFT + part * scale
    return (
        f'<text x="{LEFT - 10}" y="{top + 15}" text-anchor="end">{row["id"]}</text>'
        f'<rect x="{LEFT}" y="{top}" width="{part * scale:.0f}" height="{BAR}" fill="{colour}"/>'
        f'<text x="{end + 6:.0f}" y="{top + 15}">{row["figure"]}</text>'
    )


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=MODULES, help="this benchmark (again for more)")
    options = parser.parse_args()
    found = {module: run(module, options.quick) for module in options.only or MODULES}
    rows = [row for printed in found.values() for row in printed["rows"]]
    tables = {module: printed["table"] for module, printed in found.items() if "table" in printed}
    PAGE.write_text(page(rows, tables, options))
    PLOT.write_text(plot(rows))
    print(page(rows, tables, options))


if __name__ == "__main__":
    main()
