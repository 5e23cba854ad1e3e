"""The comparison by which the campaign judges: it must see what it is there to see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import handrail
from handrail.audit.journal import journal_for
from tests.acceptance.agents import Known, Script, build, work, write_policy
from tests.acceptance.kept import Said, judge, said

KEYS = ("7-0/0/0", "7-0/1/0")


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Iterator[Path]:
    """One run of two calls, ended well; then one that was cut short inside its call."""
    script = Script(turns=2)
    agent = handrail.govern(build(script), config=write_policy(tmp_path))
    work(agent, script, 7, runs=1)

    def stop(what: Known, key: str) -> None:
        journal_for(tmp_path / "data").close()
        raise KeyboardInterrupt

    script.say = stop  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        work(agent, script, 8, runs=1)
    journal_for(tmp_path / "data").close()
    yield tmp_path / "data"


def truth() -> Said:
    """What the first run knows."""
    return Said(frozenset(KEYS), frozenset(KEYS), frozenset({"7-0"}))


def test_a_sound_journal_is_good(data: Path) -> None:
    """All that was said is there, and nothing is counted against it."""
    figures = judge(data, truth())
    assert figures.good and (figures.said, figures.calls) == (5, 3)


@pytest.mark.parametrize("field", ["began", "done", "ended"])
def test_a_fact_that_is_not_there_is_a_loss(data: Path, field: str) -> None:
    """One more intent, result or end than the journal holds."""
    extra = getattr(truth(), field) | {"7-9"}
    figures = judge(data, replace(truth(), **{field: extra}))
    assert figures.lost >= 1 and not figures.good


def test_a_cut_journal_has_lost_and_a_changed_one_is_broken(data: Path) -> None:
    """The last records gone without a trace are losses; a changed byte is damage too."""
    [segment, *_] = sorted((data / "journal").glob("*.jl"), key=lambda path: -path.stat().st_size)
    lines = segment.read_bytes().splitlines(keepends=True)
    segment.write_bytes(b"".join(lines[:-12]))
    cut = judge(data, truth())
    assert cut.lost > 0 and cut.broken == 0
    segment.write_bytes(b"".join(lines).replace(b'"tool":"note"', b'"tool":"nope"'))
    changed = judge(data, truth())
    assert changed.broken == 1 and changed.lost > 0


def test_a_call_that_is_recorded_twice_is_a_duplicate(data: Path) -> None:
    """The same session again: its start and both of its calls are there twice."""
    script = Script(turns=2)
    work(handrail.govern(build(script), config=data.parent / "handrail.toml"), script, 7, runs=1)
    journal_for(data).close()
    assert judge(data, truth()).duplicated == 3


def test_half_a_last_line_says_nothing() -> None:
    """A writer that was killed while it spoke is not taken at half its word."""
    assert said("began 1-0/0/0\ndone 1-0/0/0\nended 1-0") == Said(
        frozenset({"1-0/0/0"}), frozenset({"1-0/0/0"}), frozenset()
    )
