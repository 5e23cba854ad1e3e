"""A function's parameters: call arguments by name and back, and a JSON Schema from the annotations."""

from __future__ import annotations

import inspect
import math
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_MANY = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_RECEIVERS = ("self", "cls")


@dataclass(frozen=True, slots=True)
class Bound:
    """The arguments of one call."""

    seen: Mapping[str, Any]
    """Parameter -> value, plain defaults included, without the receiver of a method."""
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    bound: inspect.BoundArguments | None
    """None where the arguments do not fit the function: Python itself will say so."""

    def make(self, function: Callable[..., Any], final: Mapping[str, Any]) -> Any:
        """Call ``function`` with the admitted arguments in place of those that were given."""
        if final is self.seen or self.bound is None:
            return function(*self.args, **self.kwargs)
        given = {name: final.get(name, value) for name, value in self.bound.arguments.items()}
        call = inspect.BoundArguments(self.bound.signature, given)
        return function(*call.args, **call.kwargs)


class Parameters:
    """The parameters of one function, a method's receiver apart.

    ``defaults`` are the defaults that are JSON types, by parameter name.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._signature = inspect.signature(function)
        names = list(self._signature.parameters)
        self._receiver = names[0] if names and _in_class(function) and names[0] in _RECEIVERS else None
        self._shown = [each for each in self._signature.parameters.values() if each.name != self._receiver]
        self.defaults = {each.name: each.default for each in self._shown if _is_plain(each.default)}

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Bound:
        """Arguments by parameter name; never raises."""
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            names = [name for name in self._signature.parameters]
            return Bound(self._without_receiver({**dict(zip(names, args, strict=False)), **kwargs}), args, kwargs, None)
        for each in self._shown:
            if each.kind is inspect.Parameter.VAR_POSITIONAL and each.name in bound.arguments:
                bound.arguments[each.name] = list(bound.arguments[each.name])  # JSON has no tuples
        seen = {**self.defaults, **self._without_receiver(bound.arguments)}
        return Bound(seen, args, kwargs, bound)

    def _without_receiver(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in given.items() if name != self._receiver}

    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the arguments; a parameter whose annotation is no JSON type takes anything."""
        try:
            hints = get_type_hints(self._function)
        except Exception:  # a name that only the type checker can see
            hints = {}
        return {
            "type": "object",
            "properties": {each.name: _parameter(each, hints.get(each.name, Any)) for each in self._shown},
            "required": [each.name for each in self._shown if each.default is each.empty and each.kind not in _MANY],
            "additionalProperties": False,
        }


def _in_class(function: Callable[..., Any]) -> bool:
    """Whether the function stands in a class body, as its qualified name tells."""
    holder = function.__qualname__.rpartition(".")[0]
    return bool(holder) and not holder.endswith("<locals>") and not inspect.ismethod(function)


def _is_plain(default: object) -> bool:
    return default is None or type(default) in (str, int, bool) or (type(default) is float and math.isfinite(default))


def _parameter(parameter: inspect.Parameter, hint: Any) -> dict[str, Any]:
    constraint = _schema(hint)
    if parameter.kind is inspect.Parameter.VAR_POSITIONAL:
        return {"type": "array", "items": constraint}
    if parameter.kind is inspect.Parameter.VAR_KEYWORD:
        return {"type": "object", "additionalProperties": constraint}
    if parameter.default is None and constraint:
        return {"anyOf": [constraint, {"type": "null"}]}
    return constraint


def _schema(hint: Any) -> dict[str, Any]:
    """What ``hint`` says about a JSON value; empty where it is no plain JSON type."""
    if isinstance(hint, type) and hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    origin, parts = get_origin(hint) or hint, get_args(hint)
    if origin is list:
        return {"type": "array", **_inside("items", parts)}
    if origin is dict:
        return {"type": "object", **_inside("additionalProperties", parts[1:])}
    if origin is Literal:
        return {"enum": list(parts)} if all(type(part) in _PLAIN for part in parts) else {}
    if origin in (Union, types.UnionType):
        return _any_of([_schema(part) for part in parts])
    return {}


def _inside(key: str, parts: Sequence[Any]) -> dict[str, Any]:
    constraint = _schema(parts[0]) if parts else {}
    return {key: constraint} if constraint else {}


def _any_of(choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"anyOf": choices} if all(choices) else {}
