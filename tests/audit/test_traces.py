"""Reading the steps of a run: bounded, whole, and never lost in a damaged journal."""

from __future__ import annotations

import os
from pathlib import Path

from handrail.audit.index import Index
from handrail.audit.journal import Journal
from handrail.audit.traces import Part, load
from tests.audit import recorded


def nested(journal: Journal, levels: int) -> str:
    """A run of agents below one another; its id."""
    run = recorded.begin(journal)
    parent = recorded.root_of(run)
    for number in range(1, levels + 1):
        step = f"{number:016x}"
        journal.append({"k": "step.start", "run": run, "trace": run, "step": step, "parent": parent,
                        "type": "agent", "name": f"a{number}", "chain": []})  # fmt: skip
        parent = step
    return run


def test_the_steps_of_a_limit_hang_together(tmp_path: Path) -> None:
    """Claim: of a deeply nested run the first steps are read, each below its parent, and the rest is counted."""
    journal = Journal(tmp_path)
    run = nested(journal, 300)
    journal.close("exit")
    index = Index(tmp_path)
    index.refresh()
    read = load(index, run, Part(limit=100))
    assert [place.depth for place in read.places] == list(range(100))
    assert (read.total, read.elided) == (301, 201)
    shallow = load(index, run, Part(depth=5))
    assert [place.depth for place in shallow.places] == [0, 1, 2, 3, 4, 5]
    assert shallow.below[shallow.places[-1].step] == 1 and shallow.shown_below.get(shallow.places[-1].step, 0) == 0


def test_steps_that_are_each_others_parent_end_nothing(tmp_path: Path) -> None:
    """Claim: a cycle, which no sound journal has, is read once and does not go on for ever."""
    journal = Journal(tmp_path)
    run = recorded.begin(journal, os.urandom(16).hex())
    recorded.tool(journal, run, 5, parent=f"{6:016x}")
    recorded.tool(journal, run, 6, parent=f"{5:016x}")
    journal.close("exit")
    index = Index(tmp_path)
    index.refresh()
    assert len(load(index, run).places) == 3
    assert [place.depth for place in load(index, run, Part(top=f"{5:016x}")).places] == [0, 0]


def test_several_questions_share_a_connection_and_a_damaged_index_is_made_again(tmp_path: Path) -> None:
    """Claim: what is read of a run in one go sees one state of the index, also when that has to be made anew first."""
    journal = Journal(tmp_path)
    run = nested(journal, 3)
    journal.close("exit")
    index = Index(tmp_path)
    index.refresh()
    index.path.write_bytes(b"no database")
    found = index.read(lambda now: (load(now, run), now.query("SELECT count(*) AS runs FROM runs")))
    assert (found[0].total, found[1]) == (4, [{"runs": 1}])
