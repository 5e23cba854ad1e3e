"""What the gates of a frame say together: whoever governs something asks here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from handrail.rulebook import Rulebook
from handrail.tracing.context import Frame

if TYPE_CHECKING:
    from handrail.gate.pipeline import Gate

EFFECTS = ("read", "write", "irreversible")
"""What a call does to the world, from the mildest to the gravest."""


def gates_of(frame: Frame) -> tuple[Gate, ...]:
    """The gates that a call made in ``frame`` must pass, outermost first."""
    return frame.gates


def gate_of(frame: Frame) -> Gate:
    """The gate that records what happens in ``frame``: the one that its run was started with."""
    return gates_of(frame)[0]


def hides(frame: Frame, tool: str, *, runs: bool) -> bool:
    """Whether a model that is asked in ``frame`` need not know of the tool, as any of the frame's gates says."""
    return any(gate.rulebook.now.hides(frame.principal, tool, runs=runs) for gate in gates_of(frame))


def enforces(frame: Frame) -> bool:
    """Whether any gate of ``frame`` is in enforce mode."""
    return any(gate.rulebook.enforces for gate in gates_of(frame))


def effect_of(frame: Frame, tool: str, own: str = "write") -> str:
    """The gravest effect that any gate of ``frame`` knows of ``tool``; a gate that knows none takes ``own``."""
    tables = [gate.rulebook.now.settings.tools.get(tool) for gate in gates_of(frame)]
    return max((own if table is None else table.effect for table in tables), key=EFFECTS.index)


def _stale(frame: Frame) -> list[Rulebook]:
    return [gate.rulebook for gate in gates_of(frame) if gate.rulebook.stale]


def renew(frame: Frame) -> None:
    """Bring the rules of ``frame`` up to date."""
    for rulebook in _stale(frame):
        rulebook.renew()


async def arenew(frame: Frame) -> None:
    """Likewise, reading files off the event loop."""
    for rulebook in _stale(frame):
        await asyncio.to_thread(rulebook.renew)
