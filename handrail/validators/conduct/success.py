"""Whether an answer follows from a tool call that succeeded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from handrail.validators.context import Call, Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import NOWHERE
from handrail.validators.runs import RunCheck, Success, calls_of, names, unknown
from handrail.validators.searching import Searched, TooMuch
from handrail.validators.texts import TooLarge, texts


@dataclass(frozen=True)
class FollowsFromSuccess(RunCheck):
    """The answer follows from a tool call that succeeded, and claims no success after a failure.

    Finds ``follows_from_success.none`` (no such tool was called), ``follows_from_success.failed`` (the last call did
    not succeed; with ``last=false``, none did); ``unchecked.run`` where a part of the run is not known,
    ``unchecked.size`` where the answer is too large to look for claims.
    """

    source: ClassVar[str] = "own: the business process that the agent carries out"
    tools: tuple[str, ...] = ()
    """Names of the tools that count; none for any tool."""
    claims: str = ""
    """Pattern (RE2, without regard to case) of an answer that claims success: any other answer is fine."""
    last: bool = True
    """Whether the last call of them must have succeeded, rather than any."""
    result: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the result of such a call must say, path -> value: ``{"$.status": "booked"}``."""
    _success: Success = field(init=False, repr=False, compare=False)
    _claims: Searched | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names("tools", self.tools, least=0)
        object.__setattr__(self, "_success", Success.of(self.result))
        object.__setattr__(self, "_claims", Searched.of("claims", self.claims) if self.claims else None)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Whether the answer ``value`` may be given."""
        try:
            if not self._claimed(value):
                return ()
        except (TooLarge, TooMuch):
            return (Finding("unchecked.size", "The answer is too large to look for claims of success in it."),)
        calls, complete = calls_of(context.run)
        made = [call for call in calls if call.tool in self.tools] if self.tools else calls
        if made and self._succeeded(made):
            return ()
        if not complete and not (made and self.last):  # the newest calls are always known
            return (unknown("whether a call that succeeded stands behind the answer"),)
        which = f"of {', '.join(self.tools)}" if self.tools else "of any tool"
        if not made:
            return (Finding("follows_from_success.none", f"The answer rests on no call {which}: make it first."),)
        text = f"The last call {which} did not succeed" if self.last else f"No call {which} succeeded"
        hint = "Try again, or say that it failed."
        return (Finding("follows_from_success.failed", f"{text}, so the answer must not say that it did.", hint=hint),)

    def _claimed(self, value: object) -> bool:
        return self._claims is None or any(self._claims.found_in(text) for _, text in texts(value))

    def _succeeded(self, made: Sequence[Call]) -> bool:
        return self._success(made[-1]) if self.last else any(map(self._success, made))
