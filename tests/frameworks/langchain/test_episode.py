"""The governed episode on an unmodified agent: what its trace says, asked by SQL over typed columns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import handrail
from tests.frameworks.langchain import episode
from tests.frameworks.langchain.asked import check_exact


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


@pytest.mark.parametrize("way", episode.WAYS)
def test_every_call_has_one_decision_and_one_execution(way: episode.Way, tmp_path: Path) -> None:
    """However the agent is driven: one decision for each proposed call, one result for each that ran, none besides."""
    ran = episode.play(tmp_path, way)
    assert sorted([*ran, "write_todos", "write_todos"]) == sorted(episode.RAN)
    check_exact(tmp_path, episode.RAN)
