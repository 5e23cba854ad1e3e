"""Tool definitions as models get them, and requests without those that are to stay hidden.

Known are the forms of OpenAI (chat, responses, the older ``functions``), Anthropic, Google and Bedrock, and tool
objects as frameworks pass them on. Nothing that a caller handed in is ever changed: copies are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeGuard

LISTS = ("tools", "functions")
"""Parameters of a request that list tools."""
_INNER = ("function", "custom", "toolSpec")
"""Where a definition keeps the function that it wraps."""
_MANY = ("function_declarations", "functionDeclarations")
"""Where Google's tools keep several functions."""
_OWN_TYPES = ("function", "custom")
"""Types of tools that the caller runs; those of any other type are run by the provider, if they say a type."""
_CHOICES = {"tools": ("tool_choice", "tool_config"), "functions": ("function_call",)}
"""Parameters that may name one of the tools."""
_USELESS = {"tools": (*_CHOICES["tools"], "parallel_tool_calls"), "functions": _CHOICES["functions"]}
"""Parameters that providers refuse in a request without tools."""
_WORDS = frozenset({"auto", "any", "none", "required", "tool", "function"})
"""What a choice says when it names no tool."""
_GONE = object()

Hides = Callable[[str], bool]
"""Whether the tool of a name is to stay hidden."""


def names_of(definition: object) -> tuple[str, ...]:
    """The names of one definition: what a model calls it by, and the type of a tool that a provider runs."""
    if isinstance(definition, str):
        return (definition,)
    found = [_name(definition), definition.get("type") if is_hosted(definition) else None]
    return tuple(name for name in found if isinstance(name, str) and name)


def _name(definition: object) -> object:
    described = getattr(definition, "__handrail_tool__", None)
    if described is not None:
        return described.name
    if not _is_mapping(definition):
        return getattr(definition, "name", None) or getattr(definition, "__name__", None)
    inner = next((definition[key] for key in _INNER if _is_mapping(definition.get(key))), definition)
    return inner.get("name")


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def is_hosted(definition: object) -> TypeGuard[Mapping[str, Any]]:
    """Whether the provider runs the tool itself, as its type says."""
    return _is_mapping(definition) and definition.get("type", "function") not in _OWN_TYPES


def shown(definitions: Iterable[Any], hides: Hides) -> tuple[list[Any], list[str]]:
    """The definitions that are not hidden, in their order, and the names of those that are."""
    kept: list[Any] = []
    hidden: list[str] = []
    for definition in definitions:
        many = _several(definition)
        if many is not None:
            part, gone = shown(many[1], hides)
            hidden += gone
            kept += [_with(definition, many[0], part)] if gone and part else [] if gone else [definition]
            continue
        name = next((name for name in names_of(definition) if hides(name)), None)
        if name is None:
            kept.append(definition)
        else:
            hidden.append(name)
    return kept, hidden


def _several(definition: object) -> tuple[str, Iterable[Any]] | None:
    """Where a definition of several tools keeps them, and what stands there; None for a definition of one."""
    named = (*_MANY, "tools") if _is_mapping(definition) and definition.get("type") == "namespace" else _MANY
    for key in named:
        found: Any = definition.get(key) if _is_mapping(definition) else getattr(definition, key, None)
        if found:
            return key, found
    return None


def _with(definition: Any, key: str, part: list[Any]) -> Any:
    """A copy that has ``part`` under ``key``."""
    if _is_mapping(definition):
        return {**definition, key: part}
    return definition.model_copy(update={key: part})


def reduced(request: Mapping[str, Any], hides: Hides) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A model's request without the hidden tools, and their names.

    A choice that names a hidden tool is left out, and so is what makes no sense without any tool.
    """
    made, found = dict(request), dict[str, None]()
    for key in LISTS:
        listed = request.get(key)
        if not isinstance(listed, (list, tuple)) or not listed:
            continue
        kept, hidden = shown(listed, hides)  # pyright: ignore[reportUnknownArgumentType]
        if hidden:
            found.update(dict.fromkeys(hidden))
            _replace(made, key, kept, frozenset(hidden))
    return made, tuple(found)


def without_tools(request: Mapping[str, Any]) -> dict[str, Any]:
    """A model's request without any tool."""
    useless = {name for key in LISTS for name in (key, *_USELESS[key])}
    return {key: value for key, value in request.items() if key not in useless}


def _replace(request: dict[str, Any], key: str, kept: list[Any], hidden: frozenset[str]) -> None:
    if not kept:
        for useless in (key, *_USELESS[key]):
            request.pop(useless, None)
        return
    request[key] = kept
    for choice in _CHOICES[key]:
        said = _choice(request.get(choice), hidden)
        if said is _GONE:
            del request[choice]
        elif choice in request:
            request[choice] = said


def _choice(said: Any, hidden: frozenset[str]) -> Any:
    """A choice without the hidden names: lists lose members, all else goes whole, and then it is _GONE."""
    if isinstance(said, str):
        return _GONE if said in hidden and said not in _WORDS else said
    if _is_mapping(said):
        made = {key: _choice(value, hidden) for key, value in said.items()}
        return _GONE if any(value is _GONE for value in made.values()) else made
    if isinstance(said, (list, tuple)) and said:
        left = [item for item in (_choice(each, hidden) for each in said) if item is not _GONE]  # pyright: ignore[reportUnknownVariableType]
        return left or _GONE
    return said
