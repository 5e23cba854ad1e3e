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
    from handrail.audit.revalidate import Revalidated
    from handrail.testing.model_server import ScriptedModel
    from handrail.testing.turns import Script, Turn

    ModelFactory: TypeAlias = Callable[[Sequence[Turn] | Script], ScriptedModel]
    Validate: TypeAlias = Callable[..., Revalidated]


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


@pytest.fixture
def handrail_validate() -> Validate:
    """``validate_runs`` that fails the test where something is found that nobody said at the time; else its report."""
    from handrail.testing.validating import validate_runs

    def validate(*args: object, **options: object) -> Revalidated:
        __tracebackhide__ = True
        found = validate_runs(*args, **options)  # type: ignore[arg-type]
        if found.new:
            pytest.fail(
                "\n".join([f"Validators find {found.new} values wrong:", *found.lines(content=True)]), pytrace=False
            )
        return found

    return validate
