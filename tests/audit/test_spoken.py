"""What validators said of a step, told once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.audit.spoken import Spoken, by_validators, done, spoken

JSON = st.recursive(
    st.none() | st.text(max_size=4) | st.integers() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("action", "findings", "round", "rounds", "on", "code", "x")), inner, max_size=4
        )
    ),
    max_leaves=10,
)


def finding(code: str, path: str = "") -> dict[str, str]:
    """As a record has it."""
    return {"validator": "v", "code": code, "path": path, "severity": "error"}


def step(*findings: dict[str, str], by: str = "policy", verdict: str = "allow") -> dict[str, Any]:
    """A row of the view ``steps``."""
    return {"findings": json.dumps(findings), "decided_by": by, "verdict": verdict}


def note(action: str, *findings: dict[str, str], **more: object) -> dict[str, Any]:
    """A note as the index has it."""
    return {"kind": "validation", "body": json.dumps({"on": "result", "action": action, "findings": findings, **more})}


def test_a_finding_of_record_and_note_is_told_once() -> None:
    """The note says what was done; what only the record has is told beside it."""
    said = spoken(step(finding("a"), finding("b", "/p")), [note("redacted", finding("a"))])
    assert said == [
        Spoken("v", "a", "", "error", "result", "redacted"),
        Spoken("v", "b", "/p", "error", "", ""),
    ]


def test_a_warning_is_only_put_down() -> None:
    """Beside an error that was taken out, a warning of the same validator is told as recorded."""
    warning = {**finding("w"), "severity": "warning"}
    assert [one.done for one in spoken(step(), [note("redacted", finding("a"), warning)])] == ["redacted", "recorded"]


@pytest.mark.parametrize(("verdict", "told"), [("reject", "rejected"), ("would_reject", "would be rejected")])
def test_what_the_tools_own_schema_found_was_rejected(verdict: str, told: str) -> None:
    """Of such a finding there is no note: the verdict on the call says it."""
    assert [one.done for one in spoken(step(finding("schema.type"), by="schema", verdict=verdict), [])] == [told]


@pytest.mark.parametrize(
    ("action", "round", "told"),
    [
        ("rejected", 2, "rejected, round 2 of 3"),
        ("refused", 4, "refused after 3 rounds"),
        ("escalated", 4, "refused, and a person told after 3 rounds"),
        ("failed", 4, "the run ended after 3 rounds"),
        ("would_be_redacted", None, "would be redacted"),
        ("asked", None, "asked"),
        (None, None, ""),
    ],
)
def test_what_was_done_in_words(action: object, round: object, told: str) -> None:
    """Rounds are told where there are any."""
    assert done(action, round, 3) == told


def test_a_verdict_of_the_framework_is_no_finding_of_ours() -> None:
    """A note without an action is told elsewhere."""
    theirs = {"kind": "validation", "body": '{"validator": "pii", "verdict": "redact"}'}
    assert not by_validators(theirs) and spoken(step(), [theirs]) == []


@settings(max_examples=100, deadline=None)
@given(JSON, JSON)
def test_whatever_the_records_hold_is_text(findings: object, body: object) -> None:
    """A damaged or foreign record gives texts, or nothing."""
    row = {"findings": json.dumps(findings), "decided_by": "schema", "verdict": "reject"}
    for one in spoken(row, [{"kind": "validation", "body": json.dumps(body)}]):
        assert all(
            isinstance(word, str) for word in (one.validator, one.code, one.path, one.severity, one.on, one.done)
        )
