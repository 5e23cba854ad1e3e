"""Ours against stock Casbin: the short form of ``python -m tests.policy.differential --pairs 1000000``."""

from __future__ import annotations

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.policy.differential.__main__ import main, run, text
from tests.policy.differential.casbin_cases import casbin_case
from tests.policy.differential.compare import compare_casbin, compare_toml
from tests.policy.differential.toml_cases import toml_case

_long = settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))


def test_no_difference_over_a_fixed_series() -> None:
    """Thousands of pairs: no difference in verdict, rule or class of error, and at most 5 % refused."""
    tally = run(seed=3, pairs=6_000, requests=20)
    assert tally.differences == []
    assert tally.refused <= 0.05 * tally.pairs
    assert {"allow", "deny", "raised"} == set(tally.answers)


@_long
@given(st.randoms(use_true_random=False))
def test_casbin_files_decide_as_stock(random: Random) -> None:
    """Whatever hypothesis makes of the generator's choices: a team's own files decide as stock Casbin does."""
    assert compare_casbin(casbin_case(random, 8)).differences == []


@_long
@given(st.randoms(use_true_random=False))
def test_handrail_toml_decides_as_the_shipped_model(random: Random) -> None:
    """Whatever hypothesis makes of the generator's choices: handrail.toml decides as stock over model.conf does."""
    assert compare_toml(toml_case(random, 8)).differences == []


def test_one_policy_can_be_looked_at_again() -> None:
    """``--only`` compares the one policy that a difference names, and exits 0 when it has none."""
    assert main(["--seed", "3", "--only", "7", "--requests", "5"]) == 0


def test_the_printed_result_has_every_figure() -> None:
    """Pairs, differences, the refused share and how decisions were made are printed."""
    printed = text(run(seed=4, pairs=100, requests=50))
    for word in ("pairs", "differences", "refused at load", "decided", "stock says"):
        assert word in printed
