"""A right revoked between step 3 and step 7 of a plan: the next call is denied, here and in other processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool

import handrail
from handrail.gate import NEUTRAL
from tests.frameworks.langchain.kit import Scripted, call
from tests.kept import kept

STEPS = 9
POLICY = """
version = 1
mode = "enforce"
[principal]
user = "ana"
[users]
"ana" = ["staff"]
[[rule]]
id = "work"
allow = "staff"
call = "work"
[[delegate]]
from = "staff"
to = "agent:*"
call = "*"
"""
REVOKE = [sys.executable, "-m", "handrail", "policy", "revoke", "ana", "staff", "--reason", "left the team"]
WAYS: dict[str, Callable[[Path], object]] = {
    "command": lambda folder: subprocess.run(REVOKE, cwd=folder, check=True, capture_output=True),
    "file": lambda folder: (folder / "handrail.toml").write_text(POLICY.replace('["staff"]', "[]").replace(
        "[users]", "[roles]\nstaff = []\n[users]")),
}  # fmt: skip


def plan(folder: Path, at: int, act: Any) -> list[int]:
    """The steps that ran of a plan of nine, each one call; ``act`` happens inside step ``at``."""
    ran: list[int] = []

    @tool
    def work(step: int) -> str:
        """Do one step."""
        ran.append(step)
        if step == at:
            act()
        return "done"

    turns = [*(call("work", step=step) for step in range(1, STEPS + 1)), handrail.testing.Turn("all done")]
    agent = handrail.govern(create_agent(Scripted(turns=turns), [work], name="clerk"), config=folder / "handrail.toml")
    asked: Any = {"messages": [("user", "work through your plan")]}
    said = agent.invoke(asked)["messages"]
    answers = [message.text for message in said if message.type == "tool"]
    assert answers == ["done"] * len(ran) + [NEUTRAL] * (STEPS - len(ran))
    return ran


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", range(3, 8))
def test_the_next_call_is_denied(tmp_path: Path, at: int, way: str) -> None:
    """Whatever step is running when the right goes, by command or by an edited file: no further one runs."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    assert plan(tmp_path, at, lambda: WAYS[way](tmp_path)) == list(range(1, at + 1))
    verdicts = [record["verdict"] for record in kept(tmp_path, "tool.call")]
    assert verdicts == ["allow"] * at + ["deny"] * (STEPS - at)


def _wait(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, f"{path} does not come"
        time.sleep(0.005)


def other(folder: Path) -> None:
    """The other process: its agent stops inside step 4 until the right is gone, then goes on with its plan."""

    def pause() -> None:
        (folder / "waiting").touch()
        _wait(folder / "revoked")

    print(plan(folder, 4, pause))


def test_another_process_denies_its_next_call_too(tmp_path: Path) -> None:
    """An agent in another process, in the middle of its own plan, runs no further step after the right was revoked."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    program = (
        "import sys, pathlib; from tests.acceptance import test_revocation as t; t.other(pathlib.Path(sys.argv[1]))"
    )
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", program, str(tmp_path)]
    running = subprocess.Popen(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stdout=subprocess.PIPE)

    def revoke() -> None:
        _wait(tmp_path / "waiting")
        WAYS["command"](tmp_path)
        (tmp_path / "revoked").touch()

    assert plan(tmp_path, 5, revoke) == [1, 2, 3, 4, 5]
    printed, _ = running.communicate(timeout=120)
    assert printed.decode().strip() == "[1, 2, 3, 4]"
    assert [record["what"] for record in kept(tmp_path, "policy.change")] == ["revoke"]
