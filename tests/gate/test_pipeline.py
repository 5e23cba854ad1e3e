"""The gate without any framework: what it lets through, what it refuses, and what it does when it breaks itself."""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from handrail.audit.recorder import Recorder
from handrail.audit.steps import Steps
from handrail.config import ContentSettings
from handrail.errors import JournalError, JournalFull
from handrail.frameworks import gates, opening
from handrail.gate import NEUTRAL, WITHHELD, Gate, Refusal, ToolCall
from handrail.policy.decision import Decision, PolicyRequest
from handrail.tracing import context
from handrail.tracing.content import Switch
from handrail.tracing.context import Frame
from tests.audit.test_canonical import HOSTILE
from tests.kept import content, kept, outcomes, policy

Drive = Callable[[Gate, Frame, ToolCall, Callable[[Mapping[str, Any]], Any]], Any]


def _sync(gate: Gate, frame: Frame, call: ToolCall, execute: Callable[[Mapping[str, Any]], Any]) -> Any:
    return gate.tool(frame, call, execute)


def _async(gate: Gate, frame: Frame, call: ToolCall, execute: Callable[[Mapping[str, Any]], Any]) -> Any:
    async def made(args: Mapping[str, Any]) -> Any:
        return execute(args)

    return asyncio.run(gate.atool(frame, call, made))


@pytest.fixture(name="drive", params=[_sync, _async], ids=["sync", "async"])
def _drive(request: pytest.FixtureRequest) -> Drive:
    drive: Drive = request.param
    return drive


@pytest.fixture(name="opened")
def _opened(tmp_path: Path) -> Iterator[Callable[[str], tuple[Gate, Frame]]]:
    """Opens a gate in a mode and a run of ana's in it; the run is ended after the test."""
    steps = []

    def make(mode: str) -> tuple[Gate, Frame]:
        gate = opening.open_gate(policy(tmp_path, mode))
        step = gates.enter(gate, "clerk", object(), said={"user": "ana"})
        assert step is not None
        steps.append(step)
        return gate, step.frame

    yield make
    for step in steps:
        gates.leave(step)


class Broken:
    """A policy whose every question ends in an exception that quotes content."""

    digest = "broken"

    def decide(self, request: PolicyRequest) -> Decision:
        """Fail."""
        raise RuntimeError("SENTINEL")


def broken(gate: Gate) -> None:
    """Have the gate's policy raise."""
    book = gate.rulebook
    book._state = replace(book.now, policy=Broken()), book._state[1]  # type: ignore[arg-type]


def _noted(ran: list[object], args: object) -> str:
    ran.append(args)
    return "done"


def full(*args: Any, **kwargs: Any) -> Any:
    """What a journal says on a full disk."""
    raise JournalFull("no space left")


def test_broken_policy_denies_in_enforce(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """An exception in deciding is a denial that is recorded by its class, and the tool does not run."""
    gate, frame = opened("enforce")
    broken(gate)
    ran: list[object] = []
    assert drive(gate, frame, ToolCall("add", {"a": 1}), ran.append) == Refusal(NEUTRAL)
    assert ran == []
    [call] = kept(tmp_path, "tool.call")
    assert (call["verdict"], call["by"], call["ran"], call["reason"]) == ("deny", "error", False, "RuntimeError")


def test_broken_policy_changes_nothing_in_observe(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """In observe mode the same exception is marked, and the tool gets the very arguments it would have got."""
    gate, frame = opened("observe")
    broken(gate)
    args = {"a": [1]}
    assert drive(gate, frame, ToolCall("add", args), lambda given: given) is args
    [call] = kept(tmp_path, "tool.call")
    assert (call["verdict"], call["by"], call["ran"]) == ("would_deny", "error", True)
    assert outcomes(tmp_path, "add") == ["ok"]


def test_broken_schema_denies_in_enforce(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """A tool whose schema cannot be made is not called, and what the exception said is in no record."""
    gate, frame = opened("enforce")

    def schema() -> Mapping[str, Any]:
        raise RuntimeError("SENTINEL")

    ran: list[object] = []
    call = ToolCall("add", {"a": 1}, tool=schema, schema=schema)
    assert drive(gate, frame, call, ran.append) == Refusal(NEUTRAL)
    assert ran == []
    assert "SENTINEL" not in str(kept(tmp_path))


def test_broken_result_validator_withholds_in_enforce(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """A result that cannot be looked at does not reach the model of an enforced run; in observe it does."""
    for mode, expected in (("enforce", Refusal(WITHHELD)), ("observe", 5)):
        gate, frame = opened(mode)

        def show(value: Any) -> object:
            raise RuntimeError("SENTINEL")

        assert drive(gate, frame, ToolCall("add", {"a": 1}, show=show), lambda given: 5) == expected
    assert outcomes(tmp_path, "add") == ["rejected", "ok"]


@pytest.mark.parametrize("part", ["append", "put"])
def test_lost_intent_denies_in_enforce(
    opened: Any, drive: Drive, tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When record or arguments cannot be written, the tool does not run; when they can again, the loss is told."""
    gate, frame = opened("enforce")
    journal = gate.steps.recorder._open()
    ran: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr(journal, part, full)
        assert drive(gate, frame, ToolCall("add", {"a": 1}), ran.append) == Refusal(NEUTRAL)
    assert ran == []
    assert drive(gate, frame, ToolCall("add", {"a": 1}), lambda args: "done") == "done"
    assert sum(record["count"] for record in kept(tmp_path, "drop")) >= 1
    assert frame.state.counters.get("denied") == 1


@pytest.mark.parametrize("part", ["append", "put", "sync"])
def test_lost_intent_changes_nothing_in_observe(
    opened: Any, drive: Drive, tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """In observe mode a full disk costs one warning, and what was lost is counted."""
    gate, frame = opened("observe")
    journal = gate.steps.recorder._open()
    with monkeypatch.context() as patched:
        patched.setattr(journal, part, full)
        assert drive(gate, frame, ToolCall("pay", {"a": 1}), lambda args: "done") == "done"
        assert drive(gate, frame, ToolCall("add", {"a": 1}), lambda args: "done") == "done"
    assert drive(gate, frame, ToolCall("add", {"a": 1}), lambda args: "done") == "done"
    lost = sum(record["count"] for record in kept(tmp_path, "drop"))
    assert lost == {"append": 4, "put": 4, "sync": 0}[part]
    # the journal's own background sync may meet the same full disk, and says so for itself
    said = [record for record in caplog.records if record.name != "handrail.audit.journal"]
    assert len([record for record in said if record.levelno >= logging.WARNING]) == 1


def test_irreversible_call_waits_for_the_disk(
    opened: Any, drive: Drive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that cannot be undone is refused, not raised, when its intent may not survive a power cut."""
    gate, frame = opened("enforce")
    monkeypatch.setattr(gate.steps.recorder._open(), "sync", full)
    ran: list[object] = []
    assert drive(gate, frame, ToolCall("pay", {"a": 1}), ran.append) == Refusal(NEUTRAL)
    assert ran == []
    [result] = kept(tmp_path, "tool.result")
    assert (result["outcome"], result["error"]) == ("rejected", "JournalFull")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_arguments(opened: Any, tmp_path: Path, name: str) -> None:
    """Observe passes anything on as it is; enforce refuses it or lets the judged value through; both record."""
    value = HOSTILE[name]
    args = {"a": value}
    gate, frame = opened("observe")
    assert gate.tool(frame, ToolCall("add", args), lambda given: given is args) is True
    gate, frame = opened("enforce")
    ran: list[object] = []
    found = gate.tool(frame, ToolCall("add", args), lambda given: _noted(ran, given))
    assert found == ("done" if ran else Refusal(NEUTRAL))
    assert [record["ran"] for record in kept(tmp_path, "tool.call")] == [True, bool(ran)]
    assert kept(tmp_path, "drop") == []


@pytest.mark.parametrize("call_id", ["\ud800", "x" * 100_000, "a\nb\0", ""])
def test_hostile_call_id_is_recorded(opened: Any, tmp_path: Path, call_id: str) -> None:
    """The id is the model's: whatever it is, it neither stops the call nor keeps it out of the journal."""
    for mode in ("observe", "enforce"):
        gate, frame = opened(mode)
        assert gate.tool(frame, ToolCall("add", {"a": 1}, call_id), lambda args: "done") == "done"
    assert [record["verdict"] for record in kept(tmp_path, "tool.call")] == ["allow", "allow"]


@pytest.mark.parametrize("name", ["\ud800", "x" * 100_000, "a\nb\0", "", "no-wires", "wire_money"])
def test_hostile_name_is_denied_and_recorded(opened: Any, tmp_path: Path, name: str) -> None:
    """A made-up name is denied with the same bytes as a known one, and the attempt is in the journal."""
    gate, frame = opened("enforce")
    ran: list[object] = []
    assert gate.tool(frame, ToolCall(name, {}, known=False), ran.append) == Refusal(NEUTRAL)
    assert gate.tool(frame, ToolCall(name, {}), ran.append) == Refusal(NEUTRAL)
    assert ran == []
    assert [record["verdict"] for record in kept(tmp_path, "tool.call")] == ["deny", "deny"]


def test_tool_receives_the_judged_copy(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """What another thread does to the arguments after the decision reaches neither tool nor record."""
    gate, frame = opened("enforce")
    args = {"order": {"amount": 5}}
    schema_asked = threading.Event()

    def schema() -> Mapping[str, Any]:
        schema_asked.set()
        return {"type": "object"}

    def execute(given: Mapping[str, Any]) -> Any:
        changer = threading.Thread(target=lambda: args["order"].update(amount=9000))
        changer.start()
        changer.join()
        return given["order"]["amount"]

    assert drive(gate, frame, ToolCall("add", args, tool=schema, schema=schema), execute) == 5
    assert schema_asked.is_set()
    [call] = kept(tmp_path, "tool.call")
    assert content(tmp_path, call["args"]) == {"order": {"amount": 5}}


def test_changing_while_being_copied_is_a_denial_or_a_whole_copy(opened: Any, tmp_path: Path) -> None:
    """While a thread keeps changing the arguments, tool and record see the same, or the call is refused."""
    gate, frame = opened("enforce")
    args: dict[str, Any] = {str(n): n for n in range(50)}
    stop = threading.Event()

    def churn() -> None:
        n = 0
        while not stop.is_set():
            n += 1
            args[f"k{n % 7}"] = n
            args.pop(f"k{(n + 3) % 7}", None)

    changer = threading.Thread(target=churn)
    changer.start()
    seen: list[Any] = []
    try:
        for _ in range(50):
            gate.tool(frame, ToolCall("add", args), lambda given: seen.append(dict(given)))
    finally:
        stop.set()
        changer.join()
    ran = [content(tmp_path, record["args"]) for record in kept(tmp_path, "tool.call") if record["ran"]]
    assert ran == seen
    assert len(kept(tmp_path, "tool.call")) == 50


def test_same_call_id_is_never_skipped(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """Ids are chosen by the model: a nested and a later call with the id of an allowed one are decided."""
    gate, frame = opened("enforce")
    ran: list[str] = []

    def wire(args: Mapping[str, Any]) -> str:
        ran.append("wired")
        return "wired"

    def nested(args: Mapping[str, Any]) -> Any:
        inside = context.current()
        assert inside is not None
        return gate.tool(inside, ToolCall("wire_money", {"a": 1}, "call_1"), wire)

    assert drive(gate, frame, ToolCall("add", {"a": 1}, "call_1"), nested) == Refusal(NEUTRAL)
    assert drive(gate, frame, ToolCall("wire_money", {"a": 1}, "call_1"), wire) == Refusal(NEUTRAL)
    assert ran == []
    calls = kept(tmp_path, "tool.call")
    assert [call["verdict"] for call in calls] == ["allow", "deny", "deny"]
    assert calls[1]["parent"] == calls[0]["step"]


class Missing(LookupError):
    """Nothing is there; its text tells what."""


def test_missing_resource_reads_like_a_denial(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """What the config lists as not found gives a denial's bytes in enforce, and stays an exception in observe."""

    def look(args: Mapping[str, Any]) -> Any:
        raise Missing("SENTINEL")

    gate, frame = opened("enforce")
    assert drive(gate, frame, ToolCall("look_up", {}), look) == drive(gate, frame, ToolCall("wire_money", {}), look)
    assert outcomes(tmp_path, "look_up") == ["not_found"]
    with pytest.raises(Missing):
        drive(gate, frame, ToolCall("add", {}), look)
    gate, frame = opened("observe")
    with pytest.raises(Missing):
        drive(gate, frame, ToolCall("look_up", {}), look)
    assert "SENTINEL" not in str(kept(tmp_path))


class Pause(LookupError):
    """Suspends a run, and happens to be an exception that the config lists."""


def test_pause_is_no_missing_resource(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """A pause of the run passes through, whatever else its class is."""

    def execute(args: Mapping[str, Any]) -> Any:
        raise Pause

    gate, frame = opened("enforce")
    with pytest.raises(Pause):
        drive(gate, frame, ToolCall("look_up", {}, pauses=(Pause,)), execute)
    assert outcomes(tmp_path, "look_up") == ["interrupted"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_stop_inside_a_tool(opened: Any, tmp_path: Path, error: type[BaseException]) -> None:
    """What stops the program passes through the gate, is recorded as a cancellation, and leaves no frame."""

    def execute(args: Mapping[str, Any]) -> Any:
        raise error

    gate, frame = opened("enforce")
    with pytest.raises(error):
        gate.tool(frame, ToolCall("add", {}), execute)
    assert outcomes(tmp_path, "add") == ["cancelled"]
    assert context.current() is None


def test_denied_schema_is_not_told(opened: Any, drive: Drive) -> None:
    """Only who may call a tool learns what is wrong with the arguments."""
    gate, frame = opened("enforce")

    def schema() -> Mapping[str, Any]:
        return {"type": "object", "required": ["account"]}

    ran: list[object] = []
    allowed = drive(gate, frame, ToolCall("add", {}, tool=schema, schema=schema), ran.append)
    denied = drive(gate, frame, ToolCall("wire_money", {}, tool=schema, schema=schema), ran.append)
    assert "account" in allowed.text
    assert denied == Refusal(NEUTRAL)
    assert ran == []


def test_two_gates_are_anded(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """Under an observing and an enforcing gate the denial holds, in whichever order they stand."""
    enforcing, _ = opened("enforce")
    other = tmp_path / "other"
    other.mkdir()
    observing = opening.open_gate(policy(other, "observe"))
    for pair in ((enforcing, observing), (observing, enforcing)):
        step = gates.enter(pair[0], "outer", object(), said={"user": "ana"})
        assert step is not None
        frame = replace(step.frame, gates=pair)
        ran: list[object] = []
        assert drive(pair[-1], frame, ToolCall("wire_money", {}), ran.append) == Refusal(NEUTRAL)
        assert ran == []
        gates.leave(step)


@pytest.mark.parametrize("value", [math.nan, Decimal("1.5"), {1, 2}, b"\xff", object(), "\ud800"])
def test_any_result_is_recorded_and_passed_on(opened: Any, drive: Drive, tmp_path: Path, value: Any) -> None:
    """A tool may return what it likes: the agent gets that very object, with content on spans or without."""
    for content_on in (False, True):
        gate, frame = opened("enforce")
        gate.steps.telemetry._switch = Switch(partial(ContentSettings, spans=content_on))
        assert drive(gate, frame, ToolCall("add", {"a": object()}), lambda args: value) is value
    assert outcomes(tmp_path, "add") == ["ok", "ok"]
    assert all(record["result"] for record in kept(tmp_path, "tool.result"))


def test_journal_folder_deleted_in_the_middle(opened: Any, drive: Drive, tmp_path: Path) -> None:
    """An irreversible call does not run on the word of a journal that was deleted; soon all is recorded again."""
    import shutil

    gate, frame = opened("enforce")
    assert drive(gate, frame, ToolCall("add", {}), lambda args: "done") == "done"
    shutil.rmtree(tmp_path / ".handrail")
    ran: list[object] = []
    found = drive(gate, frame, ToolCall("pay", {}), lambda args: _noted(ran, args))
    durable = outcomes(tmp_path, "pay") if (tmp_path / ".handrail").exists() else []
    # the background sync may have found out before, so that the intent is already in the new journal
    assert (found, len(ran), durable) in [
        (Refusal(NEUTRAL), 0, []),
        (Refusal(NEUTRAL), 0, ["rejected"]),
        ("done", 1, ["ok"]),
    ]
    # the writer that lost its file is synced once more before it is left behind
    later = [drive(gate, frame, ToolCall("pay", {}), lambda args: "done") for _ in range(3)]
    assert later[-1] == "done"
    assert outcomes(tmp_path, "pay")[-1] == "ok"


def test_recorder_that_cannot_be_opened_refuses_enforce(tmp_path: Path) -> None:
    """Enforce mode does not start without a journal; observe mode does, and says so once."""
    (tmp_path / ".handrail").write_text("in the way")
    with pytest.raises(JournalError):
        opening.open_gate(policy(tmp_path, "enforce"))
    gate = opening.open_gate(policy(tmp_path, "observe"))
    step = gates.enter(gate, "clerk", object(), said={"user": "ana"})
    assert step is not None
    assert gate.tool(step.frame, ToolCall("wire_money", {}), lambda args: "done") == "done"
    gates.leave(step)


def test_steps_of_a_gate_share_one_recorder(tmp_path: Path) -> None:
    """Steps and gate use the recorder they were given, so that a loss is counted in one place."""
    recorder = Recorder(tmp_path)
    assert Steps(recorder).recorder is recorder
