"""``handrail traces diff``: what it finds between runs that the real journal has, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.audit.journal import Journal, encode
from handrail.cli.traces import command
from tests.audit import recorded
from tests.audit.recorded import root_of


def diff(data: Path, *args: object) -> Result:
    """The command's result; its errors are raised."""
    words = ["diff", "--data", str(data), *map(str, args)]
    return CliRunner().invoke(command, words, catch_exceptions=False, color=False)


def run(
    journal: Journal, calls: list[Mapping[str, object]], plan: tuple[str, ...] = ("look", "pay"), base: int = 0
) -> str:
    """A run with a plan, a model call and ``calls``, whose ids begin at ``base``; its id."""
    id_ = recorded.begin(journal)
    step = f"{base + 1:016x}"
    journal.append({"k": "step.start", "run": id_, "trace": id_, "step": step, "parent": root_of(id_), "type": "plan",
                    "name": "todos", "agent": "helpdesk", "chain": [], "revision": 1, "items": len(plan),
                    "plan": journal.put(encode(list(plan)))})  # fmt: skip
    journal.append({"k": "step.end", "run": id_, "step": step, "outcome": "ok", "error": None, "dur": base})
    recorded.model(journal, id_, base + 2)
    for number, call in enumerate(calls, base + 3):
        fields = dict(call)
        args = fields.pop("args", {"order": 1, "lines": [{"amount": 1}]})
        recorded.tool(journal, id_, number, args=journal.put(encode(args)), **fields)  # type: ignore[arg-type]
    recorded.end(journal, id_)
    return id_


CALLS: list[Mapping[str, object]] = [{"tool": "look_up"}, {"tool": "pay"}, {"tool": "close"}]


@pytest.mark.parametrize(("changed", "how", "text"), [
    ({"tool": "wire"}, ["name"], "another tool"),
    ({"tool": "pay", "args": {"order": 1, "lines": [{"amount": 2}]}}, ["arguments"], "other arguments"),
    ({"tool": "pay", "verdict": "deny", "rule": "no", "ran": False}, ["verdict", "rule", "outcome"], "another verdict"),
    ({"tool": "pay", "rule": "r2"}, ["rule"], "another rule"),
    ({"tool": "pay", "ends": False}, ["outcome"], "another outcome"),
])  # fmt: skip
def test_the_first_difference_is_found_and_named(
    tmp_path: Path, changed: Mapping[str, object], how: list[str], text: str
) -> None:
    """Claim: one call that differs is found at its place, with what differs, under other ids, times and salts."""
    journal = Journal(tmp_path)
    one = run(journal, CALLS)
    two = run(journal, [CALLS[0], changed, CALLS[2]], base=100)
    journal.close("exit")
    told = json.loads(diff(tmp_path, one, two, "--json").stdout)
    line = told["lines"][told["first"]["line"]]
    assert (line["a"]["name"], line["b"]["name"], line["how"]) == ("pay", changed["tool"], how)
    assert told["first"]["line"] == 4  # behind the agent, the plan, the model and the first call
    result = diff(tmp_path, one, two)
    assert result.exit_code == 1
    assert f"They differ from line 5 on: {text}" in result.stdout


def test_values_of_arguments_are_shown_only_when_asked(tmp_path: Path) -> None:
    """Claim: without --content only the place in the arguments is named."""
    journal = Journal(tmp_path)
    one, two = (run(journal, [{"tool": "pay", "args": {"to": word, "n": 1}}]) for word in ("SENTINEL", "other"))
    journal.close("exit")
    text = diff(tmp_path, one, two).stdout
    assert "at /to" in text and "SENTINEL" not in text
    assert "SENTINEL" not in diff(tmp_path, one, two, "--json").stdout
    assert 'a: {"n": 1, "to": "SENTINEL"}' in diff(tmp_path, one, two, "--content").stdout


def test_another_plan_is_a_difference(tmp_path: Path) -> None:
    """Claim: plans are compared by their items."""
    journal = Journal(tmp_path)
    one, two, three = (run(journal, CALLS, plan) for plan in (("look", "pay"), ("look", "wire"), ("look", "pay")))
    journal.close("exit")
    assert "They differ from line 2 on: another plan" in diff(tmp_path, one, two).stdout
    assert diff(tmp_path, one, three).exit_code == 0


def test_equal_runs_end_with_0_and_unknown_ones_with_2(tmp_path: Path) -> None:
    """Claim: a run equals itself and one that did the same; a wrong option or run is wrong usage."""
    journal = Journal(tmp_path)
    one, two = run(journal, CALLS), run(journal, CALLS, base=50)
    journal.close("exit")
    assert diff(tmp_path, one, one).exit_code == diff(tmp_path, one, two).exit_code == 0
    assert "Equal: 6 steps." in diff(tmp_path, one, two).stdout
    assert diff(tmp_path, one).exit_code == 2


def test_calls_proposed_together_may_begin_in_any_order(tmp_path: Path) -> None:
    """Claim: two calls of one answer that raced are the same step in both runs."""
    journal = Journal(tmp_path)
    ids = []
    for order in ((0, 1), (1, 0)):
        id_ = recorded.begin(journal)
        recorded.model(journal, id_, 1)
        journal.append({"k": "model.call", "run": id_, "trace": id_, "step": "a" * 16, "parent": root_of(id_),
                        "model": "m", "agent": "helpdesk"})  # fmt: skip
        journal.append({"k": "model.result", "run": id_, "step": "a" * 16, "outcome": "ok", "error": None, "dur": 1,
                        "calls": [{"id": "c0", "name": "t0"}, {"id": "c1", "name": "t1"}]})  # fmt: skip
        for which in order:
            recorded.tool(journal, id_, 10 + which, tool=f"t{which}", call_id=f"c{which}", cause="a" * 16)
        recorded.end(journal, id_)
        ids.append(id_)
    journal.close("exit")
    assert diff(tmp_path, *ids).exit_code == 0


def test_what_was_erased_is_taken_for_equal_and_said(tmp_path: Path) -> None:
    """Claim: content that is gone is no difference, and the reader is told that it was not compared."""
    journal = Journal(tmp_path)
    one = run(journal, [{"tool": "pay"}])
    two = run(journal, [{"tool": "pay"}], base=9)
    three = recorded.begin(journal)
    recorded.tool(journal, three, args={"c": "0" * 64})
    four = recorded.begin(journal)
    recorded.tool(journal, four)
    journal.close("exit")
    assert "not kept" not in diff(tmp_path, one, two).stdout
    result = diff(tmp_path, three, four)
    assert result.exit_code == 0 and "Content of 1 steps was not kept" in result.stdout
