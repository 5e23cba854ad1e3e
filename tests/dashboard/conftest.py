"""What the tests of the explorer in a real browser share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.explorer import PATIENCE_MS, browsing

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(name="page")
def _page() -> Iterator[Page]:
    """A page in a headless Chromium, patient with whatever is expected of it."""
    with browsing() as page:
        from playwright.sync_api import expect

        expect.set_options(timeout=PATIENCE_MS)
        yield page
