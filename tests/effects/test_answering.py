"""Answers that are damaged, planted, old, or given by several people at once: none of them has a call made twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

import handrail
from handrail.audit import lives
from handrail.audit.approvals import actor
from handrail.audit.index import Index
from handrail.effects import asks
from handrail.effects.answering import settle
from handrail.effects.asks import NOT_KNOWN, Verdict
from handrail.errors import InDoubt, JournalError
from handrail.tracing import context
from tests.effects import interrupted
from tests.effects.crashing import POLICY, World, child

STEPS = ["a", "b", "c"]


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    """A data folder with a run that was killed in its second booking and is asked about."""
    interrupted.in_doubt(tmp_path, STEPS)
    return tmp_path / ".handrail"


def _open(data: Path) -> asks.Question:
    (question,) = asks.open_questions(data)
    return question


def _resumed(data: Path, run: str, *, dies_in: str = "") -> list[str]:
    return interrupted.clerk(data.parent, STEPS, run=run, dies_in=dies_in)


def _answer_file(data: Path, id: str) -> Path:
    return data / "asks" / f"{id}.answer.json"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{}", b"[" * 100_000, b'{"id": 1}'])
def test_a_damaged_answer_is_none(data: Path, content: bytes) -> None:
    """What cannot be read as an answer has no call made: the call is denied, and nothing is done twice."""
    question = _open(data)
    _answer_file(data, question.id).write_bytes(content)
    assert _resumed(data, question.run)[2] != "booked b"
    assert World(data.parent).done() == {"a": 1, "b": 1, "c": 1}
    with pytest.raises(JournalError, match="damaged"):
        asks.answer_of(data, question.id)


def test_an_answer_that_was_put_under_another_name_is_none(data: Path) -> None:
    """A file with the answer to another question, copied or linked to where this one's would be, answers nothing."""
    question = _open(data)
    other = asks.question_id("0" * 32, 1)
    said = asks.Answer(other, "did_not_happen", actor(), "planted", 0.0)
    _answer_file(data, question.id).write_bytes(msgspec.json.encode(said))
    with pytest.raises(JournalError, match="something else"):
        asks.answer_of(data, question.id)
    _answer_file(data, question.id).rename(_answer_file(data, other))
    _answer_file(data, question.id).symlink_to(_answer_file(data, other))
    with pytest.raises(OSError, match=r"symbolic link|Too many levels"):
        asks.answer_of(data, question.id)
    assert _resumed(data, question.run)[2] != "booked b"
    assert World(data.parent).done()["b"] == 1


def test_an_old_answer_says_nothing_of_a_later_attempt(data: Path) -> None:
    """The folder of answers is rolled back to before a second attempt: that one is asked about anew, and not made."""
    first = _open(data)
    settle(data, first.id, "did_not_happen", "looked", channel="command")
    assert child(lambda: _resumed(data, first.run, dies_in="b")) == -9
    with pytest.raises(InDoubt) as told:
        _resumed(data, first.run)
    assert told.value.question == asks.question_id(first.key, 2)
    (data / "asks" / f"{told.value.question}.ask.json").unlink()  # as if it were restored from before
    with pytest.raises(InDoubt):
        _resumed(data, first.run)
    assert World(data.parent).done() == {"a": 1, "b": 2}


def test_an_answer_about_an_earlier_attempt_is_refused(data: Path) -> None:
    """A question whose answer was lost and whose call was made again meanwhile cannot be answered any more."""
    first = _open(data)
    settle(data, first.id, "did_not_happen", "looked", channel="command")
    assert child(lambda: _resumed(data, first.run, dies_in="b")) == -9
    _answer_file(data, first.id).unlink()
    with pytest.raises(JournalError, match="earlier attempt: the last one of 'book' is number 2"):
        settle(data, first.id, "happened", "late", channel="command")
    assert not _answer_file(data, first.id).exists()


def test_of_many_answers_at_once_one_holds(data: Path) -> None:
    """Eight people answer at the same time: one is told that it holds, the others who was first; one is recorded."""
    question = _open(data)
    verdicts: list[Verdict] = ["happened", "did_not_happen"] * 4

    def said(verdict: Verdict) -> str:
        try:
            return settle(data, question.id, verdict, "at once", channel="command").verdict
        except JournalError as error:
            assert "answered already" in str(error)
            return ""

    with ThreadPoolExecutor(8) as pool:
        held = [verdict for verdict in pool.map(said, verdicts) if verdict]
    answer = asks.answer_of(data, question.id)
    assert answer is not None
    assert held == [answer.verdict]
    index = Index(data)
    index.refresh(block=True)
    answers = index.query("SELECT decision FROM approvals WHERE event = 'answered'")
    assert answers == [{"decision": answer.verdict}]


def test_a_call_that_is_being_made_cannot_be_answered_for(tmp_path: Path) -> None:
    """While its process still makes the call, nobody can say that it did not happen."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    refused: list[str] = []

    run = [""]

    @handrail.tool(effect="write")
    def book(what: str) -> str:
        id = asks.question_id(handrail.idempotency_key(), 1)
        with pytest.raises(JournalError, match="at this moment") as told:
            settle(tmp_path / ".handrail", id, "did_not_happen", "guessed", channel="command", run=run[0])
        refused.append(str(told.value))
        return what

    config = tmp_path / "handrail.toml"
    with handrail.run("clerk", config=config, user="ana"):
        frame = context.current()
        assert frame is not None
        run[0] = frame.state.run
        assert book("a") == "a"
    assert len(refused) == 1


def test_what_was_found_out_needs_no_answer(data: Path) -> None:
    """Once the run went on with an answer, the question is closed, should its file be gone too."""
    question = _open(data)
    settle(data, question.id, "happened", "looked", "booked b", channel="command")
    assert _resumed(data, question.run)[2] == "booked b"
    for file in (data / "asks").iterdir():
        file.unlink()
    with pytest.raises(JournalError, match=r"there is nothing to answer|known by now"):
        settle(data, question.id, "did_not_happen", "again", channel="command", run=question.run)
    assert _resumed(data, question.run)[2] == "booked b"
    assert World(data.parent).done() == {"a": 1, "b": 1, "c": 1}


def test_an_orphan_is_acknowledged_and_nothing_else(tmp_path: Path) -> None:
    """What was done and not asked for again can only be acknowledged; what may have been done is a question as any."""
    run = interrupted.with_orphan(tmp_path)
    data = tmp_path / ".handrail"
    kinds = {question.kind: question for question in asks.open_questions(data)}
    assert set(kinds) == {"orphan", "doubt"}
    with pytest.raises(JournalError, match="acknowledged"):
        settle(data, kinds["orphan"].id, "did_not_happen", "no", channel="command")
    settle(data, kinds["orphan"].id, "acknowledged", "given back by hand", channel="command")
    settle(data, kinds["doubt"].id, "did_not_happen", "not in the books", channel="command")
    index = Index(data)
    index.refresh(block=True)
    found = lives.of_run(index, run)
    assert found is not None
    assert sorted((row["decision"], row["kind"]) for row in found.questions) == [
        ("acknowledged", "orphan"), ("did_not_happen", "doubt")]  # fmt: skip
    assert lives.waiting(index) == []


def test_a_result_belongs_to_what_happened(data: Path) -> None:
    """A result is kept encrypted and only of a call that happened; of one whose run is forgotten it is gone."""
    question = _open(data)
    with pytest.raises(JournalError, match="only be said of a call that happened"):
        settle(data, question.id, "refused", "x", "secret", channel="command")
    answer = settle(data, question.id, "happened", "x", {"secret": 7}, channel="command")
    assert b"secret" not in _answer_file(data, question.id).read_bytes()
    assert asks.result_of(data, question.run, answer) == {"secret": 7}
    assert asks.result_of(data, question.run, msgspec.structs.replace(answer, value=None)) is NOT_KNOWN
