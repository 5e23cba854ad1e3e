"""In which order the tools of a run were called, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import NOWHERE
from handrail.validators.runs import RunCheck, calls_of, names, proposed, unknown

_RAN = ("ok", "error", "not_found")
"""Outcomes of calls that were carried out."""


@dataclass(frozen=True)
class Order(RunCheck):
    """No one of ``tools`` is called before each one that is named before it has succeeded.

    Of a call's arguments this judges that call; of anything else every call of the run. Whether a tool is called at
    all is not asked: see ``required_steps``.
    Finds ``order.early``; ``unchecked.run`` where a part of the run is not known.
    """

    source: ClassVar[str] = "own: the business process that the agent carries out"
    tools: tuple[str, ...]
    """Names of the tools, the first one first."""

    def __post_init__(self) -> None:
        names("tools", self.tools, least=2)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Which tools were called too early. The value itself is not looked at."""
        calls, complete = calls_of(context.run)
        now, done = proposed(context), set[str]()
        early: dict[str, str] = {}
        for call in calls:
            if not now and call.outcome in _RAN:
                self._judge(call.tool, done, early)
            if call.outcome == "ok":
                done.add(call.tool)
        if now:
            self._judge(now, done, early)
        if early and not complete:
            return (unknown("in which order its tools were called"),)
        text = "{!r} was called before {!r} had succeeded: the order is {}."
        order = ", ".join(self.tools)
        return tuple(Finding("order.early", text.format(*one, order)[:1000]) for one in list(early.items())[:20])

    def _judge(self, tool: str, done: set[str], early: dict[str, str]) -> None:
        if tool not in self.tools or tool in early:
            return
        before = self.tools[: self.tools.index(tool)]
        missing = next((one for one in before if one not in done), None)
        if missing is not None:
            early[tool] = missing


@dataclass(frozen=True)
class Counts(RunCheck):
    """``tool`` was called at least ``min`` and at most ``max`` times in this run.

    Where the arguments of a call of this tool are checked, that call counts, and ``min`` is not asked.
    Finds ``counts.few``, ``counts.many``; ``unchecked.run`` where a part of the run is not known.
    """

    source: ClassVar[str] = "own: the business process that the agent carries out"
    tool: str
    """Name of the tool; ``*`` for all of them together."""
    min: int = 0
    """Least number of calls."""
    max: int | None = None
    """Greatest number of calls; none for any."""
    outcomes: tuple[str, ...] = ("ok",)
    """Which calls count, by how they ended: ``ok``, ``error``, ``rejected``, ``not_found``, ``cancelled``."""

    def __post_init__(self) -> None:
        names("tool", (self.tool,))
        names("outcomes", self.outcomes)
        if self.min < 0 or (self.max is not None and self.max < self.min):
            raise ConfigError(f"min={self.min} and max={self.max} leave no number.", hint="Write 0 <= min <= max.")
        if self.min == 0 and self.max is None:
            raise ConfigError("counts(...) asks for nothing.", hint="Give min or max.")

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether the number is right. The value itself is not looked at."""
        calls, complete = calls_of(context.run)
        count = sum(1 for call in calls if self.tool in ("*", call.tool) and call.outcome in self.outcomes)
        now = proposed(context)
        count += bool(now) and self.tool in ("*", now)
        if self.max is not None and count > self.max:
            return (Finding("counts.many", f"{self.tool!r} may be called at most {self.max} times, this is {count}."),)
        short = count < self.min and not now
        if (short or self.max is not None) and not complete:
            return (unknown(f"how often {self.tool!r} was called"),)
        if short:
            return (Finding("counts.few", f"Call {self.tool!r} at least {self.min} times; it was {count}."),)
        return ()
