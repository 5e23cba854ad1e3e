"""13 agent shapes x 8 entry points: a denied tool does not run, and the run goes on to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit.index import Index
from handrail.testing import ScriptedModel, chat_openai
from tests.frameworks.shapes import SHAPES, Shape

POLICY = """
version = 1
mode = "enforce"
agent = "clerk"

[users]
"ana" = ["staff"]

[[rule]]
id = "staff-work"
allow = "staff"
call = ["add", "ask_sub", "task", "write_todos"]

[[rule]]
id = "no-wires"
deny = "*"
call = "wire_money"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""


async def _drain(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]


ENTRIES: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda agent, ask: agent.invoke(ask),
    "ainvoke": lambda agent, ask: asyncio.run(agent.ainvoke(ask)),
    "stream": lambda agent, ask: list(agent.stream(ask)),
    "astream": lambda agent, ask: asyncio.run(_drain(agent.astream(ask))),
    "batch": lambda agent, ask: agent.batch([ask]),
    "abatch": lambda agent, ask: asyncio.run(agent.abatch([ask])),
    "with_config.invoke": lambda agent, ask: agent.with_config(tags=["x"]).invoke(ask),
    "with_config.stream": lambda agent, ask: list(agent.with_config(tags=["x"]).stream(ask)),
}


@pytest.fixture(name="policy")
def _policy(tmp_path: Path) -> Path:
    path = tmp_path / "handrail.toml"
    path.write_text(POLICY)
    return path


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_denied_tool_does_not_run(shape: Shape, entry: str, policy: Path, tmp_path: Path) -> None:
    """Whatever the shape and the way in, the wire is stopped, recorded with its rule, and the run completes."""
    ran: list[str] = []
    with ScriptedModel(shape.script) as server:
        agent = shape.build(chat_openai(server), ran)
        governed = handrail.govern(agent, config=policy, principal={"user": "ana"})
        assert isinstance(governed, type(agent))
        ENTRIES[entry](governed, shape.ask)
        assert len(server.requests) == _model_calls(shape)
    assert ("wire_money" in ran) is shape.hole
    assert _wires(tmp_path) == [("stopped", None, None) if shape.hole else ("deny", "no-wires", False)]


def _model_calls(shape: Shape) -> int:
    return 1 if shape.name == "LCEL chain" else len(shape.script)


def _wires(folder: Path) -> list[tuple[Any, ...]]:
    index = Index(folder / ".handrail")
    index.refresh(block=True)
    found = index.query("select verdict, rule, ran from steps where type = 'tool' and name = 'wire_money'")
    return [(row["verdict"], row["rule"], row["ran"]) for row in found]
