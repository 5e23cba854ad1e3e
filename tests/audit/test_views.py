"""The views over thoughts, notes and links, from records that the real Steps write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from handrail.audit.index import Index
from handrail.audit.recorder import Recorder
from handrail.audit.steps import Steps
from handrail.tracing.identity import Principal
from handrail.tracing.links import Link


class Written:
    """One run that the real Steps write, and the index over it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.steps = Steps(Recorder(folder))
        who = Principal("acme", "ana", chain=("agent:clerk",))
        self.run = self.steps.run((), who, facts={"mode": "enforce", "policy": "p0"})
        self.frame = self.run.frame

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Rows of the index."""
        index = Index(self.folder)
        index.refresh(block=True)
        return index.query(sql)


@pytest.fixture(name="written")
def _written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_a_plan_and_its_revision_are_rows_with_what_changed(written: Written) -> None:
    """Claim: each revision of a plan is a row with its counts, and its items are in the payload that it refers to."""
    first = written.steps.open(written.frame, "plan", "todos", {"revision": 1, "items": 3, "added": 3, "done": 0},
                               content={"plan": ["a", "b", "c"]})  # fmt: skip
    first.finish("ok")
    facts = {"revision": 2, "items": 2, "added": 0, "removed": 1, "changed": 1, "done": 1}
    written.steps.open(written.frame, "plan", "todos", facts).finish("ok")
    rows = written.query("SELECT agent, revision, items, added, removed, changed, done FROM plans ORDER BY revision")
    assert [tuple(row.values()) for row in rows] == [
        ("clerk", 1, 3, 3, None, None, 0), ("clerk", 2, 2, 0, 1, 1, 1)]  # fmt: skip


def test_memory_operations_say_what_was_done_in_which_store(written: Written) -> None:
    """Claim: a read and a write of memory differ in their operation; what was found is counted when it is known."""
    read = written.steps.open(written.frame, "memory", "prefs", {"operation": "search_memory", "store": "prefs"})
    read.finish("ok", facts={"records": 4})
    write = {"operation": "upsert_memory", "store": "prefs", "record": "r1", "records": 1}
    written.steps.open(written.frame, "memory", "prefs", write).finish("error", "TimeoutError")
    rows = written.query("SELECT operation, store, record, records, outcome FROM memory_operations ORDER BY started_at")
    assert [tuple(row.values()) for row in rows] == [
        ("search_memory", "prefs", None, 4, "ok"), ("upsert_memory", "prefs", "r1", 1, "error")]  # fmt: skip


def test_reflections_and_handoffs_have_typed_columns(written: Written) -> None:
    """Claim: a stated confidence is a number, and a handoff names the agent that goes on."""
    written.steps.open(written.frame, "reflection", "critique", {"confidence": 0.25, "about": "plan"}).finish("ok")
    written.steps.open(written.frame, "handoff", "to biller", {"to": "biller"}).finish("ok")
    assert written.query("SELECT confidence, about FROM reflections") == [{"confidence": 0.25, "about": "plan"}]
    assert written.query("SELECT agent, to_agent FROM handoffs") == [{"agent": "clerk", "to_agent": "biller"}]


def test_links_of_every_kind_are_rows(written: Written) -> None:
    """Claim: a stated link, the cause of a call, and the causes of a model call are all in the view `links`."""
    written.steps.open(written.frame, "tool", "pay", {"cause": "aa" * 8}, links=[Link("retry_of", "bb" * 8)])
    written.steps.open(written.frame, "handoff", "x", links=[Link("resumed_from", "cc" * 8, "dd" * 16, "ee" * 16)])
    call = {"k": "model.call", "run": written.frame.state.run, "step": "9" * 16, "trace": "", "model": "m"}
    written.steps.recorder.write({**call, "parent": written.frame.step, "causes": ["1" * 16, "2" * 16]})
    rows = written.query("SELECT type, to_run, to_step, to_trace FROM links ORDER BY to_step")
    run = written.frame.state.run
    assert [tuple(row.values()) for row in rows] == [
        ("caused_by", run, "1" * 16, None), ("caused_by", run, "2" * 16, None), ("caused_by", run, "aa" * 8, None),
        ("retry_of", run, "bb" * 8, None), ("resumed_from", "dd" * 16, "cc" * 8, "ee" * 16)]  # fmt: skip


def test_a_note_belongs_to_its_step_and_is_no_event(written: Written) -> None:
    """Claim: what is noted about a step is in `notes` with run and step, of any kind, and not among the events."""
    written.steps.note(written.frame, "limit", {"limit": "calls", "used": 3}, content={"about": "secret"})
    written.steps.note(written.frame, "something_new", {"x": 1})
    rows = written.query("SELECT kind, run, step, body->>'$.used' AS used FROM notes ORDER BY n")
    assert [(row["kind"], row["run"], row["step"], row["used"]) for row in rows] == [
        ("limit", written.frame.state.run, written.frame.step, "3"),
        ("something_new", written.frame.state.run, written.frame.step, None)]  # fmt: skip
    assert written.query("SELECT count(*) AS c FROM events WHERE kind IN ('limit', 'something_new')") == [{"c": 0}]
    assert "secret" not in str(written.query("SELECT body FROM notes"))


def test_proposed_calls_are_listed_by_the_step_that_proposed_them(written: Written) -> None:
    """Claim: every call in a model's answer is a row, also when two have the same id."""
    calls = [{"id": "c1", "name": "pay"}, {"id": "c1", "name": "pay"}, {"id": None, "name": "look_up"}]
    written.steps.recorder.write({"k": "model.result", "run": written.frame.state.run, "step": "8" * 16,
                                  "outcome": "ok", "error": None, "dur": 1, "calls": calls})  # fmt: skip
    rows = written.query("SELECT step, call_id, tool FROM proposed_calls")
    assert [tuple(row.values()) for row in rows] == [
        ("8" * 16, "c1", "pay"), ("8" * 16, "c1", "pay"), ("8" * 16, None, "look_up")]  # fmt: skip


@pytest.mark.parametrize("facts", [
    {"links": "x"}, {"links": [1, {"type": 3, "step": {}}]}, {"causes": {"a": [1]}}, {"causes": [[1]]}, {"cause": 7},
    {"revision": "many", "items": 10**30, "added": [1]}, {"calls": {"id": 1}}, {"operation": {"a": 1}},
])  # fmt: skip
@pytest.mark.parametrize("kind", ["plan", "memory", "reflection", "handoff", "tool"])
def test_fields_of_another_type_break_no_view(written: Written, kind: str, facts: dict[str, object]) -> None:
    """Claim: a record whose fields have unexpected types is a step like any other, and every view can be read."""
    written.steps.recorder.write({"k": "step.start", "run": written.frame.state.run, "trace": "", "step": "7" * 16,
                                  "parent": None, "type": kind, "name": "x"} | facts)  # fmt: skip
    written.steps.recorder.write({"k": "step.end", "run": written.frame.state.run, "step": "7" * 16, "outcome": "ok",
                                  "error": None, "dur": 1} | facts)  # fmt: skip
    written.steps.recorder.write({"k": "plan", "run": written.frame.state.run, "step": "7" * 16} | facts)
    for view in ("plans", "memory_operations", "reflections", "handoffs", "links", "proposed_calls", "notes"):
        written.query(f"SELECT * FROM {view}")
    assert written.query("SELECT count(*) AS c FROM steps WHERE step = '7777777777777777'") == [{"c": 1}]


def test_notes_of_known_kinds_have_typed_columns(written: Written) -> None:
    """Claim: limits, approvals, validations and interventions can be asked by their facts."""
    note = written.steps.note
    note(written.frame, "limit", {"what": "model_calls", "per": "run", "limit": 20, "used": 20, "left": 0, "hit": True,
                                  "then": "end", "by": "langchain.ModelCallLimitMiddleware"})  # fmt: skip
    note(written.frame, "approval", {"event": "answered", "id": "q1", "number": 0, "by": "langgraph.interrupt",
                                     "tool": "send_mail", "call_id": "c7", "decision": "approve", "user": "ana",
                                     "waited": 5_000_000, "asked": {"run": "r" * 32, "step": "s" * 16}},
         content={"answer": {"type": "approve"}})  # fmt: skip
    note(written.frame, "validation", {"validator": "v", "code": "pii", "verdict": "redact", "path": "input"})
    note(written.frame, "intervention", {"by": "mine", "hook": "before_model", "jump_to": "end", "messages": 1})
    assert written.query("SELECT what, per, tool, limit_value, used, remaining, hit, consequence FROM limits") == [
        {"what": "model_calls", "per": "run", "tool": None, "limit_value": 20, "used": 20, "remaining": 0, "hit": True,
         "consequence": "end"}]  # fmt: skip
    assert written.query("SELECT event, id, n, tool, decision, \"user\", waited_ms, asked_step "
                         "FROM approvals") == [
        {"event": "answered", "id": "q1", "n": 0, "tool": "send_mail", "decision": "approve", "user": "ana",
         "waited_ms": 5.0, "asked_step": "s" * 16}]  # fmt: skip
    assert written.query("SELECT validator, verdict, path FROM validations") == [
        {"validator": "v", "verdict": "redact", "path": "input"}]  # fmt: skip
    assert written.query("SELECT source, jump_to, messages, removed FROM interventions") == [
        {"source": "mine", "jump_to": "end", "messages": 1, "removed": None}]  # fmt: skip


def test_alternatives_are_the_tools_of_the_model_call(written: Written) -> None:
    """Claim: names put down once for a digest are found for every model call that was offered them."""
    run = written.frame.state.run
    written.steps.note(written.frame, "tools", {"digest": "d1", "names": ["pay", "look_up"]})
    for step in ("1" * 16, "2" * 16):
        written.steps.recorder.write({"k": "model.call", "run": run, "step": step, "trace": "", "model": "m",
                                      "parent": written.frame.step, "tools": "d1"})  # fmt: skip
    assert written.query("SELECT step, tools FROM tools_offered ORDER BY step") == [
        {"step": "1" * 16, "tools": ["pay", "look_up"]}, {"step": "2" * 16, "tools": ["pay", "look_up"]}]  # fmt: skip
