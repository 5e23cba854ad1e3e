"""The recorder: what is kept once, what a failure costs, and what each model call adds to the one before."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from handrail.audit.reader import parts, payload, records
from handrail.audit.recorder import Recorder
from handrail.errors import JournalError
from handrail.tracing.context import RunState
from handrail.tracing.identity import Principal


def state() -> RunState:
    """A run."""
    return RunState("0" * 32, "0" * 32, Principal(), "clerk")


def bodies(folder: Path) -> str:
    """All records, as text."""
    return b"".join(record.body for part in parts(folder) for record in records(part)).decode()


def test_an_equal_payload_is_stored_once_in_a_run_and_apart_between_runs(tmp_path: Path) -> None:
    """Within a run equal values share a reference; another run's is salted anew, so that they cannot be linked."""
    recorder, first, second = Recorder(tmp_path), state(), state()
    one, again, other = (recorder.payload({"a": 1}, each) for each in (first, first, second))
    assert one == again
    assert one and other and one["c"] != other["c"]


@pytest.mark.parametrize("value", ["\ud800", float("nan"), 10**400, b"\xff", object()])
def test_a_record_with_a_value_that_is_no_json_is_written(value: Any, tmp_path: Path) -> None:
    """A name or id that the model made up cannot keep its record out of the journal."""
    recorder = Recorder(tmp_path)
    recorder.write({"k": "tool.call", "call_id": value}, must=True)
    assert "tool.call" in bodies(tmp_path)
    assert '"drop"' not in bodies(tmp_path)


def test_a_failure_is_raised_only_where_it_must_be(tmp_path: Path) -> None:
    """Where the folder is in the way of a file, an observer loses quietly and an intent is refused."""
    (tmp_path / "journal").write_text("in the way")
    recorder = Recorder(tmp_path)
    recorder.write({"k": "model.call"})
    assert recorder.payload({"a": 1}) is None
    with pytest.raises(JournalError):
        recorder.write({"k": "tool.call"}, must=True)
    with pytest.raises(JournalError):
        recorder.payload({"a": 1}, must=True)
    (tmp_path / "journal").unlink()
    recorder.write({"k": "run.end"}, must=True)
    assert '"k":"drop"' in bodies(tmp_path)


class Message:
    """A message with content."""

    def __init__(self, content: str) -> None:
        self.content = content


def test_messages_put_down_at_once_can_be_put_together_again(tmp_path: Path) -> None:
    """Threads that ask at the same time with different tails: each input can be rebuilt from what was kept."""
    recorder, run = Recorder(tmp_path), state()
    shared = [Message(f"shared {n}") for n in range(5)]
    made: dict[str, tuple[list[str], dict[str, Any]]] = {}

    def ask(number: int) -> None:
        for turn in range(20):
            now = [*shared[: 1 + (number + turn) % 5], Message(f"{number} {turn}")]
            step = f"{number}-{turn}"
            said = recorder.messages(run, step, ("user:ana",), now, lambda message: message.content)
            made[step] = [message.content for message in now], said

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    def rebuilt(step: str) -> list[str]:
        said = made[step][1]
        kept = rebuilt(said["prev"])[: said["keep"]] if said["prev"] else []
        added = [payload(tmp_path, ref) or b"" for ref in said["add"]]
        return [*kept, *(body.decode().strip('"') for body in added)]

    assert all(rebuilt(step) == wanted for step, (wanted, _) in made.items())


def test_an_equal_first_message_that_is_made_again_changes_nothing(tmp_path: Path) -> None:
    """A system message that middleware makes at every call is no new input; one that says something else is."""
    recorder, run, rest = Recorder(tmp_path), state(), [Message("go")]
    kept: list[int] = []
    for turn, prompt in enumerate(["be kind", "be kind", "be kind", "be brief"]):
        now = [Message("".join([prompt])), *rest]
        said: Any = recorder.messages(run, f"s{turn}", ("user:ana",), now, lambda message: message.content)
        kept.append(said["keep"])
        rest.append(Message(f"answer {turn}"))
    assert kept == [0, 2, 3, 0]


def test_arguments_are_a_part_of_the_output_that_proposed_them(tmp_path: Path) -> None:
    """What a model proposed is stored once: the call's arguments are those bytes of its output, and read as such."""
    recorder, run, other = Recorder(tmp_path), state(), state()
    output = {"content": "", "role": "ai", "tool_calls": [{"args": {"b": 1, "a": ["x"]}, "id": "c1", "name": "note"}]}
    whole = recorder.payload(output, run, use="proposes")
    args = recorder.payload({"a": ["x"], "b": 1}, run, must=True, use="proposed")
    assert whole is not None and args is not None and {**args, "s": 0} == {**whole, "s": 0}
    assert payload(tmp_path, args) == b'{"a":["x"],"b":1}'
    for changed, asked in (({"a": ["x"], "b": True}, run), ({"a": ["x"], "b": 1}, other)):
        own = recorder.payload(changed, asked, use="proposed")
        assert own is not None and "s" not in own and own["o"] != whole["o"]
