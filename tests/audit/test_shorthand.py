"""Short records: what is left out is there again for whoever reads, and what refers to nothing is damage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.audit import reader
from handrail.audit.format import GENESIS, chained, encode, record_line
from handrail.audit.journal import Journal
from handrail.audit.verify import verify
from handrail.errors import JournalCorrupt
from tests.audit import places, recorded

WRITER = "00112233445566aa"
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

steps = st.sampled_from(["a" * 16, "b" * 16, "c" * 16])
odd = st.sampled_from([None, True, False, 0, 1, -1, 0.0, -0.0, 1.0, "", "1", [], {}, [1], [True], {"o": 1}, {"at": 4}])
payloads = st.sampled_from([b'"one"', b'{"two":2}', b"[3]"])


class Ref:
    """Stands for a reference to this payload, which only the journal can make."""

    def __init__(self, value: bytes, part: list[int] | None = None, marks: int = 0) -> None:
        self.value, self.part, self.marks = value, part, marks

    def made(self, refs: dict[bytes, Any]) -> dict[str, Any]:
        """The reference, by the references of all payloads."""
        found: dict[str, Any] = refs[self.value]
        return found | ({"s": self.part} if self.part else {}) | ({"r": self.marks} if self.marks else {})

    def __repr__(self) -> str:
        return f"Ref({self.value!r}, {self.part}, {self.marks})"


kept = st.builds(Ref, payloads, st.sampled_from([None, [0, 2]]), st.sampled_from([0, 2]))
messages = st.fixed_dictionaries(
    {"prev": steps | odd, "keep": st.integers(0, 3), "add": st.lists(kept | odd, max_size=3)}
)
anything = st.fixed_dictionaries(
    {"k": st.sampled_from(["model.call", "model.result", "note"]), "run": st.sampled_from(["1" * 32, "2" * 32])},
    optional={
        "step": steps | odd, "parent": steps | odd, "cause": steps | odd, "causes": st.lists(steps | odd, max_size=2),
        "messages": messages | odd, "output": kept | odd, "result": kept | odd, "args": kept | odd, "model": odd,
        "facts": odd, "tool": st.sampled_from(["one", "two"]),
    },
)  # fmt: skip


def filled(value: Any, refs: dict[bytes, Any]) -> Any:
    """``value`` with references in the place of those that stand for them."""
    if isinstance(value, Ref):
        return value.made(refs)
    if isinstance(value, dict):
        return {name: filled(item, refs) for name, item in value.items()}
    return [filled(item, refs) for item in value] if isinstance(value, list) else value


@quick
@given(said=st.lists(anything, max_size=14), segment_bytes=st.sampled_from([700, 64 << 20]))
def test_whatever_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, said: list[dict[str, Any]], segment_bytes: int
) -> None:
    """Records that repeat each other, in any order and with any odd values, read byte for byte as they were written."""
    folder = tmp_path_factory.mktemp("j")
    journal = Journal(folder, segment_bytes=segment_bytes)
    refs = {value: journal.put(value) for value in (b'"one"', b'{"two":2}', b"[3]")}
    written = [filled(record, refs) for record in said]
    for record in written:
        journal.append(record)
    journal.close()
    found = [body for body in places.everything(folder) if body["k"] not in {"writer.start", "segment", "writer.stop"}]
    assert [encode(_without_envelope(body)) for body in found] == [encode(record) for record in written]
    assert {(body["v"], body["w"]) for body in found} <= {(2, part.writer) for part in reader.parts(folder)}


def _without_envelope(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in {"v", "w", "n", "t"}}


def conversation(folder: Path, calls: int) -> Path:
    """A run of so many model and tool calls, the usual way; its segment."""
    journal = Journal(folder)
    run = recorded.begin(journal)
    for number in range(1, calls + 1):
        recorded.model(journal, run, 2 * number)
        recorded.tool(journal, run, 2 * number + 1)
    recorded.end(journal, run)
    journal.close()
    [segment] = (folder / "journal").glob("*.jl")
    return segment


def test_reading_may_begin_at_every_record(tmp_path: Path) -> None:
    """A reader that goes on somewhere in a segment reads the same as one that began at its start."""
    conversation(tmp_path, 6)
    [part] = reader.parts(tmp_path)
    whole = list(reader.records(part))
    assert sum(record.long is not None for record in whole) > len(whole) / 2
    for number, record in enumerate(whole):
        assert list(reader.records(part, record.offset)) == whole[number:]


def test_reading_may_begin_where_each_step_came_from_the_one_before(tmp_path: Path) -> None:
    """A long chain of causes, each in a short record, is no damage to a reader that begins at its end."""
    journal = Journal(tmp_path)
    run = recorded.begin(journal)
    before = recorded.root_of(run)
    for number in range(40):
        step, facts = f"{number + 1:016x}", {"run": run, "trace": run, "agent": "clerk", "chain": ["agent:clerk"]}
        payload = journal.put(b'"%d"' % number)
        journal.append({"k": "model.call", "step": step, "parent": before, "causes": [before], **facts})
        journal.append({"k": "model.result", "step": step, "run": run, "outcome": "ok", "output": payload})
        journal.append({"k": "tool.call", "step": f"a{step[1:]}", "parent": before, "cause": step, **facts})
        journal.append({"k": "tool.result", "step": f"a{step[1:]}", "run": run, "outcome": "ok", "result": payload})
        before = f"a{step[1:]}"
    journal.close()
    [part] = reader.parts(tmp_path)
    whole = list(reader.records(part))
    assert sum(record.long is not None for record in whole) > 100
    for number, record in enumerate(whole):
        records = reader.records(part, record.offset)
        assert next(iter(records)) == whole[number], records.problems


def test_a_step_costs_few_bytes_however_long_the_run(tmp_path: Path) -> None:
    """From the second on, a model call and a tool call with what they need take no more than 1,200 bytes of records."""
    segment = conversation(tmp_path, 40)
    sizes = [len(line) + 1 for line in segment.read_bytes().splitlines()[2:-2]]
    of_calls = [sum(sizes[start : start + 4]) for start in range(0, len(sizes), 4)]
    assert max(of_calls[1:]) <= 1_200 < of_calls[0]
    assert of_calls[-1] <= of_calls[2] + 30


def test_an_older_release_refuses_a_segment_at_its_first_record(tmp_path: Path) -> None:
    """The first record of every segment states its version, so no older reader takes a short record for a whole one."""
    journal = Journal(tmp_path, segment_bytes=2_000)
    run = recorded.begin(journal)
    for number in range(30):
        recorded.tool(journal, run, number)
    journal.close()
    segments = sorted((tmp_path / "journal").glob("*.jl"))
    assert len(segments) > 3
    for segment in segments:
        first = json.loads(segment.read_bytes().split(b"\n")[0][65:])
        assert (first["v"], first["w"], "like" in first) == (2, segment.name[:16], False)


FIRST = {"v": 2, "w": WRITER, "n": 0, "t": 1, "k": "writer.start"}
SECOND = {"n": 1, "t": 2, "k": "model.call", "run": "r", "step": "s" * 16, "parent": None}
AT = len(record_line(GENESIS, encode(FIRST)))
DAMAGE = [
    {"like": AT + 1}, {"like": -1}, {"like": 10**6}, {"like": 2**70}, {"like": "0"}, {"like": 1.5},
    {"like": AT, "step": 0}, {"like": AT, "parent": 10**6}, {"like": AT, "causes": [3]},
    {"like": AT, "output": {"at": AT}}, {"like": AT, "args": {"at": "x"}},
    {"like": AT, "args": {"c": "%", "o": 0, "l": 40}}, {"like": AT, "messages": {"prev": None, "keep": 0, "add": [AT]}},
]  # fmt: skip


@pytest.mark.parametrize("bad", DAMAGE)
def test_a_short_record_that_refers_to_nothing_is_damage(tmp_path: Path, bad: dict[str, Any]) -> None:
    """With a right chain but a reference to no record before it, a record is named, and those before it are used."""
    content, previous = b"", GENESIS
    for record in (FIRST, SECOND, {"n": 2, "t": 3, **bad}):
        body = encode(record)
        previous = chained(previous, body)
        content += record_line(previous, body)
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / f"{WRITER}-000000.jl").write_bytes(content)
    [part] = reader.parts(tmp_path)
    records = reader.records(part)
    assert [record.fields["k"] for record in records] == ["writer.start", "model.call"]
    assert [(problem.code, problem.offset) for problem in records.problems] == [("json", records.end)]
    assert len(verify(tmp_path).problems) == 1


def test_likeness_has_a_bottom(tmp_path: Path) -> None:
    """A chain of likenesses longer than any that is written is damage, so that no reader can be kept busy by one."""
    content, previous, like, at = b"", GENESIS, AT, 0
    for number, record in enumerate([FIRST, SECOND, *({} for _ in range(9))]):
        body = encode(record if number < 2 else {"n": number, "t": 3, "like": like})
        previous = chained(previous, body)
        like, at = at, at + len(record_line(previous, body))
        content += record_line(previous, body)
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / f"{WRITER}-000000.jl").write_bytes(content)
    [part] = reader.parts(tmp_path)
    start = content.rindex(b"\n", 0, -1) + 1
    records = reader.records(part, start)
    assert list(records) == [] and [problem.code for problem in records.problems] == ["json"]


def test_a_part_of_a_payload_is_read_and_nothing_beside_it(tmp_path: Path) -> None:
    """``s`` gives those bytes of the value; outside of the value there is nothing to be had."""
    journal = Journal(tmp_path)
    ref = journal.put(b'{"args":{"n":1},"id":"c1"}')
    journal.close()
    assert reader.payload(tmp_path, {**ref, "s": [8, 7]}) == b'{"n":1}'
    for part in ([-1, 3], [0, 0], [0, 27], [26, 1], [8], "ab", [None, 1]):
        with pytest.raises(JournalCorrupt):
            reader.payload(tmp_path, {**ref, "s": part})
