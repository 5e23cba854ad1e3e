"""The reference of the validators, made from classes and examples: `python -m tests.docs.validators` prints it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from importlib import import_module

from handrail.validators import Finding, Named, parse
from handrail.validators.described import Described, Example, describe
from handrail.validators.registry import ROOMS, known

_HEAD = """\
# Validators

What `check = "..."` of a `[[validate]]` in [handrail.toml](handrail-toml.md) can name, and `--check` of
[`handrail validate`](command-line.md#handrail-validate), and `handrail.validate(...)`. How they are used is told in
[its how-to](../how-to/validate.md).

Two checks are put together by `&` (both) and `|` (one of them); `at("$.path", CHECK)` checks a part of a value,
`each(CHECK)` every element of it, `when(CONDITION, CHECK)` only where a condition holds.

Each finding has a code, which begins with the validator's name. Beside the codes told here, each may say
`unchecked.size` (there is more than one check looks at) or another `unchecked...`: what could not be checked is never
taken for right. A check is bounded: whatever the value is, it is over in milliseconds.

This page is made from the code: `python -m tests.docs.validators > docs/reference/validators.md`. The examples are run.
"""
_TITLES = {"structure": "Structure", "code": "Code", "grounding": "Grounding", "data": "Data", "safety": "Safety",
           "conduct": "Conduct of a run"}  # fmt: skip
_HEAVY = frozenset({"presidio"})
"""Extras that bring a language model: their checks are not run for the page, which is the same everywhere."""
_MOST = 400
"""Characters of one example that are shown."""


def page() -> str:
    """The whole page as Markdown."""
    rooms = {room: [describe(name) for name, entry in sorted(known().items()) if entry.room == room] for room in ROOMS}
    filled = {room: all_of for room, all_of in rooms.items() if all_of}
    return "\n".join([_HEAD, *_contents(filled), *(line for room in filled.items() for line in _room(*room))])


def found(example: Example, value: object) -> tuple[Finding, ...]:
    """What the check of ``example`` says of ``value``."""
    text = value if isinstance(value, str) else None
    return Named("example", parse(example.check)).check(value, example.context, text)


def _contents(rooms: dict[str, list[Described]]) -> Iterator[str]:
    for room, all_of in rooms.items():
        names = ", ".join(f"[`{one.name}`](#{one.name})" for one in all_of)
        yield f"- [{_TITLES[room]}](#{_anchor(_TITLES[room])}): {names}"
    yield ""


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _room(room: str, all_of: list[Described]) -> Iterator[str]:
    about = (import_module(f"handrail.validators.{room}").__doc__ or "").split("\n\n")[0]
    yield f"## {_TITLES[room]}\n\n{_markdown(about)}\n"
    for one in all_of:
        yield from _section(one)


def _section(one: Described) -> Iterator[str]:
    yield f"### {one.name}\n\n{_markdown(one.text)}\n"
    if one.options:
        yield "| option | default | meaning |\n|---|---|---|"
        for option in one.options:
            default = f"`{_cell(option.default)}`" if option.default else "must be given"
            yield f"| `{option.name}` | {default} | {_cell(_markdown(option.about))} |"
        yield ""
    needs = f" Needs `pip install 'handrail[{one.extra}]'`." if one.extra else ""
    yield f"Source: {_markdown(one.source).rstrip('.')}.{needs}\n"
    if one.examples:
        yield "```text"
        yield "\n\n".join("\n".join(_example(example, run=one.extra not in _HEAVY)) for example in one.examples)
        yield "```\n"


def _example(example: Example, *, run: bool) -> Iterator[str]:
    yield example.check
    if example.context.args is not None:
        yield f"  with the arguments {_shown(example.context.args)}"
    if example.run:
        yield f"  after {_shown(example.run)}"
    yield from (f"  accepts  {_shown(value)}" for value in example.good)
    for value in example.bad:
        codes = ", ".join(dict.fromkeys(one.code for one in found(example, value))) if run else ""
        yield f"  finds    {_shown(value)}" + (f"  ->  {codes}" if codes else "")


def _shown(value: object) -> str:
    """JSON; characters that cannot be seen are spelled out."""
    text = json.dumps(value, ensure_ascii=False)
    text = "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
    return text if len(text) <= _MOST else f"{text[:_MOST]} ..."


def _markdown(text: str) -> str:
    """A docstring as Markdown."""
    return re.sub(r"``(.+?)``", r"`\1`", re.sub(r":\w+:`([^`]+)`", r"`\1`", text))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
