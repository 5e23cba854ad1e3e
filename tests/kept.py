"""What the tests of gate and seams read back from a journal, and the policies they share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handrail.audit.reader import parts, payload, records

POLICY = """
version = 1
mode = "MODE"
agent = "clerk"

[users]
"ana" = ["staff"]

[tools.look_up]
not_found = ["LookupError"]

[tools.pay]
effect = "irreversible"

[[rule]]
id = "staff-work"
allow = "staff"
call = ["add", "look_up", "pay", "again", "task", "write_todos", "ask_sub", "slow", "start"]

[[rule]]
id = "no-wires"
deny = "*"
call = "wire_money"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""


def policy(folder: Path, mode: str = "enforce", text: str = POLICY) -> Path:
    """Write a handrail.toml; its data folder lies beside it."""
    path = folder / "handrail.toml"
    path.write_text(text.replace("MODE", mode))
    return path


def kept(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """The records beside a handrail.toml, in the order of their writers; of ``kinds`` only, if named."""
    found: list[dict[str, Any]] = []
    for part in parts(folder / ".handrail"):
        good = records(part)
        found += [json.loads(record.body) for record in good]
        assert [problem for problem in good.problems if not problem.harmless] == []
    return [record for record in found if not kinds or record["k"] in kinds]


def content(folder: Path, ref: Any) -> Any:
    """The payload that a reference names."""
    body = payload(folder / ".handrail", ref)
    assert body is not None
    return json.loads(body)


def outcomes(folder: Path, tool: str) -> list[str | None]:
    """How each recorded call of ``tool`` ended; None where no end was recorded."""
    ends = {record["step"]: record["outcome"] for record in kept(folder, "tool.result")}
    return [ends.get(record["step"]) for record in kept(folder, "tool.call") if record["tool"] == tool]
