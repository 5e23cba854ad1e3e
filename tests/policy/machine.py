"""What the state machines share: a folder with a handrail.toml, a clock, tools, and calls through the gate."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine

import handrail
from handrail.gate import NEUTRAL
from handrail.tracing import ids
from tests.frameworks.clocks import Clock
from tests.policy import worlds
from tests.policy.worlds import entry

SECOND = 10**9
NEVER = 2**62
_VARIABLE = "HANDRAIL_MACHINE_EXAMPLES"
EXAMPLES = int(os.environ.get(_VARIABLE, "12"))
SHORT = settings(
    max_examples=EXAMPLES, stateful_step_count=20, deadline=None, derandomize=_VARIABLE not in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], database=None,
)  # fmt: skip


def _tool(name: str) -> Callable[..., str]:
    @handrail.tool(name=name)
    def call(amount: Any = None, currency: Any = None) -> str:
        """Do it."""
        return "done"

    return call


TOOLS = {name: _tool(name) for name in worlds.TOOLS}


def call(tool: str, args: Mapping[str, Any]) -> bool:
    """Make a call through the gate; whether it was allowed. Denied, it must read as every other denied call."""
    result = TOOLS[tool](**args)
    assert result in ("done", NEUTRAL)
    return result == "done"


def seen(args: Mapping[str, object]) -> Mapping[str, object]:
    """The arguments as rules see them: a parameter that was not given has its default."""
    return {"amount": None, "currency": None, **args}


class Machine(RuleBasedStateMachine):
    """A folder with a handrail.toml, and a clock."""

    def __init__(self) -> None:
        super().__init__()
        self.data = Path(os.environ["HANDRAIL_DATA"])
        self.config = Path(tempfile.mkdtemp(dir=self.data)) / "handrail.toml"
        self.clock = Clock()
        self.stack = ExitStack()
        self.stack.callback(ids.use_source, ids.use_source(self.clock))
        self.number = 0
        self.world: dict[str, Any] = {
            "users": {"acme/ana": ["clerk"], "umbrella/ana": ["clerk"], "acme/bob": ["lead"], "umbrella/bob": []},
            "roles": {"clerk": [], "lead": ["clerk"], "boss": []},
            "groups": worlds.GROUPS,
            "rule": [{"id": "base", "allow": "clerk", "call": ["read_*", "pay"]}],
            "delegate": [{"id": "agents", "from": "clerk", "to": "agent:x", "call": ["*"]}],
        }

    def added(self, drawn: Mapping[str, Any]) -> dict[str, Any]:
        """A drawn entry with the next id."""
        self.number += 1
        return entry(self.number, drawn)

    def teardown(self) -> None:
        """Leave nothing behind."""
        self.stack.close()
