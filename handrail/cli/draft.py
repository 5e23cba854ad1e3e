"""The text of a first handrail.toml for an agent's real tools. Writes no file and imports no agent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Literal

from handrail.errors import ConfigError
from handrail.frameworks.discover import ToolInfo

ROLE = "operator"
"""The role that a first file declares."""

_READS = ("read_", "get_", "list_", "search_")
_ABOUT_AS_LONG_AS_A_LINE = 90

_HEAD = """\
# What this agent may do, and for whom. Written by `handrail init` as a first draft: read every line.
# Every key: `handrail schema`. What no rule allows is denied.

version = 1

# observe: everything is recorded, nothing is blocked, what the rules below would have stopped is marked.
# enforce: the rules hold. Change it when the record shows what you expect.
mode = "observe"
"""
_CHECKS = """\
# Looks for secrets, hidden characters, private addresses, links that carry data out, and marks of prompt injection,
# in arguments, results, documents and answers. "record" puts down what is found and holds nothing up.
[validators]
defaults = "record"
"""
_ROLES = """\
# Who has which role. A key is "TENANT/USER", or "USER" for the tenant "default".
[users]
# "ana" = ["operator"]

# A role with [] only declares its name. A role may include others: lead = ["operator"]
[roles]
operator = []
"""
_TOOLS = """\
# What each tool does to the world: "read", "write" or "irreversible".
# The effects are guesses from names: read_, get_, list_ and search_ are taken for "read", all else for "write",
# because a write that is taken for a read is the worse mistake. Say "irreversible" for what nobody can take back.
"""
_NO_TOOLS = """\
# No tool was found, so here is the form of a rule and of a delegation; remove the # and name your own tools:
#   [[rule]]
#   id = "operator-reads"
#   allow = "operator"
#   call = ["read_*"]
#   [[delegate]]
#   from = "operator"
#   to = "agent:*"
#   call = ["read_*"]
"""
_DELEGATE = """\
# What the agent may do on behalf of an operator. It may do nothing on its own account.
"""


def draft(tools: Iterable[ToolInfo], *, agent: str = "") -> str:
    """A commented, valid handrail.toml that names ``tools``, for the agent called ``agent``.

    Raises ConfigError when a tool's or the agent's name cannot stand in the file.
    """
    found = list({tool.name: tool for tool in tools}.values())
    for name in (agent, *(tool.name for tool in found)):
        _check_name(name)
    named = f"\n# Name for an agent that has none of its own.\nagent = {_quoted(agent)}\n" if agent else ""
    return "\n".join([_HEAD + named, _CHECKS, _ROLES, *(_with_tools(found, agent) if found else [_NO_TOOLS])])


def _with_tools(tools: Sequence[ToolInfo], agent: str) -> list[str]:
    reads = [tool.name for tool in tools if guess_effect(tool.name) == "read"]
    writes = [tool.name for tool in tools if guess_effect(tool.name) == "write"]
    parts = [_TOOLS, *map(_tool, tools)]
    if reads:
        parts.append(_rule("operator-reads", "Reading.", reads))
    if writes:
        parts.append(_rule("operator-writes", "Changing something. Narrow it with `when`, or take tools out.", writes))
    return [*parts, _delegate(agent, [tool.name for tool in tools])]


def guess_effect(name: str) -> Literal["read", "write"]:
    """``read`` for a name that says so, else ``write``."""
    return "read" if name.startswith(_READS) else "write"


def _tool(tool: ToolInfo) -> str:
    comment = _one_line(tool.description)
    head = f"# {comment}\n" if comment else ""
    return f'{head}[tools.{_quoted(tool.name)}]\neffect = "{guess_effect(tool.name)}"\n'


def _rule(name: str, comment: str, calls: Sequence[str]) -> str:
    return f'# {comment}\n[[rule]]\nid = "{name}"\nallow = "{ROLE}"\ncall = {_listed(calls)}\n'


def _delegate(agent: str, calls: Sequence[str]) -> str:
    to = _quoted(f"agent:{agent or '*'}")
    return f'{_DELEGATE}[[delegate]]\nfrom = "{ROLE}"\nto = {to}\ncall = {_listed(calls)}\n'


def _listed(names: Sequence[str]) -> str:
    lines = "".join(f"    {_quoted(name)},\n" for name in names)
    return f"[\n{lines}]"


def _quoted(text: str) -> str:
    """A TOML basic string. What cannot be seen is escaped: TOML wants it for DEL, readers for the rest."""
    json_string = json.dumps(text, ensure_ascii=False)
    return "".join(one if one.isprintable() else f"\\U{ord(one):08X}" for one in json_string)


def _one_line(text: str) -> str:
    """The first line of a description, safe in a comment: no control character, no bidirectional trick."""
    words = " ".join(text.split())
    shown = "".join(character for character in words if character.isprintable())
    return shown if len(shown) <= _ABOUT_AS_LONG_AS_A_LINE else shown[: _ABOUT_AS_LONG_AS_A_LINE - 3] + "..."


def _check_name(name: str) -> None:
    if "*" in name or any("\ud800" <= character <= "\udfff" for character in name):
        raise ConfigError(f"The name {name!r} cannot stand in handrail.toml: it has a * or half a character.")
