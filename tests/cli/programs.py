"""Programs that know nothing of Handrail, written to a folder, and ``handrail run`` around them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from handrail.testing import Script, ScriptedModel, ToolCall, Turn, keyed

REPO = Path(__file__).resolve().parents[2]

AGENT = '''
"""A clerk with an allowed tool and a denied one; each notes in the file RAN that it ran."""
import os

from langchain.agents import create_agent
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


def note(line):
    with open(os.environ["RAN"], "a") as file:
        file.write(line + "\\n")


@tool
def add(a: int, b: int) -> int:
    """Add."""
    note("add")
    return a + b


@tool
def wire_money(amount: int) -> str:
    """Wire."""
    note("wire_money")
    return "sent"


agent = create_agent(ChatOpenAI(model="scripted"), [add, wire_money], name="clerk")


def ask():
    return agent.invoke({"messages": [("user", "hi")]})["messages"][-1].text
'''

POLICY = """
version = 1
mode = "enforce"

[principal]
user = "ana"

[users]
"ana" = ["staff"]

[[rule]]
id = "staff-work"
allow = "staff"
call = "add"

[[delegate]]
from = "staff"
to = "agent:*"
call = "add"
"""


def script() -> Script:
    """A script for any number of agents at once: an allowed call, a denied one, and a final text."""
    add = ToolCall("add", {"a": 2, "b": 3})
    wire = ToolCall("wire_money", {"amount": 900})
    return keyed({"hi": (Turn(tool_calls=(add,)), Turn(tool_calls=(wire,)), Turn("final"))})


def write(folder: Path, **files: str) -> None:
    """The agent, the policy, and ``files`` (module name -> source) in ``folder``."""
    (folder / "handrail.toml").write_text(POLICY)
    for name, source in {"clerk": AGENT, **files}.items():
        (folder / f"{name}.py").write_text(source)


def environ(folder: Path, server: ScriptedModel | None = None) -> dict[str, str]:
    """Environment for a program in ``folder`` that talks to ``server``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HANDRAIL_", "OTEL_"))}
    kept |= {
        "PYTHONPATH": str(REPO),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", "")]),
        "RAN": str(folder / "ran.txt"),
        "LANGSMITH_TRACING": "false",
    }
    return kept | (server.environ if server is not None else {})


def start(folder: Path, words: list[str], env: dict[str, str]) -> subprocess.Popen[str]:
    """``handrail run WORDS`` in ``folder``."""
    command = [sys.executable, "-m", "handrail.cli", "run", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)


def run(folder: Path, words: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """``handrail run WORDS`` in ``folder``, to its end."""
    process = start(folder, words, env)
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def ran(folder: Path) -> list[str]:
    """The tools that ran, in order."""
    path = folder / "ran.txt"
    return path.read_text().split() if path.exists() else []
