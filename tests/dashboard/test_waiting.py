"""The page of open questions and the lives of a run, served by the real command and driven in a headless Chromium."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from handrail.effects import asks
from tests.acceptance.explorer import CHROMIUM
from tests.dashboard.test_explorer import end, serve
from tests.effects import interrupted
from tests.effects.crashing import child

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytest.importorskip("streamlit", reason="The extra `dashboard` is not installed.")
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed.")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="No Chromium is installed to drive the explorer with.")

HOSTILE = f"b {interrupted.HOSTILE}"
STEPS = ["a", HOSTILE, "c"]


@dataclass(frozen=True)
class Served:
    """A served explorer over a run in doubt and one with an orphan."""

    url: str
    folder: Path
    doubt: str
    orphan: str


@pytest.fixture(scope="module", name="served")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("waiting")
    doubt = interrupted.in_doubt(folder, STEPS, HOSTILE)
    orphan = interrupted.with_orphan(folder)
    process, url = serve(folder / ".handrail")
    yield Served(url, folder, doubt, orphan)
    end(process)


def _questions(page: Page) -> Locator:
    return page.locator("[class*=st-key-question-]")


def test_a_question_is_answered_with_a_reason_and_the_run_goes_on(served: Served, page: Page) -> None:
    """What is known is shown as text; without a reason nothing is answered; with one the run does what was said."""
    (asked,) = [one for one in asks.open_questions(served.folder / ".handrail") if one.run == served.doubt]
    page.goto(f"{served.url}/waiting")
    sync_api.expect(_questions(page)).to_have_count(3)
    mine = _questions(page).filter(has_text=asked.id)
    sync_api.expect(mine.get_by_text("onerror=window.stolen=1").first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0
    assert page.evaluate("window.stolen") is None
    mine.get_by_role("button", name="It happened").click()
    sync_api.expect(page.get_by_text("Write how you know")).to_be_visible()
    assert asks.answer_of(served.folder / ".handrail", asked.id) is None
    mine.get_by_label("How do you know?").fill("seen in **the** books")
    mine.get_by_label(re.compile("What it returned")).fill("booked b")
    mine.get_by_role("button", name="It happened").click()
    sync_api.expect(page.get_by_text("Answered: it happened")).to_be_visible()
    sync_api.expect(_questions(page)).to_have_count(2)
    answer = asks.answer_of(served.folder / ".handrail", asked.id)
    assert answer is not None
    assert (answer.verdict, answer.why) == ("happened", "seen in **the** books")
    assert asks.result_of(served.folder / ".handrail", served.doubt, answer) == "booked b"
    assert child(lambda: _ends(served, ["all is there", "booked b"])) == 0


def _ends(served: Served, some: list[str]) -> None:
    said = interrupted.clerk(served.folder, STEPS, run=served.doubt)
    assert set(some) < set(said)


def test_the_page_of_a_run_shows_its_lives(served: Served, page: Page) -> None:
    """What was given back, in doubt and left behind is counted, drawn and listed on the page of any of the lives."""
    page.goto(f"{served.url}/run?run={served.orphan}")
    box = page.locator(".st-key-lives")
    sync_api.expect(box.get_by_text("2 lives, 1 calls given back, 1 in doubt, 2 not asked for again")).to_be_visible()
    for word in ("given back", "in doubt", "not asked for again"):
        sync_api.expect(box.locator("[data-testid=stCaptionContainer]").get_by_text(word)).to_be_visible()
    box.locator("canvas, svg").first.wait_for()
    box.get_by_role("link", name="Answer").click()
    page.wait_for_url("**/waiting")
