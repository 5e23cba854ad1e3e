"""The calls that models propose, until each is decided once: what is remembered does not grow with a run."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handrail.tracing.proposals import MAX_TURNS, Proposal, Proposals

IDS = st.sampled_from(["", "a", "b", "c"])


@given(st.lists(st.tuples(st.lists(IDS, max_size=3), st.lists(IDS, max_size=4)), max_size=40))
def test_each_call_is_decided_once(turns: list[tuple[list[str], list[str]]]) -> None:
    """Whatever is proposed, tried and tried again: first decisions and given-up calls are as many as proposals."""
    ledger, proposed, decided = Proposals(), 0, 0
    for number, (ids, tried) in enumerate(turns):
        proposed += len(ids)
        decided += sum(each.open for each in ledger.propose("agent", "clerk", f"m{number}", [(i, "t", 1) for i in ids]))
        for call_id in tried:
            found, first = ledger.attempt("agent", call_id, "t", 1)
            decided += first and found is not None and bool(found.step)
    left = ledger.unfinished()
    assert proposed == decided + sum(each.open for each in left)
    assert len(left) <= 3 * MAX_TURNS + 3


def test_a_call_of_an_earlier_run_is_known_by_its_id() -> None:
    """What a run takes over is decided once, where it is made, and a new proposal of the id replaces it."""
    ledger = Proposals()
    ledger.carry([Proposal("a", "t", run="r1", step="m"), Proposal("b", "t", run="r1", step="m")])
    found, first = ledger.attempt("agent", "a", "t", 1)
    assert found is not None
    assert (found.run, first) == ("r1", True)
    ledger.propose("agent", "clerk", "m2", [("b", "t", 1)])
    assert [each.run for each in ledger.close()] == [""]


def test_an_answer_decides_only_what_came_to_no_gate() -> None:
    """Of three calls of one id, one at the gate and answered: the other two are open, and each answer ends one."""
    ledger = Proposals()
    ledger.propose("agent", "clerk", "m", [("a", "t", 1)] * 3)
    assert ledger.attempt("agent", "a", "t", 1)[1]
    assert ledger.take("agent", "a") is None
    assert ledger.attempt("agent", "a", "t", 1)[1]
    assert ledger.take("agent", "a") is None
    assert ledger.take("agent", "a") is not None
    assert ledger.take("agent", "a") is None
    assert not ledger.waiting("agent")
