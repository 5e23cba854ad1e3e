"""``handrail.plan`` and ``handrail.reflect``: what a program says of its own thinking."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.frameworks import thinking
from handrail.tracing.plans import Item, apply
from tests.frameworks.exported import Exported, exporting
from tests.kept import content, kept

OPEN = 'version = 1\nmode = "observe"\nagent = "clerk"\n'


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration that observes."""
    path = tmp_path / "handrail.toml"
    path.write_text(OPEN)
    return path


@handrail.tool
def read_order(order: str) -> str:
    """Look an order up."""
    return f"order {order}"


def _steps(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [each for each in kept(folder, "step.start") if each["type"] == kind]


@pytest.fixture(name="exported")
def _exported(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exported]:
    with exporting(monkeypatch) as found:
        yield found


def test_a_plan_and_its_revisions(config: Path) -> None:
    """What is planned first is kept whole, what changed as a change; the same plan again is no revision."""
    with handrail.run("clerk", config=config):
        handrail.plan(["look the order up", "mail Ana"])
        handrail.plan(["look the order up", "mail Ana"])
        handrail.plan([{"content": "look the order up", "status": "done"}, "call Ana"])
    first, second = _steps(config.parent, "plan")
    counts = ("revision", "items", "added", "removed", "changed", "moved", "done")
    assert [first[name] for name in counts] == [1, 2, 2, 0, 0, 0, 0]
    assert [second[name] for name in counts] == [2, 2, 1, 1, 1, 0, 1]
    assert "plan" not in second and "diff" not in first
    old = [Item(**item) for item in content(config.parent, first["plan"])]
    assert [item.content for item in apply(old, content(config.parent, second["diff"]))] == [
        "look the order up",
        "call Ana",
    ]


def test_a_reflection_is_the_cause_of_the_call_that_it_announces(config: Path) -> None:
    """A loop without a framework says why it calls a tool: the next call of that tool names the reflection."""
    with handrail.run("clerk", config=config):
        handrail.reflect("The order must be known first.", confidence=0.7, about="read_order")
        read_order("A-1")
        read_order("A-2")
    (reflection,) = _steps(config.parent, "reflection")
    one, two = kept(config.parent, "tool.call")
    assert (reflection["confidence"], reflection["about"]) == (0.7, "read_order")
    assert one["cause"] == reflection["step"] and "cause" not in two


def test_in_a_tool_both_stand_below_its_call(config: Path) -> None:
    """Said inside a tool, a plan and a reflection are steps of that tool call, and of the agent's plan."""

    @handrail.tool
    def think_ahead() -> str:
        """Plan."""
        handrail.plan(["b"])
        handrail.reflect("good")
        return "planned"

    with handrail.run("clerk", config=config):
        handrail.plan(["a"])
        think_ahead()
    (call,) = kept(config.parent, "tool.call")
    one, two = _steps(config.parent, "plan")
    (reflection,) = _steps(config.parent, "reflection")
    assert two["parent"] == reflection["parent"] == call["step"]
    assert (one["revision"], two["revision"]) == (1, 2)


@pytest.mark.parametrize("confidence", ["0.7", float("nan"), float("inf"), -0.1, 1.5, 85, True, None, 10**400])
def test_a_confidence_that_is_none_is_left_out(config: Path, confidence: Any) -> None:
    """What is not a number from 0 to 1 is kept out, and the reflection is there all the same."""
    with handrail.run("clerk", config=config):
        handrail.reflect("hm", confidence=confidence)
    (reflection,) = _steps(config.parent, "reflection")
    assert "confidence" not in reflection


def test_outside_a_run_nothing_happens_but_one_line(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """Without a run both are no error: one line in the log each, however often."""
    thinking._warned.clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            handrail.plan(["a"])
            handrail.reflect("b")
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


class Broken:
    """A value that fails at every touch."""

    def __iter__(self) -> Any:
        raise RuntimeError("no")

    def __str__(self) -> str:
        raise RuntimeError("no")


def test_nothing_that_is_said_breaks_the_program(config: Path) -> None:
    """Values of any kind as plans and reflections raise nothing."""
    said: Any
    with handrail.run("clerk", config=config):
        for said in (None, 1, Broken(), [Broken()], {"content": Broken()}, [[["deep"]]], b"\xff", ["\ud800"]):
            handrail.plan(said)
            handrail.reflect(said, confidence=said, about=said)
    assert len(_steps(config.parent, "reflection")) == 8


def test_what_is_said_is_in_no_record_and_on_no_span(config: Path, exported: Exported) -> None:
    """Items, texts and subjects are payloads: with content off no record and no span has a word of them."""
    with handrail.run("clerk", config=config):
        handrail.plan(["SENTINEL-ITEM", {"content": "SENTINEL-TWO", "status": "SENTINEL-STATUS"}])
        handrail.plan(["SENTINEL-THREE"])
        handrail.reflect("SENTINEL-TEXT", about="SENTINEL-SUBJECT")
    assert "SENTINEL" not in json.dumps(kept(config.parent))
    assert exported.spans and "SENTINEL" not in exported.text()


def test_a_plan_s_span(config: Path, exported: Exported) -> None:
    """A plan is a span of the GenAI conventions, with what changed as numbers."""
    with handrail.run("clerk", config=config):
        handrail.plan(["a", "b"])
    span = exported.named("plan clerk")
    assert span["gen_ai.operation.name"] == "plan" and span["gen_ai.agent.name"] == "clerk"
    assert (span["handrail.plan.revision"], span["handrail.plan.items"]) == (1, 2)


def test_plans_of_runs_at_once_keep_apart(config: Path) -> None:
    """Runs in threads and tasks each have their own plan, and its revisions count from 1 in their order."""

    def work(number: int) -> None:
        with handrail.run(f"agent-{number}", config=config):
            for revision in range(3):
                handrail.plan([f"{number}.{revision}"])

    async def together() -> None:
        await asyncio.gather(*(asyncio.to_thread(work, number) for number in range(4, 8)))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    asyncio.run(together())
    by_run: dict[str, list[int]] = {}
    for each in _steps(config.parent, "plan"):
        by_run.setdefault(each["run"], []).append(each["revision"])
    assert sorted(by_run.values()) == [[1, 2, 3]] * 8


def test_a_hundred_thousand_items(config: Path) -> None:
    """A plan of that length is kept like any other."""
    items = [f"step {number}" for number in range(100_000)]
    with handrail.run("clerk", config=config):
        handrail.plan(items)
        handrail.plan(items[::-1])
    one, two = _steps(config.parent, "plan")
    assert one["items"] == two["items"] == 100_000 and two["moved"] == 99_999
