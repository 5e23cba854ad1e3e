"""The loan underwriting example: what becomes of each applicant, and that nothing is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.loan_underwriting import dossier, world
from examples.loan_underwriting.__main__ import main
from tests.examples.loan_campaign import done, life

Row = dossier.Row


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example names its folders in the environment."""
    monkeypatch.setenv("HANDRAIL_DATA", str(tmp_path / "handrail"))
    monkeypatch.setenv(world.FOLDER, str(tmp_path / "world"))


def played(data: Path, *options: str) -> Row:
    """Work on one application in this process; its dossier."""
    main([*options, "--data", str(data), "--json"])
    return recorded(data)


def recorded(data: Path) -> Row:
    """The dossier of the only case in ``data``."""
    (row,) = dossier.index_of(data / "handrail").query("SELECT DISTINCT session FROM runs")
    return dossier.dossier(data / "handrail", str(row["session"]))


def steps(found: Row, tool: str) -> list[tuple[str, str, list[str]]]:
    """Agent, verdict and findings of each call of ``tool``."""
    return [(step["agent"], step["verdict"], step["findings"]) for step in found["steps"] if step["tool"] == tool]


def test_a_small_loan_is_approved(tmp_path: Path) -> None:
    """Nobody is asked, every service is used once, and the dossier says on what the decision is founded."""
    found = played(tmp_path, "--applicant", "ana")
    assert found["decision"]["args"]["decision"] == "approved" and found["human"] == []
    assert found["data_used"]["pull_credit"] == {"score": 742, "monthly_debts": 350}
    assert [len(world.entries(name)) for name in ("bureau", "ledger", "outbox")] == [1, 1, 1]


@pytest.mark.parametrize(("option", "answer", "decision"), [
    ("--approve", "approve", "approved"), ("--decline", "reject", "referred"),
])  # fmt: skip
def test_a_person_decides_on_a_large_loan(tmp_path: Path, option: str, answer: str, decision: str) -> None:
    """The large loan waits for a person, and what they say is what is booked."""
    found = played(tmp_path, "--applicant", "ben", option)
    assert [(row["event"], row["decision"]) for row in found["human"]] == [("asked", None), ("answered", answer)]
    assert [entry["decision"] for entry in world.entries("ledger")] == [decision]


def test_a_refusal_has_principal_reasons(tmp_path: Path) -> None:
    """A reason that is none is sent back, and the agent that writes letters cannot look into the credit file."""
    found = played(tmp_path, "--applicant", "cora")
    codes = ["reason_codes.unknown", "reason_codes.missing"]
    assert steps(found, "book_decision") == [("decision", "reject", codes), ("decision", "allow", [])]
    assert steps(found, "pull_credit") == [("bureau", "allow", []), ("letters", "deny", [])]
    assert found["decision"]["args"]["reasons"] == ["income_insufficient", "excessive_obligations"]
    assert len(world.entries("bureau")) == 1


def test_no_approval_against_the_fraud_register(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An approval that passes over the register is sent back, and the case is referred; the text says both."""
    found = played(tmp_path, "--applicant", "dan")
    assert steps(found, "book_decision") == [("decision", "reject", ["after.failed"]), ("decision", "allow", [])]
    capsys.readouterr()
    print(dossier.text(found))
    assert "Decision     referred" in (said := capsys.readouterr().out) and "after.failed" in said


TOKENS = 16 * 11
"""What the models of all agents read for ben's application, where none is asked the same thing twice."""
ONCE = {"bureau": 1, "ledger": 1, "outbox": 1}
CRASHES = [
    (1, "after", False), (2, "after", True), (3, "before", True), (4, "after", False), (5, "after", True),
]  # fmt: skip


@pytest.mark.parametrize(("call", "when", "checkpointed"), CRASHES)
def test_a_crash_repeats_nothing(tmp_path: Path, call: int, when: str, checkpointed: bool) -> None:
    """Killed in a call to the world outside, the agent goes on in a new process, and each thing was done once."""
    kept = ["--checkpointer"] if checkpointed else []
    assert life(tmp_path, "--crash-at", str(call), "--crash-when", when, *kept) == -9
    assert life(tmp_path, "--resume", "--approve") == 0
    assert done(tmp_path) == ONCE
    found = recorded(tmp_path)
    assert [entry["decision"] for entry in world.entries("ledger")] == [found["decision"]["args"]["decision"]]
    assert [len(each["died_in"]) for each in found["interruptions"]] == [1]
    keys = {entry["key"] for place in ONCE for entry in world.entries(place)}
    assert keys == {row["key"] for row in found["effects"] if row["effect"] != "read"}
    assert not any(row["orphan"] for row in found["effects"])
    assert sum(row["input_tokens"] for row in found["runs"]) == TOKENS
    assert [row["decision"] for row in found["human"] if row["channel"] == "desk"] == ["approve"]


def test_crashes_one_after_the_other_repeat_nothing(tmp_path: Path) -> None:
    """A refusal is kept over a crash though the person is not asked again, and a second crash adds nothing either."""
    assert life(tmp_path, "--decline", "--crash-at", "4") == -9
    assert life(tmp_path, "--resume", "--approve", "--crash-at", "1") == -9
    assert life(tmp_path, "--resume", "--approve") == 0
    assert done(tmp_path) == ONCE
    assert [entry["decision"] for entry in world.entries("ledger")] == ["referred"]
