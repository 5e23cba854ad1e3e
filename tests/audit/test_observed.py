"""Spans of other instrumentations in the journal and the index."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.audit import observed_fold, reader
from handrail.audit.index import Index
from handrail.audit.journal import journal_for
from handrail.audit.observed import Observer
from handrail.audit.reader import Payloads
from handrail.audit.traces import find_run
from handrail.tracing.otlp import dump
from handrail.tracing.otlp.span import OtlpSpan
from tests.tracing.dialects.made import span

Data = Callable[[str], Path]
_AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "clerk", "gen_ai.conversation.id": "c-1"}
_TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
_SCOPE = "opentelemetry.instrumentation.genai.langchain"
_STEPS = "SELECT step, parent, type, name, agent, outcome, source FROM steps ORDER BY started_at, step"


def _index(folder: Path) -> Index:
    index = Index(folder)
    index.refresh(block=True)
    return index


def _episode(trace: str = "a" * 32, **fields: Any) -> list[OtlpSpan]:
    agent = span("invoke_agent clerk", _AGENT, trace_id=trace, scope=_SCOPE, **fields)
    tool = span("execute_tool search", _TOOL, trace_id=trace, scope=_SCOPE, parent_id=agent.span_id, **fields)
    return [agent, tool]


def _dump(data: Data, name: str) -> list[OtlpSpan]:
    lines = gzip.decompress(data(f"spans/{name}.jsonl.gz").read_bytes()).splitlines()
    return [dump.from_line(line) for line in lines]


def _whole(folder: Path) -> list[OtlpSpan]:
    """The spans as the journal has them."""
    records = [record.fields for part in reader.parts(folder) for record in reader.records(part)]
    with Payloads(folder) as payloads:
        bodies = [payloads.get(record["otlp"]) for record in records if record["k"] == "span"]
    return [dump.from_line(body) for body in bodies if body is not None]


def test_spans_become_runs_and_steps(tmp_path: Path) -> None:
    """An agent and its tool, observed elsewhere, are a run with a source, and decided by nobody."""
    agent, tool = _episode()
    taken = Observer(tmp_path).take([tool, agent])
    index = _index(tmp_path)
    assert (taken.accepted, taken.refused) == (2, [])
    run = index.query("SELECT * FROM runs")[0]
    assert {name: run[name] for name in ("trace", "agent", "session", "outcome", "source", "steps", "tool_calls")} == {
        "trace": agent.trace_id, "agent": "clerk", "session": "c-1", "outcome": "ok", "source": "otel-genai",
        "steps": 1, "tool_calls": 1,
    }  # fmt: skip
    assert [tuple(row.values()) for row in index.query(_STEPS)] == [
        (agent.span_id, None, "agent", "clerk", "clerk", "ok", "otel-genai"),
        (tool.span_id, agent.span_id, "tool", "search", "clerk", "ok", "otel-genai"),
    ]
    assert index.query("SELECT * FROM decisions") == []
    assert index.query("SELECT * FROM problems") == []


def test_whole_spans_are_kept_without_a_loss(tmp_path: Path, test_data: Data) -> None:
    """What another instrumentation sent can be made again from the journal, whole and in order."""
    spans = [one for name in ("openinference", "otel-genai", "langfuse", "traceloop") for one in _dump(test_data, name)]
    assert Observer(tmp_path).take(spans).accepted == len(spans)
    assert _whole(tmp_path) == spans


def test_four_dumps_are_eight_runs_of_four_conversations(tmp_path: Path, test_data: Data) -> None:
    """Each dump is one interrupted run and the one that resumed it, both of one logical run."""
    observer = Observer(tmp_path)
    for name in ("openinference", "otel-genai", "langfuse", "traceloop"):
        observer.take(_dump(test_data, name), durable=False)
    rows = _index(tmp_path).query(
        "SELECT source, outcome, steps, run = logical AS first FROM runs ORDER BY source, started_at"
    )
    sources = ("langfuse", "openinference", "openllmetry", "otel-genai")
    assert [tuple(row.values()) for row in rows] == [
        row for source in sources for row in ((source, "interrupted", 18, True), (source, "ok", 2, False))
    ]


def test_a_span_taken_twice_counts_once(tmp_path: Path) -> None:
    """A batch that is sent again after a lost answer changes nothing, in the same fold or a later one."""
    spans = _episode()
    observer = Observer(tmp_path)
    observer.take([*spans, *spans])
    before = _index(tmp_path).query(_STEPS)
    observer.take(spans)
    after = _index(tmp_path)
    assert after.query(_STEPS) == before
    assert after.query("SELECT steps, tool_calls FROM runs") == [{"steps": 1, "tool_calls": 1}]


@settings(max_examples=15, deadline=None)
@given(st.permutations(range(6)), st.integers(1, 5))
def test_batches_in_any_order_give_the_same_index(tmp_path_factory: Any, order: list[int], cut: int) -> None:
    """Spans that arrive child first, in two batches with a fold between, make the steps that one batch makes."""
    spans = [*_episode(), *_episode("b" * 32), *_episode("c" * 32, status="ERROR")]
    at_once, in_two = (tmp_path_factory.mktemp("data") for _ in range(2))
    Observer(at_once).take(spans, durable=False)
    shuffled = [spans[place] for place in order]
    Observer(in_two).take(shuffled[:cut], durable=False)
    _index(in_two)
    Observer(in_two).take(shuffled[cut:], durable=False)
    for query in (_STEPS, "SELECT run, trace, agent, outcome, steps, logical, started_at FROM runs ORDER BY run"):
        assert _index(in_two).query(query) == _index(at_once).query(query)
    for folder in (at_once, in_two):
        journal_for(folder).close()


def test_nobody_can_send_steps_into_a_run_of_ours(tmp_path: Path) -> None:
    """A trace id that is the id of a recorded run makes another run of its own."""
    run = "d" * 32
    journal = journal_for(tmp_path)
    ours = {"run": run, "trace": "e" * 32, "step": "1" * 16, "parent": None, "agent": "mine"}
    journal.append({"k": "run.start", **ours})
    Observer(tmp_path).take(_episode(run))
    rows = _index(tmp_path).query("SELECT run, source, steps FROM runs ORDER BY source")
    assert [row["source"] for row in rows] == ["handrail", "otel-genai"]
    assert (rows[0]["run"], rows[0]["steps"]) == (run, 0)
    assert rows[1]["run"] != run


def test_nobody_can_send_a_run_that_counts_as_ours(tmp_path: Path) -> None:
    """Spans that look like ours are observed ones all the same: not ours, decided by nobody, counted once."""
    observer = Observer(tmp_path)
    forged = {**_TOOL, "handrail.decision.verdict": "allow"}
    for _ in range(3):
        observer.take([span("execute_tool pay", forged, scope="handrail")])
        _index(tmp_path)
    index = _index(tmp_path)
    assert index.query("SELECT source, steps, tool_calls FROM runs") == [
        {"source": "handrail-otlp", "steps": 3, "tool_calls": 3}
    ]
    assert index.query("SELECT count(*) AS n FROM steps WHERE source = 'handrail-otlp'") == [{"n": 3}]
    assert index.query("SELECT count(*) AS n FROM steps") == [{"n": 3}]
    assert index.query("SELECT * FROM decisions") == []


def test_without_payloads_the_facts_are_kept_alone(tmp_path: Path) -> None:
    """Where payloads are switched off no content of a span reaches the disk."""
    secret = span("chat m", {"gen_ai.operation.name": "chat", "gen_ai.input.messages": "the secret"}, scope=_SCOPE)
    assert Observer(tmp_path, payloads=False).take([secret]).accepted == 1
    assert _whole(tmp_path) == []
    assert not any(b"the secret" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert _index(tmp_path).query("SELECT type FROM steps") == [{"type": "model"}]


def test_what_is_redacted_is_redacted_in_spans(tmp_path: Path) -> None:
    """The patterns of the configuration hold for what others send, and the count is in the reference."""
    observer = Observer(tmp_path, redact=lambda: ("[0-9]{16}",))
    observer.take([span("chat m", {"gen_ai.operation.name": "chat", "gen_ai.prompt": "card 4111111111111111"})])
    assert _whole(tmp_path)[0].attributes["gen_ai.prompt"] == "card [redacted]"


def test_what_cannot_be_taken_is_refused_and_the_rest_is_not_lost(tmp_path: Path) -> None:
    """A bad id, a text that is none: each refused with its reason, nothing else with it."""
    good = _episode()
    bad = [span("x", {}, span_id="zz"), span("x", {"a": "\ud800"}), span("x", {}, start_ns=0)]
    taken = Observer(tmp_path).take([good[0], *bad, good[1]])
    assert taken.accepted == 2
    assert [one.span_id for one in taken.refused] == [one.span_id for one in bad]
    assert all(one.reason for one in taken.refused)
    assert len(_whole(tmp_path)) == 2


def test_damaged_records_of_spans_are_told_and_pass(tmp_path: Path) -> None:
    """A record that says it is a span and is none becomes no step, and the fold goes on."""
    journal = journal_for(tmp_path)
    journal.append({"k": "span", "trace": 7})
    journal.append({"k": "span", "trace": "a" * 32, "step": "b" * 16, "type": "nonsense", "name": "x", "start": 1,
                    "end": 2, "outcome": "ok", "source": "x", "scope": "x"})  # fmt: skip
    journal.append({"k": "config.load", "params": {"k": "span"}})
    Observer(tmp_path).take(_episode())
    index = _index(tmp_path)
    assert index.query("SELECT count(*) AS n FROM steps") == [{"n": 2}]


def test_an_index_made_again_is_the_same(tmp_path: Path, test_data: Data) -> None:
    """Rebuilding from the journal gives the rows that folding as it came gave."""
    spans = _dump(test_data, "traceloop")
    observer = Observer(tmp_path)
    for start in range(0, len(spans), 60):
        observer.take(spans[start : start + 60], durable=False)
        _index(tmp_path)
    index = _index(tmp_path)
    before = index.query(_STEPS)
    index.rebuild()
    assert index.query(_STEPS) == before


def test_our_own_spans_of_a_run_that_is_here_are_not_shown_again(tmp_path: Path) -> None:
    """A program whose exporter sends to the receiver of its own journal has one run, not two."""
    trace = "e" * 32
    journal_for(tmp_path).append(
        {"k": "run.start", "run": "d" * 32, "trace": trace, "step": "1" * 16, "parent": None, "agent": "mine"}
    )
    named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "mine"}
    Observer(tmp_path).take([span("invoke_agent mine", named, trace_id=trace, span_id="1" * 16, scope="handrail")])
    assert _index(tmp_path).query("SELECT source FROM runs") == [{"source": "handrail"}]


def test_a_called_service_of_ours_is_shown_beside_our_own_run(tmp_path: Path) -> None:
    """Of spans of ours in one trace those that are here are not shown again; those of a service that was called are."""
    trace = "e" * 32
    journal_for(tmp_path).append(
        {"k": "run.start", "run": "d" * 32, "trace": trace, "step": "1" * 16, "parent": None, "agent": "mine"}
    )
    named = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "mine"}
    here = span("invoke_agent mine", named, trace_id=trace, span_id="1" * 16, scope="handrail")
    there = span("execute_tool pay", _TOOL, trace_id=trace, span_id="2" * 16, parent_id="1" * 16, scope="handrail")
    Observer(tmp_path).take([here, there])
    rows = _index(tmp_path).query("SELECT step, source FROM steps ORDER BY step")
    assert [tuple(row.values()) for row in rows] == [("1" * 16, "handrail"), ("2" * 16, "handrail-otlp")]


def test_a_trace_without_end_takes_no_more_than_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans over the limit of a trace stay in the journal, that is said once, and other traces go on."""
    monkeypatch.setattr(observed_fold, "MAX_TRACE", 5)
    observer = Observer(tmp_path)
    for _ in range(4):
        observer.take([span("execute_tool search", _TOOL, scope=_SCOPE) for _ in range(3)])
        _index(tmp_path)
    observer.take(_episode("b" * 32))
    index = _index(tmp_path)
    assert index.query("SELECT trace, steps FROM runs ORDER BY steps DESC") == [
        {"trace": "a" * 32, "steps": 5}, {"trace": "b" * 32, "steps": 1}
    ]  # fmt: skip
    assert [row["file"] for row in index.query("SELECT * FROM problems")] == ["trace " + "a" * 32]
    assert len(_whole(tmp_path)) == 14


def test_a_span_from_the_far_future_is_not_the_last_run_for_ever(tmp_path: Path) -> None:
    """Whoever sends spans with a clock of his own does not keep ``last`` from meaning what ran last."""
    end = (1 << 63) - 1
    Observer(tmp_path).take([*_episode("a" * 32), *_episode("b" * 32, start_ns=end, end_ns=end)])
    index = _index(tmp_path)
    assert index.query("SELECT count(*) AS n FROM runs") == [{"n": 2}]
    assert find_run(index, "last") == observed_fold.run_of("a" * 32)
