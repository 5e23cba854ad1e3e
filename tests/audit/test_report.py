"""What a report says and how it is written: figures, hostile text, private files."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.audit.private_files import deliver
from handrail.audit.report import Report, Window, gather
from handrail.audit.report_formats import write_csv, write_html, write_json, write_parquet
from handrail.audit.safe_text import defused, visible
from handrail.errors import IndexFailure
from tests.audit.recorded import begin, end, model, tool, whole

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\"'{{7*7}}"


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "data")
    yield journal
    journal.close("exit")


@pytest.fixture(name="index")
def _index(journal: Journal, tmp_path: Path) -> Index:
    return Index(tmp_path / "data", folder=tmp_path / "index")


def window(**narrowed: str) -> Window:
    """The last hour."""
    now = datetime.now(UTC)
    return Window(now - timedelta(hours=1), now + timedelta(hours=1), **narrowed)


def report_of(index: Index, about: Window | None = None) -> Report:
    """The figures of the journal as it is now."""
    index.refresh(block=True)
    with index.snapshot() as copy:
        return gather(copy, about or window())


def html_of(report: Report) -> str:
    """The page."""
    out = io.StringIO()
    write_html(report, out)
    return out.getvalue()


def csv_of(index: Index) -> list[dict[str, str]]:
    """The table of decisions, read back."""
    index.refresh(block=True)
    out = io.StringIO(newline="")
    with index.snapshot() as copy:
        write_csv(copy, window(), out)
    return list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))


def test_the_figures_are_those_of_the_journal(journal: Journal, index: Index) -> None:
    """Claim: activity, verdicts, denials and the tables by agent, tool and user count what was recorded."""
    run = begin(journal)
    model(journal, run)
    tool(journal, run, 2)
    tool(journal, run, 3, verdict="deny", tool="wire", reason="nobody may", rule="nobody-wires", ran=False)
    tool(journal, run, 4, verdict="would_deny", tool="wire", reason="no rule", rule=None)
    end(journal, run)
    other = begin(journal, user="bo", tenant="globex")
    tool(journal, other, 2, tenant="globex")
    report = report_of(index)
    assert report.activity == {
        "runs": 2, "steps": 5, "model_calls": 1, "tool_calls": 4, "denied": 1, "would_deny": 1, "errors": 0,
        "input_tokens": 100, "output_tokens": 10,
    }  # fmt: skip
    assert {row["verdict"]: row["calls"] for row in report.verdicts} == {"allow": 2, "deny": 1, "would_deny": 1}
    assert {row["outcome"]: row["runs"] for row in report.outcomes} == {"ok": 1, "running": 1}
    newest, oldest = report.denials
    assert (newest["verdict"], oldest["rule"], oldest["reason"]) == ("would_deny", "nobody-wires", "nobody may")
    assert (oldest["user"], oldest["agent"], oldest["tool"], oldest["run"]) == ("ana", "helpdesk", "wire", run)
    assert {row["tool"]: (row["tool_calls"], row["denied"]) for row in report.tools} == {
        "wire": (2, 1),
        "refund": (2, 0),
    }
    assert {(row["tenant"], row["user"]): row["tool_calls"] for row in report.users} == {
        ("acme", "ana"): 3, ("globex", "bo"): 1,
    }  # fmt: skip
    assert report.journal == {"writers": 1, "writers_alive": 1, "records": 14, "records_dropped": 0}
    assert {row["what"]: row["digest"] for row in report.versions} == {"config": "c0", "policy": "p0"}


@pytest.mark.parametrize(
    ("narrowed", "calls"),
    [({"tenant": "globex"}, 1), ({"user": "ana"}, 2), ({"agent": "nobody"}, 0), ({"user": "' OR 1=1 --"}, 0)],
)
def test_a_report_can_be_narrowed(narrowed: dict[str, str], calls: int, journal: Journal, index: Index) -> None:
    """Claim: tenant, user and agent narrow every table; their values are data, never SQL."""
    for _ in range(2):
        whole(journal)
    run = begin(journal, user="bo", tenant="globex")
    tool(journal, run, tenant="globex")
    report = report_of(index, window(**narrowed))
    assert report.activity["tool_calls"] == calls
    assert sum(int(str(row["tool_calls"])) for row in report.users) == calls


def test_only_what_happened_in_the_window_counts(journal: Journal, index: Index) -> None:
    """Claim: steps before ``since`` and from ``until`` on are left out."""
    whole(journal)
    past = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC))
    report = report_of(index, past)
    assert (report.activity["runs"], report.denials, report.tools) == (0, (), ())


class _Page(HTMLParser):
    """Which elements and attributes a page has, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_runs_nothing_and_loads_nothing_whatever_the_journal_says(journal: Journal, index: Index) -> None:
    """Claim: hostile names and reasons appear as text; no script, no link, no control character reaches the page."""
    whole(journal, verdict="deny", tool=HOSTILE, reason=HOSTILE, rule=HOSTILE, agent=HOSTILE, ran=False)
    page = html_of(report_of(index, window()))
    parsed = _Page(page)
    assert not parsed.tags & {"script", "img", "link", "iframe", "a", "object"}
    assert not {name for name in parsed.attributes if name.startswith("on") or name in {"src", "href"}}
    assert "<script>alert(1)</script>\\u{1b}[31m\\u{202e}\"'{{7*7}}" in parsed.text
    assert re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page) is None
    assert "default-src 'none'" in page


def test_an_empty_journal_makes_a_report_too(journal: Journal, index: Index) -> None:
    """Claim: with nothing recorded every form is written and says zero."""
    journal.open()
    report = report_of(index)
    assert report.activity["runs"] == 0
    assert "None." in _Page(html_of(report)).text
    assert csv_of(index) == []


def test_damage_is_in_the_report(journal: Journal, index: Index, tmp_path: Path) -> None:
    """Claim: a damaged segment is named, with its offset, in the report that counts without it."""
    whole(journal)
    journal.close("exit")
    segment = next((tmp_path / "data" / "journal").glob("*.jl"))
    segment.write_bytes(segment.read_bytes()[:-30])
    report = report_of(index)
    assert [row["file"] for row in report.problems] == [segment.name]
    assert segment.name in _Page(html_of(report)).text


def test_json_has_the_same_structure(journal: Journal, index: Index) -> None:
    """Claim: the JSON form parses, is plain ASCII, and its moments are ISO 8601 with their offset."""
    whole(journal, verdict="deny", reason=HOSTILE, ran=False)
    out = io.StringIO()
    write_json(report_of(index), out)
    assert out.getvalue().isascii()
    read = json.loads(out.getvalue())
    assert read["denials"][0]["reason"] == HOSTILE
    assert datetime.fromisoformat(read["denials"][0]["started_at"]).utcoffset() == timedelta(0)
    assert read["activity"]["tool_calls"] == 1


def test_csv_lists_every_decision_and_defuses_formulas(journal: Journal, index: Index) -> None:
    """Claim: one line per tool call; what a spreadsheet would calculate gets an apostrophe, the rest is unchanged."""
    whole(journal, tool="=HYPERLINK(1)", reason="a plain sentence")
    whole(journal, tool="  +1", reason='"@SUM(A1)')
    rows = csv_of(index)
    assert [row["tool"] for row in rows] == ["'=HYPERLINK(1)", "'  +1"]
    assert [row["reason"] for row in rows] == ["a plain sentence", "'\"@SUM(A1)"]


def test_parquet_holds_the_same_rows(journal: Journal, index: Index, tmp_path: Path) -> None:
    """Claim: Parquet has the columns and rows of the CSV form, exact, and reads with DuckDB."""
    whole(journal, reason="=1+1")
    index.refresh()
    with index.snapshot() as copy:
        write_parquet(copy, window(), tmp_path / "out.parquet")
    read = duckdb.connect().execute(
        'SELECT tool, reason, "user" FROM read_parquet($1)', [str(tmp_path / "out.parquet")]
    )
    assert read.fetchall() == [("refund", "=1+1", "ana")]


@given(st.text(alphabet=st.sampled_from("=+-@\t\r ＝＋－＠﹢﹣﹦﹫\ufeff\u200b\"'“a1"), max_size=6))
def test_no_defused_cell_begins_a_formula(text: str) -> None:
    """Claim: after defusing, a cell starts with an apostrophe or with what no spreadsheet calculates."""
    safe = defused(text)
    bare = safe.lstrip(" \u200b\ufeff\"'“")
    assert safe in {text, f"'{text}"}
    assert safe.startswith("'") or bare[:1] in {"", "a", "1"}


@given(st.text())
def test_visible_text_moves_no_cursor(text: str) -> None:
    """Claim: what is shown is one line without control or format characters; printable text is unchanged."""
    shown = visible(text)
    assert re.search("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\u2028\u2029]", shown) is None
    assert shown == text or not text.isprintable() or not text.isascii()


def test_a_delivered_file_is_private_whole_and_behind_no_link(tmp_path: Path) -> None:
    """Claim: 0600; refused where something is, also a link; with force a link is replaced, its target untouched."""
    secret = tmp_path / "secret"
    secret.write_text("keep")
    link = tmp_path / "out.html"
    link.symlink_to(secret)

    def write(draft: Path) -> None:
        draft.write_text("new")

    with pytest.raises(IndexFailure, match="--force"):
        deliver(link, write, force=False)
    deliver(link, write, force=True)
    assert (link.read_text(), link.is_symlink(), secret.read_text()) == ("new", False, "keep")
    assert stat.S_IMODE(link.stat().st_mode) == 0o600
    with pytest.raises(ZeroDivisionError):
        deliver(tmp_path / "half", lambda draft: (draft.write_text("x"), 1 // 0)[0], force=True)  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.html", "secret"]
    with pytest.raises(IndexFailure, match="cannot be written"):
        deliver(tmp_path / "missing" / "out", write, force=False)


def test_reliability_stands_in_the_report_with_its_picture(tmp_path: Path) -> None:
    """Claim: success of steps and runs with their bounds is in every whole report, and the page draws the curve."""
    journal = Journal(tmp_path)
    for outcome in ("ok", "ok", "error"):
        run = begin(journal)
        tool(journal, run, ends=False)
        journal.append(
            {"k": "tool.result", "run": run, "step": f"{2:016x}", "outcome": outcome, "error": None, "dur": 1}
        )
        end(journal, run, {"outcome": outcome})
    journal.close("exit")
    index = Index(tmp_path)
    index.refresh()
    now = datetime.now(UTC)
    report = gather(index, Window(now - timedelta(hours=1), now + timedelta(hours=1)))
    row = next(row for row in report.reliability if row["dimension"] == "tool")
    assert (row["attempts"], row["successes"], row["failures"], row["steps_to_failure"]) == (3, 2, 1, 3.0)
    (length,) = report.reliability_lengths
    assert (length["runs"], length["successes"], f"{length['step_success_rate']:.6f}") == (3, 2, "0.666667")
    page = io.StringIO()
    write_html(report, page)
    assert "20.8 % to 93.9 %" in page.getvalue() and "<polyline" in page.getvalue()
    elsewhere = gather(index, Window(now - timedelta(hours=1), now + timedelta(hours=1), tenant="nobody"))
    assert (elsewhere.reliability, elsewhere.reliability_lengths) == ((), ())
    write_html(elsewhere, page)
