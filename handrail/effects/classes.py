"""Objects of classes taken apart and put together again, without running a line of these classes' code.

A class is named by module and qualified name and looked up among what is loaded, in namespaces alone: no import, no
``__getattr__``, ``__reduce__``, ``__new__``, ``__init__`` or ``__setattr__`` has a say. Only dataclasses, pydantic
models, named tuples and enums are made again: a name of anything else is refused.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping
from enum import Enum, Flag
from functools import cached_property
from types import MemberDescriptorType
from typing import Any, cast
from weakref import WeakKeyDictionary

from handrail.errors import NotReplayable

_OF_MODELS = ("__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__")
_bare: Callable[[type], Any] = object.__new__
_type: Callable[[Any], type] = type
_tuple: Callable[[type, Any], Any] = cast("Any", tuple).__new__
_elements: Callable[[Any], Iterator[Any]] = cast("Any", tuple).__iter__
_SLOTS: WeakKeyDictionary[type, Mapping[str, MemberDescriptorType]] = WeakKeyDictionary()


def shown(kind: type) -> str:
    """Name of a class for a person: module and qualified name, whatever its metaclass does."""
    return f"{type.__getattribute__(kind, '__module__')}.{type.__getattribute__(kind, '__qualname__')}"


def taken_apart(value: Any, kind: type) -> tuple[str, object] | None:
    """What sort of class an object is of, and its class and content; None for no such class. Raises NotReplayable."""
    if Enum in kind.__mro__:
        return "enum", [_name_of(kind), _member(value, kind)]
    if _is_named_tuple(kind):
        if _own_dict(value):
            raise _has_more(kind)
        return "namedtuple", [_name_of(kind), list(_elements(value))]
    if _is_model(kind):
        return "model", [_name_of(kind), *model_parts(value)]
    if _is_dataclass(kind):
        return "object", [_name_of(kind), *parts_of(value)]
    return None


def model_parts(value: Any) -> list[object]:
    """What an object of a pydantic model holds: fields, names of those that were set, extra and private attributes.

    Raises NotReplayable as `parts_of` does, and for an object that holds more than this.
    """
    fields, others = parts_of(value)
    given, extra, private = (others.pop(name, None) for name in _OF_MODELS)
    if others:
        raise _has_more(_type(value))
    return [fields, sorted(given), extra, private]  # type: ignore[call-overload]


def model_made(kind: type, fields: Any, given: Any, extra: Any, private: Any) -> Any:
    """An object of a model, of what `model_parts` told. Raises NotReplayable when the class has changed."""
    return made_of(kind, fields, dict(zip(_OF_MODELS, (set(given), extra, private), strict=True)))


def parts_of(value: Any) -> list[dict[str, object]]:
    """The fields that an object of a dataclass has, and whatever else it holds in slots and attributes.

    What a ``cached_property`` remembers is left out: it is made again when asked for; and so is how `typing` notes
    that ``Box[int](1)`` was said rather than ``Box(1)``. Raises NotReplayable for an
    object without one of its fields, and for one that is more than its attributes (of a subclass of list, say).
    """
    kind = _type(value)
    names, held = _fields(kind), _own_dict(value)
    slots = {name: slot.__get__(value) for name, slot in _slots(kind).items() if _is_set(slot, value)}
    if held.keys() == names.keys():
        return [held, slots]
    held = {name: item for name, item in (held | slots).items() if name in names or not _is_aside(kind, name)}
    if not _required(names) <= held.keys():
        raise NotReplayable(f"A value of type {shown(kind)} cannot be kept for replay: one of its fields is not set.")
    return [{name: held.pop(name) for name in names if name in held}, held]


def made_of(kind: type, fields: Mapping[str, object], others: Mapping[str, object]) -> Any:
    """An object of ``kind`` that holds this, as `parts_of` tells it. Raises NotReplayable for a changed class."""
    names = _fields(kind)
    if not _required(names) <= fields.keys() <= names.keys():
        raise NotReplayable(f"A kept value of type {shown(kind)} cannot be given back: the class has other fields now.")
    slots = _slots(kind)
    made: Any = _bare(kind)
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
    return cast("dict[str, Any]", found) if type(found) is dict else {}


def _slots(kind: type) -> Mapping[str, MemberDescriptorType]:
    """The slots of a class, which also says that its objects are nothing but their attributes. Raises NotReplayable."""
    found = _SLOTS.get(kind)
    if found is None:
        try:
            _bare(kind)
        except TypeError:  # a class that is laid out by C: its objects hold more than their attributes
            raise NotReplayable(f"An object of type {shown(kind)} cannot be made again from its attributes.") from None
        found = _SLOTS[kind] = {
            name: part
            for base in reversed(kind.__mro__)
            for name, part in vars(base).items()
            if type(part) is MemberDescriptorType
        }
    return found


def _is_set(slot: MemberDescriptorType, value: object) -> bool:
    try:
        slot.__get__(value)
    except AttributeError:
        return False
    return True


def _is_aside(kind: type, name: str) -> bool:
    return name == "__orig_class__" or any(type(vars(base).get(name)) is cached_property for base in kind.__mro__)


def _model() -> type | None:
    pydantic = sys.modules.get("pydantic")
    # its own name is a lazy one: what has models in use has loaded the module where they are made
    main = sys.modules.get("pydantic.main") if pydantic is not None else None
    return None if main is None else main.BaseModel


def _is_model(kind: type) -> bool:
    model = _model()
    return model is not None and kind is not model and model in kind.__mro__


def _fields(kind: Any) -> Mapping[str, object]:
    """Names of the fields of a dataclass or model, each with whether every object holds it (or something true)."""
    if _is_model(kind):
        found: Mapping[str, object] = getattr(kind, "__pydantic_fields__", None) or kind.model_fields
        return found
    return {field.name: _must_be_set(field) for field in dataclasses.fields(kind)} if _is_dataclass(kind) else {}


def _must_be_set(field: dataclasses.Field[Any]) -> bool:
    """Whether each object holds this field of a dataclass; its class may hold the default for all."""
    return field.init or field.default is dataclasses.MISSING


def _required(names: Mapping[str, object]) -> set[str]:
    return {name for name, must in names.items() if must}


def _is_dataclass(kind: type) -> bool:
    return dataclasses.is_dataclass(kind)


def _is_named_tuple(kind: Any) -> bool:
    return tuple in kind.__mro__ and type(getattr(kind, "_fields", None)) is tuple


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
    return _tuple(kind, items)


def _object_back(parts: Any) -> Any:
    name, fields, others = parts
    kind = _class(name)
    if not _is_dataclass(kind):
        raise _no_such("dataclass", name)
    return made_of(kind, fields, others)


def _model_back(parts: Any) -> Any:
    name, *held = parts
    kind = _class(name)
    if not _is_model(kind):
        raise _no_such("model", name)
    return model_made(kind, *held)


def _has_more(kind: type) -> NotReplayable:
    return NotReplayable(f"A value of type {shown(kind)} cannot be kept for replay: it has further attributes.")


def _no_such(what: str, name: str) -> NotReplayable:
    return NotReplayable(f"A kept value cannot be given back: {name} is no {what} any more.")


BACK: dict[str, Callable[[Any], Any]] = {
    "enum": _enum_back,
    "namedtuple": _named_tuple_back,
    "model": _model_back,
    "object": _object_back,
}
"""Sorts of classes, and what makes an object of one again from what `taken_apart` told, all of it decoded."""
