"""A clerk that is a plain loop: it books what it is told to, in a world that remembers, and may be killed meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import handrail
from handrail.effects import asks
from tests.effects.crashing import POLICY, World

Call = tuple[str, Any]
"""What is booked, and for how much."""


def office(folder: Path, policy: str = POLICY) -> Path:
    """A folder with a policy that lets the clerk do everything, or with ``policy``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "handrail.toml").write_text(policy)
    return folder


def booked(call: Call) -> str:
    """What the world says when it has booked ``call``: nobody else is given this."""
    return f"booked {call[0]} for {float(call[1])}"


def clerk(
    folder: Path,
    plan: Sequence[Call],
    *,
    run: str = "",
    before: Callable[[Call], object] = lambda call: None,
    after: Callable[[Call], object] = lambda call: None,
    name: str = "clerk",
    who: dict[str, Any] | None = None,
    **declared: Any,
) -> list[Any]:
    """Book all of ``plan``; ``before`` and ``after`` are called in the tool, around what it does to the world."""
    world = World(folder)

    @handrail.tool(**{"effect": "write", **declared})
    def book(what: str, amount: float) -> str:
        before((what, amount))
        world.do(what, handrail.idempotency_key())
        after((what, amount))
        return booked((what, amount))

    opened = handrail.run(name, config=folder / "handrail.toml", **(who or {"user": "ana"}))
    with handrail.resuming(run) if run else nullcontext(), opened:
        return [book(*call) for call in plan]


def resumed(folder: Path, plan: Sequence[Call], run: str, **more: Any) -> list[Any]:
    """Go on until the run comes to its end: a person looks into the world, and answers what is asked."""
    for _ in range(20):
        try:
            return clerk(folder, plan, run=run, **more)
        except handrail.InDoubt:
            answer(folder)
    raise AssertionError("the run came to no end")


def answer(folder: Path) -> list[asks.Question]:
    """Answer each open question about a call by what the world has; those that are answered."""
    found = [one for one in asks.open_questions(folder / ".handrail") if one.kind == "doubt"]
    for one in found:
        happened = one.key in set(World(folder).keys())
        asks.answer(folder / ".handrail", one.id, "happened" if happened else "did_not_happen", "looked")
    return found
