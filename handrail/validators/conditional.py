"""The condition of a check, as a text: the language of ``when`` in rules, over what is known where a value stands."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.conditions import Condition, Unevaluable, parse
from handrail.errors import ConfigError
from handrail.validators.context import Context

_KNOWN = ("args", "tenant", "principal")


@dataclass(frozen=True)
class Holds:
    """Whether a condition holds where a value stands."""

    condition: Condition

    def __call__(self, value: object, context: Context) -> bool:
        """True also where the condition cannot be evaluated: a doubt must not switch a check off."""
        principal = {"user": context.user, "agent": context.agent}
        try:
            return self.condition.holds({"args": context.args or {}, "tenant": context.tenant, "principal": principal})
        except Unevaluable:
            return True


def holds(text: str) -> Holds:
    """Compile a condition. Raises PolicyError where it cannot be read, ConfigError where it asks for other facts."""
    condition = parse(text)
    for path in condition.paths:
        if path[0] not in _KNOWN:
            hint = f"Here it can read {', '.join(_KNOWN)}."
            raise ConfigError(f"The condition {text!r} reads {'.'.join(path)!r}, which no check knows.", hint=hint)
    return Holds(condition)
