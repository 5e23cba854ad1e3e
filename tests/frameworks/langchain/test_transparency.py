"""In observe mode a governed agent cannot be told from the bare one by anything that its user sees."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import StructuredTool
from langgraph.types import Command
from pydantic import BaseModel, ConfigDict

import handrail
from handrail.errors import JournalError
from handrail.testing import ScriptedModel, chat_openai
from tests.frameworks import shapes
from tests.frameworks.langchain import kit
from tests.frameworks.langchain.kit import Outcome, Scripted, adrain, observe, policy, recorded, run_async
from tests.frameworks.langchain.scenarios import ASK, SCENARIOS, Scenario
from tests.frameworks.shapes import SHAPES, Shape

MODES = ["values", "updates", "messages", "custom", "debug", "tasks", "checkpoints"]
ENTRIES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "invoke": lambda agent, ask, config: agent.invoke(ask, config),
    "ainvoke": lambda agent, ask, config: run_async(lambda: agent.ainvoke(ask, config)),
    "stream": lambda agent, ask, config: list(agent.stream(ask, config)),
    "astream": lambda agent, ask, config: run_async(lambda: adrain(agent.astream(ask, config))),
    "batch": lambda agent, ask, config: agent.batch([ask], config, return_exceptions=True),
    "abatch": lambda agent, ask, config: run_async(lambda: agent.abatch([ask], config)),
    "astream_events": lambda agent, ask, config: run_async(
        lambda: adrain(agent.astream_events(ask, config, version="v2"))
    ),
}
GRAPH_ENTRIES = {
    "stream modes": lambda agent, ask, config: list(agent.stream(ask, config, stream_mode=MODES[:4], subgraphs=True)),
    "astream modes": lambda agent, ask, config: run_async(
        lambda: adrain(agent.astream(ask, config, stream_mode=MODES[:4], subgraphs=True))
    ),
}
ALL = ENTRIES | GRAPH_ENTRIES


def _drive(scenario: Scenario, agent: Any, entry: str) -> Any:
    config = {"configurable": {"thread_id": "t"}, "recursion_limit": 12}
    first = ALL[entry](agent, ASK, config)
    if scenario.resume is None:
        return first
    return [first, ALL[entry](agent, Command(resume=scenario.resume), config)]


def _outcome(scenario: Scenario, entry: str, wrap: Callable[[Any], Any]) -> Outcome:
    ran: list[str] = []
    model = Scripted(turns=scenario.turns)
    agent = wrap(scenario.build(model, ran))
    return observe(lambda: _drive(scenario, agent, entry), ran, model)


def _assert_same(governed: Outcome, bare: Outcome, parallel: bool) -> None:
    if parallel:
        assert kit.unordered(governed.value) == kit.unordered(bare.value)
        assert sorted(governed.ran) == sorted(bare.ran)
        governed, bare = replace(governed, value=None, ran=()), replace(bare, value=None, ran=())
    assert governed == bare


@pytest.mark.parametrize("entry", ALL)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_observed_equals_bare(scenario: Scenario, entry: str, tmp_path: Path) -> None:
    """Results, exceptions, streamed items, tool runs and model requests are those of the bare agent."""
    bare = _outcome(scenario, entry, lambda agent: agent)
    governed = _outcome(scenario, entry, lambda agent: handrail.govern(agent, config=policy(tmp_path)))
    _assert_same(governed, bare, scenario.parallel)
    assert bare.asked, "the scenario never reached its model"
    assert len(recorded(tmp_path, "model.call")) == len(bare.asked)
    assert len(recorded(tmp_path, "run.end")) == (2 if scenario.resume is not None else 1)


def _shape_outcome(shape: Shape, entry: str, wrap: Callable[[Any], Any]) -> Outcome:
    ran: list[str] = []
    model = Scripted(turns=shape.script)
    agent = wrap(shape.build(model, ran))
    return observe(lambda: ENTRIES[entry](agent, shape.ask, None), ran, model)


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_observed_shape_equals_bare(shape: Shape, entry: str, tmp_path: Path) -> None:
    """The same for every shape of agent, the denied call included: it runs, and is only marked."""
    bare = _shape_outcome(shape, entry, lambda agent: agent)
    governed = _shape_outcome(shape, entry, lambda agent: handrail.govern(agent, config=policy(tmp_path)))
    _assert_same(governed, bare, shape.script is shapes.PARALLEL)
    assert "wire_money" in governed.ran
    marked = [call["verdict"] for call in recorded(tmp_path, "tool.call") if call["tool"] == "wire_money"]
    assert marked == ["stopped" if shape.hole else "would_deny"]


@pytest.fixture(name="instrumented")
def _instrumented(tmp_path: Path) -> Iterator[Callable[[], None]]:
    yield lambda: handrail.instrument(config=policy(tmp_path))
    handrail.uninstrument()


@pytest.mark.parametrize("entry", ["stream", "astream modes"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_instrumented_equals_bare(
    scenario: Scenario, entry: str, instrumented: Callable[[], None], tmp_path: Path
) -> None:
    """The same where the whole process is instrumented and the agent itself knows nothing of it."""
    bare = _outcome(scenario, entry, lambda agent: agent)
    instrumented()
    _assert_same(_outcome(scenario, entry, lambda agent: agent), bare, scenario.parallel)
    assert len(recorded(tmp_path, "model.call")) == len(bare.asked)
    assert len(recorded(tmp_path, "run.end")) == (2 if scenario.resume is not None else 1)


NOT_THE_SAME = ("would be denied", "unknown", "invalid", "coerced", "validation")
"""Scenarios that enforcing is there to change."""


@pytest.mark.parametrize("entry", ["invoke", "astream modes"])
@pytest.mark.parametrize(
    "scenario", [s for s in SCENARIOS if not s.name.startswith(NOT_THE_SAME)], ids=lambda scenario: scenario.name
)
def test_allowed_equals_bare(scenario: Scenario, entry: str, tmp_path: Path) -> None:
    """In enforce mode an agent that does nothing wrong cannot be told from the bare one either."""
    bare = _outcome(scenario, entry, lambda agent: agent)
    governed = _outcome(scenario, entry, lambda agent: handrail.govern(agent, config=policy(tmp_path, "enforce")))
    _assert_same(governed, bare, scenario.parallel)
    assert {call["verdict"] for call in recorded(tmp_path, "tool.call")} <= {"allow", "stopped"}


def _requests(shape: Shape, entry: str, wrap: Callable[[Any], Any]) -> list[Any]:
    with ScriptedModel(shape.script) as server:
        ENTRIES[entry](wrap(shape.build(chat_openai(server), [])), shape.ask, None)
        return [request.body for request in server.requests]


@pytest.mark.parametrize("entry", ["invoke", "astream"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_requests_on_the_wire_are_the_same(shape: Shape, entry: str, tmp_path: Path) -> None:
    """The real client sends byte for byte what it sends for the bare agent."""
    bare = _requests(shape, entry, lambda agent: agent)
    assert _requests(shape, entry, lambda agent: handrail.govern(agent, config=policy(tmp_path))) == bare


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_nothing_can_be_recorded(shape: Shape, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Observe mode with a data folder that cannot be written: the run is the bare one, with one warning."""
    bare = _shape_outcome(shape, "invoke", lambda agent: agent)
    (tmp_path / ".handrail").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING, logger="handrail"):
        governed = _shape_outcome(shape, "invoke", lambda agent: handrail.govern(agent, config=policy(tmp_path)))
    _assert_same(governed, bare, shape.script is shapes.PARALLEL)
    unrecorded = [record.getMessage() for record in caplog.records if "cannot record" in record.getMessage()]
    assert len(unrecorded) == 1, unrecorded


def test_nothing_can_be_recorded_in_enforce_mode(tmp_path: Path) -> None:
    """The same in enforce mode refuses to start."""
    (tmp_path / ".handrail").write_text("a file where the folder should be")
    with pytest.raises(JournalError):
        handrail.govern(SHAPES[0].build(Scripted(), []), config=policy(tmp_path, "enforce"))


class Opaque(BaseModel):
    """Arguments that no JSON Schema can describe."""

    model_config = ConfigDict(arbitrary_types_allowed=True)
    when: Callable[[], int]


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_tool_without_a_json_schema(mode: str, tmp_path: Path) -> None:
    """A tool whose arguments are no JSON, called by a node: observed as it is, refused in enforce mode."""
    ran: list[int] = []
    opaque = StructuredTool.from_function(
        lambda when: ran.append(when()), name="o", description="d", args_schema=Opaque
    )
    chain = RunnableLambda(lambda x: x) | RunnableLambda(lambda x: opaque.invoke({"when": lambda: 7}))
    handrail.govern(chain, config=policy(tmp_path, mode)).invoke("x")
    assert ran == ([7] if mode == "observe" else [])
    (record,) = recorded(tmp_path, "tool.call")
    assert record["by"] == "error"
