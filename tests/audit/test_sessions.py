"""Sessions: what was said over several channels, in several processes, is one thread."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.audit.sessions import LISTED, THREAD, find_session, told
from handrail.errors import JournalError
from tests.audit.recorded import begin, end, root_of, whole


def asked(journal: Journal, run: str, event: str, **fields: object) -> None:
    """A question to a person, or the answer."""
    said = {
        "k": "approval",
        "run": run,
        "step": root_of(run),
        "event": event,
        "id": "i1",
        "number": 0,
        "tool": "refund",
    }
    journal.append(said | fields)


@pytest.fixture(name="index")
def _index(tmp_path: Path) -> Index:
    """A session over two channels and two writers, that paused; a thread without a session; somebody's refusal."""
    web, phone = Journal(tmp_path), Journal(tmp_path)
    first = begin(web, session="s1", channel="web", thread="t1")
    asked(web, first, "asked")
    end(web, first, {"outcome": "interrupted"})
    refused = {"k": "owner.refused", "kind": "session", "name": "acme/s1", "tenant": "acme", "user": "bob"}
    web.append(refused | {"chain": [], "verdict": "deny"})
    second = begin(phone, session="s1", channel="phone", thread="t1", logical=first)
    asked(phone, second, "answered", decision="approve", user="ana", channel="phone", waited=2_000_000_000)
    end(phone, second)
    begin(phone, session="", channel="", thread="case-1", user="cid")
    begin(phone, session="", channel="", thread="")
    begin(phone, session="s1", tenant="other", user="eve")
    web.close()
    phone.close()
    found = Index(tmp_path)
    found.refresh(block=True)
    return found


def test_a_session_is_one_row_of_its_tenant(index: Index) -> None:
    """Claim: runs of all channels and writers count together; where no session is named, the thread is one."""
    rows = {(row["tenant"], row["session"]): row for row in index.query(LISTED, [None, None, 10])}
    assert set(rows) == {("acme", "s1"), ("acme", "case-1"), ("other", "s1")}
    one = rows["acme", "s1"]
    counted = [one[name] for name in ("user", "users", "channels", "runs", "logical_runs", "interruptions", "outcome")]
    assert counted == ["ana", 1, "phone, web", 2, 1, 1, "ok"]
    assert [row["session"] for row in index.query(LISTED, ["acme", "cid", 10])] == ["case-1"]


def test_the_thread_has_runs_questions_answers_and_refusals_in_order(index: Index) -> None:
    """Claim: what happened stands at its moment, with its channel and who it was, as one thread."""
    rows = index.query(THREAD, ["acme", "s1", 100])
    assert [(row["event"], row["channel"], row["user"], told(row), row["outcome"]) for row in rows] == [
        ("run", "web", "ana", "begins, 0 steps", "interrupted"),
        ("asked", "web", "ana", "asked about refund", None),
        ("refused", "", "bob", "refused (deny): it is somebody else's", None),
        ("run", "phone", "ana", "goes on, 0 steps", "ok"),
        ("answered", "phone", "ana", "answered about refund: approve after 2.0 s", None),
    ]


def test_a_session_is_found_by_its_beginning(index: Index) -> None:
    """Claim: the beginning of a name suffices where only one session has it; else the others are named."""
    assert find_session(index, "case")["session"] == "case-1"
    assert find_session(index, "s1", "other")["user"] == "eve"
    with pytest.raises(JournalError, match="Write more of the name"):
        find_session(index, "s")
    with pytest.raises(JournalError, match="No session begins with x"):
        find_session(index, "x")


def test_the_exact_name_goes_before_longer_ones(tmp_path: Path) -> None:
    """Claim: a session whose name begins another's can be named too."""
    journal = Journal(tmp_path)
    begin(journal, session="a")
    begin(journal, session="a1")
    whole(journal)
    journal.close()
    index = Index(tmp_path)
    index.refresh(block=True)
    assert find_session(index, "a")["session"] == "a"
