"""``handrail policy grant``, ``revoke``, ``withdraw``, ``changes``: in force at the next call, and recorded once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from handrail.audit import policies, rights
from handrail.cli import group
from handrail.config.live import live_file
from handrail.errors import HandrailError
from handrail.frameworks import gates, opening
from handrail.gate import NEUTRAL, Refusal, ToolCall
from tests.kept import kept, policy


def cli(folder: Path, *args: str) -> Result:
    """``handrail policy ARGS`` in ``folder``."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return CliRunner().invoke(group, ["policy", *args])
    finally:
        os.chdir(before)


@pytest.fixture(name="ask")
def _ask(tmp_path: Path) -> Iterator[Callable[..., bool]]:
    """Asks for a call in a run of ana's that goes on all the time."""
    policy(tmp_path)
    gate = opening.open_gate(tmp_path / "handrail.toml")
    step = gates.enter(gate, "clerk", object(), said={"user": "ana"})
    assert step is not None

    def ask(tool: str = "add") -> bool:
        found = gate.tool(step.frame, ToolCall(tool, {"a": 1}), lambda args: "ran")
        assert found in ("ran", Refusal(NEUTRAL))
        return bool(found == "ran")

    yield ask
    gates.leave(step)


def test_a_role_is_revoked_and_given_back_in_the_middle_of_a_run(ask: Any, tmp_path: Path) -> None:
    """The very next call after `revoke` is denied, the next after `withdraw` allowed; each change is recorded once."""
    assert ask()
    done = cli(tmp_path, "revoke", "ana", "staff", "--reason", "left the team")
    assert (done.exit_code, "in force" in done.output) == (0, True)
    assert not ask()
    id = done.output.split(":")[0]
    assert cli(tmp_path, "withdraw", id, "--reason", "was a mistake").exit_code == 0
    assert ask()
    changes = kept(tmp_path, "policy.change")
    assert [(one["what"], one["why"], one["who"]["uid"]) for one in changes] == [
        ("revoke", "left the team", os.getuid()),
        ("withdraw", "was a mistake", os.getuid()),
    ]
    assert changes[0]["diff"]["live"] == {"added": [id]}
    assert changes[0]["after"] == changes[1]["before"]


def test_suspension_and_a_grant_of_calls(ask: Any, tmp_path: Path) -> None:
    """A temporary allow rule opens one tool; a suspension closes everything, and the records name the changes."""
    assert not ask("other")
    granted = cli(tmp_path, "grant", "ana", "--call", "other", "--new", "--reason", "incident 7").output.split(":")[0]
    assert ask("other")
    suspended = cli(tmp_path, "revoke", "ana", "--reason", "stolen laptop").output.split(":")[0]
    assert not ask("other")
    assert not ask("add")
    assert [call["rule"] for call in kept(tmp_path, "tool.call")] == [None, granted, suspended, suspended]


def test_a_grant_ends_by_itself(ask: Any, tmp_path: Path) -> None:
    """A call after the end is denied though nothing was written, and that end is a record."""
    cli(tmp_path, "grant", "ana", "--call", "other", "--new", "--for", "1s", "--reason", "a moment")
    end = rights.read(tmp_path / ".handrail")[0].until
    assert end is not None
    assert ask("other")
    while time.time() < end:
        time.sleep(0.01)
    assert not ask("other")
    assert [one["what"] for one in kept(tmp_path, "policy.change")] == ["grant", "end"]


def test_an_old_decision_can_be_made_again(ask: Any, tmp_path: Path) -> None:
    """The policy of a recorded decision is there by its digest, grants and all, after they are gone."""
    cli(tmp_path, "grant", "ana", "--call", "other", "--new", "--reason", "incident 7")
    assert ask("other")
    record = kept(tmp_path, "tool.call")[0]
    cli(tmp_path, "withdraw", record["rule"], "--reason", "over")
    (tmp_path / "handrail.toml").unlink()
    old = policies.load(tmp_path / ".handrail", record["policy"])
    assert [change.id for change in old.live] == [record["rule"]]


def test_a_user_is_named_with_his_tenant(tmp_path: Path) -> None:
    """`acme/ana` is ana of acme, as in `explain`, and never a user of the default tenant who is called so."""
    policy(tmp_path)
    assert cli(tmp_path, "grant", "acme/ana", "staff", "--new", "--reason", "x").exit_code == 0
    assert cli(tmp_path, "revoke", "acme/ana", "--new", "--reason", "y").exit_code == 0
    assert [(one.tenant, one.user) for one in rights.read(tmp_path / ".handrail")] == [("acme", "ana")] * 2


def test_a_misspelled_command(tmp_path: Path) -> None:
    """A command that there is not is refused with the one that was probably meant."""
    done = cli(tmp_path, "aprove")
    assert done.exit_code == 2 and 'Did you mean "approve"?' in done.output


def test_nothing_waits(tmp_path: Path) -> None:
    """Where nothing waits for a second person, `approve` says so, and does not print nothing."""
    policy(tmp_path)
    assert cli(tmp_path, "approve").output == "Nothing waits for approval.\n"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("grant", "ann", "staff", "--reason", "x"), 'Did you mean "ana"'),
        (("grant", "ana", "stuff", "--reason", "x"), 'Did you mean "staff"'),
        (("grant", "ana", "--call", "look_ap", "--reason", "x"), 'Did you mean "look_up"'),
        (("grant", "ana", "--reason", "x"), "Name either"),
        (("grant", "ana", "staff"), "--reason"),
        (("grant", "ana", "staff", "--for", "1y", "--reason", "x"), "Write 90s"),
        (("grant", "acme/ana", "staff", "--reason", "x"), 'No user "ana" of the tenant "acme"'),
        (("grant", "acme/ana", "staff", "--tenant", "umbrella", "--reason", "x"), 'in the tenant "acme"'),
        (("propose", "--reason", "x"), "two_person"),
        (("withdraw", "grant-1", "--reason", "x"), "There is no change"),
        (("grant", "", "staff", "--new", "--reason", "x"), "names nobody"),
        (("grant", "ana", "staff", "--tenant", "", "--new", "--reason", "x"), "names no tenant"),
        (("grant", "an\udcff", "staff", "--new", "--reason", "x"), "cannot be made"),
        (("grant", "ana", "--call", "\udcff", "--new", "--reason", "x"), "cannot be made"),
        (("grant", "ana", "staff", "--reason", "\udcff"), "not UTF-8"),
        (("withdraw", "grant-1", "--reason", "\udcff"), "not UTF-8"),
        (("propose", "--reason", "\udcff"), "not UTF-8"),
        (("approve", "file-1", "--reason", "\udcff"), "not UTF-8"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    """A wrong change is refused with what to write, and nothing is written."""
    policy(tmp_path)
    done = cli(tmp_path, *args)
    assert said in done.output + str(done.exception)
    assert done.exit_code == 2 or isinstance(done.exception, HandrailError)
    assert not live_file(tmp_path / ".handrail").exists()


def test_vanished_changes_do_not_give_rights_back(ask: Any, tmp_path: Path) -> None:
    """Who was suspended stays so when the file of changes is removed or broken, in this process and in a new one."""
    cli(tmp_path, "revoke", "ana", "--reason", "stolen laptop")
    assert not ask()
    live = live_file(tmp_path / ".handrail")
    content = live.read_bytes()
    for spoil in (live.unlink, lambda: live.write_bytes(content[:-9])):
        spoil()
        assert not ask()
        fresh = [sys.executable, "-c", "from handrail.frameworks import opening; opening.open_gate('handrail.toml')"]
        started = subprocess.run(fresh, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (started.returncode, "live.json" in started.stderr) == (1, True)
    live.write_bytes(content)
    assert not ask()
    assert "kept" in [record["outcome"] for record in kept(tmp_path, "config.load")]


def test_file_edits_are_recorded_with_what_differs(ask: Any, tmp_path: Path) -> None:
    """An edited handrail.toml is one record: its owner, digests before and after, the ids and names that differ."""
    assert ask()
    text = (tmp_path / "handrail.toml").read_text()
    changed = text.replace('"ana" = ["staff"]', '"ana" = ["staff"]\n"bo" = ["staff"]').replace("no-wires", "no-wire")
    (tmp_path / "handrail.toml").write_text(changed.replace('mode = "enforce"', 'mode = "observe"'))
    assert ask()
    [record] = kept(tmp_path, "policy.change")
    assert record["what"] == "file"
    assert record["who"]["uid"] == os.getuid()
    assert record["diff"] == {
        "rules": {"added": ["no-wire"], "removed": ["no-wires"]},
        "users": {"added": ["default/bo"]},
        "mode": ["enforce", "observe"],
    }
    assert record["before"]["policy"] != record["after"]["policy"]


def test_changes_are_listed(ask: Any, tmp_path: Path) -> None:
    """`changes` lists who, what and why; `--now` what is in force; both also as JSON."""
    cli(tmp_path, "grant", "ana", "--call", "other", "--new", "--for", "2h", "--reason", "incident\x1b 7")
    listed = cli(tmp_path, "changes")
    assert "grant by" in listed.output
    assert "incident\\u{1b} 7" in listed.output
    [row] = json.loads(cli(tmp_path, "changes", "--json").output)
    assert (row["what"], row["why"]) == ("grant", "incident\x1b 7")
    assert row["diff"]["live"]["added"] == [one.id for one in rights.read(tmp_path / ".handrail")]
    assert "default/ana: other until" in cli(tmp_path, "changes", "--now").output
    assert json.loads(cli(tmp_path, "changes", "--now", "--json").output)[0]["call"] == ["other"]


def test_the_first_change_is_recorded_though_no_agent_ever_ran(tmp_path: Path) -> None:
    """A change on a host where nothing was in force yet is a record too, and doctor counts it."""
    policy(tmp_path)
    cli(tmp_path, "revoke", "ana", "--reason", "left")
    assert [one["what"] for one in kept(tmp_path, "policy.change")] == ["suspend"]
    said = CliRunner().invoke(group, ["doctor", "--config", str(tmp_path / "handrail.toml")]).output
    assert "1 laid over the file" in said
