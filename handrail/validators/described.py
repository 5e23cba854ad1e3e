"""What there is to read about a validator: read from its class, and from the ``examples.toml`` of its room.

For ``handrail validate --list`` and ``--show``, and for the reference.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, cast

from handrail.errors import ConfigError
from handrail.validators.context import Call, Context, Run, Source
from handrail.validators.registry import ROOMS, Entry, find

_WORD = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a validator."""

    name: str
    type: str
    """As it is annotated."""
    default: str
    """As it would be written; empty where it must be given."""
    about: str
    """What it means, in a sentence or two."""


@dataclass(frozen=True, slots=True)
class Example:
    """One check, with values that it accepts and values that it does not."""

    check: str
    good: tuple[object, ...] = ()
    bad: tuple[object, ...] = ()
    context: Context = field(default_factory=Context)
    """What the values stand in: arguments of their call, what the run has seen."""
    run: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the run has seen, as it is written in the file."""


@dataclass(frozen=True, slots=True)
class Described:
    """All that is told of one validator."""

    name: str
    room: str
    """Which kind; empty for somebody else's."""
    package: str
    """Distribution that it comes with; empty for this one."""
    summary: str
    """First sentence of its description."""
    text: str
    """Its description: paragraphs, separated by empty lines."""
    options: tuple[Option, ...]
    source: str
    """Where its rule comes from."""
    extra: str
    """The extra that it needs; empty for none."""
    examples: tuple[Example, ...]


def describe(name: str) -> Described:
    """What there is to read about the validator ``name``. Raises ConfigError where none is, or it does not load."""
    entry = find(name)
    maker = entry.load()
    text = inspect.cleandoc(maker.__doc__ or "")
    return Described(
        name, entry.room, entry.package, _WORD.sub(" ", text.split("\n\n")[0]), text, tuple(_options(maker)),
        str(getattr(maker, "source", "")), str(getattr(maker, "extra", "")), _examples(entry),
    )  # fmt: skip


def _options(maker: Callable[..., Any]) -> list[Option]:
    if not is_dataclass(maker):
        return _parameters(maker)
    about = _field_docs(cast("type", maker))
    return [
        Option(one.name, _type_of(one), _default_of(one), about.get(one.name, ""))
        for one in fields(maker)
        if one.init
    ]  # fmt: skip


def _parameters(maker: Callable[..., Any]) -> list[Option]:
    found: list[Option] = []
    for one in inspect.signature(maker).parameters.values():
        kind = "" if one.annotation is one.empty else str(getattr(one.annotation, "__name__", one.annotation))
        found.append(Option(one.name, kind, "" if one.default is one.empty else written(one.default), ""))
    return found


def _type_of(one: Field[Any]) -> str:
    return one.type if isinstance(one.type, str) else getattr(one.type, "__name__", str(one.type))


def _default_of(one: Field[Any]) -> str:
    if one.default is not MISSING:
        return written(one.default)
    return written(one.default_factory()) if one.default_factory is not MISSING else ""


def written(value: object) -> str:
    """``value`` as one would write it as an option; a collection of more than a dozen is shortened."""
    if isinstance(value, (set, frozenset)):
        return written(tuple(sorted(cast("set[object]", value), key=str)))
    if isinstance(value, (list, tuple)):
        items = [written(item) for item in cast("list[object]", value)]
        return "[" + ", ".join([*items[:12], *(["..."] if len(items) > 12 else [])]) + "]"
    words = {True: "true", False: "false", None: "null"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)


def _field_docs(maker: type) -> dict[str, str]:
    """Field -> the docstring below it, those of base classes too."""
    found: dict[str, str] = {}
    for kind in reversed(maker.__mro__):
        if is_dataclass(kind):
            found.update(_docs_in(kind))
    return found


def _docs_in(kind: type) -> dict[str, str]:
    try:
        body = cast("ast.ClassDef", ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]).body
    except (OSError, TypeError, SyntaxError, IndexError):  # no source: an interactive or generated class
        return {}
    found: dict[str, str] = {}
    for line, below in pairwise(body):
        text = below.value if isinstance(below, ast.Expr) else None
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and isinstance(text, ast.Constant):
            found[line.target.id] = _WORD.sub(" ", inspect.cleandoc(str(text.value)))
    return found


def _examples(entry: Entry) -> tuple[Example, ...]:
    return examples_of(entry.room).get(entry.name, ()) if entry.room else ()


@cache
def examples_of(room: str) -> Mapping[str, tuple[Example, ...]]:
    """Validator -> its examples, from the ``examples.toml`` of ``room``. Raises ConfigError where one is not whole."""
    if room not in ROOMS:
        raise ConfigError(f"There is no kind of validators called {room!r}.")
    file = files(f"{__package__}.{room}").joinpath("examples.toml")
    if not file.is_file():
        return {}
    found: dict[str, tuple[Example, ...]] = {}
    for name, tables in tomllib.loads(file.read_text("utf-8")).items():
        try:
            found[name] = tuple(_example(table) for table in tables)
        except (KeyError, TypeError) as problem:
            hint = "Write [[NAME]] with check, good and bad."
            raise ConfigError(f"examples.toml of {room}: {name} cannot be read: {problem}.", hint=hint) from problem
    return found


def _example(table: Mapping[str, Any]) -> Example:
    given = cast("Mapping[str, Any]", table.get("run", {}))
    context = Context(args=table.get("args"), run=run_of(given))
    return Example(table["check"], tuple(table.get("good", ())), tuple(table.get("bad", ())), context, given)


def run_of(given: Mapping[str, Any]) -> Run:
    """What a run has seen and done, from ``sources`` and ``calls`` as examples have them. Raises TypeError."""
    sources = tuple(Source(**source) for source in given.get("sources", ()))
    return Run(sources, tuple(Call(**call) for call in given.get("calls", ())))
