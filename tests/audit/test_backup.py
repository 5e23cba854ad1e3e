"""Backups: a copy that holds together, made while agents write."""

from __future__ import annotations

import stat
import tarfile
import threading
from pathlib import Path

import pytest

from handrail.audit import reader
from handrail.audit.backup import KEYS, VALUES, back_up, cut_at
from handrail.audit.journal import Journal
from handrail.audit.restore import restore
from handrail.audit.verify import verify
from handrail.errors import JournalCorrupt, JournalError
from tests.audit.backups import OTHERS, PASSING, files, filled


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    return filled(tmp_path / "data")


def test_a_restored_folder_is_the_one_that_was_copied(data: Path, tmp_path: Path) -> None:
    """Claim: every file but index, locks and drafts comes back byte for byte, for its owner only, and is intact."""
    made = back_up(data, tmp_path / "b.tar")
    back = restore(tmp_path / "b.tar", tmp_path / "again")
    kept = {name: content for name, content in files(data).items() if name not in PASSING}
    found = files(tmp_path / "again")
    new = [name for name in found if name not in kept]
    assert {name: found[name] for name in kept} == kept
    assert {Path(name).suffix for name in new} == {".jl", ".pl"} and len(new) == 2  # the writer of the restore
    assert verify(tmp_path / "again").intact and made.problems == back.problems == ()
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "again").rglob("*")}
    assert modes == {0o600, 0o700} and stat.S_IMODE((tmp_path / "b.tar").stat().st_mode) == 0o600
    assert (made.digest, made.files, made.left_out) == (back.digest, len(kept), ())


def test_any_tar_reads_a_backup(data: Path, tmp_path: Path) -> None:
    """Claim: the archive needs no Handrail: an ordinary tar has the same files in it."""
    back_up(data, tmp_path / "b.tar")
    with tarfile.open(tmp_path / "b.tar") as plain:
        names = plain.getnames()
        read = plain.extractfile("digest.key")
        assert read is not None and read.read() == OTHERS["digest.key"]
    assert set(names) == (set(files(data)) - set(PASSING)) | {"manifest.json"} and names[-1] == "manifest.json"


def test_secrets_can_be_left_out(data: Path, tmp_path: Path) -> None:
    """Claim: without values and keys nothing of the two folders is in the file, and the restore says so."""
    back_up(data, tmp_path / "b.tar", without=(VALUES, KEYS))
    content = (tmp_path / "b.tar").read_bytes()
    assert b"sealed" not in content and b"secret" not in content and b"k" * 32 not in content
    back = restore(tmp_path / "b.tar", tmp_path / "again")
    assert back.without == ("keys", "replay") and verify(tmp_path / "again").intact


def test_links_are_not_followed(data: Path, tmp_path: Path) -> None:
    """Claim: a symbolic link in the data folder is named and left out; as source, or as journal, it is refused."""
    (tmp_path / "elsewhere").write_text("private")
    (data / "owners" / "thread-0d").symlink_to(tmp_path / "elsewhere")
    (data / "notes.txt").write_text("mine")
    made = back_up(data, tmp_path / "b.tar")
    assert set(made.left_out) == {"owners/thread-0d", "notes.txt"}
    assert b"private" not in (tmp_path / "b.tar").read_bytes()
    (tmp_path / "link.tar").symlink_to(tmp_path / "b.tar")
    with pytest.raises(JournalError, match="Nothing was restored"):
        restore(tmp_path / "link.tar", tmp_path / "again")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "journal").symlink_to(data / "journal")
    with pytest.raises(JournalError, match="symbolic link"):
        back_up(tmp_path / "other", tmp_path / "c.tar")


def test_a_file_that_is_there_is_kept(data: Path, tmp_path: Path) -> None:
    """Claim: a target that is there, a dangling link too, is refused and unchanged; with force it is replaced."""
    (tmp_path / "b.tar").write_text("older")
    (tmp_path / "l.tar").symlink_to(tmp_path / "nowhere")
    for name in ("b.tar", "l.tar"):
        with pytest.raises(JournalError, match="--force"):
            back_up(data, tmp_path / name)
    assert (tmp_path / "b.tar").read_text() == "older"
    back_up(data, tmp_path / "b.tar", force=True)
    back_up(data, tmp_path / "l.tar", force=True)
    assert (tmp_path / "b.tar").stat().st_size > 1000
    assert not (tmp_path / "nowhere").exists() and (tmp_path / "l.tar").is_file()


def events(folder: Path, kind: str = "mark") -> list[tuple[str, int]]:
    """Writer and mark of each record of a kind."""
    found = [{**record.fields, "w": part.writer} for part in reader.parts(folder) for record in reader.records(part)]
    return [(record["w"], record["i"]) for record in found if record["k"] == kind]


def test_a_backup_while_agents_write_has_every_cause(tmp_path: Path) -> None:
    """Claim: what one writer recorded because of another's record is never there without it, and all is intact."""
    data, stop = tmp_path / "data", threading.Event()
    first, second = Journal(data, segment_bytes=100_000), Journal(data, segment_bytes=100_000)
    second.open()

    def write() -> None:
        i = 0
        while not stop.is_set():
            i += 1
            first.append({"k": "mark", "i": i, "args": first.put(b'"%d"' % i)})
            second.append({"k": "mark", "i": i, "args": second.put(b'"%d"' % i)})

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for number in range(3):
            back_up(data, tmp_path / f"{number}.tar")
    finally:
        stop.set()
        writing.join()
    writers, seen = {first.writer: set[int](), second.writer: set[int]()}, 0
    for number in range(3):
        restore(tmp_path / f"{number}.tar", tmp_path / str(number))
        assert verify(tmp_path / str(number)).intact
        marks = {writer: {i for w, i in events(tmp_path / str(number)) if w == writer} for writer in writers}
        assert marks[second.writer] <= marks[first.writer] and len(marks[first.writer] - marks[second.writer]) <= 1
        seen += len(marks[first.writer])
    assert seen > 0
    first.close()
    second.close()


def test_what_comes_after_the_moment_is_cut_off(tmp_path: Path) -> None:
    """Claim: records that were there at the first look stay, whatever their clock; younger ones and all behind go."""
    journal = Journal(tmp_path, segment_bytes=300)
    journal.append({"k": "mark", "i": 1})
    floors = {part.name: reader.size(part) for part in reader.parts(tmp_path)}
    for i in range(2, 9):
        journal.append({"k": "mark", "i": i})
    journal.close()
    parts = [part.name for part in reader.parts(tmp_path)]
    assert len(parts) > 2
    assert cut_at(tmp_path, floors, 0).ends == {f"{parts[0]}.jl": floors[parts[0]]}
    assert list(cut_at(tmp_path, floors, 1 << 62).ends) == [f"{name}.jl" for name in parts]


def test_a_half_written_record_is_not_copied(data: Path, tmp_path: Path) -> None:
    """Claim: the torn end that a killed writer left is not in the copy, which is intact."""
    segment = next((data / "journal").glob("*.jl"))
    segment.write_bytes(segment.read_bytes() + b"0123")
    back_up(data, tmp_path / "b.tar")
    restore(tmp_path / "b.tar", tmp_path / "again")
    assert not verify(data).intact and verify(tmp_path / "again").intact


def test_a_damaged_journal_is_copied_and_said(data: Path, tmp_path: Path) -> None:
    """Claim: damage is reported when the backup is made; restoring it needs `damaged`, and reports it again."""
    segment = next((data / "journal").glob("*.jl"))
    segment.write_bytes(segment.read_bytes().replace(b'"tool":"refund"', b'"tool":"refuns"'))
    assert [problem.code for problem in back_up(data, tmp_path / "b.tar").problems] == ["hash"]
    with pytest.raises(JournalCorrupt, match="--damaged"):
        restore(tmp_path / "b.tar", tmp_path / "again")
    assert files(tmp_path / "again") == {}
    assert [problem.code for problem in restore(tmp_path / "b.tar", tmp_path / "again", damaged=True).problems]
    assert (tmp_path / "again" / "journal" / segment.name).read_bytes() == segment.read_bytes()
