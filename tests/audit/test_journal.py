"""Appending: what is acknowledged is there, once, in an unbroken chain, whatever happens around it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from handrail.audit import oscalls, reader
from handrail.audit.journal import Journal, encode, journal_for
from handrail.audit.verify import verify
from handrail.errors import JournalError, JournalFull
from tests.audit import places
from tests.audit.places import FACT


def numbers(folder: Path) -> list[int]:
    """The ``i`` of all records that have one, sorted."""
    return sorted(int(str(body["i"])) for body in places.everything(folder) if "i" in body)


def test_a_writer_tells_who_it_is(tmp_path: Path) -> None:
    """A segment begins with writer.start, has the envelope in every record, and ends with writer.stop."""
    journal = Journal(tmp_path)
    journal.append(FACT)
    journal.close("signal")
    (part,) = reader.parts(tmp_path)
    first, fact, stop = places.bodies(part)
    assert first["k"] == "writer.start" and first["pid"] == os.getpid() and first["parent"] is None
    assert {"handrail", "python", "host"} <= first.keys()
    envelopes = [(body["v"], body["w"], body["n"]) for body in (first, fact, stop)]
    assert envelopes == [(2, part.writer, n) for n in (0, 1, 2)]
    assert all(isinstance(body["t"], int) for body in (first, fact, stop))
    assert (stop["k"], stop["reason"], stop["dropped"]) == ("writer.stop", "signal", 0)


def test_the_callers_record_stays_as_it_was(tmp_path: Path) -> None:
    """The envelope goes into a copy; fields of the envelope that a caller sets are not believed."""
    journal = Journal(tmp_path)
    record: dict[str, object] = {"k": "drop", "count": 1, "reason": "x", "n": 77, "w": "me", "v": 9}
    before = dict(record)
    journal.append(record)
    journal.close()
    assert record == before
    assert verify(tmp_path).problems == ()


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    """Making a journal touches no disk; ``open`` makes folder and segment; closing an unused one leaves nothing."""
    journal = Journal(tmp_path / "data")
    journal.close()
    assert not (tmp_path / "data").exists()
    journal.open()
    assert places.kinds(tmp_path / "data") == ["writer.start"]
    journal.close()


def test_files_and_folders_are_private(tmp_path: Path) -> None:
    """Folders have mode 0700 and files 0600."""
    places.write_one(tmp_path / "data", 1)
    made = [tmp_path / "data", *sorted((tmp_path / "data").rglob("*"))]
    assert [oct(path.stat().st_mode & 0o777) for path in made] == ["0o700", "0o700", "0o600", "0o600"]


def test_one_record_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each append is one system call that writes one whole line."""
    journal = Journal(tmp_path)
    journal.open()
    calls: list[bytes] = []

    def write(fd: int, line: bytes) -> int:
        calls.append(line)
        return os.write(fd, line)

    monkeypatch.setattr(oscalls, "write", write)
    for _ in range(3):
        journal.append(FACT)
    monkeypatch.undo()
    journal.close()
    assert [line.count(b"\n") for line in calls] == [1, 1, 1]


def test_segments_follow_each_other_in_one_chain(tmp_path: Path) -> None:
    """Past its size a segment is followed by the next, whose first record is ``segment``; the chain goes on."""
    places.write_one(tmp_path, *range(100), segment_bytes=2000)
    found = reader.parts(tmp_path)
    assert len(found) > 5 and [part.number for part in found] == list(range(len(found)))
    assert [places.bodies(part)[0]["k"] for part in found[1:]] == ["segment"] * (len(found) - 1)
    assert {path.suffix for path in (tmp_path / "journal").glob(f"{found[3].name}.*")} == {".jl", ".pl"}
    assert verify(tmp_path).problems == () and verify(tmp_path).payloads == 100


def test_large_payloads_alone_make_the_next_segment(tmp_path: Path) -> None:
    """The side segment counts too: payloads do not pile up in one file while records are small."""
    journal = Journal(tmp_path, segment_bytes=10_000)
    refs = [journal.put(encode("x" * 4000)) for _ in range(10)]
    journal.append({"k": "model.call", "messages": refs})
    journal.close()
    assert len({ref["f"] for ref in refs}) >= 3
    assert verify(tmp_path).payloads == 10


def test_payloads_come_back(tmp_path: Path) -> None:
    """A payload is read by its reference, and a reference tells nothing that a guess could be compared with."""
    journal = Journal(tmp_path)
    one, other = journal.put(b'"same"'), journal.put(b'"same"')
    journal.close()
    assert reader.payload(tmp_path, one) == reader.payload(tmp_path, other) == b'"same"'
    assert one["c"] != other["c"]


def test_payloads_can_be_left_out(tmp_path: Path) -> None:
    """With payloads off a reference is a bare commitment and no content reaches the disk."""
    journal = Journal(tmp_path, payloads=False)
    ref = journal.put(b'"very secret"')
    journal.append({"k": "tool.call", "args": ref})
    journal.close()
    assert ref.keys() == {"c"} and reader.payload(tmp_path, ref) is None
    assert all(b"very secret" not in path.read_bytes() for path in (tmp_path / "journal").iterdir())
    assert verify(tmp_path).problems == ()


@pytest.mark.parametrize("value", [{"x": {1: 2}}, {"x": object()}, {"x": "\ud800"}, {"k": b"\xff", "x": 1j}])
def test_what_is_no_json_is_refused_whole(tmp_path: Path, value: dict[str, object]) -> None:
    """A record without JSON form raises JournalError, leaves no trace, and harms no later record."""
    journal = Journal(tmp_path)
    with pytest.raises(JournalError, match="no JSON form"):
        journal.append(value)
    with pytest.raises(JournalError, match="canonical JSON"):
        journal.put(b'"a"\n"b"')
    journal.append(FACT)
    journal.close()
    assert places.kinds(tmp_path) == ["writer.start", "config.load", "writer.stop"]


def test_losses_are_told_before_the_next_record(tmp_path: Path) -> None:
    """What could not be written is counted by reason, told before the next record, and summed up at the end."""
    journal = Journal(tmp_path)
    for reason in ("full", "full", "broken"):
        journal.drop(reason)
    journal.append(FACT)
    journal.append(FACT)
    journal.close()
    found = places.everything(tmp_path)
    assert [(body["reason"], body["count"]) for body in found if body["k"] == "drop"] == [("full", 2), ("broken", 1)]
    assert [body["k"] for body in found] == ["writer.start", "drop", "drop", *["config.load"] * 2, "writer.stop"]
    assert found[-1]["dropped"] == 3


def test_a_record_after_the_end_begins_another_writer(tmp_path: Path) -> None:
    """Closing twice is harmless, and a record that comes after it (another exit handler's) is still kept."""
    journal = Journal(tmp_path)
    journal.append(FACT)
    first = journal.writer
    journal.close()
    journal.close()
    journal.append(FACT)
    assert journal.writer != first
    journal.close()
    assert sorted(places.kinds(tmp_path)) == sorted(2 * ["writer.start", "config.load", "writer.stop"])


def test_threads_share_one_chain(tmp_path: Path) -> None:
    """Eight threads that append, put and sync at once leave every record once, in one unbroken chain."""
    journal = Journal(tmp_path, segment_bytes=20_000)

    def work(base: int) -> None:
        for i in range(base, base + 100):
            journal.append({"k": "tool.call", "i": i, "args": journal.put(b"%d" % i)}, durable=i % 50 == 0)

    threads = [threading.Thread(target=work, args=(100 * t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    report = verify(tmp_path)
    assert (report.problems, report.writers, report.payloads) == ((), 1, 800)
    assert numbers(tmp_path) == list(range(800))


def at_line(number: int, act: Callable[[], None]) -> Callable[[FrameType, str, Any], Any]:
    """A trace function that acts once, when that many lines of the journal's own code have run."""
    seen = 0
    own = {sys.modules[f"handrail.audit.{name}"].__file__ for name in ("journal", "writer", "oscalls")}

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename not in own:
            return None
        if event == "line":
            seen += 1
            if seen == number:
                act()
        return trace

    return trace


def traced(trace: Callable[[FrameType, str, Any], Any], work: Callable[[], None]) -> None:
    """Do the work under a trace function."""
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)


INTERRUPTED = """
import random, signal, sys
from pathlib import Path
from handrail.audit.journal import Journal
journal = Journal(Path(sys.argv[1]), segment_bytes=int(sys.argv[2]))
signal.signal(signal.SIGALRM, signal.default_int_handler)
chance, interrupted, done = random.Random(7), 0, []
for i in range(1500):
    try:
        signal.setitimer(signal.ITIMER_REAL, chance.randrange(1, 120) / 1e6)
        journal.append({"k": "tool.call", "i": i, "args": journal.put(b"%d" % i)})
        done.append(i)
    except KeyboardInterrupt:
        interrupted += 1
    finally:
        while True:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
                break
            except KeyboardInterrupt:
                continue
    journal.append({"k": "tool.call", "i": -1 - i})
    done.append(-1 - i)
assert interrupted > 20, interrupted
print(*done)
"""


@pytest.mark.parametrize("segment_bytes", [1000, 1 << 20], ids=["rotating", "plain"])
def test_an_interrupt_at_any_moment_breaks_nothing(tmp_path: Path, segment_bytes: int) -> None:
    """Ctrl-C at random moments of an append: what was acknowledged is there once, what was not at most once."""
    acknowledged = {int(line) for line in places.run(INTERRUPTED, tmp_path, segment_bytes).split()}
    found = numbers(tmp_path)
    assert len(found) == len(set(found)) and acknowledged <= set(found)
    assert verify(tmp_path).problems == ()


def test_an_append_inside_an_append_is_kept(tmp_path: Path) -> None:
    """A finalizer or signal handler that appends at any line of an append neither hangs nor breaks a chain."""
    journal = Journal(tmp_path, segment_bytes=3000)
    line, fired = 0, [True]
    while fired:
        line += 1
        fired.clear()

        def inner(i: int = line) -> None:
            fired.append(True)
            journal.append({"k": "tool.call", "i": -i, "args": journal.put(b"-%d" % i)}, durable=i % 20 == 0)

        def outer(i: int = line) -> None:
            journal.append({"k": "tool.call", "i": i, "args": journal.put(b"%d" % i)})

        traced(at_line(line, inner), outer)
    journal.close()
    assert line > 30
    assert numbers(tmp_path) == [*range(1 - line, 0), *range(1, line + 1)]
    assert verify(tmp_path).problems == ()


@pytest.mark.parametrize("line", [2, 3, 4, 10])
def test_a_durable_append_inside_an_append_does_not_wait_for_who_waits_for_it(line: int, tmp_path: Path) -> None:
    """While another thread syncs, a finalizer in the middle of an append may append durably: nobody waits for ever."""
    journal = Journal(tmp_path)
    journal.open()

    def inner() -> None:
        threading.Thread(target=journal.sync, daemon=True).start()
        while journal._sync_lock.acquire(blocking=False):  # until the other thread is in the middle of its sync
            journal._sync_lock.release()
            time.sleep(0.001)
        journal.append({"k": "tool.call", "i": 2}, durable=True)

    def outer() -> None:
        journal.append({"k": "tool.call", "i": 1})

    work = threading.Thread(target=traced, args=(at_line(line, inner), outer), daemon=True)
    work.start()
    work.join(30)
    assert not work.is_alive()
    journal.close()
    assert sorted(numbers(tmp_path)) == [1, 2]


async def test_an_event_loop_is_never_held(tmp_path: Path) -> None:
    """Under blockbuster the first append, later ones, payloads and a new segment pass; sync runs in a thread."""
    journal = Journal(tmp_path / "data", segment_bytes=2000)
    with blockbuster_ctx():
        for i in range(30):
            journal.append({"k": "tool.call", "i": i, "args": journal.put(b"1")})
        await asyncio.to_thread(journal.sync)
    journal.close()
    assert verify(tmp_path / "data").payloads == 30


def test_durable_syncs_payloads_before_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``durable`` returns after payloads, then records, then the names of new files are on the disk."""
    journal = Journal(tmp_path)
    journal.open()
    journal.close()  # leaves the background thread out of the count: nothing is appended but durably below
    synced: list[str] = []
    real_data, real_folder = oscalls.sync_data, oscalls.sync_folder

    def sync_data(fd: int) -> None:
        synced.append(Path(f"/proc/self/fd/{fd}").readlink().suffix)
        real_data(fd)

    def sync_folder(path: Path) -> None:
        synced.append(path.name)
        real_folder(path)

    monkeypatch.setattr(oscalls, "sync_data", sync_data)
    monkeypatch.setattr(oscalls, "sync_folder", sync_folder)
    journal.append({"k": "tool.call", "args": journal.put(b"1")}, durable=True)
    journal.append(FACT, durable=True)
    monkeypatch.undo()
    journal.close()
    assert synced == [".pl", ".jl", "journal", ".pl", ".jl"]


def test_the_background_puts_records_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An append that asks for nothing is synced a moment later by itself, while no lock of appends is held."""
    journal = Journal(tmp_path)
    synced, may_end = threading.Event(), threading.Event()
    real = oscalls.sync_data

    def slow(fd: int) -> None:
        synced.set()
        assert may_end.wait(30)
        real(fd)

    monkeypatch.setattr(oscalls, "sync_data", slow)
    journal.append(FACT)
    assert synced.wait(30)
    journal.append(FACT)  # would wait for ever if the lock were held meanwhile
    may_end.set()
    monkeypatch.undo()
    journal.close()
    assert len(places.everything(tmp_path)) == 4


def test_a_deleted_journal_is_noticed(tmp_path: Path) -> None:
    """When somebody deletes the folder under a living writer, sync says so and the next record is kept anew."""
    journal = Journal(tmp_path / "data")
    journal.append(FACT)
    for path in (tmp_path / "data" / "journal").iterdir():
        path.unlink()
    with pytest.raises(JournalError, match="deleted while it was written"):
        journal.sync()
    journal.append({"k": "tool.call", "i": 1})
    journal.close()
    assert numbers(tmp_path / "data") == [1]


def test_a_full_disk_takes_back_and_resumes(tmp_path: Path) -> None:
    """On a full disk appends raise JournalFull, nothing is half-written, and after space returns all goes on."""
    with places.mounted(tmp_path / "disk", kilobytes=64) as disk:
        journal = Journal(disk / "data", segment_bytes=16_000)
        stored: list[int] = []
        with pytest.raises(JournalFull, match="no space left"):
            for i in range(10_000):
                journal.append({"k": "tool.call", "i": i, "args": journal.put(encode("x" * 300))})
                stored.append(i)
        for _ in range(3):
            with pytest.raises(JournalFull):
                journal.append({"k": "tool.call", "i": -1, "text": "y" * 5000})
            journal.drop("full")
        assert verify(disk / "data").problems == ()
        first = reader.parts(disk / "data")[0]
        (disk / "data" / "journal" / f"{first.name}.pl").write_bytes(b"")  # space comes back
        journal.append({"k": "tool.call", "i": 9999})
        journal.close()
        found = places.everything(disk / "data")
        assert numbers(disk / "data") == [*stored, 9999]
        assert [body["count"] for body in found if body["k"] == "drop"] == [1, 1, 1]
        assert {problem.code for problem in verify(disk / "data").problems} <= {"payload"}


LIMITED = """
import resource, sys
from pathlib import Path
from handrail.audit.journal import Journal, encode
from handrail.audit.verify import verify
from handrail.errors import JournalFull
data = Path(sys.argv[1])
journal = Journal(data)
journal.append({"k": "tool.call", "i": 0})
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
refused = 0
for i in range(1, 100):
    try:
        journal.append({"k": "tool.call", "i": i, "x": "y" * 97, "args": journal.put(encode("z" * 70))})
    except JournalFull:
        refused += 1
assert refused > 50 and verify(data).problems == (), verify(data)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append({"k": "tool.call", "i": 100, "args": journal.put(b"1")}, durable=True)
print(refused)
"""


def test_a_short_write_is_taken_back(tmp_path: Path) -> None:
    """Where the system writes only part of a line (a file size limit) the part is removed, and recording resumes."""
    refused = int(places.run(LIMITED, tmp_path))
    assert len(numbers(tmp_path)) == 101 - refused
    assert verify(tmp_path).problems == () and places.kinds(tmp_path)[-1] == "writer.stop"


def test_a_disk_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A read-only disk gives a JournalError with the path and what to do; reading what is there still works."""
    with places.mounted(tmp_path / "disk", kilobytes=200) as disk:
        places.write_one(disk / "data", *range(5))
        places.read_only(disk)
        for folder in (disk / "data", disk / "new"):
            with pytest.raises(JournalError, match=r"disk/.*Read-only file system.*HANDRAIL_DATA"):
                Journal(folder).open()
        report = verify(disk / "data")
        assert (report.records, report.payloads, report.problems) == (7, 5, ())
        assert not reader.writer_alive(reader.parts(disk / "data")[0])


@pytest.mark.parametrize("where", ["data", "data/journal"])
def test_a_planted_link_is_refused(tmp_path: Path, where: str) -> None:
    """A symbolic link as data folder or as journal folder is refused by name, and nothing is written through it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match=f"{where}: is a symbolic link"):
        Journal(tmp_path / "data").append(FACT)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_process_shares_one_journal_per_folder(tmp_path: Path) -> None:
    """The same folder gives the same journal, another folder or other payloads another."""
    one = journal_for(tmp_path / "a", True)
    assert journal_for(tmp_path / "a") is one
    assert journal_for(tmp_path / "a", False) is not one and journal_for(tmp_path / "b") is not one


FORKS = """
import os, sys, threading
from pathlib import Path
from handrail.audit.journal import journal_for
data = Path(sys.argv[1])
journal = journal_for(data)
journal.open()
running = True
count = [0, 0]
def busy(t):
    while running:
        journal_for(data).append({"k": "tool.call", "i": count[t] * 10 + t})
        count[t] += 1
threads = [threading.Thread(target=busy, args=(t,)) for t in range(2)]
[thread.start() for thread in threads]
parent = journal.writer
for c in range(30):
    pid = os.fork()
    if pid == 0:
        for i in range(3):
            journal_for(data).append({"k": "tool.call", "child": c, "args": journal.put(b"1")}, durable=i == 2)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
running = False
[thread.join() for thread in threads]
print(parent, *count)
"""


def test_a_fork_at_any_moment_gives_a_new_writer(tmp_path: Path) -> None:
    """Forks while threads append: no child hangs, each has its own files and names its parent, nobody is harmed."""
    parent, *counts = places.run(FORKS, tmp_path).split()
    report = verify(tmp_path)
    assert (report.problems, report.writers) == ((), 31)
    starts = [body for body in places.everything(tmp_path) if body["k"] == "writer.start"]
    assert sorted(str(body["parent"]) for body in starts) == sorted(["None", *[parent] * 30])
    assert len({body["pid"] for body in starts}) == 31
    assert numbers(tmp_path) == sorted(i * 10 + t for t in range(2) for i in range(int(counts[t])))
    children = [body for body in places.everything(tmp_path) if "child" in body]
    assert len(children) == 90 and all(body["w"] != parent for body in children)


PRELOAD = """
import os, sys, time
from pathlib import Path
from handrail.audit.journal import journal_for
journal = journal_for(Path(sys.argv[1]))
journal.append({"k": "config.load", "outcome": "loaded"})
workers = []
for w in range(3):
    pid = os.fork()
    if pid == 0:
        for i in range(50):
            journal.append({"k": "tool.call", "i": w * 50 + i})
        os.write(1, b"ready\\n")
        time.sleep(60)
    workers.append(pid)
for line in sys.stdin:
    word, which = line.split()
    if word == "term":
        os.kill(workers[int(which)], 15)
        print("gone", os.waitpid(workers[int(which)], 0)[1], flush=True)
    elif word == "exit":
        sys.exit(0)
"""


def test_preloaded_workers_outlive_their_master(tmp_path: Path) -> None:
    """A master that forks workers and ends is known as dead while its workers, who inherited its files, live."""
    with places.start(PRELOAD, tmp_path) as master:
        assert master.stdin is not None and master.stdout is not None
        assert [master.stdout.readline() for _ in range(3)] == ["ready\n"] * 3
        first = {places.bodies(part)[0]["parent"] is None: part for part in reader.parts(tmp_path)}[True]
        workers = [part for part in reader.parts(tmp_path) if part.writer != first.writer]
        assert reader.writer_alive(first) and all(map(reader.writer_alive, workers))
        print("term 0", file=master.stdin, flush=True)
        assert master.stdout.readline() == f"gone {signal.SIGTERM:d}\n"
        assert sorted(map(reader.writer_alive, workers)) == [False, True, True]
        print("exit 0", file=master.stdin, flush=True)
        assert master.wait(30) == 0
        assert not reader.writer_alive(first)
        alive = [part for part in workers if reader.writer_alive(part)]
        assert len(alive) == 2
        for part in alive:
            os.kill(int(str(places.bodies(part)[0]["pid"])), signal.SIGKILL)
    assert verify(tmp_path).problems == () and numbers(tmp_path) == list(range(150))
    assert places.kinds(tmp_path).count("writer.stop") == 1


POOL = """
import multiprocessing, sys
from pathlib import Path
from handrail.audit.journal import journal_for
def work(i):
    journal_for(Path(sys.argv[1])).append({"k": "tool.call", "i": i})
    return journal_for(Path(sys.argv[1])).writer
if __name__ == "__main__":
    work(0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        writers = set(pool.map(work, range(1, 40), chunksize=1))
    assert work(40) not in writers
"""


def test_multiprocessing_workers_have_their_own_files(tmp_path: Path) -> None:
    """Tasks of a multiprocessing pool are recorded by their workers, beside the parent's own records."""
    places.run(POOL, tmp_path)
    assert numbers(tmp_path) == list(range(41))
    assert verify(tmp_path).problems == ()


def test_the_end_of_a_process_is_recorded(tmp_path: Path) -> None:
    """A process that ends by itself writes writer.stop, and the background thread does not keep it alive."""
    script = "import sys, pathlib, handrail.audit.journal as j; j.journal_for(pathlib.Path(sys.argv[1]))"
    places.run(script + ".append({'k': 'x'})", tmp_path)
    stop = places.everything(tmp_path)[-1]
    assert (stop["k"], stop["reason"]) == ("writer.stop", "exit")


def test_no_signal_handler_is_installed(tmp_path: Path) -> None:
    """The library leaves the program's signal handling alone."""
    script = """
import signal
before = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
import pathlib, sys, handrail.audit.journal as j
j.journal_for(pathlib.Path(sys.argv[1])).open()
assert before == [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
"""
    places.run(script, tmp_path)
