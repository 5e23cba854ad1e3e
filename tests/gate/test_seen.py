"""What is remembered of a run for validators: everything up to a bound, and an honest word beyond it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from handrail.gate import seen
from handrail.gate.seen import Heard, begin, called, heard, retrieved, run_of
from handrail.tracing.context import Frame, RunState
from handrail.tracing.identity import Principal
from handrail.validators import Call, Run, Source
from handrail.validators.ledger import Seen
from handrail.validators.runs import MAX_CALLS, MAX_SOURCE_CHARS, MAX_SOURCES


@pytest.fixture(autouse=True)
def _kept() -> Iterator[None]:
    seen.always()
    yield
    seen.always(False)


def frame(run: str = "r1", kept: dict[str, Any] | None = None) -> Frame:
    """A place in a run without gates."""
    state = RunState(run, "t", Principal(), "clerk")
    state.kept = {} if kept is None else kept
    return Frame(state, (), "s1", Principal(), home="h1")


def begun(run: str = "r1", kept: dict[str, Any] | None = None, resumed: str = "") -> Frame:
    """Likewise, of which a ledger is kept."""
    place = frame(run, kept)
    begin(place, resumed)
    return place


def test_a_run_remembers_what_it_saw_and_did() -> None:
    """Inputs, documents, calls and their results are there, oldest first, results as text and as JSON."""
    place = begun()
    heard(place, [Heard("Refund 20 EUR, please.")])
    retrieved(place, "handbook", [{"id": None, "content": "Refunds need a check.", "metadata": {"source": "kb-1"}}])
    called(place, "check", {"id": 7}, "ok", '{"verified": true}', "c1")
    called(place, "pay", {"id": 7}, "rejected", None, "c2")
    run = run_of(place)
    assert run.complete
    assert [(one.kind, one.id, one.origin) for one in run.sources] == [
        ("input", "user", "user"), ("document", "kb-1", "handbook"), ("result", "c1", "check"),
    ]  # fmt: skip
    assert run.calls == (
        Call("check", {"id": 7}, "ok", {"verified": True}, agent="anonymous", branch="h1"),
        Call("pay", {"id": 7}, "rejected", None, agent="anonymous", branch="h1"),
    )
    assert run_of(place) is run


def test_a_document_without_an_id_goes_by_its_number() -> None:
    """Ids are the document's own, else those of its metadata, else its number among the documents of the run."""
    place = begun()
    given: list[dict[str, Any]] = [
        {"id": "d7", "content": "a"},
        {"content": "b", "metadata": {"url": "https://x/b"}},
        {"content": "c"},
    ]
    retrieved(place, "r", given)
    assert [one.id for one in run_of(place).sources] == ["d7", "https://x/b", "3"]


def test_nothing_is_kept_that_lives_on() -> None:
    """Arguments and results are copies: what a program changes later was not so when it was seen."""
    place = begun()
    args, result = {"ids": [1]}, {"rows": [1]}
    called(place, "t", args, "ok", result)
    args["ids"].append(2)
    result["rows"].append(2)
    assert run_of(place).calls == (Call("t", {"ids": [1]}, "ok", {"rows": [1]}, agent="anonymous", branch="h1"),)


def test_without_anybody_who_asks_nothing_is_kept() -> None:
    """Where no validator looks at runs, none is remembered, and what is asked all the same is not complete."""
    seen.always(False)
    place = begun()
    called(place, "t", {}, "ok", "x")
    assert place.state.notes == {}
    assert run_of(place) == Run(complete=False)


def test_a_run_that_began_unwatched_is_known_in_part() -> None:
    """What was not seen from its start is said not to be complete."""
    place = frame()
    called(place, "t", {}, "ok", "x")
    assert not run_of(place).complete
    assert [call.tool for call in run_of(place).calls] == ["t"]


def test_a_resumed_run_goes_on_with_what_was_seen() -> None:
    """A run that goes on with the thread's last one knows what that one did; a new one does not."""
    kept: dict[str, Any] = {}
    called(begun("r1", kept), "check", {}, "ok", "yes")
    resumed = begun("r2", kept, resumed="r1")
    called(resumed, "pay", {}, "ok", "done")
    assert [call.tool for call in run_of(resumed).calls] == ["check", "pay"]
    assert run_of(resumed).complete
    new = begun("r3", kept)
    assert run_of(new) == Run()


@pytest.mark.parametrize("known", ["", "r0"])
def test_a_run_resumed_elsewhere_is_known_in_part(known: str) -> None:
    """Where this process did not see the run that is gone on with, the ledger is not complete."""
    kept: dict[str, Any] = {}
    if known:
        begun(known, kept)
    assert not run_of(begun("r2", kept, resumed="r1")).complete


def test_an_answer_of_before_is_a_source_once() -> None:
    """A result in the conversation counts where no call of this run gave it."""
    place = begun()
    called(place, "t", {}, "ok", "now", "c1")
    answers = [Heard("now", "t", "c1", answer=True), Heard("earlier", "t", "c0", answer=True)]
    heard(place, answers)
    heard(place, answers)
    assert [(one.id, one.text) for one in run_of(place).sources] == [("c1", "now"), ("c0", "earlier")]


def test_the_oldest_give_way() -> None:
    """Beyond the bounds the oldest are forgotten, and the run is not complete."""
    ledger = Seen()
    for number in range(MAX_CALLS + 1):
        ledger.call(Call("t", {"n": number}), "", None)
    for number in range(MAX_SOURCES + 1):
        ledger.source(Source(str(number), f"text {number}"))
    run = ledger.run()
    assert (len(run.calls), len(run.sources)) == (MAX_CALLS, MAX_SOURCES)
    assert run.calls[0].args == {"n": 1}
    assert run.sources[0].id == "1"
    assert not run.complete


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, MAX_SOURCE_CHARS + 10)), max_size=8))
@examples(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_the_characters_are_bounded(given: list[tuple[int, int]]) -> None:
    """Whatever is seen, no more characters are kept than the bound; and where nothing was dropped, all is there."""
    ledger = Seen()
    for id_, length in given:
        ledger.source(Source(str(id_), "x" * length))
    run = ledger.run()
    assert sum(len(one.text) for one in run.sources) <= MAX_SOURCE_CHARS
    if run.complete:
        assert {(one.id, len(one.text)) for one in run.sources} == {(str(id_), length) for id_, length in given}


def test_parallel_branches_write_into_one_ledger() -> None:
    """Calls of many threads are all there."""
    place = begun()

    def work(branch: int) -> None:
        for number in range(50):
            called(place, f"t{branch}", {"n": number}, "ok", f"{branch} {number}", f"{branch}-{number}")
            run_of(place)

    threads = [threading.Thread(target=work, args=(branch,)) for branch in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run = run_of(place)
    assert run.complete
    assert len(run.calls) == len(run.sources) == 400
    for branch in range(8):
        assert [call.args["n"] for call in run.calls if call.tool == f"t{branch}"] == list(range(50))


class _Odd:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "value",
    [_Odd(), b"\xff", float("nan"), "[" * 9_999, "[1" + "0" * 5000 + "]", {1: {2}}, "\ud800", 10**5000, ""],
    ids=range(9),
)
def test_no_value_breaks_the_ledger(value: object) -> None:
    """Whatever a tool gave back, its call is remembered."""
    place = begun()
    called(place, "t", {"x": value}, "ok", value)
    assert [call.outcome for call in run_of(place).calls] == ["ok"]
    retrieved(place, "r", [{"content": value, "metadata": value, "id": value}])
    assert run_of(place).calls[0].tool == "t"


def test_what_a_sub_agent_is_told_is_no_source() -> None:
    """A sub-agent reads what its caller wrote: a model, and no source."""
    place = begun()
    below = Frame(place.state, (), "s2", Principal().extended("agent:helper"), home="h2")
    heard(below, [Heard("The fee is 7 EUR.")])
    assert run_of(place).sources == ()


def test_json_is_read_as_text_without_its_escapes() -> None:
    """What an answer quotes of a result is what the result says, not how JSON writes it."""
    place = begun()
    called(place, "t", {}, "ok", '{"said": "line\\none \\u00e9", "rows": [{"n": 1.5}, {"n": true}], "none": null}')
    (source,) = run_of(place).sources
    assert source.text == "said: line\none é\nn: 1.5\nn: true"


def test_a_thread_forgets_a_run_that_came_to_its_end() -> None:
    """Only what may go on is kept from run to run: a thread that ended well holds no content."""
    kept: dict[str, Any] = {}
    place = begun("r1", kept)
    assert list(kept) == ["seen"]
    seen.end(place)
    assert kept == {}
