"""Reading: the good prefix is used, the first damage named, the rest of the journal unharmed; payloads verified."""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.audit import reader
from handrail.audit.format import GENESIS, chained, encode, erased_line, record_line
from handrail.audit.journal import Journal
from handrail.audit.reader import Part
from handrail.audit.verify import VerifyReport, verify
from handrail.errors import FormatTooNew, JournalCorrupt, JournalError
from tests.audit import places
from tests.audit.places import FACT, write_one

WRITER = "00112233445566aa"
GOLDEN = Path(__file__).resolve().parents[1] / "data"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def segment(folder: Path, number: int = 0, writer: str = WRITER) -> Path:
    """Path of a loose segment."""
    return folder / "journal" / f"{writer}-{number:06d}.jl"


def forge(folder: Path, *records: dict[str, object], previous: bytes = GENESIS, number: int = 0) -> Path:
    """Write a segment with a good chain over whatever records."""
    path = segment(folder, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = b""
    for record in records:
        body = encode(record)
        previous = chained(previous, body)
        content += record_line(previous, body)
    path.write_bytes(content)
    return path


def record(n: int, **fields: object) -> dict[str, object]:
    """A record with its envelope."""
    return {"v": 1, "w": WRITER, "n": n, "t": 1, "k": "config.load", **fields}


def only(folder: Path) -> Part:
    """The one part of a journal."""
    (part,) = reader.parts(folder)
    return part


def read(folder: Path, offset: int = 0) -> tuple[int, list[tuple[str, int, str]]]:
    """How many records the one part gives, and its problems as (file, offset, code)."""
    records = reader.records(only(folder), offset)
    return len(list(records)), [(p.file, p.offset, p.code) for p in records.problems]


Folders = pytest.TempPathFactory


@pytest.fixture(name="folders")
def _folders(tmp_path_factory: Folders) -> Folders:
    """A fresh folder for each example."""
    return tmp_path_factory


@quick
@given(fields=st.lists(st.dictionaries(texts.map("x".__add__), values, max_size=5), max_size=5))
def test_any_json_comes_back(folders: Folders, fields: list[dict[str, Any]]) -> None:
    """Whatever JSON a record or payload holds, it is read as it was written."""
    folder = folders.mktemp("j")
    journal = Journal(folder)
    refs: list[Any] = []
    for field in fields:
        refs.append(journal.put(encode(field)))
        journal.append({"k": "x", **field, "xref": refs[-1]})
    journal.close()
    found = [{k: v for k, v in body.items() if k.startswith("x")} for body in places.everything(folder)[1:-1]]
    assert found == [{**field, "xref": ref} for field, ref in zip(fields, refs, strict=True)]
    assert [json.loads(reader.payload(folder, ref) or b"") for ref in refs] == fields
    assert verify(folder).problems == ()


@quick
@given(data=st.data())
def test_any_truncation_gives_the_exact_good_prefix(folders: Folders, data: st.DataObject) -> None:
    """A segment cut anywhere gives every whole record before the cut, and a torn tail unless cut between lines."""
    folder = folders.mktemp("j")
    path = forge(folder, *[record(n, text="é" * n) for n in range(6)])
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    kept = content[:cut].rfind(b"\n") + 1
    torn = [(path.name, kept, "torn")] if kept != cut else []
    assert read(folder) == (content[:cut].count(b"\n"), torn)


@quick
@given(data=st.data())
def test_any_flipped_bit_is_found(folders: Folders, data: st.DataObject) -> None:
    """One flipped bit anywhere: the records before its line are used, and a problem is reported at that line."""
    folder = folders.mktemp("j")
    path = forge(folder, *[record(n, text="abc\n") for n in range(5)])
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, 8 * len(content) - 1))
    line_start = bytes(content[: bit // 8]).rfind(b"\n") + 1
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    count, problems = read(folder)
    assert count == bytes(content[:line_start]).count(b"\n")
    assert [(file, offset) for file, offset, _ in problems] == [(path.name, line_start)]


@pytest.mark.parametrize(
    ("bad", "code", "says"),
    [
        (record(3), "gap", "record 2 is missing: record 3 follows"),
        (record(1), "gap", "record 2 is missing: record 1 follows"),
        (record(2) | {"w": "ff" * 8}, "writer", "writer 'ffffffffffffffff'"),
        (record(2) | {"v": 3}, "format", "FormatTooNew: written in journal format 3.* up to 2.*Upgrade"),
        ({"v": 4}, "format", "format 4"),
        ({"hello": "world"}, "json", "no record"),
    ],
)
def test_the_first_bad_record_ends_the_prefix(tmp_path: Path, bad: dict[str, object], code: str, says: str) -> None:
    """A gap, a repeat, a foreign or newer or senseless record is named at its offset; what follows is not used."""
    whole = forge(tmp_path, record(0), record(1)).stat().st_size
    path = forge(tmp_path, record(0), record(1), bad, record(3))
    assert read(tmp_path) == (2, [(path.name, whole, code)])
    records = reader.records(only(tmp_path))
    assert list(records)[-1].end == records.end == whole
    assert re.search(says, records.problems[0].what)


def test_a_newer_format_is_named_even_with_another_chain(tmp_path: Path) -> None:
    """A newer release may chain otherwise: its records are still refused as too new, not as damaged."""
    path = forge(tmp_path, record(0))
    path.write_bytes(path.read_bytes() + b"%b %b\n" % (b"a" * 64, encode(record(1) | {"v": 7})))
    assert [code for *_, code in read(tmp_path)[1]] == ["format"]


def test_writers_of_several_versions_live_side_by_side(tmp_path: Path) -> None:
    """A newer writer's segment is refused by name while this release's own are read whole."""
    forge(tmp_path, record(0) | {"v": 3})
    write_one(tmp_path, 1, 2)
    report = verify(tmp_path)
    assert [(p.file, p.offset, p.code) for p in report.problems] == [(segment(tmp_path).name, 0, "format")]
    assert report.records == 4


def test_reading_goes_on_where_it_ended(tmp_path: Path) -> None:
    """From any record's offset on the rest is read, checked against the record before it."""
    write_one(tmp_path, *range(20))
    part = only(tmp_path)
    whole = list(reader.records(part))
    for index, one in enumerate(whole):
        records = reader.records(part, one.offset)
        assert list(records) == whole[index:] and records.problems == []
    end = whole[-1].end
    assert list(reader.records(part, end)) == [] and end == reader.size(part)


def test_an_offset_behind_a_changed_record_is_refused(tmp_path: Path) -> None:
    """When the record before the offset is not what it was, or the offset is inside one, nothing is read on."""
    path = forge(tmp_path, *[record(n, text="abc") for n in range(4)])
    third = list(reader.records(only(tmp_path)))[3].offset
    assert read(tmp_path, third - 5) == (0, [(path.name, third - 5, "hash")])
    content = bytearray(path.read_bytes())
    content[third - 4] ^= 1
    path.write_bytes(content)
    assert read(tmp_path, third) == (0, [(path.name, third, "hash")])


def test_half_a_line_of_a_living_writer_is_no_problem(tmp_path: Path) -> None:
    """While the writer holds its lock an unfinished last line is being written; once it is dead it is a torn tail."""
    journal = Journal(tmp_path)
    journal.append(FACT)
    part = only(tmp_path)
    with part.place.path.open("ab") as file:
        file.write(b"0123")
    assert reader.writer_alive(part)
    assert read(tmp_path) == (2, []) and verify(tmp_path).problems == ()
    journal._writers[0].abandon()  # what the kernel does when the process dies
    assert not reader.writer_alive(part)
    count, problems = read(tmp_path)
    assert (count, [code for *_, code in problems]) == (2, ["torn"])
    assert verify(tmp_path).problems[0].harmless


def test_a_writer_lives_as_long_as_its_newest_segment(tmp_path: Path) -> None:
    """After rotation the earlier segments, though unlocked, belong to a living writer."""
    journal = Journal(tmp_path, segment_bytes=500)
    for _ in range(10):
        journal.append(FACT)
    journal.sync()
    found = reader.parts(tmp_path)
    assert len(found) > 2 and all(map(reader.writer_alive, found))
    journal.close()
    assert not any(map(reader.writer_alive, found))


def test_a_living_journal_is_read_while_it_is_written(tmp_path: Path) -> None:
    """A reader beside a busy writer never sees damage, and never fewer records than were acknowledged before."""
    journal = Journal(tmp_path, segment_bytes=20_000)
    acknowledged = 0

    def write() -> None:
        nonlocal acknowledged
        for i in range(3000):
            journal.append({"k": "x", "i": i})
            acknowledged = i + 1

    thread = threading.Thread(target=write)
    thread.start()
    while thread.is_alive():
        before = acknowledged
        report = verify(tmp_path)
        assert report.problems == () and report.records >= before
    thread.join()
    journal.close()
    assert len(places.everything(tmp_path)) == 3002 + len(reader.parts(tmp_path)) - 1


def several(folder: Path) -> list[Part]:
    """A journal of one writer with several segments."""
    write_one(folder, *range(40), segment_bytes=1500)
    found = reader.parts(folder)
    assert len(found) > 4
    return found


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    """A segment taken out of the middle, or the first, is reported at the one after it; the others are read."""
    found = several(tmp_path)
    total = verify(tmp_path).records
    gone = sum(len(list(reader.records(found[n]))) for n in (0, 2))
    for number in (0, 2):
        found[number].place.path.unlink()
    report = verify(tmp_path)
    missing = [p for p in report.problems if p.code == "missing"]
    assert [(p.file, p.offset) for p in missing] == [(found[1].file, 0), (found[3].file, 0)]
    assert report.records == total - gone


def test_a_swapped_segment_is_found(tmp_path: Path) -> None:
    """A segment in another's place does not continue the chain, even where its own lines fit each other."""
    found = several(tmp_path)
    one, other = found[2].place.path, found[3].place.path
    content = one.read_bytes(), other.read_bytes()
    one.write_bytes(content[1])
    other.write_bytes(content[0])
    problems = [(p.file, p.offset, p.code) for p in verify(tmp_path).problems]
    assert (found[2].file, 0, "hash") in problems


def test_damage_in_one_segment_leaves_the_next(tmp_path: Path) -> None:
    """After damage at the very end of a segment the next one is still read."""
    found = several(tmp_path)
    path = found[1].place.path
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    report = verify(tmp_path)
    assert [(p.file, p.code) for p in report.problems] == [(found[1].file, "hash")]
    assert len(places.bodies(found[2])) > 1


def test_an_edited_payload_is_found(tmp_path: Path) -> None:
    """Each changed byte of a payload line (salt, space, content, end) is noticed, by reading it and by verify."""
    write_one(tmp_path, 5)
    (side,) = (tmp_path / "journal").glob("*.pl")
    content = side.read_bytes()
    (ref,) = [body["args"] for body in places.everything(tmp_path) if "args" in body]
    assert isinstance(ref, dict) and verify(tmp_path).payloads == 1
    for index in range(len(content)):
        side.write_bytes(content[:index] + bytes([content[index] ^ 32]) + content[index + 1 :])
        with pytest.raises(JournalCorrupt, match=f"{side.name}: offset 0"):
            reader.payload(tmp_path, ref)
        assert [(p.file, p.offset, p.code) for p in verify(tmp_path).problems] == [(side.name, 0, "payload")]


def test_an_erased_payload_is_none_and_no_damage(tmp_path: Path) -> None:
    """A payload overwritten with dashes reads as None; verify counts it as erased, and the chain still holds."""
    write_one(tmp_path, 1, 2)
    (side,) = (tmp_path / "journal").glob("*.pl")
    refs: list[Any] = [body["args"] for body in places.everything(tmp_path) if "args" in body]
    with side.open("r+b") as file:
        file.seek(refs[0]["o"])
        file.write(erased_line(refs[0]["l"]))
    assert reader.payload(tmp_path, refs[0]) is None and reader.payload(tmp_path, refs[1]) == b'{"i":2}'
    report = verify(tmp_path)
    assert (report.erased, report.payloads, report.problems) == (1, 2, ())


def test_a_missing_payload_file_is_found(tmp_path: Path) -> None:
    """A side segment that is gone is a problem for every payload in it."""
    write_one(tmp_path, 1, 2)
    next((tmp_path / "journal").glob("*.pl")).unlink()
    assert [p.code for p in verify(tmp_path).problems] == ["payload", "payload"]


@pytest.mark.parametrize(
    "change",
    [
        {"f": "../../secret"}, {"f": "/etc/passwd"}, {"f": "../journal/" + WRITER + "-000000"},
        {"f": WRITER + "-000000\n"}, {"f": WRITER + "-000000/../x"}, {"f": None}, {"f": 3}, {"f": ""}, {"o": -1},
        {"o": "0"}, {"o": 2**70}, {"l": 0},
        {"l": 10**12}, {"l": None}, {"l": 1.5}, {"c": None}, {"c": "00"}, {"c": 5}, {"o": 1}, {"l": 70},
    ],
)  # fmt: skip
def test_a_forged_reference_reads_nothing_else(tmp_path: Path, change: dict[str, object]) -> None:
    """No reference, however made, reads another file or other bytes: it is refused as corrupt."""
    (tmp_path / "secret.pl").write_text("s" * 200)
    journal = Journal(tmp_path / "data")
    ref = journal.put(b'{"content":"of some length"}')
    journal.close()
    with pytest.raises(JournalCorrupt):
        reader.payload(tmp_path / "data", {**ref, **change})


@quick
@given(ref=st.dictionaries(st.sampled_from("cfol"), values, min_size=4))
def test_no_reference_makes_the_reader_fail_otherwise(folders: Folders, ref: dict[str, Any]) -> None:
    """Any JSON whatever as reference gives JournalCorrupt, nothing else."""
    with pytest.raises(JournalCorrupt):
        reader.payload(folders.mktemp("j"), ref)


@pytest.mark.parametrize("planted", ["link", "fifo", "folder", "unreadable name"])
def test_what_is_planted_among_segments_is_named(tmp_path: Path, planted: str) -> None:
    """A link, FIFO or folder under a segment's name is reported and not followed; foreign names are passed over."""
    write_one(tmp_path, 1)
    path = segment(tmp_path)
    if planted == "link":
        forge(tmp_path / "other", record(0))
        path.symlink_to(segment(tmp_path / "other"))
    elif planted == "fifo":
        os.mkfifo(path)
    elif planted == "folder":
        path.mkdir()
    else:
        (path.parent / "notes.jl").write_text("x")
        (path.parent / f"{WRITER}-00000x.jl").write_text("x")
    problems = [(p.file, p.code) for p in verify(tmp_path).problems]
    assert problems == ([] if planted == "unreadable name" else [(path.name, "unreadable")])
    assert verify(tmp_path).records == 3


def test_a_journal_that_is_not_there_is_empty(tmp_path: Path) -> None:
    """Before the first record there are no parts, and nothing is wrong; a file in its place is an error by name."""
    assert verify(tmp_path / "none") == VerifyReport(0, 0, 0, 0, 0, ())
    (tmp_path / "journal").write_text("")
    with pytest.raises(JournalError, match="journal: Not a directory"):
        reader.parts(tmp_path)


def test_a_segment_without_lines_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that never ends its line is refused at the limit instead of filling the memory."""
    monkeypatch.setattr("handrail.audit.chain.MAX_LINE", 1 << 20)
    path = segment(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"x" * (5 << 20))
    assert read(tmp_path) == (0, [(path.name, 0, "json")])


def test_a_deeply_nested_record_is_named(tmp_path: Path) -> None:
    """Nesting that no decoder follows is damage, not a crash."""
    path = segment(tmp_path)
    path.parent.mkdir()
    body = b'{"n":0,"v":1,"w":"%b","x":%b}' % (WRITER.encode(), b"[" * 100_000 + b"]" * 100_000)
    path.write_bytes(record_line(chained(GENESIS, body), body))
    assert read(tmp_path) == (0, [(path.name, 0, "json")])


@pytest.mark.parametrize("version", [1, 2])
def test_the_golden_journals_stay_readable(tmp_path: Path, version: int) -> None:
    """Journals of both formats (several segments, a pack, payloads, one erased) read as they did, for ever."""
    shutil.copytree(GOLDEN / f"golden-journal-{version}", tmp_path / "golden")
    golden = tmp_path / "golden"
    expected = json.loads((golden / "expected.json").read_text())
    report = verify(golden)
    facts = [report.writers, report.segments, report.records, report.payloads, report.erased, len(report.problems)]
    assert facts == expected["report"]
    assert sorted({str(body["k"]) for body in places.everything(golden)}) == expected["kinds"]
    assert [one.digest for part in reader.parts(golden) for one in reader.records(part)] == expected["digests"]
    whole = [one for part in reader.parts(golden) for one in reader.records(part)]
    assert [one.body.decode() for one in whole] == expected.get("bodies", [one.written.decode() for one in whole])
    assert sum(b'"like":' in one.written for one in whole) == expected.get("short", 0)
    for ref, content in expected["payloads"]:
        found = reader.payload(golden, ref)
        assert (None if found is None else found.decode()) == content


def test_a_newer_pack_is_refused_by_name(tmp_path: Path) -> None:
    """A pack of a newer format, or a damaged one, is named; the rest of the journal is read."""
    write_one(tmp_path, 1)
    (tmp_path / "journal" / f"pack-{'0' * 16}.jlp").write_bytes(b'{"files":[],"v":2}\n')
    (tmp_path / "journal" / f"pack-{'1' * 16}.jlp").write_bytes(b'{"files":[{"name":"x"\n')
    (tmp_path / "journal" / f"pack-{'2' * 16}.jlp").write_bytes(b'{"files":[{"name":"../x.jl","o":0,"l":0}],"v":1}\n')
    report = verify(tmp_path)
    assert [p.code for p in report.problems] == ["format", "unreadable", "unreadable"]
    assert report.records == 3 and issubclass(FormatTooNew, JournalError)
