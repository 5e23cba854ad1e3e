"""What all tests share: Handrail's own pytest plugin, and where the shared test data lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

# Where the package is installed, pytest has loaded the plugin already, and a second time is an error.
if not any(entry.name == "handrail" for entry in entry_points(group="pytest11")):
    pytest_plugins = ["handrail.testing.plugin"]


def shared_data(name: str) -> Path:
    """A file or folder of the shared test data; skips the test where it is absent."""
    repo = Path(__file__).resolve().parent.parent
    folder = Path(os.environ.get("HANDRAIL_TEST_DATA") or repo.parent / "shared" / "data")
    if not (folder / name).exists():
        pytest.skip(f"The test data {name} is not here: set HANDRAIL_TEST_DATA to the folder that has it.")
    return folder / name


@pytest.fixture(name="test_data")
def _test_data() -> Callable[[str], Path]:
    """``shared_data`` as a fixture: ``test_data("bfcl/cases.jsonl")``."""
    return shared_data
