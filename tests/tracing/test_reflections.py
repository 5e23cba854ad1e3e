"""Reflections: which confidence is meant how, and which tools only think."""

from __future__ import annotations

import pytest

from handrail.tracing.reflections import confidence, fraction, is_stated, is_thinking, thought


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        (0.0, 0.0), (0.85, 0.85), (1.0, 1.0), (0, 0.0), ("85%", 0.85), (" 12.5 % ", 0.125), ("100%", 1.0),
        (1, None), (85, None), (7.5, None), (-0.1, None), ("0.85", None), ("high", None), ("101%", None), ("٨٥%", None),
        (float("nan"), None), (float("inf"), None), (True, None), (None, None), ([0.5], None), ("", None),
    ],
)  # fmt: skip
def test_a_confidence_is_taken_only_where_its_scale_is_clear(stated: object, meant: float | None) -> None:
    """A fraction and a percentage are; a whole number could be of 1, of 10 or of 100."""
    assert confidence(stated) == meant


@pytest.mark.parametrize(("stated", "meant"), [(1, 1.0), (0, 0.0), (0.5, 0.5), (10**400, None), (2, None), ("1", None)])
def test_a_program_s_own_confidence_is_a_fraction(stated: object, meant: float | None) -> None:
    """What a program passes to ``reflect`` is meant from 0 to 1, a whole 1 included."""
    assert fraction(stated) == meant


def test_what_states_a_confidence() -> None:
    """A number of any size and a percentage state one; words and truth values do not."""
    stated: list[object] = [85, 0.5, float("nan"), "85%"]
    others: list[object] = ["high", True, None, {}, "0.85"]
    assert all(is_stated(value) for value in stated) and not any(is_stated(value) for value in others)


def test_which_tools_only_think() -> None:
    """Known by their names; a tool that merely has such a word in its name is none."""
    assert all(is_thinking(name) for name in ("think", "Think", "think_tool", "reflect", "critique", "self_critique"))
    assert not any(is_thinking(name) for name in ("rethink_order", "think_tank_search", "reflector", "", "tool"))


def test_a_thought_is_the_only_text() -> None:
    """One text besides a confidence is the thought; of two nobody knows which."""
    assert thought({"thought": "hm", "confidence": "50%", "step": 2}) == "hm"
    assert thought({"a": "x", "b": "y"}) is None
    assert thought({"a": 1}) is None
    assert thought({"a": " "}) is None
