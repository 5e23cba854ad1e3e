"""The table of examples on the reference page of conditions is true."""

from __future__ import annotations

import json
import re
from datetime import datetime

import pytest

from handrail.conditions import FUNCTIONS, Unevaluable, parse
from tests.docs.pages import REPO

_ROW = re.compile(
    r"^\| `(?P<condition>.+?)` \| `(?P<args>\{.*\})`(?: at (?P<now>\S+))? \| (?P<answer>yes|no|none) \|$", re.M
)
PAGE = (REPO / "docs/reference/conditions.md").read_text("utf-8")
EXAMPLES = [
    (row["condition"].replace("\\|", "|"), row["args"], row["now"], row["answer"])
    for row in _ROW.finditer(PAGE.partition("## Examples\n")[2])
]


@pytest.mark.parametrize(("condition", "args", "now", "answer"), EXAMPLES)
def test_example(condition: str, args: str, now: str | None, answer: str) -> None:
    """The condition gives the answer of its row for the arguments of its row."""
    facts: dict[str, object] = {"args": json.loads(args)}
    if now:
        facts["env"] = {"now": datetime.fromisoformat(now).timestamp()}
    if answer == "none":
        with pytest.raises(Unevaluable):
            parse(condition).holds(facts)
    else:
        assert parse(condition).holds(facts) is (answer == "yes")


def test_every_row_is_read() -> None:
    """No row of the table is passed over, and the newer functions all have an example."""
    rows = PAGE.partition("## Examples\n")[2].strip().splitlines()
    assert len(EXAMPLES) == len(rows) - 2
    shown = " ".join(condition for condition, *_ in EXAMPLES)
    assert [name for name in FUNCTIONS if f"{name}(" not in shown] == ["startswith", "endswith", "contains"]
