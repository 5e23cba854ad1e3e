"""Changes that need a second person: told apart by the owners of files, and taken from the policy in force."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from handrail.audit import approvals, rights
from handrail.cli import group
from handrail.config.live import LiveChange, LiveFile, live_file
from handrail.frameworks import gates, opening
from handrail.gate import Refusal, ToolCall
from tests.kept import POLICY, kept

TEXT = POLICY.replace("MODE", "enforce") + "\n[policy]\ntwo_person = true\n"
SECOND = 54321
"""Number of the second user; he needs no name."""

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can play two users of one system"
)


@pytest.fixture(name="folder")
def _folder() -> Iterator[Path]:
    """A folder whose policy folder both users may write, as the how-to page says."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "handrail.toml").write_text(TEXT)
    data = folder / ".handrail"
    for made in (data, *(data / "policy" / name for name in ("", "texts", "proposals", "approvals", "in_force"))):
        made.mkdir()
        os.chown(made, 0, SECOND)
        made.chmod(0o710 if made == data else 0o2770)
    yield folder
    shutil.rmtree(folder)


def policy_command(folder: Path, *args: str) -> str:
    """What ``handrail policy ARGS`` prints, or the error."""
    done = CliRunner().invoke(group, ["policy", *args, "--config", str(folder / "handrail.toml")])
    return f"{done.output}{done.exception or ''}"


def as_second(act: Callable[[], object]) -> str:
    """Do something as the second user, in a process of his own; the text that comes of it."""
    reading, writing = os.pipe()
    if child := os.fork():
        os.close(writing)
        with open(reading) as output:
            text = output.read()
        os.waitpid(child, 0)
        return text
    try:
        os.setgroups([])
        os.setgid(SECOND)
        os.setuid(SECOND)
        os.write(writing, str(act()).encode())
    except BaseException as error:
        os.write(writing, repr(error).encode())
    finally:
        os._exit(0)


@pytest.fixture(name="ask")
def _ask(folder: Path) -> Iterator[Callable[..., bool]]:
    """Asks for a call in a run of ana's that goes on all the time."""
    gate = opening.open_gate(folder / "handrail.toml")
    step = gates.enter(gate, "clerk", object(), said={"user": "ana"})
    assert step is not None

    def ask(tool: str = "add") -> bool:
        return not isinstance(gate.tool(step.frame, ToolCall(tool, {"a": 1}), lambda args: "ran"), Refusal)

    yield ask
    gates.leave(step)


def _id(printed: str) -> str:
    return printed.split(":")[0]


GRANT = ("grant", "ana", "--call", "other", "--new", "--reason", "incident 7")


def test_a_change_waits_for_a_second_person(ask: Any, folder: Path) -> None:
    """A grant is not in force until somebody else approved it; whoever proposed it cannot."""
    printed = policy_command(folder, *GRANT)
    assert "proposed" in printed
    assert not ask("other")
    assert "proposed by this very user" in policy_command(folder, "approve", _id(printed))
    assert not ask("other")
    assert _id(printed) in policy_command(folder, "approve")
    assert "in force" in as_second(lambda: policy_command(folder, "approve", _id(printed)))
    assert ask("other")
    assert [record["what"] for record in kept(folder, "policy.change")] == ["grant"]


def test_what_the_second_person_proposes_the_first_approves(ask: Any, folder: Path) -> None:
    """It works the other way round too: who is who is seen in the files, not said in them."""
    policy_command(folder, "approve")  # loads what the other user's process cannot read for itself
    printed = as_second(lambda: policy_command(folder, *GRANT))
    assert "proposed by" in as_second(lambda: policy_command(folder, "approve", _id(printed)))
    assert not ask("other")
    assert "in force" in policy_command(folder, "approve", _id(printed))
    assert ask("other")


def test_an_edited_file_waits(ask: Any, folder: Path) -> None:
    """An edit that also switches the rule of two off waits, for running agents and new ones, until it is approved."""
    edited = TEXT.replace("two_person = true", "two_person = false").replace('deny = "*"', 'allow = "*"')
    (folder / "handrail.toml").write_text(edited)
    assert not ask("wire_money")
    fresh = opening.open_gate(folder / "handrail.toml")
    assert fresh.rulebook.now.settings.two_person
    printed = policy_command(folder, "propose", "--reason", "new tariff")
    assert not ask("wire_money")
    assert "in force" in as_second(lambda: policy_command(folder, "approve", _id(printed)))
    assert ask("wire_money")
    fresh.rulebook.renew()
    assert not fresh.rulebook.now.settings.two_person
    [record] = kept(folder, "policy.change")
    assert record["diff"] == {"rules": {"changed": ["no-wires"]}, "settings": ["two_person"]}


def test_removing_the_note_of_what_is_in_force_approves_nothing(ask: Any, folder: Path) -> None:
    """An agent that runs remembers for itself that two persons are needed, and what they agreed on."""
    assert ask()
    shutil.rmtree(folder / ".handrail" / "policy" / "in_force")
    (folder / "handrail.toml").write_text(TEXT.replace('deny = "*"', 'allow = "*"'))
    assert not ask("wire_money")
    printed = policy_command(folder, "propose", "--reason", "new tariff")
    as_second(lambda: policy_command(folder, "approve", _id(printed)))
    assert ask("wire_money")


def test_an_approval_of_other_bytes_does_not_count(ask: Any, folder: Path) -> None:
    """A file that is edited once more after it was proposed is not what was approved."""
    (folder / "handrail.toml").write_text(TEXT + "# 1\n")
    printed = policy_command(folder, "propose", "--reason", "a remark")
    (folder / "handrail.toml").write_text(TEXT.replace('deny = "*"', 'allow = "*"'))
    as_second(lambda: policy_command(folder, "approve", _id(printed)))
    assert not ask("wire_money")


def test_changes_without_approval_are_not_taken(ask: Any, folder: Path) -> None:
    """A change written past the commands, or approved by its own author, stays out, and the last good rules in."""
    printed = policy_command(folder, *GRANT)
    proposal = msgspec.json.decode(approvals.proposal_file(folder / ".handrail", _id(printed)).read_bytes())
    change = msgspec.convert(proposal["change"], LiveChange)
    live_file(folder / ".handrail").write_bytes(msgspec.json.encode(LiveFile((change,))))
    assert not ask("other")
    forged = {"id": change.id, "by": {"uid": SECOND, "name": "second"}, "why": "", "at": 1.0}
    approvals.approval_file(folder / ".handrail", change.id).write_bytes(msgspec.json.encode(forged))
    assert not ask("other")


def test_approved_suspensions_cannot_be_removed_by_one(ask: Any, folder: Path) -> None:
    """An approved suspension that is taken out of the file by one person stays in force."""
    printed = policy_command(folder, "revoke", "ana", "--reason", "stolen laptop")
    as_second(lambda: policy_command(folder, "approve", _id(printed)))
    assert not ask()
    rights.edit(folder / ".handrail", lambda changes: ())
    assert not ask()
    assert "proposed" in policy_command(folder, "withdraw", _id(printed), "--reason", "found again")
    assert not ask()


def test_doctor_says_what_waits(folder: Path) -> None:
    """`handrail doctor` calls an edited file that is not approved wrong, and names what waits."""
    opening.open_gate(folder / "handrail.toml")
    printed = policy_command(folder, *GRANT)
    (folder / "handrail.toml").write_text(TEXT + "# 1\n")
    said = CliRunner().invoke(group, ["doctor", "--config", str(folder / "handrail.toml")]).output
    assert "what was approved last stays in force" in said
    assert f"for a second person: {_id(printed)}" in said
