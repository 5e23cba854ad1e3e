"""Files that changed since they were read: every kind of change is noticed, and nothing else is."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from handrail import config
from handrail.policy import PolicyRequest
from handrail.rulebook import Rulebook, snapshot
from handrail.rulebook.watch import TICK_SECONDS, Watch

TEXT = "0123456789"


def watched(path: Path) -> Watch:
    """A watch that has come to rest on the file as it is."""
    watch = Watch({path: path.read_bytes()})
    while watch.moved:
        time.sleep(TICK_SECONDS / 5)
        found = watch.again()
        assert found is not None
        watch = found
    return watch


def rewritten(path: Path) -> None:
    """Other bytes of the same length in the same file."""
    path.write_text(TEXT[::-1])


def with_old_times(path: Path) -> None:
    """The same, with the times of before put back."""
    times = path.stat()
    path.write_text(TEXT[::-1])
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def replaced(path: Path) -> None:
    """Another file under its name."""
    other = path.with_name("other")
    other.write_text(TEXT[::-1])
    other.replace(path)


def a_folder(path: Path) -> None:
    """A folder under its name."""
    path.unlink()
    path.mkdir()


def a_pipe(path: Path) -> None:
    """A pipe under its name, which nobody writes to: whoever opens it as a file waits for ever."""
    path.unlink()
    os.mkfifo(path)


CHANGES: list[Callable[[Path], None]] = [rewritten, with_old_times, replaced, a_folder, a_pipe, Path.unlink]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_noticed(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Whatever is done to a file, it has moved at the next look, and holds something else."""
    path = tmp_path / "file"
    path.write_text(TEXT)
    watch = watched(path)
    assert not watch.moved
    change(path)
    assert watch.moved
    assert watch.again() is None


def test_a_change_in_the_tick_of_the_reading_is_noticed(tmp_path: Path) -> None:
    """Bytes that change right after they were read, with equal size and times, are noticed: 300 tries, none missed."""
    path = tmp_path / "file"
    for number in range(300):
        path.write_text(f"{number:05}")
        watch = Watch({path: path.read_bytes()})
        path.write_text(f"{number + 1:05}")
        assert watch.moved
        assert watch.again() is None


def test_a_file_that_was_only_touched_is_the_same(tmp_path: Path) -> None:
    """New times alone make a second look, which finds the same content."""
    path = tmp_path / "file"
    path.write_text(TEXT)
    watch = watched(path)
    path.touch()
    assert watch.moved
    assert watch.again() is not None


def test_a_missing_file_that_appears_is_noticed(tmp_path: Path) -> None:
    """A file that was not there is watched too."""
    watch = Watch({tmp_path / "file": None})
    assert not watch.moved
    (tmp_path / "file").write_text("")
    assert watch.moved


def test_a_switched_link_is_noticed(tmp_path: Path) -> None:
    """Folders switched by a link, as Kubernetes does it, are noticed, though every file in them is old."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    (tmp_path / "..data").symlink_to("a")
    (tmp_path / "file").symlink_to("..data/file")
    time.sleep(2 * TICK_SECONDS)
    watch = watched(tmp_path / "file")
    (tmp_path / "..new").symlink_to("b")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert watch.moved
    assert watch.again() is None


def test_an_unreadable_file_is_noticed(tmp_path: Path) -> None:
    """Permissions that change make a second look."""
    path = tmp_path / "file"
    path.write_text(TEXT)
    watch = watched(path)
    path.chmod(0o000)
    assert watch.moved


def _write(path: Path, version: int) -> None:
    """Version ``version`` of the rules: a rule that bears its number, allowing when it is even."""
    verdict = "deny" if version % 2 else "allow"
    draft = path.with_suffix(".draft")
    draft.write_text(f'version = 1\n[[rule]]\nid = "v{version}"\n{verdict} = "user:ana"\ncall = "work"\n')
    draft.replace(path)


def test_no_call_is_decided_by_rules_that_had_changed_before_it_began(tmp_path: Path) -> None:
    """Under 1,000 changes, with eight threads deciding: each answer is by rules that were in force during the call."""
    path = tmp_path / "handrail.toml"
    _write(path, 0)
    book = Rulebook(snapshot(config.load(path)))
    begun, done = [0], [0]
    wrong: list[tuple[int, str | None, int]] = []
    seen: set[str | None] = set()
    changes = 1000

    def decide() -> None:
        request = PolicyRequest("default", ("user:ana",), "work")
        while done[0] < changes:
            before = done[0]
            if book.stale:
                book.renew()
            policy = book.now.policy
            assert policy is not None
            found = policy.decide(request)
            after = begun[0]
            version = int(found.rule[1:]) if found.rule else -1
            seen.add(found.rule)
            if not before <= version <= after or found.verdict != ("deny" if version % 2 else "allow"):
                wrong.append((before, found.rule, after))

    threads = [threading.Thread(target=decide) for _ in range(8)]
    for thread in threads:
        thread.start()
    for version in range(1, changes + 1):
        begun[0] = version
        _write(path, version)
        done[0] = version
        time.sleep(0.002)
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(seen) > changes / 20
