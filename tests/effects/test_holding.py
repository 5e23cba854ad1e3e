"""One process works on a run at a time, and whoever comes second is told which."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from handrail.effects.holding import Holds
from handrail.errors import RunHeld
from tests.effects.crashing import child, die

RUN, OTHER = "1" * 32, "2" * 32


def _refused(folder: Path, run: str) -> int:
    """The process that another process is told of; 0 where it gets the run."""
    read, write = os.pipe()

    def ask() -> None:
        try:
            Holds(folder).take(run)
            os.write(write, b"0")
        except RunHeld as held:
            os.write(write, str(held.process).encode())

    assert child(ask) == 0
    os.close(write)
    try:
        return int(os.read(read, 20))
    finally:
        os.close(read)


def test_another_process_is_told_who_holds_it(tmp_path: Path) -> None:
    """The second process is refused and told the first one's number; another run is free, and so is a freed one."""
    mine = Holds(tmp_path)
    mine.take(RUN)
    assert _refused(tmp_path, RUN) == os.getpid()
    assert _refused(tmp_path, OTHER) == 0
    mine.free(RUN)
    assert _refused(tmp_path, RUN) == 0


def test_a_second_thread_is_refused(tmp_path: Path) -> None:
    """Locks of the system belong to the process, so its own threads are told apart as well."""
    mine, told = Holds(tmp_path), list[int | None]()
    mine.take(RUN)

    def again() -> None:
        try:
            mine.take(RUN)
        except RunHeld as held:
            told.append(held.process)

    thread = threading.Thread(target=again)
    thread.start()
    thread.join()
    assert told == [os.getpid()]


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    """A run is free as soon as its process is dead, however it died."""

    def hold_and_die() -> None:
        Holds(tmp_path).take(RUN)
        die()

    assert child(hold_and_die) == -9
    mine = Holds(tmp_path)
    assert mine.held(RUN) is None
    mine.take(RUN)
    assert mine.held(RUN) == os.getpid()


def test_a_forked_child_does_not_hold_its_parents_runs(tmp_path: Path) -> None:
    """What the parent holds is not the child's, and the child's end frees nothing of it."""
    mine = Holds(tmp_path)
    mine.take(RUN)

    def take_too() -> None:
        with pytest.raises(RunHeld):
            mine.take(RUN)
        mine.free(RUN)

    assert child(take_too) == 0
    assert _refused(tmp_path, RUN) == os.getpid()


def test_a_link_in_the_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    """A planted symbolic link is refused."""
    (tmp_path / "elsewhere").touch()
    (tmp_path / "runs.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"runs\.lock"):
        Holds(tmp_path).take(RUN)
