"""``handrail validate --list`` and ``--show NAME``: which validators there are, and what is to be known of one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from handrail.validators.described import Described, Example, Option


def show_list(as_json: bool) -> None:
    """Print every name with what it does, by kind."""
    found = [*_all()]
    if as_json:
        click.echo(json.dumps({"validators": [_brief(one) for one in found]}))
        return
    width = max((len(one.name) for one in found), default=0)
    room: str | None = None
    for one in found:
        if _kind(one) != room:
            click.echo(("" if room is None else "\n") + click.style(_kind(one), bold=True))
            room = _kind(one)
        extra = f" (pip install 'handrail[{one.extra}]')" if one.extra else ""
        click.echo(f"  {one.name:{width}}  {one.summary}{extra}")


def show_one(name: str, as_json: bool) -> None:
    """Print what is to be known of the validator ``name``. Raises ConfigError where there is none."""
    from handrail.validators.described import describe

    found = describe(name)
    click.echo(json.dumps(_whole(found)) if as_json else "\n".join(_told(found)))


def _all() -> Iterator[Described]:
    from handrail.errors import ConfigError
    from handrail.validators.described import Described, describe
    from handrail.validators.registry import ROOMS, known

    entries = [entry for name, entry in known().items() if name == entry.name]
    order = {room: number for number, room in enumerate((*ROOMS, ""))}
    for entry in sorted(entries, key=lambda one: (order[one.room], one.name)):
        try:
            yield describe(entry.name)
        except ConfigError as problem:  # somebody else's that does not load: the others are there all the same
            yield Described(entry.name, entry.room, entry.package, problem.problem, "", (), "", "", ())


def _kind(one: Described) -> str:
    return one.room or f"of the package {one.package}"


def _brief(one: Described) -> dict[str, object]:
    return {"name": one.name, "kind": one.room, "package": one.package, "summary": one.summary, "source": one.source,
            "extra": one.extra}  # fmt: skip


def _whole(one: Described) -> dict[str, object]:
    options = [{"name": o.name, "type": o.type, "default": o.default, "about": o.about} for o in one.options]
    examples = [{"check": e.check, "good": e.good, "bad": e.bad, "args": e.context.args, "run": e.run}
                for e in one.examples]  # fmt: skip
    return {**_brief(one), "text": one.text, "options": options, "examples": examples}


def _told(one: Described) -> Iterator[str]:
    yield click.style(one.name, bold=True) + f"  ({_kind(one)})"
    yield f"\n{one.text}"
    if one.options:
        yield "\nOptions"
        yield from map(_option, one.options)
    if one.source:
        yield f"\nSource: {one.source}"
    if one.extra:
        yield f"Needs: pip install 'handrail[{one.extra}]'"
    if one.examples:
        yield "\nExamples"
        yield from (line for example in one.examples for line in _example(example))


def _option(one: Option) -> str:
    default = f" = {one.default}" if one.default else ""
    return f"  {one.name}{default}  ({one.type})" + (f"\n      {one.about}" if one.about else "")


def _example(example: Example) -> Iterator[str]:
    yield f'  check = "{example.check}"'
    if example.context.args is not None:
        yield f"    with args {_shown(example.context.args)}"
    if example.run:
        yield f"    after {_shown(example.run)}"
    yield from (f"    accepts {_shown(value)}" for value in example.good)
    yield from (f"    finds   {_shown(value)}" for value in example.bad)


def _shown(value: object) -> str:
    from handrail.audit.safe_text import visible

    return visible(json.dumps(value, ensure_ascii=False, default=str))
