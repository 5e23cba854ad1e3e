"""What gets past the gate's handling of findings: texts that say two things, findings that mean nothing, orders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from handrail.frameworks import gates, opening
from handrail.gate import WITHHELD, Gate, Refusal, ToolCall
from handrail.gate.checking import check
from handrail.tracing.context import Frame
from handrail.validators import Check, Finding, Fix, registry
from handrail.validators.context import Context
from handrail.validators.findings import shown
from handrail.validators.plain import Unreadable, read
from handrail.validators.texts import TextCheck
from tests.kept import POLICY, content, kept, policy

Opened = Callable[..., tuple[Gate, Frame]]


@pytest.fixture(name="opened")
def _opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens a gate with validators, each (on, check, then), and a run of ana's in it."""
    steps = []

    def make(*validates: tuple[str, str, str], more: str = "") -> tuple[Gate, Frame]:
        texts = [
            f'\n[[validate]]\nid = "v{number}"\non = "{on}"\ncheck = "{check}"\nthen = "{then}"\n'
            for number, (on, check, then) in enumerate(validates)
        ]
        gate = opening.open_gate(policy(tmp_path, "enforce", POLICY + more + "".join(texts)))
        step = gates.enter(gate, "clerk", object(), said={"user": "ana"})
        assert step is not None
        steps.append(step)
        return gate, step.frame

    yield make
    for step in steps:
        gates.leave(step)


def _add(**args: Any) -> ToolCall:
    return ToolCall("add", args, put=lambda value, found: found)


class Misplaced:
    """Finds a name, and says that it stands where nothing does."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Find it."""
        return Finding("misplaced.name", "A name.", path="/nowhere") if "SENTINEL" in str(value) else None


class Grave:
    """Finds a name, and says so in a word of its own."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Find it."""
        said: Any = "critical"
        return Finding("grave.name", "A name.", severity=said) if "SENTINEL" in str(value) else None


class Keyed(TextCheck):
    """Finds a text that is a name, and means all of it."""

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """Find it."""
        if text == "SENTINEL":
            yield Finding("keyed.name", "A name.")


class Smaller:
    """Leaves only one argument of several."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Find the others."""
        return Finding("smaller.more", "Too much.", fix=Fix({"a": 1})) if value != {"a": 1} else None


class Whole:
    """Takes a whole value for wrong."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Say so of every table."""
        return not isinstance(value, dict)


class Endless:
    """Makes a number that is none of what is not one."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Find a text."""
        wrong = isinstance(value, dict) and isinstance(value["a"], str)
        return Finding("endless.text", "A text.", path="/a", fix=Fix(float("nan"))) if wrong else None


class Unfixed:
    """Has a repair whose text cannot be made."""

    needs_run = False

    class Text:
        """No text."""

        def __str__(self) -> str:
            raise RuntimeError("SENTINEL")

    def check(self, value: object, context: object) -> Any:
        """Find every text."""
        return Finding("unfixed.text", "A text.", span=(0, 1), fix=Fix(self.Text())) if isinstance(value, str) else None


class Odd(Check):
    """Answers what is no finding."""

    def check(self, value: object, context: Any = None, /) -> Any:
        """Say a text where findings belong."""
        return ("SENTINEL",)


class Nothings:
    """Says findings in which nothing is what it should be, without end."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Say them."""
        odd: Any = None
        while True:
            yield Finding(odd, odd, path=odd, severity=odd, span=odd, hint=odd, excerpt=odd)


class Clears:
    """Takes everything out of what it is given."""

    needs_run = False

    def check(self, value: object, context: object) -> Any:
        """Clear it."""
        if isinstance(value, dict):
            value.clear()


class Panics:
    """Raises what is no Exception."""

    needs_run = False

    class Panic(BaseException):
        """As libraries in Rust raise."""

    def check(self, value: object, context: object) -> Any:
        """Raise."""
        raise self.Panic


_OTHERS = {
    one.__name__.lower(): registry.Entry(one.__name__.lower(), f"{__name__}:{one.__name__}", "", "elsewhere")
    for one in (Misplaced, Grave, Keyed, Smaller, Whole, Endless, Unfixed, Odd, Panics, Nothings, Clears)
}


@pytest.fixture(autouse=True)
def _others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_others", lambda: _OTHERS)


@pytest.mark.parametrize("on", ["result", "answer"])
def test_a_key_that_stands_twice_hides_nothing(opened: Opened, on: Any) -> None:
    """A model reads the whole text: of two values under one key both are looked at, not only the last."""
    text = '{"note": "SENTINEL", "note": "fine"}'
    _, frame = opened(("add.result", "misplaced()", "reject"), ("answer", "misplaced()", "reject"))
    assert check(frame, on, "add", read(text, on), text=text).action == "reject"
    assert read(text, on) == [["note", "SENTINEL"], ["note", "fine"]]


@pytest.mark.parametrize("tail", ['"x": ' + "[" * 20_000 + "]" * 20_000, '"x": ' + "1" * 5_000])
def test_json_that_cannot_be_read_is_not_taken_for_a_text(opened: Opened, tail: str) -> None:
    """A part too deep, or too long a number, does not keep a check from the other parts: it says that it cannot."""
    gate, frame = opened(("add.result", "at('$.note', one_of(['fine']))", "reject"))
    text = '{"note": "SENTINEL", ' + tail + "}"
    assert gate.tool(frame, _add(), lambda given: text) == Refusal(WITHHELD)
    assert isinstance(read(text), Unreadable)
    assert read("1" * 5_000) == "1" * 5_000


@pytest.mark.parametrize("name", ["misplaced", "keyed"])
def test_what_was_not_taken_out_is_withheld(opened: Opened, name: str) -> None:
    """A finding that means nothing that is there, or a key, redacts nothing: then nothing is given out."""
    gate, frame = opened(("add.result", f"{name}()", "redact"))
    assert gate.tool(frame, _add(), lambda given: {"SENTINEL": 1}) == Refusal(WITHHELD)


def test_a_word_that_no_severity_has_is_an_error(opened: Opened) -> None:
    """What another's validator calls critical is no less than an error."""
    gate, frame = opened(("add.result", "grave()", "reject"))
    assert gate.tool(frame, _add(), lambda given: "SENTINEL") == Refusal(WITHHELD)


def test_what_is_no_finding_is_a_value_that_was_not_checked(opened: Opened) -> None:
    """A validator that answers something else breaks nothing, and lets nothing pass."""
    _, frame = opened(("add.result", "odd()", "reject"))
    checked = check(frame, "result", "add", "value")
    assert (checked.action, [one.severity for one in checked.findings]) == ("reject", ["error"])


def test_a_panic_is_a_value_that_was_not_checked(opened: Opened) -> None:
    """What a validator raises is a finding, whatever it is: only what ends the program goes on."""
    _, frame = opened(("add.result", "panics()", "reject"))
    assert [one.code for one in check(frame, "result", "add", "value").findings] == ["unchecked.error"]


def test_findings_without_end_or_sense_are_a_few_of_sense(opened: Opened) -> None:
    """What another's validator leaves out of its findings, or says too often, breaks nobody who reads them."""
    gate, frame = opened(("add.result", "nothings()", "reject"))
    assert {one.code for one in check(frame, "result", "add", "value").findings} == {"Nothings"}
    assert gate.tool(frame, _add(), lambda given: "value") == Refusal(WITHHELD)


def test_a_validator_of_others_changes_nothing(opened: Opened) -> None:
    """What a validator does to its value does not reach the tool, nor the program."""
    gate, frame = opened(("add.arguments", "clears()", "reject"), ("add.result", "clears()", "reject"))
    result = {"b": [1]}
    assert gate.tool(frame, _add(a=1), lambda given: result if given == {"a": 1} else None) is result
    assert result == {"b": [1]}


def test_a_repair_whose_text_cannot_be_made_is_none(opened: Opened) -> None:
    """What breaks while a value is put right leaves it rejected; checking itself never raises."""
    _, frame = opened(("add.result", "unfixed()", "repair"))
    assert check(frame, "result", "add", "value").action == "reject"


def test_a_text_that_was_changed_is_looked_at_as_it_is_given_out(opened: Opened) -> None:
    """After a redaction in JSON text the next check of the text as it stands has the text, not the table."""
    gate, frame = opened(
        ("add.result", "at('$.a', one_of(['fine']))", "redact"), ("add.result", "length(max=50)", "reject")
    )
    assert gate.tool(frame, _add(), lambda given: '{"a": "x", "b": "' + "y" * 100 + '"}') == Refusal(WITHHELD)
    assert "REDACTED" in gate.tool(frame, _add(), lambda given: '{"a": "x"}')


def test_what_a_repair_brings_to_light_is_found(opened: Opened) -> None:
    """A check that was content before a later one put the value right is asked again: its secret was hidden."""
    gate, frame = opened(
        ("add.arguments", "secrets()", "reject"), ("add.arguments", "hidden_characters()", "repair")
    )  # fmt: skip
    key = "AKIAQYLPMN5HX7RT2WZE"
    hidden = key[:9] + "\u200b" + key[9:]
    ran: list[object] = []
    assert isinstance(gate.tool(frame, _add(note=hidden), ran.append), Refusal)
    assert ran == []
    assert gate.tool(frame, _add(note="a\u200bb"), lambda given: given["note"]) == "ab"


def test_arguments_that_a_repair_leaves_out_do_not_reach_the_tool(opened: Opened) -> None:
    """Where a repair takes an argument away, the tool does not get it all the same."""
    gate, frame = opened(("add.arguments", "smaller()", "repair"))
    assert gate.tool(frame, _add(a=1, b="SENTINEL"), dict) == {"a": 1}


def test_arguments_are_not_replaced_by_a_mark(opened: Opened) -> None:
    """Arguments that are wrong as a whole cannot be redacted: the model reads why, as of any rejection."""
    gate, frame = opened(("add.arguments", "whole()", "redact"))
    found = gate.tool(frame, _add(a=1), lambda given: "ran")
    assert isinstance(found, Refusal)
    assert "not valid" in found.text


def test_a_repair_is_as_canonical_as_what_a_model_sends(opened: Opened) -> None:
    """A repaired argument is no number that JSON does not have: the rules could not compare it."""
    gate, frame = opened(("add.arguments", "endless()", "repair"))
    assert isinstance(gate.tool(frame, _add(a="x"), lambda given: "ran"), Refusal)


def test_a_key_that_is_content_stands_in_no_plain_field(opened: Opened, tmp_path: Path) -> None:
    """A secret that somebody uses as a key is content too: its path is only in the payload; names of fields stay."""
    gate, frame = opened(("add.result", "secrets()", "reject"))
    key = "AKIAQYLPMN5HX7RT2WZE"
    assert gate.tool(frame, _add(), lambda given: {"user_1": {key: [key]}}) == Refusal(WITHHELD)
    assert key not in str(kept(tmp_path))
    [said] = kept(tmp_path, "validation")
    assert {one["path"] for one in said["findings"]} == {"/user_1/…", "/user_1/…/0"}
    assert f"/user_1/{key}" in {one["path"] for one in content(tmp_path, said["found"])}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ""),
        ("/note", "/note"),
        ("/items/0/customerAddressLine1", "/items/0/customerAddressLine1"),
        ("/ana@example.com/0", "/…/0"),
        ("/4111111111111111", "/…"),
        ("/a b", "/…"),
        ("/" + "a" * 50, "/…"),
        ("/a" * 30, "/a" * 19 + "/…"),
    ],
)
def test_what_a_record_shows_of_a_path(path: str, expected: str) -> None:
    """Names of fields and indexes are shown, other keys and what is too long or deep are not; twice changes nothing."""
    assert shown(path) == shown(expected) == expected
