"""Packing: not a byte, record or payload changes; no crash and no reader beside it sees anything else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handrail.audit import compact as compact_module
from handrail.audit import oscalls, reader
from handrail.audit.compact import compact, packing
from handrail.audit.format import erased_line
from handrail.audit.journal import Journal
from handrail.audit.reader import Record
from handrail.audit.verify import verify
from handrail.errors import JournalError
from tests.audit.places import FACT, everything, write_one

Content = dict[str, list[Record]]


def content(folder: Path) -> Content:
    """All records with offsets and digests, by part."""
    return {part.name: list(reader.records(part)) for part in reader.parts(folder)}


def payloads(folder: Path) -> list[bytes | None]:
    """All payloads that records refer to."""
    refs: list[Any] = [body["args"] for body in everything(folder) if "args" in body]
    return [reader.payload(folder, ref) for ref in refs]


def files(folder: Path, ending: str) -> list[Path]:
    """Files of the journal with that ending."""
    return sorted((folder / "journal").glob(f"*{ending}"))


def dead_writers(folder: Path, count: int = 10) -> tuple[Content, list[bytes | None]]:
    """Some writers of one or several segments that have stopped; what they wrote."""
    for number in range(count):
        write_one(folder, *range(number), segment_bytes=900)
    return content(folder), payloads(folder)


def test_packing_changes_nothing_that_is_read(tmp_path: Path) -> None:
    """Names, offsets, digests, records and payloads are the same from one pack as from many files."""
    before = dead_writers(tmp_path)
    parts = reader.parts(tmp_path)
    assert compact(tmp_path) == 10
    assert files(tmp_path, ".jl") == files(tmp_path, ".pl") == [] and len(files(tmp_path, ".jlp")) == 1
    assert (content(tmp_path), payloads(tmp_path)) == before
    report = verify(tmp_path)
    assert (report.problems, report.writers, report.payloads) == ((), 10, sum(range(10)))
    assert [part.previous is None for part in reader.parts(tmp_path)] == [part.number == 0 for part in parts]
    assert oct(files(tmp_path, ".jlp")[0].stat().st_mode & 0o777) == "0o600"


def test_a_part_that_was_listed_before_is_read_after(tmp_path: Path) -> None:
    """A reader that listed files, or stands in the middle of one, finds them in the pack."""
    dead_writers(tmp_path)
    listed = reader.parts(tmp_path)
    before = [list(reader.records(part)) for part in listed]
    compact(tmp_path)
    assert [list(reader.records(part)) for part in listed] == before
    for part, found in zip(listed, before, strict=True):
        assert list(reader.records(part, found[1].offset if found[1:] else found[0].end)) == found[1:]
    assert [reader.size(part) for part in listed] == [found[-1].end for found in before]
    assert not any(map(reader.writer_alive, listed))


def test_the_living_and_the_large_are_let_be(tmp_path: Path) -> None:
    """Only dead writers are packed, only small ones, and only when there are enough of them."""
    living = Journal(tmp_path)
    living.append(FACT)
    write_one(tmp_path, *range(200))
    assert compact(tmp_path, small_bytes=10_000) == 0
    dead_writers(tmp_path, 7)
    assert compact(tmp_path, small_bytes=10_000) == 0
    dead_writers(tmp_path, 1)
    assert compact(tmp_path, small_bytes=10_000) == 8
    assert len(files(tmp_path, ".jl")) == 2
    living.append(FACT)
    living.close()
    assert verify(tmp_path).problems == ()
    assert compact(tmp_path, min_writers=1) == 2 and verify(tmp_path).problems == ()


def test_a_segment_that_was_just_made_is_let_be(tmp_path: Path) -> None:
    """Between making and locking its segment a writer cannot be told from a dead one: an empty file is not packed."""
    dead_writers(tmp_path)
    fresh = tmp_path / "journal" / "00112233445566aa-000000.jl"
    fresh.touch(mode=0o600)
    assert compact(tmp_path) == 10 and fresh.exists()


def test_finished_segments_of_the_living_keep_their_chain(tmp_path: Path) -> None:
    """A writer that goes on after earlier segments of its were packed leaves one unbroken chain."""
    journal = Journal(tmp_path, segment_bytes=700)
    for number in range(10):
        journal.append({"k": "x", "i": number})
    journal.sync()
    older = [path.name for path in files(tmp_path, "")][:-2]
    compact_module._pack(tmp_path / "journal", [name for name in older if name.endswith((".jl", ".pl"))])
    journal.append({"k": "x", "i": 10})
    assert all(map(reader.writer_alive, reader.parts(tmp_path)))
    journal.close()
    assert [body["i"] for body in everything(tmp_path) if "i" in body] == list(range(11))
    assert verify(tmp_path).problems == ()


def test_damage_is_packed_as_it_is(tmp_path: Path) -> None:
    """A torn tail or an erased payload stays exactly that, at the same offset, in the pack."""
    dead_writers(tmp_path)
    torn = files(tmp_path, ".jl")[3]
    with torn.open("ab") as file:
        file.write(b"half a li")
    refs: list[Any] = [body["args"] for body in everything(tmp_path) if "args" in body]
    with (tmp_path / "journal" / f"{refs[0]['f']}.pl").open("r+b") as file:
        file.seek(refs[0]["o"])
        file.write(erased_line(refs[0]["l"]))
    before = [(p.offset, p.code) for p in verify(tmp_path).problems]
    assert compact(tmp_path) == 10
    after = verify(tmp_path)
    assert [(p.offset, p.code) for p in after.problems] == before == [(before[0][0], "torn")]
    assert after.erased == 1 and after.problems[0].file.endswith(f".jlp:{torn.name}")


class Crash(BaseException):
    """The process ends here."""


def crash_at(number: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the n-th change of the disk be the last thing that does not happen; the names of those that did."""
    done: list[str] = []

    def guarded(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if len(done) == number:
                raise Crash
            done.append(name)
            return real(*arguments, **options)

        return call

    for name in ("open_segment", "append", "sync_data", "rename", "sync_folder", "remove"):
        monkeypatch.setattr(oscalls, name, guarded(name, getattr(oscalls, name)))
    return done


def test_a_crash_at_any_point_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Ended before each of its changes of the disk, packing leaves a whole journal, and the next call finishes."""
    for number in range(1000):
        folder = tmp_path / str(number)
        before = dead_writers(folder, 3)
        with pytest.MonkeyPatch.context() as patch:
            done = crash_at(number, patch)
            try:
                compact(folder, min_writers=3)
                break
            except Crash:
                pass
        assert (content(folder), payloads(folder)) == before
        assert verify(folder).problems == ()
        compact(folder, min_writers=1)
        assert (content(folder), payloads(folder)) == before
        names = {path.suffix for path in (folder / "journal").iterdir()}
        assert names == {".jlp", ".lock"}
    assert number == len(done) > 10 and {"append", "sync_data", "rename", "remove"} <= set(done)


def test_half_a_written_pack_is_never_read(tmp_path: Path) -> None:
    """What a crash left of an unfinished pack counts for nothing and goes at the next call."""
    before = dead_writers(tmp_path)
    leftover = tmp_path / "journal" / f"pack-{'0' * 16}.jlp.tmp"
    leftover.write_bytes(b'{"files":[{"l":5,"na')
    assert (content(tmp_path), payloads(tmp_path)) == before and verify(tmp_path).problems == ()
    compact(tmp_path)
    assert not leftover.exists()


def test_two_packers_do_not_meet(tmp_path: Path) -> None:
    """While one process rearranges the journal another leaves it alone."""
    dead_writers(tmp_path)
    with packing(tmp_path) as mine:
        assert mine and compact(tmp_path) == 0
    assert compact(tmp_path) == 10


def test_readers_beside_a_packer_lose_nothing(tmp_path: Path) -> None:
    """Four threads that read records and payloads while writers come, go and are packed always see all of them."""
    known: Content = {}
    failures: list[object] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            before = dict(known)
            found = content(tmp_path)
            failures.extend(name for name, records in before.items() if found.get(name) != records)
            if None in payloads(tmp_path):
                failures.append("payload")

    threads = [threading.Thread(target=watch) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(24):
            write_one(tmp_path, number)
            known.update(content(tmp_path))
            compact(tmp_path, min_writers=2)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == [] and len(files(tmp_path, ".jlp")) == 12 and len(known) == 24


def test_a_full_disk_leaves_all_as_it_was(tmp_path: Path) -> None:
    """Without space for a pack an error says so, and nothing is lost."""
    dead_writers(tmp_path)
    before = content(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oscalls, "write", lambda _fd, line: len(line) // 2)
        with pytest.raises(JournalError, match="no space left"):
            compact(tmp_path)
    assert content(tmp_path) == before and compact(tmp_path) == 10


def test_without_a_journal_there_is_nothing_to_pack(tmp_path: Path) -> None:
    """A data folder without journal is left as it is."""
    assert compact(tmp_path) == 0 and list(tmp_path.iterdir()) == []
