"""The pytest plugin ``handrail``: fixtures only.

pytest loads this file in every run where Handrail is installed, so it imports nothing but pytest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

if TYPE_CHECKING:
    from handrail.testing.model_server import ScriptedModel
    from handrail.testing.turns import Script, Turn

    ModelFactory: TypeAlias = Callable[[Sequence[Turn] | Script], ScriptedModel]


@pytest.fixture
def handrail_model() -> Iterator[ModelFactory]:
    """A factory: script in, running ``ScriptedModel`` out; every server is closed after the test."""
    from handrail.testing.model_server import ScriptedModel

    with ExitStack() as servers:
        yield lambda turns: servers.enter_context(ScriptedModel(turns))


@pytest.fixture
def handrail_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh data folder that ``HANDRAIL_DATA`` names for the length of the test."""
    folder = tmp_path / "handrail-data"
    monkeypatch.setenv("HANDRAIL_DATA", str(folder))
    return folder
