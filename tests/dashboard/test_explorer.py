"""Both pages of the explorer, served by the real command and driven in a headless Chromium."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from handrail.audit.journal import Journal
from tests.acceptance.explorer import CHROMIUM
from tests.dashboard import sample

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytest.importorskip("streamlit", reason="The extra `dashboard` is not installed.")
sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed.")

COMMAND = [sys.executable, "-c", "from handrail.cli.dashboard import command; command()"]
HEADER_PX = ROW_PX = 32
AXIS_PX, STEP_PX = 24, 24
DENIED_ROW = 7
"""Row of the denied call in the tree of the sample's refund run."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="No Chromium is installed to drive the explorer with.")


@dataclass(frozen=True)
class Explorer:
    """A served explorer over a sample journal."""

    url: str
    data: Path
    sample: sample.Sample


def serve(data: Path) -> tuple[subprocess.Popen[str], str]:
    """The command, and the URL that it printed once it served."""
    process = subprocess.Popen(
        [*COMMAND, "--data", str(data), "--port", "0", "--no-browser"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    found = re.search(r"http://\S+", process.stdout.readline())
    assert found, "the command printed no URL"
    return process, found[0]


def end(process: subprocess.Popen[str]) -> int:
    """Ctrl-C; the exit code."""
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    return process.returncode


@pytest.fixture(scope="module", name="explorer")
def _explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    data = tmp_path_factory.mktemp("explorer")
    journal = Journal(data)
    written = sample.write(journal)
    process, url = serve(data)
    yield Explorer(url, data, written)
    end(process)
    journal.close()


def cells(page: Page) -> Locator:
    """The cells of the table, which it keeps for screen readers."""
    return page.locator("[data-testid=stDataFrame] td")


def row_of(page: Page, text: str) -> int:
    """The row of the table, from 0, in which a cell is ``text``."""
    cell = cells(page).filter(has_text=re.compile(f"^{re.escape(text)}$")).first
    cell.wait_for(state="attached")
    return int(cell.evaluate("cell => cell.closest('tr').getAttribute('aria-rowindex')")) - 2


def click_row(page: Page, row: int) -> None:
    """Click into the third column of a row of the table."""
    table = page.locator("[data-testid=stDataFrame] .dvn-scroller").first
    table.click(position={"x": 300, "y": HEADER_PX + ROW_PX * row + ROW_PX // 2})


def query(page: Page) -> dict[str, list[str]]:
    """The parameters of the URL."""
    return parse_qs(urlsplit(page.url).query)


def test_a_filter_goes_into_the_url_and_comes_back_from_it(explorer: Explorer, page: Page) -> None:
    """Choosing a tenant changes the URL and the table; opening that URL anew shows the same."""
    page.goto(explorer.url)
    cells(page).filter(has_text="acme / ana").first.wait_for(state="attached")
    page.get_by_role("combobox", name=re.compile("Tenant")).click()
    page.get_by_role("option", name="globex").click()
    page.wait_for_url("**tenant=globex**")
    sync_api.expect(cells(page).filter(has_text="acme / ana")).to_have_count(0)
    page.reload()
    cells(page).filter(has_text="globex / cleo").first.wait_for(state="attached")
    assert query(page) == {"tenant": ["globex"]}
    sync_api.expect(cells(page).filter(has_text="acme / ana")).to_have_count(0)


def test_the_url_alone_decides_what_is_shown(explorer: Explorer, page: Page) -> None:
    """Several filters in a URL hold together, and one with a value that is none of its own is ignored."""
    page.goto(f"{explorer.url}/?denials=1&text=NOBODY-wires&outcome=ok&period=for-ever")
    cells(page).filter(has_text="acme / ben").first.wait_for(state="attached")
    cells(page).filter(has_text="acme / ana").first.wait_for(state="attached")
    for other in ("globex / cleo", "acme / dora"):
        sync_api.expect(cells(page).filter(has_text=other)).to_have_count(0)


def test_a_row_opens_its_run_and_a_step_its_drawer(explorer: Explorer, page: Page) -> None:
    """Row -> run page -> bar of the denied call -> who asked what, which rule decided, and why."""
    page.goto(f"{explorer.url}/?user=ana")
    click_row(page, row_of(page, "acme / ana"))
    page.wait_for_url(f"**/run?run={explorer.sample.refund}")
    chart = page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first
    chart.wait_for()
    box = chart.bounding_box()
    assert box is not None
    chart.click(position={"x": box["width"] - 40, "y": AXIS_PX + STEP_PX * DENIED_ROW + STEP_PX // 2})
    page.wait_for_url(f"**step={explorer.sample.denied}**")
    drawer = page.locator(".st-key-drawer")
    for text in ("nobody-wires", "denied", "did not run", "user:ana", "irreversible", "DE00 4242",
                 "rule nobody-wires denies it to everyone", "This action is not available."):  # fmt: skip
        sync_api.expect(drawer.get_by_text(text).first).to_be_attached()
    page.get_by_role("button", name="Close").click()
    sync_api.expect(drawer).to_have_count(0)
    assert query(page) == {"run": [explorer.sample.refund]}


def test_the_table_of_steps_chooses_too(explorer: Explorer, page: Page) -> None:
    """Whoever cannot use the picture gets the same steps as a table, in the same order."""
    page.goto(f"{explorer.url}/run?run={explorer.sample.refund}&view=table")
    denied = cells(page).filter(has_text="wire_money").first
    denied.wait_for(state="attached")
    click_row(page, DENIED_ROW)
    page.wait_for_url(f"**step={explorer.sample.denied}**")


def test_a_run_that_goes_on_is_shown_live(explorer: Explorer, page: Page) -> None:
    """Steps and the end that another process appends appear without a reload, on both pages."""
    writer = subprocess.Popen(
        [sys.executable, str(Path(sample.__file__)), str(explorer.data)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert writer.stdin is not None and writer.stdout is not None
    run = writer.stdout.readline().strip()
    page.goto(f"{explorer.url}/run?run={run}&view=table")
    page.get_by_text("▶ running").first.wait_for()
    sync_api.expect(cells(page).filter(has_text="late_wire")).to_have_count(0)
    writer.stdin.write("deny\n")
    writer.stdin.flush()
    cells(page).filter(has_text="late_wire").first.wait_for(state="attached")
    cells(page).filter(has_text="late-rule").first.wait_for(state="attached")
    writer.stdin.write("end\n")
    writer.stdin.flush()
    page.locator("[data-testid=stBadge], [data-testid=stMarkdown]").filter(has_text="✓ ok").first.wait_for()
    writer.communicate(timeout=30)


def test_hostile_names_are_text(explorer: Explorer, page: Page) -> None:
    """Nothing in a trace becomes markup, a link, a formula or a script, on any page or in the drawer."""
    steps = [f"{explorer.url}/", f"{explorer.url}/run?run={explorer.sample.hostile}"]
    page.goto(steps[1] + "&view=table")
    cells(page).filter(has_text="onerror").first.wait_for(state="attached")
    for address in (steps[0], steps[1], *(steps[1] + f"&step={step}" for step in hostile_steps(explorer))):
        page.goto(address)
        ready = ".st-key-drawer" if "step=" in address else "[data-testid=stVegaLiteChart]"
        page.locator(ready).first.wait_for()
        page.locator("[data-testid=stVegaLiteChart] canvas, [data-testid=stVegaLiteChart] svg").first.wait_for()
        assert page.evaluate("window.stolen === undefined")
        body = page.locator("[data-testid=stMain]")
        assert body.locator("a[href^='javascript'], script, img[src='x'], .katex").count() == 0
        assert body.get_by_text(re.compile("^x$")).count() == 0, "a name was rendered as markup"


def hostile_steps(explorer: Explorer) -> list[str]:
    """The last model call, and the tool calls that are likeliest to do harm."""
    from handrail.audit.index import Index

    rows = Index(explorer.data).query(
        "SELECT step, type, name FROM steps WHERE run = ? AND type <> 'agent' ORDER BY started_at, n",
        (explorer.sample.hostile,),
    )
    tools = [str(row["step"]) for row in rows if row["type"] == "tool"]
    models = [str(row["step"]) for row in rows if row["type"] == "model"]
    return [*tools[:7], models[-1]]


def test_an_empty_journal_says_how_to_begin_and_ctrl_c_ends_it(tmp_path: Path, page: Page) -> None:
    """Without a run the page names two commands, notices the first run by itself, and the command ends cleanly."""
    process, url = serve(tmp_path)
    try:
        page.goto(url)
        page.get_by_text("No run has been recorded yet").wait_for()
        sync_api.expect(page.get_by_text("handrail init --agent myapp:agent")).to_be_visible()
        sync_api.expect(page.get_by_text("handrail run app.py")).to_be_visible()
        journal = Journal(tmp_path)
        sample.Run(journal, agent="first-agent").end()
        journal.close()
        cells(page).filter(has_text="first-agent").first.wait_for(state="attached")
    finally:
        assert end(process) == 0


def test_damage_is_named_with_file_and_offset(tmp_path: Path, page: Page) -> None:
    """A segment with a line that is no record: both pages name the file and the byte, and show the rest."""
    journal = Journal(tmp_path)
    run = sample.Run(journal)
    run.end()
    journal.close()
    [segment] = (tmp_path / "journal").glob("*.jl")
    size = segment.stat().st_size
    with segment.open("ab") as file:
        file.write(b"this is no record\n")
    process, url = serve(tmp_path)
    try:
        for address in (url, f"{url}/run?run={run.id}"):
            page.goto(address)
            page.get_by_text(f"{segment.name} at byte {size}").first.wait_for()
    finally:
        end(process)


@pytest.fixture(scope="module", name="thinking")
def _thinking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    data = tmp_path_factory.mktemp("thinking")
    journal = Journal(data)
    runs = [sample.thinking_run(journal), *(sample.thinking_run(journal, name) for name in sample.HOSTILE[:3])]
    journal.close("exit")
    process, url = serve(data)
    yield url, [(run.id, dict(steps)) for run, steps in runs]
    end(process)


def test_the_drawer_says_why_a_tool_was_called(
    thinking: tuple[str, list[tuple[str, dict[str, str]]]], page: Page
) -> None:
    """What the model could have called instead, limits, approvals, links, and the other part of the run are shown."""
    url, runs = thinking
    run, steps = runs[0]
    page.goto(f"{url}/run?run={run}&step={steps['tool']}")
    drawer = page.locator(".st-key-drawer")
    for text in ("Why this tool", "ask_a_person", "hit: model_calls: 20 of 20 used per run", "approve pay",
                 "redact: email", "Tries again"):  # fmt: skip
        drawer.get_by_text(text).first.wait_for()
    page.locator(".st-key-parts").get_by_text("interrupted").wait_for()
    drawer.get_by_role("button", name="Tries again").click()
    page.wait_for_url(f"**step={steps['plan-']}**")
    drawer.locator("td").filter(has_text="look the order up").first.wait_for(state="attached")


def test_memory_read_and_written_look_different(
    thinking: tuple[str, list[tuple[str, dict[str, str]]]], page: Page
) -> None:
    """The table of a run names what was done with memory, and every other kind of step."""
    url, runs = thinking
    page.goto(f"{url}/run?run={runs[0][0]}&view=table")
    for word in ("memory, read", "memory, written", "plan", "reflection", "handoff", "retrieval", "MCP"):
        cells(page).filter(has_text=re.compile(f"^{word}$")).first.wait_for(state="attached")


def test_hostile_names_of_thoughts_stay_text(
    thinking: tuple[str, list[tuple[str, dict[str, str]]]], page: Page
) -> None:
    """Names in notes, links and facts are shown as they are: nothing is rendered, linked or run."""
    url, runs = thinking
    for (run, steps), name in zip(runs[1:], sample.HOSTILE, strict=False):
        for step in ("tool", "plan-", "handoff-"):
            page.goto(f"{url}/run?run={run}&step={steps[step]}")
            drawer = page.locator(".st-key-drawer")
            drawer.get_by_text(name, exact=False).first.wait_for()
            found = [drawer.locator(tag).count() for tag in ("a[href^=javascript]", "script", "strong:text-is('x')")]
            assert found == [0, 0, 0], drawer.inner_html()
            assert page.evaluate("window.stolen") is None


def test_reliability_has_a_page(thinking: tuple[str, list[tuple[str, dict[str, str]]]], page: Page) -> None:
    """The page shows rates of steps and logical runs with their bounds, and follows the filters of the URL."""
    url, _ = thinking
    page.goto(f"{url}/reliability")
    page.get_by_text("Steps to failure").first.wait_for()
    cells(page).filter(has_text=re.compile("^100.0 %$")).first.wait_for(state="attached")
    page.goto(f"{url}/reliability?agent=nobody")
    page.get_by_text("nothing fits these filters").wait_for()


def test_a_session_is_one_thread(explorer: Explorer, page: Page) -> None:
    """From the list of sessions to one as a thread, to a run of it, and from there back to the session."""
    page.goto(f"{explorer.url}/sessions")
    click_row(page, row_of(page, "chat-7"))
    page.wait_for_url("**session=chat-7**")
    cells(page).filter(has_text=re.compile("^begins, ")).first.wait_for(state="attached")
    click_row(page, 0)
    page.wait_for_url("**/run?run=**")
    page.locator(".st-key-session").get_by_role("button", name="chat-7").click()
    page.wait_for_url("**/sessions?**")
    assert query(page)["session"] == ["chat-7"]
    page.get_by_role("button", name="Sessions", exact=True).click()
    cells(page).filter(has_text=re.compile("^chat-7$")).first.wait_for(state="attached")


def test_hostile_names_of_sessions_stay_text(explorer: Explorer, page: Page) -> None:
    """A session's name, user and tenant are shown as they are; one that is not there is said to be missing."""
    tenant, name = quote(sample.HOSTILE[2]), quote(sample.HOSTILE[3])
    page.goto(f"{explorer.url}/sessions?tenant={tenant}&session={name}")
    page.locator(".stMetric").first.wait_for()
    assert [page.locator(tag).count() for tag in ("a[href^=javascript]", "strong:text-is('x')")] == [0, 0]
    assert page.evaluate("window.stolen") is None
    page.goto(f"{explorer.url}/sessions?tenant=x&session=nothing")
    page.get_by_text("There is no such session").wait_for()
