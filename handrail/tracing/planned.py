"""Which plan an agent has now: remembered for each agent of a run, and from run to run of a thread.

An agent is known by its step. When it ends, its plan waits for the next agent of the same delegation chain in this
thread; where the framework says what the plan was, for the one that has that very plan.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from handrail.tracing.context import Frame, RunState
from handrail.tracing.plans import Item, Plan, revise

MAX_LEFT = 16
"""Plans that are remembered of ended agents of one chain."""
_KEY = "plans"
_making = threading.Lock()

Left = dict[tuple[str, ...], list[Plan]]


class Planned:
    """The plans of one run; every thread of the run shares it."""

    def __init__(self, left: Left) -> None:
        """``left`` is what ended agents of the thread planned, by delegation chain."""
        self._lock = threading.Lock()
        self._left = left
        self._plans: dict[str, Plan] = {}

    def revise(
        self, frame: Frame, items: Sequence[Item], was: Sequence[Item] | None, put: Callable[[Plan], None]
    ) -> None:
        """The agent in ``frame`` plans ``items`` now. Calls ``put`` with the revision, unless nothing changed.

        ``was`` is what the framework says the plan was before; None where it says nothing.
        """
        with self._lock:  # held while it is put down: revisions are recorded in their order
            before = self._plans.get(frame.home) or self._take(frame, was)
            made = revise(before, items)
            now = made or before
            if now is not None:
                self._plans[frame.home] = now
            if made is not None:
                put(made)

    def _take(self, frame: Frame, was: Sequence[Item] | None) -> Plan | None:
        left = self._left.get(frame.principal.links, [])
        meant = left if was is None else [plan for plan in left if plan.items == tuple(was)]
        if meant:
            left.remove(meant[-1])
            return meant[-1]
        return revise(None, was) if was else None

    def over(self, frame: Frame) -> None:
        """The agent of ``frame`` has ended."""
        with self._lock:
            plan = self._plans.pop(frame.step, None)
            if plan is not None:
                left = self._left.setdefault(frame.principal.links, [])
                left.append(plan)
                del left[:-MAX_LEFT]


def planned(state: RunState) -> Planned:
    """The plans of a run."""
    found: Planned | None = state.notes.get(_KEY)
    if found is not None:
        return found
    with _making:
        made: Planned = state.notes.setdefault(_KEY, Planned(state.kept.setdefault(_KEY, {})))
        return made


def over(frame: Frame) -> None:
    """The step of ``frame`` has ended; see :meth:`Planned.over`."""
    found: Planned | None = frame.state.notes.get(_KEY)
    if found is not None:
        found.over(frame)
