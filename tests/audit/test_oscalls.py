"""The operating system's part: what is made, what is refused, what is said."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.audit import oscalls
from handrail.errors import JournalError, JournalFull
from tests.audit import places

REPO_AUDIT = places.REPO / "handrail" / "audit"


def mode_of(path: Path) -> int:
    """Permission bits."""
    return stat.S_IMODE(path.lstat().st_mode)


def test_folders_are_for_their_owner_only(tmp_path: Path) -> None:
    """Every folder that is made, missing parents included, has mode 0700 whatever the umask is."""
    before = os.umask(0)
    try:
        oscalls.make_folder(tmp_path / "a" / "b")
    finally:
        os.umask(before)
    assert [mode_of(tmp_path / "a"), mode_of(tmp_path / "a" / "b")] == [0o700, 0o700]


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Making a folder twice is no error, and does not change the permissions that somebody gave it."""
    (tmp_path / "shared").mkdir(mode=0o750)
    oscalls.make_folder(tmp_path / "shared")
    assert mode_of(tmp_path / "shared") == 0o750


@pytest.mark.parametrize("planted", ["link", "dangling", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, planted: str) -> None:
    """A symbolic link (to a folder or to nothing) or a file in the folder's place is refused by path."""
    data = tmp_path / "data"
    if planted == "file":
        data.write_text("")
    else:
        (tmp_path / "elsewhere").mkdir()
        data.symlink_to(tmp_path / ("elsewhere" if planted == "link" else "nowhere"))
    with pytest.raises(JournalError, match=f"{data}: is .*HANDRAIL_DATA"):
        oscalls.make_folder(data)


def test_a_file_among_the_parents_is_told(tmp_path: Path) -> None:
    """A parent that is a file gives the path and what to do, as a JournalError."""
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match=r"file/data: Not a directory\. .*HANDRAIL_DATA"):
        oscalls.make_folder(tmp_path / "file" / "data")


def test_a_folder_that_cannot_be_made_ends_with_an_error() -> None:
    """Where the system makes no folder at all the answer is a JournalError, not a recursion without end."""
    with pytest.raises(JournalError, match="/proc/handrail-test"):
        oscalls.make_folder(Path("/proc/handrail-test"))


def test_a_segment_is_new_and_private(tmp_path: Path) -> None:
    """A segment has mode 0600, is closed in programs that are started, and never opens what is there."""
    folder = oscalls.open_folder(tmp_path)
    before = os.umask(0)
    try:
        fd = oscalls.open_segment(folder, "new")
        (tmp_path / "target").write_text("precious")
        (tmp_path / "planted").symlink_to(tmp_path / "target")
        for name in ("new", "planted"):
            with pytest.raises(FileExistsError):
                oscalls.open_segment(folder, name)
        assert mode_of(tmp_path / "new") == 0o600
        assert not os.get_inheritable(fd)
        os.close(fd)
    finally:
        os.umask(before)
        os.close(folder)


@pytest.mark.parametrize("planted", ["link", "fifo", "folder"])
def test_only_regular_files_are_read(tmp_path: Path, planted: str) -> None:
    """A link, a FIFO (which would hold the reader for ever) or a folder under a segment's name is not read."""
    path = tmp_path / "x"
    if planted == "link":
        (tmp_path / "secret").write_text("s")
        path.symlink_to(tmp_path / "secret")
    elif planted == "fifo":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(OSError, match="x"):
        oscalls.read_file(path)


@pytest.mark.parametrize("kind", sorted(oscalls.NETWORK))
def test_network_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A folder on a file system where appends of two machines mix is refused, named with its type."""
    device = tmp_path.stat().st_dev
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "21 1 0:999999 / /proc rw - proc proc rw\n"
        f"22 1 {os.major(device)}:{os.minor(device)} / /a\\040b rw,relatime shared:1 - {kind} server:/x rw\n"
    )
    monkeypatch.setattr(oscalls, "MOUNTS", str(mounts))
    with pytest.raises(JournalError, match=f"network file system \\({kind}\\)"):
        oscalls.refuse_network(tmp_path)


def test_local_and_unknown_file_systems_are_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk that the tests run on is accepted, and so is a system that lists no mounts."""
    oscalls.refuse_network(tmp_path)
    monkeypatch.setattr(oscalls, "MOUNTS", str(tmp_path / "none"))
    oscalls.refuse_network(tmp_path)
    assert oscalls.file_system(tmp_path.stat().st_dev) == ""


def test_an_append_without_space_is_taken_back(tmp_path: Path) -> None:
    """On a full disk a line is written whole or not at all, and the next one that fits is written."""
    with places.mounted(tmp_path / "disk", kilobytes=8) as disk:
        folder = oscalls.open_folder(disk)
        fd = oscalls.open_segment(folder, "x")
        oscalls.append(fd, b"a" * 5000, 0, "x")
        with pytest.raises(JournalFull, match="x: no space left"):
            oscalls.append(fd, b"b" * 5000, 5000, "x")
        assert oscalls.size_of(fd) == 5000
        oscalls.append(fd, b"c" * 100, 5000, "x")
        assert (disk / "x").read_bytes() == b"a" * 5000 + b"c" * 100
        os.close(fd)
        os.close(folder)


def test_a_lock_is_seen_by_others(tmp_path: Path) -> None:
    """While one opened file holds the lock another gets it neither exclusively nor shared; afterwards it does."""
    with oscalls.locked(tmp_path / "lock", wait=False) as first:
        with oscalls.locked(tmp_path / "lock", wait=False) as second:
            assert (first, second) == (True, False)
        fd = oscalls.open_existing(tmp_path / "lock")
        assert not oscalls.try_lock(fd, shared=True)
    assert oscalls.try_lock(fd, shared=True)
    os.close(fd)


def test_without_fcntl_it_imports_and_says_so(tmp_path: Path) -> None:
    """Without fcntl everything imports and records; what needs locks refuses with a plain sentence."""
    script = """
import sys
sys.modules["fcntl"] = None
from pathlib import Path
from handrail.audit import compact, oscalls, reader
from handrail.audit.journal import Journal
from handrail.errors import NotSupported
journal = Journal(Path(sys.argv[1]))
journal.append({"k": "drop", "count": 1, "reason": "x"})
journal.close()
assert not oscalls.can_lock
(part,) = reader.parts(Path(sys.argv[1]))
assert len(list(reader.records(part))) == 3 and reader.writer_alive(part)
for refuse in (oscalls.require_locks, lambda: compact.compact(Path(sys.argv[1]))):
    try:
        refuse()
    except NotSupported as error:
        print(error)
"""
    assert places.run(script, tmp_path / "data").count("no file locks (fcntl)") == 2


def test_system_calls_live_in_one_file() -> None:
    """No other file of the journal opens, writes, locks, syncs or removes anything by itself."""
    own = ["chain", "compact", "format", "journal", "packs", "reader", "verify", "writer"]
    elsewhere = re.compile(r"\bos\.(?!urandom|getpid|register_at_fork)\w+|\bfcntl\b|(?<![\w. ])open\(")
    found = {name: elsewhere.findall((REPO_AUDIT / f"{name}.py").read_text()) for name in own}
    assert found == {name: [] for name in own}
    assert elsewhere.search("os.write(fd, b'')") and elsewhere.search("x=open(path)")


def test_importing_the_journal_loads_nothing_heavy() -> None:
    """The journal needs neither DuckDB nor a framework nor an exporter."""
    script = "import sys, handrail.audit.journal, handrail.audit.reader; print(*sys.modules)"
    environ = os.environ | {"PYTHONPATH": str(places.REPO)}
    out = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True).stdout
    assert not {"duckdb", "streamlit", "langchain", "langchain_core", "jsonschema", "casbin"} & set(out.split())
