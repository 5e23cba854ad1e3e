"""The documentation is whole: links lead somewhere, references name everything that there is."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import handrail
from handrail import conditions, testing
from handrail.audit import format as journal_format
from handrail.audit import reader
from handrail.cli import group
from handrail.tracing import conventions, metrics
from handrail.tracing.vocabulary import GENAI
from tests.docs import command_line, views
from tests.docs.pages import GENERATED, REPO, blocks, pages
from tests.tracing.test_vocabulary import OPENED, every

REFERENCE = REPO / "docs" / "reference"
_LINK = re.compile(r"!?\[[^\]]*\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)")


def read(page: Path | str) -> str:
    """Text of a page of the repository."""
    return (REPO / page).read_text("utf-8")


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=str)
def test_relative_links_lead_somewhere(page: Path) -> None:
    """Every relative link is to a file that is there, and every anchor to one of its headings."""
    for target, anchor in _LINK.findall(prose(read(page))):
        file = (REPO / page).parent / target if target else REPO / page
        assert file.exists(), f"{page}: {target} is not there"
        assert not anchor or anchor in anchors(file.read_text("utf-8")), f"{page}: {target}#{anchor} is no heading"


def test_readme_is_short() -> None:
    """The README is read to its end: at most 150 lines."""
    assert len(read("README.md").splitlines()) <= 150


def test_readme_links_to_every_page() -> None:
    """Nothing in docs/ has to be searched for."""
    text = read("README.md")
    missing = [page.as_posix() for page in pages() if page.parts[0] == "docs" and f"({page.as_posix()})" not in text]
    assert missing == []


def test_files_on_a_page_are_used_there() -> None:
    """A Python file that a page shows is imported or run on the page, so that it is run here."""
    for page in pages():
        if page.as_posix() in GENERATED:
            continue
        found = list(blocks(read(page)))
        for number, block in enumerate(found):
            stem = block.title.removesuffix(".py")
            used = any(re.search(rf"\b{re.escape(stem)}\b", later.text) for later in found[number + 1 :])
            assert block.kind != "python" or not stem or used, f"{page}:{block.line}: {block.title} is never used"


def test_command_line_reference_is_current() -> None:
    """The page is what `--help` prints today."""
    # in a process of its own: click remembers the help options of a command that another test has called by itself
    command = [sys.executable, "-m", "tests.docs.command_line"]
    page = subprocess.run(command, cwd=REPO, check=True, capture_output=True, text=True).stdout
    assert read("docs/reference/command-line.md") == page, (
        "make it again: python -m tests.docs.command_line > docs/reference/command-line.md"
    )


def test_reference_of_the_views_is_current() -> None:
    """The page has the views and columns of today's index, each with its meaning."""
    assert read("docs/reference/views.md") == views.page(), (
        "make it again: python -m tests.docs.views > docs/reference/views.md"
    )


def test_every_command_has_its_section() -> None:
    """The generator walks into groups: each command and each command of `audit` has a heading."""
    audit = group.get_command(click.Context(group), "audit")
    assert isinstance(audit, click.Group)
    names = [*group.list_commands(click.Context(group)), *(f"audit {name}" for name in audit.commands)]
    text = command_line.page()
    assert [name for name in names if f"## `handrail {name}`\n" not in text] == []


def test_every_public_name_is_documented() -> None:
    """What the package and its test helpers export, and each keyword that one can give, stands on the page."""
    text = (REFERENCE / "python.md").read_text("utf-8")
    for name in set(handrail.__all__) - {"__version__"}:
        assert f"`handrail.{name}`" in text, name
        found = getattr(handrail, name)
        given = inspect.signature(found).parameters.values() if inspect.isfunction(found) else ()
        keys = [one.name for one in given if one.kind is not one.POSITIONAL_ONLY]
        assert [key for key in keys if not re.search(rf"[(`*, ]{key}[`=,)]", text)] == [], name
    assert [name for name in testing.__all__ if f"`{name}" not in text] == []


def _source_names(pattern: str) -> set[str]:
    package = REPO / "handrail"
    return {name for file in package.rglob("*.py") for name in re.findall(pattern, file.read_text("utf-8"))}


def test_every_environment_variable_is_documented() -> None:
    """What the code reads stands on the page."""
    text = (REFERENCE / "environment.md").read_text("utf-8")
    names = _source_names(r'"((?:HANDRAIL|OTEL)_[A-Z_]+)"')
    assert names and [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_every_span_attribute_is_documented() -> None:
    """What can stand on spans, metrics and events stands on the page: in full, or by its end after one of its kind."""
    text = (REFERENCE / "spans.md").read_text("utf-8")
    told = set(re.findall(r"`([\w.]+)`", text))
    names = {name for found in every(GENAI) for name in found} | {*metrics.OURS, *conventions.EVENTS}
    closed = [metrics.closed(kind, name, {"dur": 1, **facts}, None) for kind, name, facts, *_ in OPENED]
    names |= {one.name for measured in closed for one in measured}
    short = {name: {name.removeprefix("gen_ai.request."), "." + name.rpartition(".")[2]} for name in names}
    assert len(names) > 60
    assert [name for name in sorted(names) if name not in told and not short[name] & told] == []


def test_every_part_of_conditions_is_documented() -> None:
    """The facts, operators and functions of `when` stand on the page."""
    text = (REFERENCE / "conditions.md").read_text("utf-8")
    words = [*conditions.ROOTS, *conditions.FUNCTIONS, *conditions.COMPARISONS, *conditions.CONSTANTS]
    assert [word for word in words if not re.search(rf"`[^`]*{re.escape(word)}", text)] == []


_ENVELOPE = {"v", "w", "n", "t", "k"}
_STEP = {"run", "step", "trace", "parent", "outcome", "error", "dur"}


def _documented() -> dict[str, set[str]]:
    """Kind of record -> the fields that the page's table names, for those that all records share see above."""
    text = (REFERENCE / "journal.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z]+\.?[a-z]*)` \| [^|]+\| ([^|]*)\|$", text, re.MULTILINE)
    return {kind: set(re.findall(r"`(\w+)`", fields)) for kind, fields in rows}


def test_every_kind_of_record_is_documented() -> None:
    """The page has a row for each kind of schema 1, and for no other."""
    assert set(_documented()) == journal_format.KINDS


def test_every_field_of_the_demo_s_records_is_documented(tmp_path: Path) -> None:
    """Real records hold no field that the page does not name for their kind."""
    pytest.importorskip("langchain_openai", reason="The demonstration needs its extra.")
    from handrail.demo.play import play

    play(tmp_path)
    known, kinds = _documented(), set[str]()
    for part in reader.parts(tmp_path):
        for line in reader.records(part):
            record = json.loads(line.body)
            kinds.add(record["k"])
            shared = _ENVELOPE | (_STEP if "run" in record else set())
            assert set(record) - shared <= known[record["k"]], record["k"]
    assert {"run.start", "run.end", "step.start", "step.end", "model.call", "tool.call", "tool.result"} <= kinds


def test_nothing_promises_what_is_not_there() -> None:
    """No page names a place or a command that only its writers have."""
    for page in pages():
        assert not re.search(r"/home/|/tmp/(?!index)", read(page)), page
