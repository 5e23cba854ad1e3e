"""Whether a step was taken before another: an identity check before a refund."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Call, Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import NOWHERE
from handrail.validators.runs import RunCheck, Success, calls_of, names, same, unknown

_NOTHING: Mapping[str, object] = {}


@dataclass(frozen=True)
class RequiredSteps(RunCheck):
    """Every one of ``tools`` was called in this run, and succeeded.

    Finds ``required_steps.missing``; ``unchecked.run`` where a part of the run is not known.
    """

    source: ClassVar[str] = "own: the business process that the agent carries out"
    tools: tuple[str, ...]
    """Names of the tools."""
    any: bool = False
    """Whether one of them is enough."""

    def __post_init__(self) -> None:
        names("tools", self.tools)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Which steps are missing. The value itself is not looked at."""
        calls, complete = calls_of(context.run)
        done = {call.tool for call in calls if call.outcome == "ok"}
        missing = [tool for tool in self.tools if tool not in done]
        if not missing or (self.any and len(missing) < len(self.tools)):
            return ()
        if not complete:
            return (unknown(f"whether {missing[0]!r} was called"),)
        if self.any:
            return (Finding("required_steps.missing", f"Call one of these tools first: {', '.join(self.tools)}."),)
        text = "Call {!r} first, and successfully: it must be done before this."
        return tuple(Finding("required_steps.missing", text.format(tool)) for tool in missing[:20])


@dataclass(frozen=True)
class After(RunCheck):
    """A call of ``tool`` succeeded earlier in this run, for the same thing that this call is about.

    Finds ``after.missing`` (it was never called), ``after.failed`` (it was called, and did not succeed),
    ``after.other`` (it succeeded for other arguments), ``after.type`` (an argument that must be the same is not there
    or is no plain value); ``unchecked.run`` where a part of the run is not known.
    """

    source: ClassVar[str] = "own: the business process that the agent carries out"
    tool: str
    """Name of the tool that must have been called."""
    same: tuple[str, ...] | Mapping[str, str] = ()
    """Arguments that both calls must have with equal values; as a table, argument here -> argument there."""
    result: Mapping[str, object] = field(default_factory=dict[str, object])
    """What its result must say, path -> value: ``{"$.verified": true}``."""
    _success: Success = field(init=False, repr=False, compare=False)
    _pairs: tuple[tuple[str, str], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names("tool", (self.tool,))
        if isinstance(self.same, str):
            raise ConfigError(f"`same` is {self.same!r:.50}.", hint='Write same=["customer_id"].')
        pairs = self.same.items() if isinstance(self.same, Mapping) else ((one, one) for one in self.same)
        object.__setattr__(self, "_pairs", tuple(pairs))
        object.__setattr__(self, "_success", Success.of(self.result))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether the step was taken, for the arguments of the call where there are some, else for ``value``."""
        args = context.args if context.args is not None else value
        given = cast("Mapping[str, Any]", args) if isinstance(args, Mapping) else _NOTHING
        for here, _ in self._pairs:
            if not same(given.get(here), given.get(here)) or given.get(here) is None:
                text = f"{here!r} is needed, as a plain value: what it names must have passed {self.tool!r} before."
                return (Finding("after.type", text, path=f"/{here}"),)
        calls, complete = calls_of(context.run)
        made = [call for call in calls if call.tool == self.tool]
        succeeded = [call for call in made if self._success(call)]
        if any(self._fits(call, given) for call in succeeded):
            return ()
        if not complete:
            return (unknown(f"whether {self.tool!r} was called before"),)
        return (self._finding(made, succeeded),)

    def _fits(self, call: Call, given: Mapping[str, Any]) -> bool:
        return all(same(given.get(here), call.args.get(there)) for here, there in self._pairs)

    def _finding(self, made: list[Call], succeeded: list[Call]) -> Finding:
        if not made:
            return Finding("after.missing", f"Call {self.tool!r} first: it must succeed before this.")
        if not succeeded:
            return Finding("after.failed", f"{self.tool!r} was called and did not succeed: it must, before this.")
        told = ", ".join(f"{here!r}" for here, _ in self._pairs)
        text = f"{self.tool!r} succeeded, but not for this {told}: call it for the same one first."
        return Finding("after.other", text, path=f"/{self._pairs[0][0]}")
