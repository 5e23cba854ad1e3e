"""Sets of values in words, for messages."""

from __future__ import annotations

from handrail.conditions import Constant, unparse
from handrail.policy.check.values import Scalars, Span, Values

_SHOWN = 6


def described(values: Values) -> str:
    """What a fact can be: ``a number from 0 to 500``, ``'EUR' or 'USD'``."""
    if _is_anything(values):
        return "anything"
    parts = [
        *(_truths(values.truths) if values.truths else ()),
        *([_scalars("number", values.numbers)] if values.numbers else ()),
        *([_scalars("string", values.texts)] if values.texts else ()),
        *(["a list"] if values.lists else ()),
        *(["an object"] if values.objects else ()),
        *(["null"] if values.null else ()),
    ]
    return " or ".join(parts) or "never there"


def _is_anything(values: Values) -> bool:
    return all((values.null, values.truths, values.numbers, values.texts, values.lists, values.objects))


def _truths(truths: frozenset[bool]) -> list[str]:
    return ["true or false"] if len(truths) == 2 else [_constant(next(iter(truths)))]


def _scalars(kind: str, scalars: Scalars) -> str:
    if scalars.among is not None:
        listed = [_constant(value) for value in sorted(scalars.among)]
        more = [f"{len(listed) - _SHOWN} more"] if len(listed) > _SHOWN else []
        return " or ".join([*listed[:_SHOWN], *more])
    name = "a whole number" if scalars.whole else f"a {kind}"
    size = f" of {_range(Span(scalars.shortest or None, scalars.longest))} characters" if _has_size(scalars) else ""
    return f"{name}{size}{_between(scalars.span)}"


def _has_size(scalars: Scalars) -> bool:
    return bool(scalars.shortest) or scalars.longest is not None


def _range(span: Span) -> str:
    if span.low is None:
        return f"at most {span.high}"
    return f"at least {span.low}" if span.high is None else f"{span.low} to {span.high}"


def _between(span: Span) -> str:
    low = f"{'above' if span.low_open else 'from'} {_constant(span.low)}" if span.low is not None else ""
    high = f"{'below' if span.high_open else 'up to'} {_constant(span.high)}" if span.high is not None else ""
    return "".join(f" {part}" for part in (low, high) if part)


def _constant(value: int | float | str | bool) -> str:
    text = unparse(Constant(value))
    return text if len(text) <= 60 else f"{text[:56]}...'"
