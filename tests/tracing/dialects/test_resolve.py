"""What the spans of one trace turn out to be: which are one step, which are none, and what is above what."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from handrail.tracing.dialects.classify import classify
from handrail.tracing.dialects.observed import Observed
from handrail.tracing.dialects.resolve import Resolved, Step, resolve
from tests.tracing.dialects.made import LANGCHAIN_SCOPES, span, told

_DIALECTS = sorted(LANGCHAIN_SCOPES)
_CALLS = '[{{"parts": [{{"type": "tool_call", "id": "{}", "name": "{}"}}]}}]'


def _shown(found: Resolved) -> list[tuple[str, str]]:
    return [(step.span.step, step.span.name) for step in found.shown()]


def _by_name(found: Resolved, name: str) -> Step:
    return next(step for step in found.shown() if step.span.name == name)


def test_one_call_told_by_three_is_one_step() -> None:
    """The same tool call, told side by side by three instrumentors, is one step; the others name it."""
    agent = told("otel-genai", "agent", "clerk", (0, 100))
    calls = [
        told("otel-genai", "tool", "search", (10, 50), parent_id=agent.span, attributes={"gen_ai.tool.call.id": "c1"}),
        told("openinference", "tool", "search", (11, 51), parent_id=agent.span),
        told("openllmetry", "tool", "search", (12, 49), parent_id=agent.span),
    ]
    found = resolve([agent, *calls])
    assert _shown(found) == [("agent", "clerk"), ("tool", "search")]
    assert {s.span.span: s.duplicate_of for s in found.steps if s.duplicate_of} == {
        call.span: calls[0].span for call in calls[1:]
    }


def test_what_the_duplicates_tell_besides_is_not_lost() -> None:
    """A kept step has the tokens and ids that only another instrumentor knew."""
    kept = told("otel-genai", "model", "m", (0, 10))
    other = told("openinference", "model", "m", (1, 9), parent_id=kept.span, attributes={"llm.token_count.prompt": 7})
    assert resolve([kept, other]).shown()[0].span.input_tokens == 7


def test_retries_stay_two() -> None:
    """Two calls one after the other are two steps, each told by two instrumentors."""
    spans = [told(dialect, "tool", "search", times) for dialect in _DIALECTS[:2] for times in ((0, 10), (20, 30))]
    assert _shown(resolve(spans)) == [("tool", "search")] * 2


def test_parallel_calls_with_equal_arguments_stay_as_many_as_they_are() -> None:
    """Three equal calls at once, told by three instrumentors, are three steps."""
    spans = [told(d, "tool", "search", (at, 90 + at)) for d in _DIALECTS for at in range(3)]
    assert _shown(resolve(spans)) == [("tool", "search")] * 3


def test_a_router_that_calls_twice_has_made_two_calls() -> None:
    """A failed call and its successor inside one outer span are two steps; the outer span is the second of them."""
    outer = told("openinference", "model", "m", (0, 100))
    failed = told("otel-genai", "model", "m", (1, 40), parent_id=outer.span, status="ERROR")
    good = told("otel-genai", "model", "m", (50, 99), parent_id=outer.span)
    found = resolve([outer, failed, good])
    assert {step.span.span for step in found.shown()} == {failed.span, good.span}


@pytest.mark.parametrize(
    ("mine", "yours"),
    [
        ({"gen_ai.tool.call.id": "c1"}, {"tool_call.id": "c2"}),
        ({"gen_ai.response.id": "r1", "gen_ai.operation.name": "chat"},
         {"llm.response.id": "r2", "openinference.span.kind": "LLM"}),
        ({"gen_ai.usage.input_tokens": 3, "gen_ai.operation.name": "chat"},
         {"llm.token_count.prompt": 4, "openinference.span.kind": "LLM"}),
        ({"gen_ai.request.model": "a", "gen_ai.operation.name": "chat"},
         {"llm.model_name": "b", "openinference.span.kind": "LLM"}),
    ],
)  # fmt: skip
def test_what_differs_in_any_fact_is_not_folded(mine: dict[str, Any], yours: dict[str, Any]) -> None:
    """Another call id, answer id, number of tokens or model: two steps."""
    one = told("otel-genai", "tool", "search", (0, 10), attributes=mine)
    other = told("openinference", "tool", "search", (1, 9), attributes=yours)
    assert len(resolve([one, other]).shown()) == 2


def test_two_frameworks_side_by_side_are_not_folded() -> None:
    """Two libraries with a tool of one name at one time have made two calls."""
    one = told("openinference", "tool", "search", (0, 10), scope="openinference.instrumentation.crewai")
    other = told("otel-genai", "tool", "search", (1, 9))
    assert len(resolve([one, other]).shown()) == 2


def test_a_recursive_agent_stays_two() -> None:
    """An agent that calls itself by a tool is two agents, whoever tells it."""
    spans: list[Observed] = []
    for dialect in _DIALECTS[:2]:
        outer = told(dialect, "agent", "clerk", (0, 100))
        tool = told(dialect, "tool", "ask_clerk", (10, 90), parent_id=outer.span)
        spans += [outer, tool, told(dialect, "agent", "clerk", (20, 80), parent_id=tool.span)]
    assert _shown(resolve(spans)) == [("agent", "clerk"), ("tool", "ask_clerk"), ("agent", "clerk")]


def test_steps_are_hung_up_again_over_plumbing() -> None:
    """A tool below three chains belongs to the agent above them."""
    agent = told("openinference", "agent", "clerk", (0, 100))
    chain = told("openinference", "chain", "tools", (1, 99), parent_id=agent.span)
    inner = told("openinference", "chain", "step", (2, 98), parent_id=chain.span)
    tool = told("openinference", "tool", "search", (3, 97), parent_id=inner.span)
    found = resolve([tool, inner, chain, agent])
    assert (_by_name(found, "search").parent, _by_name(found, "search").agent) == (agent.span, "clerk")
    assert _shown(found) == [("agent", "clerk"), ("tool", "search")]


def test_an_agent_told_as_a_chain_is_an_agent_again() -> None:
    """A graph with a name of its own that calls models and tools is an agent, here and below a tool."""
    graph = told("openinference", "chain", "helpdesk", (0, 100))
    model = told("openinference", "model", "m", (1, 10), parent_id=graph.span)
    tool = told("openinference", "tool", "delegate", (11, 90), parent_id=graph.span)
    sub = [
        told("openinference", "model", "m", (20, 30), parent_id=tool.span),
        told("openinference", "tool", "search", (31, 40), parent_id=tool.span),
    ]
    found = resolve([graph, model, tool, *sub])
    kinds = sorted(step.span.step for step in found.shown())
    assert kinds == ["agent", "agent", "model", "model", "tool", "tool"]
    lost = next(step for step in found.shown() if step.parent == tool.span)
    assert (lost.span.step, _by_name(found, "search").parent) == ("agent", lost.span.span)


def test_a_tool_that_asks_a_model_once_is_no_agent() -> None:
    """One model call below a tool does not make an agent."""
    tool = told("openinference", "tool", "summarise", (0, 100))
    found = resolve([tool, told("openinference", "model", "m", (1, 10), parent_id=tool.span)])
    assert _shown(found) == [("tool", "summarise"), ("model", "m")]


def test_a_pause_ends_a_run_without_an_error() -> None:
    """A run in which nothing happens after an interrupt is interrupted, whatever its root says."""
    agent = told("openinference", "agent", "clerk", (0, 100), status="OK")
    model = told("openinference", "model", "m", (1, 50), parent_id=agent.span)
    pause = told("openinference", "chain", "ask", (60, 70), parent_id=agent.span, status="ERROR",
                 attributes={"error.type": "GraphInterrupt"})  # fmt: skip
    found = resolve([agent, model, pause])
    assert found.run is not None
    assert (found.run.outcome, found.run.error, found.shown()[0].outcome) == ("interrupted", "", "interrupted")
    later = resolve([agent, model, pause, told("openinference", "tool", "go", (80, 90), parent_id=agent.span)])
    assert later.run is not None
    assert later.run.outcome == "ok"


def test_a_call_that_was_proposed_and_not_made_is_a_step_that_did_not_run() -> None:
    """The loop went on without a call that the model had asked for: it is there, and did not run."""
    agent = told("otel-genai", "agent", "clerk", (0, 100))
    spans = [agent]
    for number, (tool, made) in enumerate((("read", True), ("wipe", False), ("send", False))):
        at = number * 20
        spans.append(told("otel-genai", "model", "m", (at, at + 5), parent_id=agent.span,
                          attributes={"gen_ai.output.messages": _CALLS.format(f"c{number}", tool)}))  # fmt: skip
        if made:
            spans.append(told("otel-genai", "tool", tool, (at + 6, at + 9), parent_id=agent.span,
                              attributes={"gen_ai.tool.call.id": f"c{number}"}))  # fmt: skip
    found = resolve(spans)
    assert [(step.span.name, step.span.call_id) for step in found.shown() if not step.ran] == [("wipe", "c1")]
    assert found.run is not None
    assert found.run.pending == ("send",)


def test_where_tools_are_not_told_nothing_is_said_to_be_missing() -> None:
    """An instrumentor of the model client alone says nothing about what became of the calls."""
    answer = {"gen_ai.output.messages": _CALLS.format("c", "t")}
    spans = [told("otel-genai", "model", "m", (at, at + 5), attributes=answer) for at in (0, 10, 20)]
    assert all(step.ran for step in resolve(spans).steps)


def test_a_trace_of_plain_requests_is_no_run() -> None:
    """HTTP and database spans alone are no run of an agent."""
    request = classify(span("POST", {"http.request.method": "POST"}, scope="opentelemetry.instrumentation.fastapi"))
    assert resolve([request]).run is None


@st.composite
def _traces(draw: st.DrawFn) -> tuple[list[Observed], int]:
    """Real tool calls at any times, all told by each of up to three instrumentors; and how many there are."""
    watching = draw(st.lists(st.sampled_from(_DIALECTS), min_size=1, max_size=3, unique=True))
    calls = draw(st.lists(st.tuples(st.integers(0, 40), st.integers(3, 30), st.sampled_from("ab")), max_size=6))
    spans: list[Observed] = []
    for dialect in watching:
        root = told(dialect, "agent", "clerk", (0, 100))
        spans.append(root)
        lag = _DIALECTS.index(dialect)
        for start, length, name in calls:
            spans.append(told(dialect, "tool", name, (start + lag, start + length + lag), parent_id=root.span))
    return draw(st.permutations(spans)), len(calls)


@given(_traces())
def test_as_many_steps_as_calls_whoever_told_of_them(made: tuple[list[Observed], int]) -> None:
    """However many instrumentors saw them and however the calls overlap, there is one step for each real call."""
    spans, calls = made
    found = resolve(spans)
    assert sum(step.span.step == "tool" for step in found.shown()) == calls
    assert sum(step.span.step == "agent" for step in found.shown()) == 1


@given(_traces(), st.randoms())
def test_the_order_of_arrival_does_not_matter(made: tuple[list[Observed], int], random: Any) -> None:
    """Spans that come child first, in any order, some of them twice, give the same steps."""
    spans = [replace(s, parent=random.choice(made[0]).span) if random.random() < 0.3 else s for s in made[0]]
    shuffled = [*spans, *random.sample(spans, len(spans) // 2)]
    random.shuffle(shuffled)
    assert resolve(spans) == resolve(shuffled)


_ids = st.sampled_from([f"{number:016x}" for number in range(1, 7)])
_any = st.builds(
    lambda dialect, step, start, length, own, parent: replace(
        told(dialect, step, "x", (start, start + length)), span=own, parent=parent
    ),
    st.sampled_from(_DIALECTS), st.sampled_from(["model", "tool", "agent", "chain"]), st.integers(0, 5),
    st.integers(0, 5), _ids, _ids,
)  # fmt: skip


@given(st.lists(_any, max_size=12))
def test_any_tangle_of_parents_gives_trees(spans: list[Observed]) -> None:
    """Circles, selves and strangers as parents: every span stays, and no step is above itself."""
    found = resolve(spans)
    steps = {step.span.span: step for step in found.steps}
    assert {span.span for span in spans} <= set(steps)
    for step in found.shown():
        seen: set[str] = set()
        one = step.span.span
        while one:
            assert one not in seen
            seen.add(one)
            one = steps[one].parent if one in steps else ""
        assert not step.parent or (not steps[step.parent].hidden and not steps[step.parent].duplicate_of)


def test_a_long_run_and_hostile_shapes_are_resolved() -> None:
    """Work does not grow with the square of a trace: 20,000 steps of one agent, 20,000 agents in one another."""
    one = told("openinference", "tool", "search", (0, 1))
    long = [replace(one, span=f"{number:016x}", start_ns=number * 2, end_ns=number * 2 + 1) for number in range(20_000)]
    assert len(resolve(long).shown()) == 20_000
    agent = told("openinference", "agent", "clerk", (0, 1))
    deep = [replace(agent, span=f"{number + 1:016x}", parent=f"{number:016x}") for number in range(20_000)]
    assert len(resolve(deep).shown()) == 1
    crowd = [replace(one, span=f"{number + 1:016x}", scope=f"scope {number}") for number in range(5_000)]
    assert len(resolve(crowd).steps) == 5_000
