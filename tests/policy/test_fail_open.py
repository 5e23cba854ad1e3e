"""Fifteen reasonable deny rules and calls that run elsewhere: here each is refused when loaded, or denied.

Each case is a rule that its author expects to stop a call, in a policy that allows everything else: where the rule
is silently not understood, the call runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.config import load
from handrail.errors import ConfigError
from handrail.gate import NEUTRAL
from handrail.policy import Decision, PolicyRequest, build
from tests.kept import kept, outcomes


@dataclass(frozen=True)
class Case:
    """One deny rule, and the call that it is there to stop."""

    name: str
    when: str
    """Condition of the deny rule."""
    args: Mapping[str, object] = field(default_factory=lambda: {"action": "drop"})
    """Arguments of the call."""
    refused: str = ""
    """What is said when the policy is loaded; empty where it loads, and the call must be denied."""
    control: Mapping[str, object] = field(default_factory=lambda: {"action": "read"})
    """Arguments of a call that the same rule must let through."""


CASES = [
    Case("parentheses", "(args.action == 'drop')"),
    Case("not", "not (args.action in ['read'])"),
    Case("typo in a field of the call", "args.acton == 'drop'", control={"acton": "read"}),
    Case("typo in a field of the principal", "principal.usr == 'ana'", refused="'usr' is no fact of principal"),
    Case("unknown operator", "args.action matches 'drop.*'", refused="'matches' is not expected here"),
    Case("not a condition", "this is not a condition at all", refused="'this' is no fact"),
    Case("number", "args.amount == 5000", {"amount": 5000}, control={"amount": 5001}),
    Case("number as a string", "args.amount > 100", {"amount": "500"}, control={"amount": 5}),
    Case("number with a separator", "args.amount > 100", {"amount": "5,000"}, control={"amount": 5}),
    Case("or in a literal", "args.why == 'now or never'", {"why": "now or never"}, control={"why": "later"}),
    Case("oversized", "args.action == 'drop'" + " || args.action == 'drop'" * 100, refused="longer than 2,000"),
    Case("argument under another name", "args.action == 'drop'", {"arg0": "drop"}),
    Case("case of a value", "args.action == 'drop'", {"action": "DROP"}),
]
"""The other two of the fifteen go through the gate, below: a positional argument, and the case of a tool's name."""

POLICY = """
version = 1
mode = "enforce"
agent = "clerk"

[[rule]]
id = "everything"
allow = "*"
call = "*"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"

[[rule]]
id = "stop"
deny = "*"
call = "TOOL"
when = '''WHEN'''
"""


def _file(folder: Path, when: str, tool: str = "act") -> Path:
    path = folder / "handrail.toml"
    path.write_text(POLICY.replace("WHEN", when).replace("TOOL", tool))
    return path


def _decide(path: Path, args: Mapping[str, object]) -> Decision:
    facts = {"args": args, "principal": {"user": "ana"}}
    return build(load(path)).decide(PolicyRequest("default", ("user:ana",), "act", facts=facts))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_refused_or_denied(case: Case, tmp_path: Path) -> None:
    """The rule is refused with file and line, or stops the call and lets another one through."""
    path = _file(tmp_path, case.when)
    if case.refused:
        with pytest.raises(ConfigError, match=case.refused) as caught:
            build(load(path))
        assert (caught.value.file, caught.value.line) == (path, 16)
        return
    assert _decide(path, case.args).rule == "stop"
    assert _decide(path, case.control).rule == "everything"


def test_positional_argument(tmp_path: Path) -> None:
    """An argument given by position is the argument of that name, and the tool's name is always known."""
    ran: list[str] = []

    @handrail.tool
    def delete_file(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return "deleted"

    with handrail.run("clerk", config=_file(tmp_path, "args.path == '/etc/passwd'", "delete_file"), user="ana"):
        assert delete_file("/etc/passwd") == NEUTRAL
        assert delete_file("/tmp/x") == "deleted"
    assert ran == ["/tmp/x"]
    assert outcomes(tmp_path, "delete_file") == ["rejected", "ok"]


def test_case_of_a_tool(tmp_path: Path) -> None:
    """A tool is called by its exact name: a call of another spelling reaches none, whatever it would be allowed."""
    pytest.importorskip("langchain", reason="The seam of LangChain needs its extra.")
    from langchain.agents import create_agent
    from langchain_core.tools import tool

    from handrail.testing import Turn
    from tests.frameworks.langchain.kit import Scripted, call

    ran: list[str] = []

    @tool
    def delete_file(path: str) -> str:
        """Delete a file."""
        ran.append(path)
        return "deleted"

    model = Scripted(turns=[call("DELETE_FILE", path="/etc/passwd"), Turn("done")])
    agent: Any = create_agent(model, [delete_file])
    path = _file(tmp_path, "true", "delete_file")
    handrail.govern(agent, config=path, principal={"user": "ana"}).invoke({"messages": [("user", "hi")]})
    assert ran == []
    assert [record["rule"] for record in kept(tmp_path, "tool.call")] == [None]


def test_fifteen() -> None:
    """Thirteen cases here and two through the gate."""
    assert len({case.name for case in CASES}) == 13
