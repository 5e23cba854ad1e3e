"""How a report is written: one HTML page, JSON, or the table of decisions as CSV or Parquet. No figure is made here."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

from handrail.audit.report import Report, Row, Window
from handrail.audit.safe_text import defused, visible
from handrail.audit.schema import statement

if TYPE_CHECKING:
    from jinja2 import Template

Format = Literal["html", "csv", "json", "parquet"]
MAX_HTML_DENIALS = 5_000
"""Denials that the HTML page lists; the other formats list all of them."""


class Streams(Protocol):
    """A private copy of the index: long exports read it, so that nobody's view waits."""

    def stream(self, sql: str, params: Mapping[str, object]) -> Iterator[tuple[object, ...]]:
        """The names of a static statement's columns, then its rows."""
        ...

    def write_parquet(self, sql: str, params: Mapping[str, object], target: Path) -> None:
        """The rows of a static statement as one Parquet file."""
        ...


def write_html(report: Report, out: IO[str]) -> None:
    """The whole report as one self-contained page: no script, nothing loaded from elsewhere."""
    denials = report.denials[:MAX_HTML_DENIALS]
    for piece in _template().stream(report=report, denials=denials, share=_share, curve=_curve(report)):
        out.write(piece)


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    page = Environment(
        loader=PackageLoader("handrail.audit"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    page.filters["shown"] = _shown
    page.filters["percent"] = _percent
    return page.get_template("report.html.j2")


def _shown(value: object) -> str:
    if value is None or value == "":
        return "\N{EN DASH}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return visible(str(value))


def _percent(value: object) -> str:
    return "\N{EN DASH}" if not isinstance(value, (int, float)) else f"{100 * value:.1f} %"


def _curve(report: Report) -> Mapping[str, Any]:
    """The picture of runs' success by length, 480 by 180: the compounding curve, and marks of what was observed."""
    rows = [row for row in report.reliability_lengths if _number(row["runs"])]
    if not rows:
        return {}
    longest = max(_number(row["length"]) for row in rows) + 1
    rate = float(str(rows[0]["step_success_rate"]))

    def x(length: float) -> float:
        return round(480 * length / longest, 1)

    def y(share: object) -> float:
        return round(170 - 160 * float(str(share)), 1)

    steps = [longest * place / 60 for place in range(61)]
    marks = [
        {"x": x(_number(row["length"])), "y": y(row["success_rate"]), "low": y(row["low"]), "high": y(row["high"])}
        for row in rows
    ]
    line = " ".join(f"{x(step)},{y(rate**step)}" for step in steps)
    return {"line": line, "marks": marks, "longest": longest - 1, "rate": rate}


def _share(value: object, rows: Iterable[Row], key: str) -> int:
    """Width of a bar, 0 to 240: ``value`` against the largest ``key`` of ``rows``."""
    largest = max((_number(row[key]) for row in rows), default=0)
    return round(240 * _number(value) / largest) if largest else 0


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def write_json(report: Report, out: IO[str]) -> None:
    """The report's structure as one JSON object; moments are ISO 8601 in UTC."""
    json.dump(asdict(report), out, indent=2, default=_iso, ensure_ascii=True)
    out.write("\n")


def _iso(value: object) -> str:
    return _utc(value) if isinstance(value, datetime) else str(value)


def _utc(moment: datetime) -> str:
    # the index keeps naive UTC
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()


def write_csv(copy: Streams, window: Window, out: IO[str]) -> None:
    """Every decision of the window, oldest first; cells that could start a formula get an apostrophe."""
    # every cell is quoted: a spreadsheet that splits at semicolons must not find a formula behind one
    table = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for row in copy.stream(statement("report", "decisions"), window.params()):
        table.writerow([_cell(value) for value in row])


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return _utc(value)
    return defused(value) if isinstance(value, str) else value


def write_parquet(copy: Streams, window: Window, target: Path) -> None:
    """Every decision of the window as a Parquet file at ``target``."""
    copy.write_parquet(statement("report", "decisions"), window.params(), target)
