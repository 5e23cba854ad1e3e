"""A pytest plugin that governs everything in the process, to run other projects' suites under Handrail.

Load it with ``-p handrail_on` (with this folder on PYTHONPATH). It observes: no result of a suite may change.
"""

from __future__ import annotations

import os
import tempfile

import pytest

import handrail
from handrail.audit.reader import parts, records


def pytest_configure(config: pytest.Config) -> None:
    """Switch Handrail on before the first test is collected."""
    os.environ["HANDRAIL_DATA"] = tempfile.mkdtemp()
    handrail.instrument(mode="observe")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was recorded, so that a run in which nothing was governed is seen."""
    from pathlib import Path

    folder = Path(os.environ["HANDRAIL_DATA"])
    count = sum(1 for part in parts(folder) for _ in records(part))
    terminalreporter.write_line(f"handrail recorded {count} events")
