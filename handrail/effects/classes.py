"""Objects of classes taken apart and put together again, without running a line of these classes' code.

A class is named by module and qualified name and looked up among what is loaded, in namespaces alone: no import, no
``__getattr__``, ``__reduce__``, ``__new__``, ``__init__`` or ``__setattr__`` has a say. Only dataclasses, pydantic
models, named tuples and enums are made again: a name of anything else is refused.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from enum import Enum, Flag
from functools import cached_property
from types import MemberDescriptorType
from typing import Any

from handrail.errors import NotReplayable


def shown(kind: type) -> str:
    """Name of a class for a person: module and qualified name, whatever its metaclass does."""
    return f"{type.__getattribute__(kind, '__module__')}.{type.__getattribute__(kind, '__qualname__')}"


def taken_apart(value: Any, kind: type) -> tuple[str, object] | None:
    """What sort of class an object is of, and its class and content; None for no such class. Raises NotReplayable."""
    if issubclass(kind, Enum):
        return "enum", [_name_of(kind), _member(value, kind)]
    if _is_named_tuple(kind):
        if _own_dict(value):
            raise NotReplayable(f"A value of type {shown(kind)} cannot be kept for replay: it has further attributes.")
        return "namedtuple", [_name_of(kind), list(tuple.__iter__(value))]
    if _is_record(kind):
        return "object", [_name_of(kind), *parts_of(value)]
    return None


def parts_of(value: Any) -> list[dict[str, object]]:
    """The fields that an object of a dataclass or model has, and whatever else it holds: slots, extra, private.

    What a ``cached_property`` remembers is left out: it is made again when asked for. Raises NotReplayable for an
    object without one of its fields, and for one that is more than its attributes (of a subclass of list, say).
    """
    kind = type(value)
    _bare(kind)
    held = {name: slot.__get__(value) for name, slot in _slots(kind).items() if _is_set(slot, value)}
    held |= _own_dict(value)
    names = _fields(kind)
    _require_fields(kind, names, held)
    fields = {name: held.pop(name) for name in names}
    return [fields, {name: item for name, item in held.items() if not _is_cached(kind, name)}]


def made_of(kind: type, fields: Mapping[str, object], others: Mapping[str, object]) -> Any:
    """An object of ``kind`` that holds this, as `parts_of` tells it. Raises NotReplayable for a changed class."""
    names = _fields(kind)
    if set(names) != set(fields):
        raise NotReplayable(f"A kept value of type {shown(kind)} cannot be given back: the class has other fields now.")
    made, slots = _bare(kind), _slots(kind)
    for name, value in (*fields.items(), *others.items()):
        if name in slots:
            slots[name].__set__(made, value)
        else:
            object.__getattribute__(made, "__dict__")[name] = value
    return made


def _name_of(kind: type) -> str:
    module, name = type.__getattribute__(kind, "__module__"), type.__getattribute__(kind, "__qualname__")
    if type(module) is not str or _found(module, name) is not kind:
        raise NotReplayable(
            f"A value of type {shown(kind)} cannot be kept for replay: its class is not found under this name. "
            "Define it at the top of a module."
        )
    return f"{module}:{name}"


def _class(name: str) -> type:
    module, _, qualified = name.partition(":")
    found = _found(module, qualified)
    if found is None:
        raise NotReplayable(f"A kept value is of the class {name}, which is not loaded: import its module first.")
    return found


def _found(module: str, name: str) -> type | None:
    """The class of this name among what is loaded; asks nothing but namespaces."""
    place: object = sys.modules.get(module)
    for part in name.split("."):
        if place is None:
            return None
        namespace = type.__dict__["__dict__"].__get__(place) if _is_class(place) else _own_dict(place)
        place = namespace.get(part)
    return place if _is_class(place) else None  # type: ignore[return-value]


def _is_class(thing: object) -> bool:
    return issubclass(type(thing), type)


def _own_dict(thing: Any) -> dict[str, Any]:
    try:
        found = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def _slots(kind: type) -> dict[str, MemberDescriptorType]:
    return {
        name: part
        for base in reversed(kind.__mro__)
        for name, part in vars(base).items()
        if type(part) is MemberDescriptorType
    }


def _is_set(slot: MemberDescriptorType, value: object) -> bool:
    try:
        slot.__get__(value)
    except AttributeError:
        return False
    return True


def _is_cached(kind: type, name: str) -> bool:
    return any(type(vars(base).get(name)) is cached_property for base in kind.__mro__)


def _bare(kind: type) -> Any:
    try:
        return object.__new__(kind)
    except TypeError:  # a class that is laid out by C: it holds more than its attributes
        raise NotReplayable(f"An object of type {shown(kind)} cannot be made again from its attributes.") from None


def _model() -> type | None:
    pydantic = sys.modules.get("pydantic")
    # its own name is a lazy one: what has models in use has loaded the module where they are made
    main = sys.modules.get("pydantic.main") if pydantic is not None else None
    return None if main is None else main.BaseModel


def _is_model(kind: type) -> bool:
    model = _model()
    return model is not None and kind is not model and model in kind.__mro__


def _is_record(kind: type) -> bool:
    return dataclasses.is_dataclass(kind) or _is_model(kind)


def _fields(kind: type) -> tuple[str, ...]:
    if _is_model(kind):
        found: Mapping[str, object] = getattr(kind, "__pydantic_fields__", None) or kind.model_fields  # type: ignore[attr-defined]
        return tuple(found)
    return tuple(field.name for field in dataclasses.fields(kind)) if dataclasses.is_dataclass(kind) else ()


def _require_fields(kind: type, names: tuple[str, ...], held: Mapping[str, object]) -> None:
    if not set(names) <= set(held):
        raise NotReplayable(f"A value of type {shown(kind)} cannot be kept for replay: one of its fields is not set.")


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and kind is not tuple and type(getattr(kind, "_fields", None)) is tuple


def _member(value: Any, kind: Any) -> object:
    if issubclass(kind, Flag):
        number = value._value_
        if kind(number) is value:
            return number
    elif kind.__members__.get(value._name_) is value:
        return value._name_
    raise NotReplayable(f"A value of type {shown(kind)} cannot be kept for replay: it is no member of its enum.")


def _enum_back(parts: Any) -> Any:
    name, member = parts
    kind = _class(name)
    if not issubclass(kind, Enum):
        raise _no_such("enum", name)
    return kind(member) if issubclass(kind, Flag) else kind.__members__[member]


def _named_tuple_back(parts: Any) -> Any:
    name, items = parts
    kind = _class(name)
    if not _is_named_tuple(kind) or len(kind._fields) != len(items):  # type: ignore[attr-defined]
        raise _no_such("named tuple of as many fields", name)
    return tuple.__new__(kind, items)


def _record_back(parts: Any) -> Any:
    name, fields, others = parts
    kind = _class(name)
    if not _is_record(kind):
        raise _no_such("dataclass or model", name)
    return made_of(kind, fields, others)


def _no_such(what: str, name: str) -> NotReplayable:
    return NotReplayable(f"A kept value cannot be given back: {name} is no {what} any more.")


BACK: dict[str, Callable[[Any], Any]] = {
    "enum": _enum_back,
    "namedtuple": _named_tuple_back,
    "object": _record_back,
}
"""Sorts of classes, and what makes an object of one again from what `taken_apart` told, all of it decoded."""
