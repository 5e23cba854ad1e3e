"""``handrail policy test``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from handrail.errors import ConfigError
from tests.cli.policy.bank import POLICY, bank, run

GOOD = """
[[expect]]
who = ["acme/ana", "agent:desk"]
call = "refund"
args = {amount = 500}
verdict = "allow"
rule = "refunds"

[[expect]]
who = "acme/eve"
call = "read_order"
verdict = "deny"
rule = "no-suspended"

[[expect]]
who = "acme/ana"
call = "cook"
verdict = "deny"
rule = ""
"""
WRONG = GOOD.replace("500", "501")
WRONG_RULE = GOOD.replace('"refunds"', '"reads"')


def test_cases_that_hold(tmp_path: Path) -> None:
    """Exit code 0 and one line."""
    done = run("test", "--config", bank(tmp_path, GOOD))
    assert (done.exit_code, done.output) == (0, f"{tmp_path / 'handrail.test.toml'}: 3 of 3 cases hold\n")


def test_a_case_that_fails(tmp_path: Path) -> None:
    """Exit code 1, and a readable difference: where, who, expected, got, and why."""
    done = run("test", "--config", bank(tmp_path, WRONG))
    assert done.exit_code == 1
    for line in (
        f"FAILED {tmp_path / 'handrail.test.toml'}:3",
        '    user:ana agent:desk in acme: call refund {"amount": 501}',
        "  - expected  allow by refunds",
        "  + got       deny by no rule",
        "        args.amount: 501 -> 500 (at most 500)",
        f"{tmp_path / 'handrail.test.toml'}: 2 of 3 cases hold",
    ):
        assert line in done.output.splitlines()


def test_another_rule_than_the_expected_one_fails(tmp_path: Path) -> None:
    """The right verdict for another reason is no success."""
    done = run("test", "--config", bank(tmp_path, WRONG_RULE))
    assert done.exit_code == 1 and "- expected  allow by reads\n  + got       allow by refunds" in done.output


def test_as_json(tmp_path: Path) -> None:
    """The cases, what was expected and got, and the explanation of each failure."""
    done = run("test", "--json", "--config", bank(tmp_path, WRONG))
    told = json.loads(done.output)
    (suite,) = told["suites"]
    assert (done.exit_code, told["failed"], [case["holds"] for case in suite["cases"]]) == (1, 1, [False, True, True])
    assert suite["cases"][0]["explanation"]["nearest"]["rule"] == "refunds"


def test_files_are_held_against_the_policy_beside_them(tmp_path: Path) -> None:
    """Each file has its own policy, a handrail.toml stands for its cases, and no file is run twice."""
    one, two = tmp_path / "one", tmp_path / "two"
    bank(one, GOOD)
    bank(two, GOOD, POLICY.replace("<= 500", "<= 400"))
    done = run("test", one / "handrail.test.toml", two / "handrail.toml", two / "handrail.test.toml")
    assert done.exit_code == 1
    assert f"{one / 'handrail.test.toml'}: 3 of 3 cases hold" in done.output
    assert f"{two / 'handrail.test.toml'}: 2 of 3 cases hold" in done.output


def test_without_words_the_nearest_policy_is_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the folder of a handrail.toml no option is needed."""
    bank(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HANDRAIL_")]:
        monkeypatch.delenv(name)
    assert run("test").exit_code == 0


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """No cases is no success."""
    with pytest.raises(ConfigError, match="no such file of cases"):
        run("test", "--config", bank(tmp_path))


def test_a_file_with_a_mistake_is_refused(tmp_path: Path) -> None:
    """With its line."""
    with pytest.raises(ConfigError, match=r"handrail.test.toml:12: .*verdct.*Did you mean"):
        run("test", "--config", bank(tmp_path, GOOD.replace('verdict = "deny"', 'verdct = "deny"', 1).lstrip()))
