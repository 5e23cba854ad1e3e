"""What is remembered of a thread: bounded, private, and never worth a failure."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handrail.audit.lineage import FOLDER, MAX_RUNS, Call, Lineage, Past, Question, Thread

CALL = Call("c1", "pay", "clerk", "m", "r", "t")
QUESTION = Question("q", 0, "r", "s", "t", 5, "pay", "c1")


def _past(number: int, head: str = "") -> Past:
    return Past(f"r{number}", "t", "s", f"r{number}", "ok", head)


def test_what_is_put_down_is_read_back_in_any_process(tmp_path: Path) -> None:
    """Another reader of the folder finds runs, calls and questions; another thread or tenant finds nothing."""
    Lineage(tmp_path).end("acme", "17", _past(1), [CALL], [QUESTION])
    found = Lineage(tmp_path).read("acme", "17")
    assert found == Thread((_past(1),), (CALL,), (QUESTION,))
    assert Lineage(tmp_path).read("acme", "18") == Lineage(tmp_path).read("other", "17") == Thread()


def test_only_the_latest_runs_are_remembered(tmp_path: Path) -> None:
    """The file does not grow with the thread, and nobody else can read it."""
    lineage = Lineage(tmp_path)
    for number in range(MAX_RUNS + 5):
        lineage.begin("acme", "17", lineage.read("acme", "17"), _past(number))
        lineage.end("acme", "17", _past(number), [], [])
    runs = lineage.read("acme", "17").runs
    assert [past.run for past in runs] == [f"r{n}" for n in range(5, MAX_RUNS + 5)]
    (file,) = (tmp_path / FOLDER).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "damage",
    [b"", b"[]", b"{", b'{"runs": [{}], "calls": [], "asked": []}', json.dumps(
        {"runs": [{**{name: 3 for name in ("run", "trace", "step", "logical")}}], "calls": [], "asked": []}
    ).encode()],
)  # fmt: skip
def test_a_damaged_file_is_no_file(damage: bytes, tmp_path: Path) -> None:
    """What cannot be read says nothing, and the next run writes it again."""
    lineage = Lineage(tmp_path)
    lineage.end("acme", "17", _past(1), [], [])
    (file,) = (tmp_path / FOLDER).iterdir()
    file.write_bytes(damage)
    assert lineage.read("acme", "17") == Thread()
    lineage.end("acme", "17", _past(2), [], [])
    assert [past.run for past in lineage.read("acme", "17").runs] == ["r2"]


def test_whose_checkpoint_it_is() -> None:
    """A checkpoint belongs to the first run whose last one is not older."""
    thread = Thread((_past(1, "c2"), _past(2, "c5"), _past(3)))
    made = [thread.made(name) for name in ("c1", "c2", "c3", "c9")]
    assert [past.run for past in made if past is not None] == ["r1", "r1", "r2", "r3"]
