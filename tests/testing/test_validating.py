"""Recorded runs held against validators in somebody's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from handrail.errors import ConfigError
from handrail.testing import validate_runs
from tests.audit.test_history import Writer

pytest_plugins = ["pytester"]

CONFIG = """
version = 1
data = "recorded"
[[validate]]
id = "small"
on = "refund.arguments"
schema = { properties = { amount = { maximum = 3 } } }
[[validate]]
id = "short"
on = "answer"
check = "length(max=500)"
"""
USER_TESTS = """
def test_answers(handrail_validate):
    assert handrail_validate("recorded", "handrail.toml", on="answer").values == {"answer": 1}

def test_everything(handrail_validate):
    handrail_validate("recorded", "handrail.toml")
"""


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A handrail.toml, and beside it a recording of two refunds, of which one is too large."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HANDRAIL_DATA", raising=False)
    record(tmp_path)
    return tmp_path


def record(folder: Path) -> None:
    """A configuration and a recording in ``folder``."""
    (folder / "handrail.toml").write_text(CONFIG)
    run = Writer(folder / "recorded")
    run.call({"amount": 1}, gives="x")
    run.call({"amount": 9}, gives="y")
    run.model(says={"role": "ai", "content": "Done."})
    run.close()


def test_the_nearest_configuration_says_where_and_what(recorded: Path) -> None:
    """Without arguments: its data, its checks, all of history."""
    found = validate_runs()
    assert (found.new, found.values) == (1, {"arguments": 2, "answer": 1})
    assert "refund.arguments: schema.maximum at /amount" in found.lines()[0]


def test_it_can_be_narrowed_down(recorded: Path) -> None:
    """One more check, one kind of value, one run, a moment: each leaves out the rest."""
    assert validate_runs("recorded", check="length(min=99)").values == {
        "arguments": 2,
        "result": 2,
        "answer": 1,
        "output": 1,
    }
    assert validate_runs(check=["length(min=99)"], on="answer").new == 1
    assert validate_runs(config="handrail.toml", on="refund.arguments", run="last").new == 1
    assert not validate_runs(since=datetime.now(UTC) + timedelta(hours=1)).values


def test_a_configuration_without_checks_is_refused(recorded: Path) -> None:
    """Nothing is silently inert."""
    (recorded / "handrail.toml").write_text("version = 1\n")
    with pytest.raises(ConfigError, match="has no \\[\\[validate\\]\\]"):
        validate_runs()


def test_the_fixture_fails_a_test_with_what_was_found(pytester: pytest.Pytester) -> None:
    """In a user's run: a kind of value that is right passes, one that is not fails and says where."""
    record(pytester.path)
    pytester.makepyfile(USER_TESTS)
    done = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:randomly")
    done.assert_outcomes(passed=1, failed=1)
    done.stdout.fnmatch_lines(
        ["*Validators find 1 values wrong:*", "*refund.arguments: schema.maximum at /amount; run *"]
    )
