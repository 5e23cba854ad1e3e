"""What the pages ask of the index, over the sample journal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from handrail.audit.journal import Journal
from handrail.dashboard import data
from handrail.dashboard.data import Filters, Source
from handrail.tracing import ids
from tests.dashboard import sample


@pytest.fixture(scope="module", name="known")
def _known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Source, sample.Sample]]:
    folder = tmp_path_factory.mktemp("data")
    journal = Journal(folder)
    written = sample.write(journal)
    source = Source(folder)
    source.poll()
    yield source, written
    journal.close()


@pytest.mark.parametrize(
    ("filters", "users"),
    [
        (Filters(), {"ana", "ben", "cleo", "dora", sample.HOSTILE[1]}),
        (Filters(tenant="globex"), {"cleo"}),
        (Filters(user="ana", tenant="globex"), set[str]()),
        (Filters(agent="billing"), {"cleo"}),
        (Filters(outcome="running"), {"dora"}),
        (Filters(denials=True, tenant="acme"), {"ana", "ben", "dora"}),
        (Filters(text="NOBODY-wires"), {"ana", "ben", "dora"}),
        (Filters(text="%"), set[str]()),
        (Filters(text="charge"), {"cleo"}),
        (Filters(tenant="' OR 1=1 --"), set[str]()),
        (Filters(period="1h", outcome="error"), {"cleo"}),
    ],
)
def test_filters_hold_together(known: tuple[Source, sample.Sample], filters: Filters, users: set[str]) -> None:
    """Each filter narrows, all of them at once, and the summary counts what the table lists."""
    source, _ = known
    assert {row["user"] for row in data.runs(source, filters, page=1)} == users
    assert data.summary(source, filters)["runs"] == len(users)


def test_a_page_past_the_end_is_empty(known: tuple[Source, sample.Sample]) -> None:
    """Runs come 200 at a time."""
    assert data.runs(known[0], Filters(), page=2) == []


def test_pictures_count_every_decision_once(known: tuple[Source, sample.Sample]) -> None:
    """The verdicts of a run add up to its tool calls; an unfiltered history adds up to all of them."""
    source, _ = known
    counted = {row["verdict"]: row["calls"] for row in data.verdicts(source, Filters(user="ana"))}
    assert counted == {"allow": 3, "deny": 1, "reject": 1}
    stopped = {(row["name"], row["verdict"]) for row in data.denied_tools(source, Filters(tenant="acme"))}
    assert ("wire_money", "would_deny") in stopped and ("read_order", "allow") not in stopped
    shown = sum(row["runs"] for row in data.over_time(source, Filters(), bucket_s=60))
    assert shown == data.summary(source, Filters())["runs"]


def test_findings_are_counted_by_validator_and_by_what_was_done(known: tuple[Source, sample.Sample]) -> None:
    """Each verdict of a validator once, a tool's own schema among them, and only of the runs that are chosen."""
    source, _ = known
    rows = {(row["validator"], row["action"]): row["checks"] for row in data.findings(source, Filters(user="ana"))}
    assert rows == {
        ("arguments", "rejected"): 1, ("defaults", "recorded"): 1, ("figures", "rejected"): 1,
        ("refund-account", "repaired"): 1,
    }  # fmt: skip
    observed = {row["action"] for row in data.findings(source, Filters(user="ben"))}
    assert observed == {"would_be_rejected", "recorded", "would_be_repaired"}


def test_about_fifty_bars_cover_any_time() -> None:
    """From one instant to ten years, there are never more than 130 bars."""
    first = datetime(2026, 1, 1)
    for days in (0, 1 / 1440, 0.1, 1, 9, 90, 3650):
        width = data.bucket_seconds(first, first + timedelta(days=days))
        assert width >= 1 and days * 86_400 / width <= 130


def test_the_chains_of_a_run_are_its_longest_ones(known: tuple[Source, sample.Sample]) -> None:
    """user -> agent is part of user -> agent -> sub-agent, so only the latter is drawn."""
    source, written = known
    assert data.chains(source, written.refund) == [("user:ana", "agent:helpdesk", "agent:researcher")]


def test_earlier_messages_are_found_through_the_calls_before(known: tuple[Source, sample.Sample]) -> None:
    """A model call records what it adds; what was sent before is put together from the calls before it."""
    source, written = known
    calls = [row for row in data.steps(
        source, written.refund, [step for step, _ in data.skeleton(source, written.refund)]
    ).values() if row["type"] == "model"]  # fmt: skip
    last = max(calls, key=lambda row: row["n"])
    refs = data.earlier_messages(source, written.refund, data.decoded(last["messages"]))
    texts = [source.payload(ref).value["content"][:12] for ref in refs]
    assert texts == ["You are the ", "My parcel ne", "Where is par", "Lost in tran"]


def test_a_circle_of_messages_ends() -> None:
    """Calls of a damaged journal that name each other as the one before do not hang the page."""

    class Circle(Source):
        def __init__(self) -> None:
            self.asked = 0

        def rows(self, sql: str, *parameters: object) -> list[dict[str, object]]:
            self.asked += 1
            return [{"step": "a", "messages": '{"prev": "a", "keep": 5, "add": []}'}]

    circle = Circle()
    assert data.earlier_messages(circle, "r", {"prev": "a", "keep": 5}) == []
    assert circle.asked == 1


def test_missing_content_says_why(tmp_path: Path) -> None:
    """Never recorded, payloads off, and erased are three sentences; a forged reference is no content."""
    journal = Journal(tmp_path)
    kept = journal.put(b'"kept"')
    erased = journal.put(b'"erased"')
    off = Journal(tmp_path, payloads=False).put(b'"off"')
    journal.append({"k": "config.load"})
    journal.close()
    [side] = (tmp_path / "journal").glob("*.pl")
    content = bytearray(side.read_bytes())
    start, length = int(str(erased["o"])), int(str(erased["l"]))
    content[start : start + length] = b"-" * (length - 1) + b"\n"
    side.write_bytes(content)
    source = Source(tmp_path)
    assert source.payload(kept) == data.Payload("kept")
    assert "Nothing was recorded" in source.payload(None).missing
    assert "switched off" in source.payload(off).missing
    assert "erased" in source.payload(erased).missing
    other = {**kept, "c": "0" * 64}
    for forged in (other, {**kept, "f": "../../etc/passwd"}, {**kept, "o": -1}, {"f": 1}, "no json", 7):
        assert source.payload(forged).missing, forged


def test_a_poll_sees_what_was_appended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A remembered answer lasts only until something new was folded."""
    monkeypatch.setattr(data, "_POLL_S", 0.0)
    journal = Journal(tmp_path)
    source = Source(tmp_path)
    source.poll()
    assert data.latest_run(source) is None
    run = sample.Run(journal)
    source.poll()
    assert data.latest_run(source) == run.id
    row = data.run(source, run.id)
    assert row is not None and row["outcome"] == "running"
    journal.close()
    source.poll()
    row = data.run(source, run.id)
    assert row is not None and row["outcome"] == "lost"
    assert ids.now_ns() > run.started
