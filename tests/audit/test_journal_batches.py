"""Appending many records at once: the same records as one by one, and all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.audit import reader
from handrail.audit.journal import Journal, encode
from handrail.audit.verify import verify
from handrail.errors import JournalError, JournalFull
from tests.audit import places

_facts = st.fixed_dictionaries(
    {"k": st.sampled_from(["span", "tools", "x"]), "i": st.integers(0, 3)},
    optional={
        "run": st.sampled_from(["a" * 32, "b" * 32]),
        "name": st.text(max_size=3),
        "list": st.lists(st.booleans()),
    },
)
_ENVELOPE = {"v", "w", "n", "t"}


def told(folder: Path) -> list[dict[str, Any]]:
    """What the records say, without their envelope; those of the writer itself left out."""
    found = places.everything(folder)
    return [
        {name: value for name, value in body.items() if name not in _ENVELOPE}
        for body in found
        if not str(body["k"]).startswith(("writer.", "segment"))
    ]


@settings(deadline=None, max_examples=40)
@given(batches=st.lists(st.lists(_facts, max_size=6), max_size=4))
def test_records_together_say_what_records_one_by_one_say(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[dict[str, Any]]]
) -> None:
    """Short forms refer to records of the same batch and of earlier ones, over several segments; the chain holds."""
    folder = tmp_path_factory.mktemp("data")
    journal = Journal(folder, segment_bytes=700)
    for batch in batches:
        journal.append_all(batch)
        journal.append({"k": "between"})
    journal.close()
    assert told(folder) == [fact for batch in batches for fact in [*batch, {"k": "between"}]]
    assert verify(folder).problems == ()


def test_payloads_together_are_found_by_their_references(tmp_path: Path) -> None:
    """Each reference of a batch leads to its own value, before and after a payload that was put alone."""
    journal = Journal(tmp_path)
    values = [encode({"i": i, "text": "x" * i}) for i in range(20)]
    refs = [*journal.put_all(values[:9]), journal.put(values[9]), *journal.put_all(values[10:]), *journal.put_all([])]
    journal.append_all([{"k": "span", "otlp": ref} for ref in refs])
    journal.close()
    assert [reader.payload(tmp_path, ref) for ref in refs] == values
    assert verify(tmp_path).problems == ()
    assert {frozenset(ref) for ref in Journal(tmp_path, payloads=False).put_all(values)} == {frozenset("c")}


def test_a_batch_that_has_no_json_form_leaves_nothing(tmp_path: Path) -> None:
    """One bad record keeps the whole batch out; what comes after it is kept."""
    journal = Journal(tmp_path)
    with pytest.raises(JournalError):
        journal.append_all([{"k": "span", "i": 1}, {"k": "span", "i": object()}])
    journal.append_all([{"k": "span", "i": 2}, {"k": "span", "i": 3}])
    journal.close()
    assert [body["i"] for body in told(tmp_path)] == [2, 3]
    assert verify(tmp_path).problems == ()


def test_a_full_disk_takes_a_whole_batch_back(tmp_path: Path) -> None:
    """On a full disk nothing of the batch is there; after space returns the next one is, and the chain holds."""
    with places.mounted(tmp_path / "disk", kilobytes=64) as disk:
        journal = Journal(disk / "data")
        journal.append_all([{"k": "span", "i": 0}])
        filler = disk / "filler"
        filler.write_bytes(b"x" * 30_000)
        with pytest.raises(JournalFull):
            journal.append_all([{"k": "span", "i": i, "x": f"{i:04}" * 250} for i in range(1, 60)])
        filler.unlink()
        journal.append_all([{"k": "span", "i": 99}, {"k": "span", "i": 100}])
        journal.close()
        assert sorted(body["i"] for body in told(disk / "data")) == [0, 99, 100]
        assert verify(disk / "data").problems == ()
