"""What the gate does about findings: nothing but a mark when observing; otherwise take out, put right, refuse, ask."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from handrail.errors import AnswerRejected, ValidationFailed
from handrail.frameworks import gates, opening
from handrail.gate import NEUTRAL, WITHHELD, Gate, Refusal, ToolCall
from handrail.gate.checking import changes, check, configured
from handrail.tracing.context import Frame
from handrail.validators import Finding, registry
from handrail.validators.plain import Unreadable, read
from tests.kept import POLICY, content, kept, policy

Execute = Callable[[Mapping[str, Any]], Any]
Opened = Callable[..., tuple[Gate, Frame]]
REFERENCE = "at('$.note', matches('[a-z ]+'))"


def _sync(gate: Gate, frame: Frame, call: ToolCall, execute: Execute) -> Any:
    return gate.tool(frame, call, execute)


def _async(gate: Gate, frame: Frame, call: ToolCall, execute: Execute) -> Any:
    async def made(args: Mapping[str, Any]) -> Any:
        return execute(args)

    return asyncio.run(gate.atool(frame, call, made))


@pytest.fixture(name="drive", params=[_sync, _async], ids=["sync", "async"])
def _drive(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(name="opened")
def _opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens a gate with validators and a run of ana's in it; the run is ended after the test."""
    steps = []

    def make(*validates: str, mode: str = "enforce", more: str = "", folder: str = "") -> tuple[Gate, Frame]:
        text = POLICY.replace("[tools.look_up]", '[tools.look_up]\neffect = "read"')
        text += more + "".join(f"\n[[validate]]\n{one}\n" for one in validates)
        (tmp_path / folder).mkdir(exist_ok=True)
        gate = opening.open_gate(policy(tmp_path / folder, mode, text))
        step = gates.enter(gate, "clerk", object(), said={"user": "ana"})
        assert step is not None
        steps.append(step)
        return gate, step.frame

    yield make
    for step in steps:
        gates.leave(step)


def _validate(on: str, check: str, **more: object) -> str:
    lines = [f'id = "v"\non = "{on}"\ncheck = "{check}"']
    lines += [f"{key} = {value!r}".replace("'", '"') for key, value in more.items()]
    return "\n".join(lines)


def _add(args: Mapping[str, Any], **more: Any) -> ToolCall:
    return ToolCall("add", args, put=lambda value, found: found, **more)


def test_rejected_arguments_are_told_and_recorded(opened: Opened, drive: Any, tmp_path: Path) -> None:
    """The model reads what is wrong and where; the record has the codes, and the messages as a payload only."""
    gate, frame = opened(_validate("add.arguments", REFERENCE))
    ran: list[object] = []
    found = drive(gate, frame, _add({"note": "SENTINEL 9"}), ran.append)
    assert isinstance(found, Refusal)
    assert found.text.startswith("The arguments of this call are not valid:\n- /note: ")
    assert ran == []
    [call] = kept(tmp_path, "tool.call")
    assert (call["verdict"], call["by"], call["ran"]) == ("reject", "validator", False)
    assert [one["validator"] for one in call["findings"]] == ["v"]
    [said] = kept(tmp_path, "validation")
    assert (said["validator"], said["on"], said["path"], said["action"]) == ("v", "arguments", "add", "rejected")
    assert (said["step"], said["round"], said["rounds"]) == (call["step"], 1, 3)
    assert "SENTINEL" not in str(said) + str(call["findings"])
    assert content(tmp_path, said["found"])[0]["path"] == "/note"


def test_observing_changes_nothing(opened: Opened, drive: Any, tmp_path: Path) -> None:
    """In observe mode the tool gets the very arguments, the caller the very result, and what would be is marked."""
    for number, then in enumerate(("reject", "redact", "repair", "ask")):
        gate, frame = opened(
            _validate("add.arguments", REFERENCE, then=then),
            _validate("add.result", REFERENCE, then=then).replace('"v"', '"r"'),
            mode="observe",
        )
        args, result = {"note": "9"}, {"note": "9"}
        assert drive(gate, frame, _add(args), lambda given, a=args, r=result: r if given is a else None) is result
        [first, second] = kept(tmp_path, "validation")[2 * number :]
        assert (first["action"], first["on"]) == (second["action"], "arguments")
        assert first["action"].startswith("would_be_")
    assert {call["verdict"] for call in kept(tmp_path, "tool.call")} == {"would_reject", "allow"}


@pytest.mark.parametrize("last", ["refuse", "escalate", "fail"])
def test_rounds_end(opened: Opened, drive: Any, tmp_path: Path, last: str) -> None:
    """A model is told so many times in a row; then comes what is configured, and findings are told no more."""
    gate, frame = opened(_validate("add.arguments", REFERENCE, rounds=2, last=last))
    call, never = _add({"note": "9"}), list[object]().append
    for _ in range(2):
        assert "/note" in drive(gate, frame, call, never).text
    if last == "fail":
        with pytest.raises(ValidationFailed, match=r"The arguments of 'add' did not pass the validator 'v' \(matches"):
            drive(gate, frame, call, never)
    else:
        text = drive(gate, frame, call, never).text
        assert "/note" not in text
        assert ("A person was told" in text) is (last == "escalate")
    done = {"refuse": "refused", "escalate": "escalated", "fail": "failed"}[last]
    assert [one["action"] for one in kept(tmp_path, "validation")] == ["rejected", "rejected", done]
    assert [one["outcome"] for one in kept(tmp_path, "tool.result")] == ["rejected"] * 3


def test_a_value_that_passes_ends_the_row(opened: Opened, drive: Any) -> None:
    """Rejections count in a row: a model that corrected itself has all its tries again."""
    gate, frame = opened(_validate("add.arguments", REFERENCE, rounds=1))
    for _ in range(3):
        assert "/note" in drive(gate, frame, _add({"note": "9"}), lambda given: "ran").text
        assert drive(gate, frame, _add({"note": "fine"}), lambda given: "ran") == "ran"


def test_repaired_arguments_reach_the_tool_and_are_decided_again(opened: Opened, drive: Any, tmp_path: Path) -> None:
    """A repair beyond doubt is what the tool gets and what the policy decides on; the caller's value stays."""
    rule = '\n[[rule]]\nid = "no-gb"\ndeny = "staff"\ncall = "add"\nwhen = "args.iban == \'GB82WEST12345698765432\'"\n'
    repair = _validate("add.arguments", "at('$.iban', iban())", then="repair")
    gate, frame = opened(repair)
    args = {"iban": "de89 3704 0044 0532 0130 00"}
    assert drive(gate, frame, _add(args), lambda given: given["iban"]) == "DE89370400440532013000"
    assert args == {"iban": "de89 3704 0044 0532 0130 00"}
    assert content(tmp_path, kept(tmp_path, "tool.call")[0]["args"]) == {"iban": "DE89370400440532013000"}
    assert kept(tmp_path, "validation")[0]["action"] == "repaired"
    gate, frame = opened(repair, more=rule)
    assert drive(gate, frame, _add({"iban": "gb82 west 1234 5698 7654 32"}), lambda given: "ran") == Refusal(NEUTRAL)


def test_what_cannot_be_repaired_is_rejected(opened: Opened, drive: Any, tmp_path: Path) -> None:
    """Where a finding has no repair, the whole value is rejected, and nothing is put half right."""
    gate, frame = opened(_validate("add.arguments", "each(iban())", then="repair"))
    args = {"a": "de89 3704 0044 0532 0130 00", "b": "DE00"}
    assert "/b" in drive(gate, frame, _add(args), lambda given: "ran").text
    assert kept(tmp_path, "validation")[0]["action"] == "rejected"


def test_a_redacted_result_is_what_goes_on_and_what_is_kept(opened: Opened, drive: Any, tmp_path: Path) -> None:
    """The part that was found is taken out of the result, of its payload too; JSON text stays JSON text."""
    gate, frame = opened(_validate("add.result", "at('$.note', one_of(['fine']))", then="redact"))
    found = drive(gate, frame, _add({}), lambda given: {"note": "SENTINEL", "n": 1})
    assert found == {"note": "[REDACTED:one_of.unknown]", "n": 1}
    found = drive(gate, frame, _add({}), lambda given: '{"note": "SENTINEL"}')
    assert found == '{"note": "[REDACTED:one_of.unknown]"}'
    assert drive(gate, frame, _add({}), lambda given: {"note": "fine"}) == {"note": "fine"}
    for record in kept(tmp_path, "tool.result"):
        assert "SENTINEL" not in str(content(tmp_path, record["result"]))


def test_what_cannot_be_put_back_is_withheld(opened: Opened, drive: Any) -> None:
    """A result that no seam knows how to change is withheld rather than given out with what should be taken out."""
    gate, frame = opened(_validate("add.result", "at('$.note', one_of(['fine']))", then="redact"))
    assert drive(gate, frame, ToolCall("add", {}), lambda given: {"note": "SENTINEL"}) == Refusal(WITHHELD)


def test_a_rejected_result_is_withheld(opened: Opened, drive: Any, tmp_path: Path) -> None:
    """A result that is rejected does not reach the model, and neither does what the findings quote of it."""
    gate, frame = opened(_validate("add.result", "at('$.note', one_of(['fine']))"))
    assert drive(gate, frame, _add({}), lambda given: {"note": "SENTINEL"}) == Refusal(WITHHELD)
    assert [one["outcome"] for one in kept(tmp_path, "tool.result")] == ["rejected"]


def test_ask_holds_the_call(opened: Opened, drive: Any, tmp_path: Path) -> None:
    """A call that a person must look at is not made, however often it is tried."""
    gate, frame = opened(_validate("add.arguments", REFERENCE, then="ask", rounds=0))
    for _ in range(3):
        assert "by a person first" in drive(gate, frame, _add({"note": "9"}), [].append).text
    assert {one["action"] for one in kept(tmp_path, "validation")} == {"asked"}


def test_record_lets_it_pass(opened: Opened, drive: Any, tmp_path: Path) -> None:
    """What is only recorded holds nothing up, also in enforce mode."""
    gate, frame = opened(_validate("add.arguments", REFERENCE, then="record"))
    assert drive(gate, frame, _add({"note": "9"}), lambda given: "ran") == "ran"
    assert kept(tmp_path, "validation")[0]["action"] == "recorded"
    assert kept(tmp_path, "tool.call")[0]["findings"][0]["code"].startswith("matches.")


class Breaks:
    """A validator that raises."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Raise."""
        raise RuntimeError("SENTINEL")


class Names:
    """A validator that finds a name wherever it stands in a text, twenty at most."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Find them."""
        places = islice(re.finditer("SENTINEL", str(value)), 20)
        return tuple(Finding("names.found", "A name.", span=one.span()) for one in places)


@pytest.fixture(name="others")
def _others(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = registry.Entry("breaks", f"{__name__}:Breaks", "", "elsewhere")
    names = registry.Entry("names", f"{__name__}:Names", "", "elsewhere")
    monkeypatch.setattr(registry, "_others", lambda: {"breaks": entry, "names": names})


@pytest.mark.parametrize(
    ("tool", "unchecked", "runs"),
    [("add", "record", False), ("pay", "record", False), ("look_up", "record", True), ("look_up", "reject", False)],
)
def test_what_cannot_be_checked_fails_closed(
    opened: Opened, drive: Any, tmp_path: Path, others: None, tool: str, unchecked: str, runs: bool
) -> None:
    """A validator that raises stops a write whatever is configured, and a read unless it may pass unchecked."""
    gate, frame = opened(_validate(f"{tool}.arguments", "breaks()", unchecked=unchecked))
    found = drive(gate, frame, ToolCall(tool, {"a": 1}), lambda given: "ran")
    assert (found == "ran") is runs
    [said] = kept(tmp_path, "validation")
    assert said["code"] == "unchecked.error"
    assert "SENTINEL" not in str(kept(tmp_path))


@pytest.mark.parametrize("count", [30, 300])
def test_many_findings_are_all_taken_out_or_nothing_is(opened: Opened, drive: Any, others: None, count: int) -> None:
    """A check tells twenty findings at a time: a redaction goes on until nothing is found, or withholds the whole."""
    gate, frame = opened(_validate("add.result", "names()", then="redact"))
    found = drive(gate, frame, _add({}), lambda given: "a SENTINEL " * count)
    assert found == ("a [REDACTED:names.found] " * count if count == 30 else Refusal(WITHHELD))


def test_values_taken_out_whole_do_not_hide_the_rest(opened: Opened, drive: Any) -> None:
    """Marks that stand for whole values are found again: where they are all that is told, nothing is given out."""
    gate, frame = opened(_validate("add.result", "each(one_of(['fine']))", then="redact"))
    assert drive(gate, frame, _add({}), lambda given: ["SENTINEL"] * 30) == Refusal(WITHHELD)
    assert drive(gate, frame, _add({}), lambda given: ["SENTINEL"] * 3) == ["[REDACTED:one_of.unknown]"] * 3


def test_answers_and_outputs_of_one_agent(opened: Opened) -> None:
    """A check on ``AGENT.answer`` is of that agent; one on ``answer`` of every agent; a group of tools of its tools."""
    _, frame = opened(
        _validate("clerk.answer", "matches('[a-z]+')"),
        _validate("output", "matches('[a-z]+')").replace('"v"', '"o"'),
        _validate("sums.arguments", "at('$.a', range(max=1))").replace('"v"', '"g"'),
        _validate("look_*.result", "matches('[a-z]+')", then="record").replace('"v"', '"p"'),
        more='\n[groups]\nsums = ["add", "again"]\n',
    )
    assert configured(frame, "answer", "clerk")
    assert not configured(frame, "answer", "other")
    assert configured(frame, "output", "other")
    assert configured(frame, "arguments", "again")
    assert not configured(frame, "arguments", "pay")
    assert configured(frame, "result", "look_up")
    assert changes(frame, "output", "other")
    assert not changes(frame, "result", "look_up")
    checked = check(frame, "answer", "clerk", "9")
    assert (checked.action, checked.left, checked.last) == ("reject", 3, None)
    assert isinstance(checked.failure(), AnswerRejected)
    assert "Your answer is not valid" in checked.text


def test_two_gates_check_one_after_the_other(opened: Opened, drive: Any) -> None:
    """Inside two governed agents both gates look, the inner one at what the outer one made of the value."""
    outer, frame = opened(_validate("add.arguments", "at('$.iban', iban())", then="repair"))
    inner, _ = opened(_validate("add.arguments", "at('$.iban', matches('DE[0-9]+'))"), folder="inner")
    both = replace(frame, gates=(outer, inner))
    found = drive(inner, both, _add({"iban": "de89 3704 0044 0532 0130 00"}), lambda given: given["iban"])
    assert found == "DE89370400440532013000"


@pytest.mark.parametrize(
    ("value", "on", "expected"),
    [
        ('{"a": 1}', "answer", {"a": 1}),
        ("17", "answer", "17"),
        ("17", "result", 17),
        ("[1", "answer", "[1"),
        (" {}", "output", {}),
        ("\ufeff{}", "answer", {}),
        ("[" * 100_000, "result", Unreadable("more than 200 levels, or a number of thousands of digits")),
    ],
)
def test_json_text_is_read(value: str, on: Any, expected: object) -> None:
    """A tool's result is what its JSON says; an answer only where it is a table or a list."""
    assert read(value, on) == expected
