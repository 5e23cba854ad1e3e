"""`call`, `read` and `write` of a rule and a delegation, from the file to the settings."""

from __future__ import annotations

from handrail.config.tools import check_tools
from tests.config.conftest import Load

RULES = """
[groups]
shelves = ["public", "team-*"]
[[rule]]
id = "r"
allow = "*"
read = "shelves"
write = ["team-notes", "mine"]
[[delegate]]
from = "*"
to = "agent:a"
call = "find"
read = ["shelves"]
"""


def test_each_action_has_its_names(written: Load) -> None:
    """A string or a list stands under each of the three, and any one of them suffices."""
    loaded = written(RULES)
    (rule,), (one,) = loaded.rules, loaded.delegates
    assert (rule.call, rule.read, rule.write) == ((), ("shelves",), ("team-notes", "mine"))
    assert (one.call, one.read, one.write) == (("find",), ("shelves",), ())


def test_names_that_are_read_are_no_tools(written: Load) -> None:
    """A group that stands behind `read` alone is not compared with the tools that agents have."""
    check_tools(written(RULES), ["find"])
