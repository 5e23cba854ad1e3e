"""Recorded values, read back with what their run had seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.audit import history
from handrail.audit.format import erased_line
from handrail.audit.history import DENIED, REDACTED, History, Recorded
from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.audit.report import Window
from handrail.validators.context import Call
from handrail.validators.runs import MAX_SOURCE_CHARS
from tests.audit.recorded import begin, end, root_of, tool

WHO = ["user:ana", "agent:helpdesk"]


class Writer:
    """Writes one run, step by step."""

    def __init__(self, folder: Path, *, payloads: bool = True, **started: Any) -> None:
        self.journal = Journal(folder, payloads=payloads)
        self.run = begin(self.journal, **started)
        self._step = 1

    def put(self, value: object) -> dict[str, Any]:
        """Keep ``value``; its reference."""
        return dict(self.journal.put(json.dumps(value).encode()))

    def model(self, *messages: object, says: object, chain: list[str] = WHO) -> str:
        """A model call with these new messages and this reply; its step."""
        step = self._next()
        shared = {"run": self.run, "trace": self.run, "step": step}
        asked = {"prev": None, "keep": 0, "add": [self.put(message) for message in messages]}
        self.journal.append({"k": "model.call", "parent": root_of(self.run), "agent": "helpdesk", "chain": chain,
                             "messages": asked, "model": "m", **shared})  # fmt: skip
        self.journal.append({"k": "model.result", "outcome": "ok", "output": self.put(says), "calls": [], **shared})
        return step

    def found(self, *texts: str) -> str:
        """A retrieval that gave these texts; its step."""
        step = self._next()
        documents = [{"id": f"doc-{number}", "content": text} for number, text in enumerate(texts)]
        shared = {"run": self.run, "step": step}
        self.journal.append(
            {
                "k": "step.start",
                "type": "retrieval",
                "name": "kb",
                "agent": "helpdesk",
                "parent": root_of(self.run),
                **shared,
            }
        )
        self.journal.append({"k": "step.end", "outcome": "ok", "documents": self.put(documents), **shared})
        return step

    def call(self, args: object, *, gives: object = None, **fields: object) -> str:
        """A tool call; its step."""
        step = self._next()
        tool(self.journal, self.run, self._step, ends=False, args=self.put(args), **fields)
        result = None if gives is None else self.put(gives)
        self.journal.append({"k": "tool.result", "run": self.run, "step": step, "outcome": "ok", "result": result,
                             "findings": []})  # fmt: skip
        return step

    def note(self, step: str, on: str, action: str, *findings: tuple[str, str, str]) -> None:
        """What a validator said of a value of ``step``."""
        told = [{"validator": v, "code": c, "path": p, "severity": "error"} for v, c, p in findings]
        self.journal.append({"k": "validation", "run": self.run, "step": step, "on": on, "action": action,
                             "validator": "v", "findings": told})  # fmt: skip

    def close(self, **closing: object) -> None:
        """End run and journal."""
        end(self.journal, self.run, closing)
        self.journal.close()

    def _next(self) -> str:
        self._step += 1
        return f"{self._step:016x}"


@contextmanager
def opened(folder: Path, *, run: str | None = None, days: int = 1) -> Iterator[History]:
    """The history in ``folder``."""
    index = Index(folder)
    index.refresh(block=True)
    now = datetime.now(UTC)
    with index.snapshot() as copy:
        yield History(copy, folder, Window(now - timedelta(days=days), now + timedelta(days=1)), run=run)


def read(folder: Path, **options: Any) -> list[Recorded]:
    """Every value of the history in ``folder``."""
    with opened(folder, **options) as found:
        return list(found)


def named(values: list[Recorded], on: str) -> list[Recorded]:
    """Those of one kind."""
    return [one for one in values if one.on == on]


def test_every_kind_of_value_is_read_in_order(tmp_path: Path) -> None:
    """Input, document, output, arguments, result and answer of one run, as validators look at them."""
    run = Writer(tmp_path)
    run.found("Refunds are free.")
    asks = {"role": "ai", "content": "I will.", "tool_calls": [{"name": "refund", "args": {}, "id": "c1"}]}
    run.model({"role": "system", "content": "Be kind."}, {"role": "human", "content": "Refund 5"}, says=asks)
    run.call({"amount": 5}, gives='{"id": 7}')
    run.model(says={"role": "ai", "content": [{"type": "text", "text": "It is "}, {"type": "text", "text": "done."}]})
    run.close()
    found = [(one.on, one.name, one.value, one.text) for one in read(tmp_path)]
    assert found == [
        ("documents", "kb", {"id": "doc-0", "content": "Refunds are free.", "metadata": {}}, None),
        ("input", "helpdesk", "Refund 5", "Refund 5"),
        ("output", "helpdesk", "I will.", "I will."),
        ("arguments", "refund", {"amount": 5}, None),
        ("result", "refund", {"id": 7}, '{"id": 7}'),
        ("output", "helpdesk", "It is done.", "It is done."),
        ("answer", "helpdesk", "It is done.", "It is done."),
    ]


def test_each_value_has_what_its_run_had_seen_until_then(tmp_path: Path) -> None:
    """Sources and calls grow along the run; who, for whom, when and with which arguments is known too."""
    run = Writer(tmp_path)
    asks = [{"name": "refund", "args": {}, "id": "c1"}]
    run.model({"role": "human", "content": "Hello"}, says={"role": "ai", "content": "", "tool_calls": asks})
    run.found("A text")
    run.call({"amount": 5}, gives="paid")
    run.model(says={"role": "ai", "content": "Paid."})
    run.close()
    seen: list[tuple[str, list[str], list[Call]]] = []
    with opened(tmp_path) as values:
        for one in values:
            seen.append((one.on, [source.text for source in one.context.run.sources], [*one.context.run.calls]))
            who = one.context.tenant, one.context.user, one.context.agent
            assert who == ("acme", "ana", "helpdesk") and one.context.run.complete
            assert abs(one.context.now - datetime.now(UTC)) < timedelta(hours=1) and one.context.now == one.at
            assert one.context.args == ({"amount": 5} if one.on in ("arguments", "result") else None)
    paid = Call("refund", {"amount": 5}, "ok", "paid", "helpdesk", root_of(run.run))
    assert seen == [
        ("input", ["Hello"], []),
        ("documents", ["Hello"], []),
        ("arguments", ["Hello", "A text"], []),
        ("result", ["Hello", "A text"], []),
        ("output", ["Hello", "A text", "paid"], [paid]),
        ("answer", ["Hello", "A text", "paid"], [paid]),
    ]


def test_calls_are_remembered_with_their_ends(tmp_path: Path) -> None:
    """A later value sees the calls before it: arguments, outcome, result as data, and whose branch they are of."""
    run = Writer(tmp_path)
    run.call({"amount": 5}, gives='{"id": 7}')
    run.call({"amount": 6}, gives="x")
    run.close()
    with opened(tmp_path) as values:
        last = [[*one.context.run.calls] for one in values][-1]
    assert last == [Call("refund", {"amount": 5}, "ok", {"id": 7}, "helpdesk", root_of(run.run))]


def test_a_run_that_goes_on_with_another_has_what_that_saw(tmp_path: Path) -> None:
    """Runs of one logical run share what they know; where its beginning is not read, nothing can be missing."""
    first = Writer(tmp_path)
    first.call({"amount": 1}, gives="one")
    first.close(outcome="interrupted")
    second = Writer(tmp_path, logical=first.run)
    second.call({"amount": 2}, gives="two")
    second.close()
    with opened(tmp_path) as values:
        known = {one.run: (len(one.context.run.calls), one.context.run.complete) for one in values}
    assert known == {first.run: (0, True), second.run: (1, True)}
    with opened(tmp_path, run=second.run) as values:
        alone = {one.run: (len(one.context.run.calls), one.context.run.complete) for one in values}
    assert alone == {second.run: (0, False)}


def test_runs_side_by_side_do_not_mix(tmp_path: Path) -> None:
    """Each run is told whole, whatever another one did meanwhile."""
    one, other = Writer(tmp_path), Writer(tmp_path)
    for number in range(3):
        one.call({"amount": number}, gives="a")
        other.call({"amount": -number}, gives="b")
    one.close()
    other.close()
    order = [value.run for value in read(tmp_path)]
    assert order == [one.run] * 6 + [other.run] * 6
    with opened(tmp_path) as values:
        assert all(call.result == ("a" if v.run == one.run else "b") for v in values for call in v.context.run.calls)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    """A denied call, a redacted payload, an erased one and one that was never kept: each has its reason."""
    run = Writer(tmp_path)
    run.call({"amount": 1}, gives="x", verdict="deny", by="policy", ran=False)
    step = run.call({"amount": 2}, gives="y")
    tool(run.journal, run.run, 40, args={**run.put({"card": "[redacted]"}), "r": 1})
    gone = run.put({"amount": 3})
    tool(run.journal, run.run, 41, args=gone)
    tool(run.journal, run.run, 42, args={"c": "0" * 64})
    run.close()
    side = tmp_path / "journal" / f"{gone['f']}.pl"
    body = side.read_bytes()
    side.write_bytes(body[: gone["o"]] + erased_line(gone["l"]) + body[gone["o"] + gone["l"] :])
    found = {one.step: one.missing for one in named(read(tmp_path), "arguments")}
    assert found == {
        f"{2:016x}": DENIED, step: "", f"{40:016x}": REDACTED, f"{41:016x}": "erased",
        f"{42:016x}": "not kept: payloads were switched off",
    }  # fmt: skip


def test_what_a_run_saw_is_not_whole_where_a_text_is_gone(tmp_path: Path) -> None:
    """Nothing may be called missing from sources of which one cannot be read."""
    run = Writer(tmp_path)
    run.journal.append({"k": "step.start", "type": "retrieval", "name": "kb", "run": run.run, "step": "a" * 16})
    run.journal.append({"k": "step.end", "outcome": "ok", "run": run.run, "step": "a" * 16,
                        "documents": {**run.put([]), "r": 2}})  # fmt: skip
    run.call({"amount": 1})
    run.close()
    with opened(tmp_path) as values:
        assert [(one.on, one.missing, one.context.run.complete) for one in values] == [
            ("documents", REDACTED, False),
            ("arguments", "", False),
        ]


def test_what_was_said_at_the_time_comes_along(tmp_path: Path) -> None:
    """Findings of the call's record and of notes, each once; what was mended is marked."""
    run = Writer(tmp_path)
    told = [{"validator": "a", "code": "a.x", "path": "/p", "severity": "error"}]
    step = run.call({"amount": 1}, findings=told)
    run.note(step, "arguments", "recorded", ("a", "a.x", "/p"))
    run.note(step, "arguments", "repaired", ("b", "b.y", ""))
    run.note(step, "result", "recorded", ("c", "c.z", ""))
    run.close()
    (arguments,) = named(read(tmp_path), "arguments")
    assert sorted(arguments.said) == [("a", "a.x", "/p", "error", False), ("b", "b.y", "", "error", True)]


def test_a_run_with_more_text_than_is_remembered_is_not_wholly_known(tmp_path: Path) -> None:
    """What the ledger of a live run leaves out, it leaves out here too."""
    run = Writer(tmp_path)
    run.call({"amount": 1}, gives="x" * (MAX_SOURCE_CHARS + 1))
    run.call({"amount": 2})
    run.close()
    with opened(tmp_path) as values:
        assert [one.context.run.complete for one in values] == [True, True, False]


def test_each_reply_without_calls_is_an_answer(tmp_path: Path) -> None:
    """Of a sub-agent too, and of a reply that was rejected before another one; one that asks for a call is none."""
    run = Writer(tmp_path)
    run.model(says={"role": "ai", "content": "first"})
    run.model(says={"role": "ai", "content": "theirs"}, chain=[*WHO, "agent:other"])
    run.model(says={"role": "ai", "content": "", "tool_calls": [{"name": "refund", "args": {}, "id": "c1"}]})
    run.model(says={"role": "ai", "content": "last"})
    run.close()
    assert sorted(str(one.value) for one in named(read(tmp_path), "answer")) == ["first", "last", "theirs"]


def test_what_was_said_of_an_answer_is_found_where_it_stands(tmp_path: Path) -> None:
    """At the reply, at the end of the run as releases before noted it; and at the reply for an answer by a call."""
    run = Writer(tmp_path)
    step = run.model(says={"role": "ai", "content": "first"})
    run.note(step, "answer", "rejected", ("a", "a.x", ""))
    run.model(says={"role": "ai", "content": "last"})
    run.close(findings=[{"validator": "b", "code": "b.y", "path": "", "severity": "error"}])
    form = Writer(tmp_path)
    step = form.model(says={"role": "ai", "content": "", "tool_calls": [{"name": "Form", "args": {}, "id": "c1"}]})
    form.note(step, "answer", "recorded", ("c", "c.z", "/x"))
    form.call({"x": 1}, tool="Form", by="output", verdict="stopped", ran=False, cause=step)
    form.close()
    answers = {str(one.value): [said.code for said in one.said] for one in named(read(tmp_path), "answer")}
    assert answers == {"first": ["a.x"], "last": ["b.y"], "{'x': 1}": ["c.z"]}


def test_the_window_chooses_runs(tmp_path: Path) -> None:
    """Runs that began before it are not read."""
    run = Writer(tmp_path)
    run.call({"amount": 1})
    run.close()
    assert read(tmp_path, days=1)
    index = Index(tmp_path)
    now = datetime.now(UTC)
    with index.snapshot() as copy:
        later = History(copy, tmp_path, Window(now + timedelta(hours=1), now + timedelta(hours=2)))
        assert list(later) == [] and later.total == 0


PAYLOADS = st.recursive(
    st.none() | st.text(max_size=5) | st.integers() | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "text", "role", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(PAYLOADS)
def test_any_payload_has_words(payload: object) -> None:
    """Whatever lies in the journal in place of a message gives a text."""
    assert isinstance(history.words(payload), str)
