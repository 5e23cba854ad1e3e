"""``handrail traces show``: what the tree says, what it leaves out, and what it never lets through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.audit import reader
from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.cli.traces import command
from handrail.cli.traces.columns import cells
from handrail.errors import JournalError
from tests.audit import recorded
from tests.dashboard import sample


@dataclass(frozen=True)
class World:
    """A journal of sample runs, its writer gone."""

    data: Path
    runs: sample.Sample


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp("traces")
    journal = Journal(data)
    runs = sample.write(journal)
    journal.close("exit")
    yield World(data, runs)


def show(data: Path, *args: object) -> Result:
    """The command's result; its errors are raised."""
    words = ["show", "--data", str(data), *map(str, args)]
    return CliRunner().invoke(command, words, catch_exceptions=False, color=False)


def test_a_denied_call_is_in_the_tree_with_its_rule_and_reason(world: World) -> None:
    """Claim: what was proposed and not run is shown as such, with the rule that stopped it and why."""
    text = show(world.data, world.runs.refund, "--width", 140).stdout
    assert "tool wire_money        DENIED by nobody-wires      did not run" in text
    assert "agent:helpdesk may not call wire_money: rule nobody-wires denies it to everyone." in text


def test_what_validators_said_is_told_once_with_what_was_done(world: World) -> None:
    """Claim: each finding has its place and severity, and says what was done; the record's own copy is left out."""
    found = [line.strip(" │") for line in show(world.data, world.runs.refund, "--width", 160).stdout.splitlines()]
    assert [line for line in found if " found " in line] == [
        "defaults found injection_markers.imperative at result (warning): recorded",
        "figures found numbers_from_sources.unknown at output: rejected, round 1 of 3",
        "refund.arguments found minimum at amount: rejected",
        "refund-account found iban.form at arguments /iban: repaired",
        "refund-account found length.long at arguments /note: repaired",
    ]


def test_who_acts_for_whom_is_said_where_it_changes(world: World) -> None:
    """Claim: the chain stands below the run's agent and below the sub-agent, and nowhere else."""
    said = [line.strip(" │") for line in show(world.data, world.runs.refund).stdout.splitlines() if " as user:" in line]
    assert said == ["as user:ana → agent:helpdesk", "as user:ana → agent:helpdesk → agent:researcher"]


def test_a_run_is_named_by_its_beginning_or_as_the_last(world: World) -> None:
    """Claim: a unique beginning and `last` mean the run that the whole id means; an unclear one is refused."""
    whole = show(world.data, world.runs.running).stdout
    assert show(world.data, world.runs.running[:20].upper()).stdout == whole
    assert show(world.data, "last").stdout == whole
    with pytest.raises(JournalError, match="Several runs"):
        show(world.data, world.runs.running[:1])
    with pytest.raises(JournalError, match="No run's id"):
        show(world.data, "zz")


@pytest.mark.parametrize("width", [40, 60, 100, 300])
@pytest.mark.parametrize("content", [(), ("--content",)])
def test_no_line_is_wider_than_asked_and_none_has_control_characters(
    world: World, width: int, content: tuple[str, ...]
) -> None:
    """Claim: hostile names, rules and contents neither break the layout nor reach the terminal as commands."""
    for line in show(world.data, world.runs.hostile, "--width", width, *content).stdout.split("\n"):
        assert line.isprintable()
        assert cells(line) <= width


def test_a_long_run_is_cut_and_says_so(world: World) -> None:
    """Claim: --limit takes the steps that began first, --depth the outer levels; what is missing is counted."""
    limited = show(world.data, world.runs.refund, "--limit", 3).stdout
    assert "8 of 11 steps are not shown" in limited
    assert "7 more steps directly below" not in limited and "6 more steps directly below" in limited
    shallow = show(world.data, world.runs.refund, "--depth", 1).stdout
    assert "read_tracking" not in shallow and "… 2 more steps directly below" in shallow
    assert "2 of 11 steps are not shown" in shallow


def test_one_step_is_shown_with_what_is_below(world: World) -> None:
    """Claim: --step shows that step as the outermost one; a step that is not in the run is refused by name."""
    whole = json.loads(show(world.data, world.runs.refund, "--json").stdout)
    agent = next(step for step in whole["steps"] if step["name"] == "researcher")
    below = json.loads(show(world.data, world.runs.refund, "--json", "--step", agent["step"]).stdout)
    assert [(step["name"], step["depth"]) for step in below["steps"]] == [
        ("researcher", 0), ("gpt-5-mini", 1), ("read_tracking", 1)]  # fmt: skip
    with pytest.raises(JournalError, match="has no step nope"):
        show(world.data, world.runs.refund, "--step", "nope")


def test_content_is_shown_only_when_asked_and_erasure_is_said(tmp_path: Path) -> None:
    """Claim: arguments and results appear with --content alone; an erased one is called erased."""
    journal = Journal(tmp_path)
    run = recorded.whole(journal)
    journal.close("exit")
    assert "amount" not in show(tmp_path, run).stdout
    assert 'arguments: {"amount": 1}' in show(tmp_path, run, "--content").stdout
    args = next(json.loads(str(row["args"])) for row in Index(tmp_path).query("SELECT args FROM decisions"))
    side = tmp_path / "journal" / f"{args['f']}.pl"
    erased = side.read_bytes()
    side.write_bytes(erased[: args["o"]] + b"-" * (args["l"] - 1) + b"\n" + erased[args["o"] + args["l"] :])
    assert reader.payload(tmp_path, args) is None
    assert "arguments: erased" in show(tmp_path, run, "--content").stdout
    told = json.loads(show(tmp_path, run, "--content", "--json").stdout)
    tool = next(step for step in told["steps"] if step["type"] == "tool")
    assert tool["content"][0] == {"what": "arguments", "value": None, "missing": "erased"}


def test_thoughts_notes_and_links_stand_below_their_step(tmp_path: Path) -> None:
    """Claim: a plan's revision, memory, limits, approvals, validations and links are told in a line each."""
    journal = Journal(tmp_path)
    run, steps = sample.thinking_run(journal)
    hostile, _ = sample.thinking_run(journal, sample.HOSTILE[8])
    journal.close("exit")
    told = [line.strip(" │") for line in show(tmp_path, run.id).stdout.splitlines()]
    for line in ("revision 1: 2 items, 2 added, 0 done", "search_memory in prefs", "upsert_memory in prefs",
                 "confidence 0.4", "tools/call", f"tries again plan plan {steps['plan-']}",
                 "limit hit: 20 of 20 model_calls per run", "approval of pay approve by ana",
                 "validator pii: redact, email", "intervention by guard"):  # fmt: skip
        assert line in told, line
    assert any(line.startswith("goes on with ") for line in told)
    assert 'plan: [{"content": "look the order up"' in show(tmp_path, run.id, "--content", "--width", 200).stdout
    for width in (40, 120):
        for line in show(tmp_path, hostile.id, "--content", "--width", width).stdout.split("\n"):
            assert line.isprintable() and cells(line) <= width
    row = json.loads(show(tmp_path, run.id, "--json").stdout)["steps"][-1]
    assert [note["kind"] for note in row["notes"]] == ["limit", "approval", "validation", "intervention"]


def test_a_limit_that_is_counted_again_and_again_is_one_line(tmp_path: Path) -> None:
    """Claim: of one limit's notes on a step the latest is told; another limit, and a hit, have lines of their own."""
    journal = Journal(tmp_path)
    run = recorded.begin(journal)
    step = recorded.root_of(run)
    for used, per in ((1, "run"), (1, "thread"), (2, "run"), (2, "thread")):
        facts = {"what": "model_calls", "per": per, "limit": 2, "used": used, "hit": False}
        journal.append({"k": "limit", "run": run, "step": step, **facts})
    journal.append({"k": "limit", "run": run, "step": step, "what": "model_calls", "per": "run", "limit": 2, "used": 2,
                    "hit": True})  # fmt: skip
    recorded.end(journal, run)
    journal.close("exit")
    told = [line.strip(" │") for line in show(tmp_path, run).stdout.splitlines()]
    assert [line for line in told if line.startswith("limit")] == [
        "limit: 2 of 2 model_calls per run", "limit: 2 of 2 model_calls per thread",
        "limit hit: 2 of 2 model_calls per run"]  # fmt: skip


def test_json_has_every_step_in_tree_order_and_no_content(world: World) -> None:
    """Claim: --json is one object with run, counts and steps; content is not in it unless asked for."""
    told = json.loads(show(world.data, world.runs.refund, "--json").stdout)
    assert (told["run"]["run"], told["total"], told["elided"]) == (world.runs.refund, 11, 0)
    assert [step["depth"] for step in told["steps"]] == [0, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1]
    assert all("content" not in step for step in told["steps"])
    assert told["steps"][1]["started_at"].endswith("Z") and isinstance(told["steps"][2]["chain"], list)
