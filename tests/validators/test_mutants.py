"""Whether the examples of validators find what is wrong with them: a fixed sample of seeded faults."""

from __future__ import annotations

from importlib.util import find_spec
from itertools import islice

import pytest

from handrail.validators.registry import ROOMS
from tests.validators.faults import faults, faulty
from tests.validators.mutants import chosen, tried
from tests.validators.same import SAME, SURVIVE
from tests.validators.trial import faults_of

SAMPLE = 8
"""Faults of each room: those whose hash is least, so that only a change of the faulty place itself draws another."""
NEEDS = {"code.javascript": "tree_sitter_javascript", "code.sql": "sqlglot"}
"""Modules whose faults show only where this is installed."""


@pytest.mark.parametrize("room", ROOMS)
def test_seeded_faults_are_found(room: str) -> None:
    """Each fault of the sample fails an example, a case or a property; what changes nothing stands in `same.py`.

    `python -m tests.validators.mutants --all` tries every fault.
    """
    known = {*SAME, *SURVIVE}
    absent = tuple(module for module, needed in NEEDS.items() if find_spec(needed) is None)
    able = (one for one in chosen(room, None) if one.key not in known and not one.key.startswith(absent))
    sample = list(islice(able, SAMPLE))
    assert len(sample) == SAMPLE
    assert [one.fault.key for one in tried(room, sample) if not one.by] == []


def test_faults_change_what_they_say() -> None:
    """A fault's tree is the module with that one thing wrong, and runs."""
    source = 'LIMIT = (1, 2, 3)\ndef small(n: int) -> bool:\n    """Say."""\n    return not n > LIMIT[1] or n == 0\n'
    made = {one.key.removeprefix("m:"): one for one in faults("m", source)}
    assert {"small: n > LIMIT[1] -> n >= LIMIT[1]", "LIMIT: (1, 2, 3) -> (1, 3)"} <= set(made)
    scope: dict[str, object] = {}
    exec(compile(faulty(source, made["small: not n > LIMIT[1] -> not not n > LIMIT[1]"]), "m", "exec"), scope)  # noqa: S102
    small = scope["small"]
    assert callable(small)
    assert (small(5), small(1), small(0)) == (True, False, True)


def test_what_is_known_of_faults_is_of_faults_that_there_are() -> None:
    """Nothing in `same.py` is about code that is gone."""
    every = {one.key for room in ROOMS for one in faults_of(room)}
    assert {*SAME, *SURVIVE} <= every
