"""``handrail policy test --mutate``."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from handrail.cli.policy.mutating import toml
from handrail.errors import ConfigError
from tests.cli.policy.bank import bank, run

FEW = """
[[expect]]
who = ["acme/ana", "agent:desk"]
call = "refund"
args = {amount = 500}
verdict = "allow"
"""


def test_what_is_suggested_is_enough(tmp_path: Path) -> None:
    """With the cases that the survivors come with, pasted as they are, nothing survives."""
    config = bank(tmp_path, FEW)
    done = run("test", "--mutate", "--json", "--config", config)
    (score,) = json.loads(done.output)["mutation"]
    assert done.exit_code == 1 and score["killed"] < score["total"]
    survivors = score["survivors"]
    assert {one["line"] for one in survivors} == {14, 19, 25, 30} and all(one["case"] for one in survivors)
    bank(tmp_path, FEW + "".join(f"\n{one['case']}\n" for one in survivors))
    done = run("test", "--mutate", "--config", config)
    assert done.exit_code == 0, done.output
    assert f"mutation score: {score['total']}/{score['total']} weaker policies noticed (100 %)" in done.output


def test_a_survivor_in_words(tmp_path: Path) -> None:
    """Where the rule stands, what was changed, and a case that would notice it."""
    output = run("test", "--mutate", "--config", bank(tmp_path, FEW)).output
    assert "SURVIVED handrail.toml:19 refunds: `args.amount <= 500` with 501\n" in output
    assert '    who = "acme/ana"\n    call = "refund"\n    args = {amount = 501}\n    verdict = "deny"\n' in output


def test_the_least_score_is_the_teams_choice(tmp_path: Path) -> None:
    """--min-score says from where on the exit code is 0."""
    config = bank(tmp_path, FEW)
    assert run("test", "--mutate", "--min-score", "0", "--config", config).exit_code == 0
    assert run("test", "--mutate", "--min-score", "99", "--config", config).exit_code == 1


def test_failing_cases_have_no_score(tmp_path: Path) -> None:
    """A case that fails already would notice everything."""
    done = run("test", "--mutate", "--config", bank(tmp_path, FEW.replace("500", "501")))
    assert done.exit_code == 1 and "the cases must hold first" in done.output and "weaker policies" not in done.output


def test_casbin_files_are_not_mutated(tmp_path: Path) -> None:
    """It is said, and not taken for a perfect score."""
    (tmp_path / "m.conf").write_text(
        "[request_definition]\nr = sub, obj, act\n[policy_definition]\np = sub, obj, act\n"
        "[policy_effect]\ne = some(where (p.eft == allow))\n"
        "[matchers]\nm = r.sub == p.sub && r.obj == p.obj && r.act == p.act\n"
    )
    (tmp_path / "p.csv").write_text("p, ana, refund, call\n")
    policy = 'version = 1\n[casbin]\nmodel = "m.conf"\npolicy = "p.csv"\n'
    config = bank(tmp_path, '[[expect]]\nwho = "ana"\ncall = "refund"\nverdict = "allow"\n', policy)
    assert run("test", "--config", config).exit_code == 0
    with pytest.raises(ConfigError, match="not mutated"):
        run("test", "--mutate", "--config", config)


def test_values_are_written_as_toml() -> None:
    """What is suggested can be read again, quotes, dots and all."""
    value = {"a b": ['x"\\', 1, 2.5, True, {"c.d": []}], "e-f": ""}
    assert tomllib.loads(f"v = {toml(value)}")["v"] == value
