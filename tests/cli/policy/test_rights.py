"""``handrail policy who-can`` and ``what-can``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.policy.bank import bank, run

NOBODY = "No rule allows user:(any other) to call refund in tenant acme: default deny."


def test_who_can(tmp_path: Path) -> None:
    """A table with one line for each user, everybody else, and agents on their own account."""
    done = run("who-can", "refund", "--config", bank(tmp_path))
    lines = [line.split("  ") for line in done.output.splitlines()]
    shown = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert done.exit_code == 0
    refunds = "allow refunds (handrail.toml:19) as ana -> lead -> support when args.amount <= 500"
    assert shown == [
        ["tenant", "who", "may", "through", "because"],
        ["acme", "ana", "depends", "desk", refunds],
        ["acme", "eve", "never", "-", "Rule no-suspended denies user:eve the call refund."],
        ["acme", "(any other)", "never", "-", NOBODY],
        ["acme", "agent:desk", "always", "-", "allow desk (handrail.toml:30)"],
    ]  # fmt: skip
    column = done.output.splitlines()[0].index("because")
    assert all(line[column - 2 : column] == "  " for line in done.output.splitlines()), "aligned"


def test_what_can_through_an_agent(tmp_path: Path) -> None:
    """What the chain may do, as JSON."""
    done = run("what-can", "acme/ana", "--agent", "desk", "--json", "--config", bank(tmp_path))
    found = {one["object"]: one["right"] for one in json.loads(done.output)}
    assert found == {"refund": "depends", "*": "never", "read_*": "always", "wire_*": "never"}


def test_another_tenant(tmp_path: Path) -> None:
    """Roles of one tenant are nothing in another."""
    done = run("who-can", "read_x", "--tenant", "umbrella", "--json", "--config", bank(tmp_path))
    assert {one["right"] for one in json.loads(done.output) if one["subject"] != "agent:desk"} == {"never"}


def test_a_misspelled_name_is_noted(tmp_path: Path) -> None:
    """A tool or user that is nearly one of the configuration is noted on stderr, and a right one is not."""
    config = bank(tmp_path)
    assert (
        'note: no tool "refnd" is named here. Did you mean "refund"?'
        in run("who-can", "refnd", "--config", config).stderr
    )
    assert 'Did you mean "ana"?' in run("what-can", "acme/anna", "--config", config).stderr
    slip = run("explain", "--user", "acme/anna", "--tool", "refnd", "--config", config).stderr
    assert slip.count("note: no ") == 2
    assert run("explain", "--user", "acme/ana", "--tool", "read_it", "--config", config).stderr == ""
