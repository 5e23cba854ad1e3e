"""The explorer as its viewers meet it: the real command, and a headless Chromium that looks at it."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.commands import ENVIRON, HANDRAIL

if TYPE_CHECKING:
    from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]  # fmt: skip
PATIENCE_MS = 40_000
ERRORS = re.compile("lock|error|exception|traceback|cannot be read|damaged or refused", re.IGNORECASE)
"""Words that a page shows when something is wrong, and the test's agents never write."""


@contextmanager
def served(
    data: Path, *options: object, wrapped: tuple[str, ...] = (), **environ: str
) -> Iterator[tuple[str, list[str]]]:
    """``handrail dashboard`` on a free port: its URL, and a list that gets its standard error when it has ended.

    ``wrapped`` is a command that runs it. Fails the test unless it ends with exit code 0.
    """
    words = [*wrapped, *HANDRAIL, "dashboard", "--data", data, "--port", 0, "--no-browser", *options]
    process = subprocess.Popen(
        [str(word) for word in words], env=ENVIRON | environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said: list[str] = []
    try:
        assert process.stdout is not None
        found = re.search(r"http://\S+", process.stdout.readline())
        if found is None:
            process.kill()
            pytest.fail(f"The explorer printed no URL: {process.communicate()[1]}")
        yield found[0], said
    finally:
        process.send_signal(signal.SIGINT)
        said.append(process.communicate(timeout=30)[1])
    assert process.returncode == 0, said


@contextmanager
def browsing() -> Iterator[Page]:
    """A page in a headless Chromium; skips the test where there is none."""
    pytest.importorskip("streamlit", reason="The extra `dashboard` is not installed.")
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed.")
    if CHROMIUM is None:
        pytest.skip("No Chromium is installed to drive the explorer with.")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 1200})
        page.set_default_timeout(PATIENCE_MS)
        yield page
        browser.close()


def shows(page: Page, text: str) -> None:
    """Wait until a cell of a table, which it keeps for screen readers, has exactly this text."""
    exact = re.compile(f"^{re.escape(text)}$")
    page.locator("[data-testid=stDataFrame] td").filter(has_text=exact).first.wait_for(state="attached")


def complaints(page: Page) -> list[str]:
    """What the page shows now that sounds like something is wrong."""
    return ERRORS.findall(page.locator("[data-testid=stApp]").inner_text())
