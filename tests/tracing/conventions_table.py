"""The table of the GenAI conventions, made from the resolved registry: `python -m tests.tracing.conventions_table`.

What it prints is ``handrail/tracing/conventions.py``.
"""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

REGISTRY = "semconv/genai.resolved.json"
"""Where the registry lies in the shared data."""
OURS = ("gen_ai.", "mcp.")
"""Namespaces of the attributes that the table has types for."""
LEVELS = ("required", "conditionally_required", "recommended", "opt_in")
WIDTH = 120
_INDENT = " " * 9
_BEFORE = 30
"""Most characters that stand on a line before a tuple begins."""
_HEAD = '''\
"""The GenAI conventions of OpenTelemetry as one table: names, types, spans, metrics and events. Generated.

Source: the registry of open-telemetry/semantic-conventions-genai, main of 2026-08-03 with its changes up to 2026-10-02
(schema ``gen-ai-dev/1.42.0-dev``); nothing in it is marked stable. Every ``gen_ai.*`` and ``mcp.*`` name that Handrail
writes is in here. Made by ``python -m tests.tracing.conventions_table``: change that, not this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Names = tuple[str, ...]


class Span(NamedTuple):
    """One type of span, with its attributes by requirement level."""

    kind: str
    """``client``, ``server`` or ``internal``."""
    required: Names
    conditional: Names
    """Required where they apply."""
    recommended: Names
    opt_in: Names
    """Content: only where somebody switched it on."""


class Metric(NamedTuple):
    """One metric, with its attributes by requirement level."""

    instrument: str
    """``histogram`` or ``counter``."""
    unit: str
    """UCUM."""
    required: Names
    conditional: Names
    recommended: Names


class Event(NamedTuple):
    """One event, with its attributes by requirement level."""

    required: Names
    conditional: Names
    recommended: Names
    opt_in: Names

'''


def page(registry: Mapping[str, Any]) -> str:
    """The whole module as text."""
    return "\n".join([_HEAD, *_attributes(registry), *_spans(registry), *_metrics(registry), *_events(registry)])


def _attributes(registry: Mapping[str, Any]) -> Iterator[str]:
    found = {name: one for name, one in registry["attributes"].items() if name.startswith(OURS)}
    kinds = sorted({one["type"] for one in found.values()})
    of_kind = ((kind, [name for name, one in found.items() if one["type"] == kind]) for kind in kinds)
    yield from _mapping("_BY_TYPE", "Names", ((kind, _names(names)) for kind, names in of_kind))
    yield "ATTRIBUTES: Mapping[str, str] = {name: kind for kind, names in _BY_TYPE.items() for name in names}"
    yield '"""Attribute -> its type."""'
    enums = {name: one["members"] for name, one in found.items() if one["type"] == "enum"}
    yield from _mapping("MEMBERS", "Names", ((name, _names(members)) for name, members in enums.items()))
    yield '"""Attribute with a set of values -> those that are known; where none of them fits, another may be used."""'


def _spans(registry: Mapping[str, Any]) -> Iterator[str]:
    rows = ((name, _row("Span", [json.dumps(one["kind"])], one)) for name, one in registry["spans"].items())
    yield from _mapping("SPANS", "Span", rows)
    yield '"""Type of span -> what it needs."""'


def _metrics(registry: Mapping[str, Any]) -> Iterator[str]:
    rows = (
        (name, _row("Metric", [json.dumps(one["instrument"]), json.dumps(one["unit"])], one, LEVELS[:3]))
        for name, one in registry["metrics"].items()
        if not name.startswith("gen_ai.server.")  # for those who serve a model
    )
    yield from _mapping("METRICS", "Metric", rows)
    yield '"""Metric -> what it needs."""'


def _events(registry: Mapping[str, Any]) -> Iterator[str]:
    rows = ((name, _row("Event", [], one)) for name, one in registry["events"].items())
    yield from _mapping("EVENTS", "Event", rows)
    yield '"""Event -> what it needs; the details of an operation have the attributes of its span."""\n'


def _mapping(name: str, of: str, rows: Iterator[tuple[str, str]]) -> Iterator[str]:
    yield f"{name}: Mapping[str, {of}] = {{"
    for key, value in rows:
        yield f'    "{key}": {value},'
    yield "}  # fmt: skip"


def _row(kind: str, first: Sequence[str], one: Mapping[str, Any], of: Sequence[str] = LEVELS) -> str:
    levels = [_names([name for name, found in one["attributes"].items() if found == level]) for level in of]
    return f"{kind}(\n        " + ",\n        ".join([", ".join(first), *levels] if first else levels) + "\n    )"


def _names(names: Sequence[str]) -> str:
    """A tuple of strings over as many lines as it needs."""
    if len(names) < 2:
        return f'("{names[0]}",)' if names else "()"
    text = ", ".join(json.dumps(name) for name in names)
    first = " " * (0 if len(text) < WIDTH - 50 else _BEFORE)
    lines = textwrap.wrap(text, WIDTH - len(_INDENT) - 3, initial_indent=first, break_on_hyphens=False)
    return "(" + f"\n{_INDENT}".join(lines).lstrip() + ")"


if __name__ == "__main__":
    os.environ.setdefault("HANDRAIL_TEST_DATA", str(Path(__file__).resolve().parents[3] / "shared" / "data"))
    print(page(json.loads((Path(os.environ["HANDRAIL_TEST_DATA"]) / REGISTRY).read_text("utf-8"))), end="")
