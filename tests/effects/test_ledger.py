"""Which effect a call is, where calls are equal: gaps, siblings, retries of a node, attempts that still run."""

from __future__ import annotations

from handrail.effects import keys
from handrail.effects.ledger import NOWHERE, Effect, Ledger, Place, entering

RUN, WHAT = "0" * 32, b"what"


def _claim(ledger: Ledger, *, call_id: str = "", at: str = "", place: Place = NOWHERE, step: str = "s") -> Effect:
    return ledger.claim(WHAT, "book", "write", call_id=call_id, at=at, step=step, place=place)


def _effect(number: int, status: str = "done") -> Effect:
    made = Effect(keys.key(RUN, WHAT, number), number, "book", "write")
    made.status = status  # type: ignore[assignment]
    return made


def test_an_effect_is_known_though_an_earlier_occurrence_never_was() -> None:
    """Of two equal calls the second was made and the first never came to its intent: the second is not made again."""
    known = _effect(1)
    ledger = Ledger(RUN, "life", [known], resumed=True)
    assert _claim(ledger) is known
    assert _claim(ledger).occurrence == 2


def test_a_claim_that_came_to_nothing_leaves_its_number_free_for_nobody() -> None:
    """An occurrence that was claimed and not made stays what it was; the next equal call is another."""
    ledger = Ledger(RUN, "life")
    assert [_claim(ledger).occurrence for _ in range(3)] == [0, 1, 2]


def test_calls_beside_each_other_are_two_though_one_is_in_doubt() -> None:
    """Equal calls of one message are two effects, also where one is in doubt; one of the next message is a retry."""
    first = _effect(0, "doubt")
    ledger = Ledger(RUN, "life", [first], resumed=True)
    with entering("s", 7):
        assert _claim(ledger, place=Place("6|", "tools:a")) is first
    ledger.leave(first)  # it waits for a person
    with entering("s", 7):
        second = _claim(ledger, place=Place("6|", "tools:a"))
    assert second.occurrence == 1
    with entering("s"):
        assert _claim(ledger, place=Place("6|", "tools:b")).occurrence == 2
    with entering("s", 8):
        assert _claim(ledger, place=Place("8|", "tools:c")) is first


def test_a_node_that_is_tried_again_makes_no_new_calls() -> None:
    """LangGraph executes a node once more after an error: its calls are those that it made before, done or not."""
    ledger = Ledger(RUN, "life")
    made = [_claim(ledger, place=Place("6|", "tools:a"), call_id=id) for id in ("x", "y")]
    for effect in made:
        ledger.begin(effect, "step")
        ledger.end(effect, "done")
    again = [_claim(ledger, place=Place("6|", "tools:a", attempt=2), call_id=id) for id in ("y", "x")]
    assert again == [made[1], made[0]]
    assert _claim(ledger, place=Place("6|", "tools:a", attempt=2)).occurrence == 2


def test_an_equal_call_that_is_made_meanwhile_is_no_retry() -> None:
    """While somebody is asked about a call in doubt, an equal one is another; once that is over, it is a retry."""
    first = _effect(0, "doubt")
    ledger = Ledger(RUN, "life", [first], resumed=True)
    assert _claim(ledger) is first
    assert ledger.try_begin(first)
    assert _claim(ledger).occurrence == 1
    ledger.leave(first)
    assert _claim(ledger) is first
