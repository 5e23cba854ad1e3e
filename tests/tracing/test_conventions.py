"""The table of the GenAI conventions, and that no name is used that is not in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from handrail.tracing import conventions
from tests.conftest import shared_data
from tests.tracing import conventions_table

PACKAGE = Path(conventions.__file__).parents[1]
_NAME = re.compile(r"(?<![\w.])gen_ai(?:\.[a-z_0-9]+)+")
_READERS = {"dialects", "otlp"}
"""Folders that read what others wrote, by older names too."""
_PREFIXES = {"gen_ai.usage", "gen_ai.request", "gen_ai.client.inference.operation", "gen_ai.client.inference.usage"}
"""What is completed by a name of the facts; the tests of the vocabulary and of metrics look at what comes of it."""


def test_the_table_is_up_to_date() -> None:
    """The committed table is what its generator makes of the registry."""
    registry = json.loads(shared_data(conventions_table.REGISTRY).read_text("utf-8"))
    assert Path(conventions.__file__).read_text("utf-8") == conventions_table.page(registry)


def test_the_table_fits_together() -> None:
    """What spans, metrics and events ask for in our namespaces has a type, and every enumeration its members."""
    levels = [names for one in conventions.SPANS.values() for names in one[1:]]
    levels += [names for one in conventions.METRICS.values() for names in one[2:]]
    levels += [names for one in conventions.EVENTS.values() for names in one]
    asked = {name for names in levels for name in names if name.startswith(conventions_table.OURS)}
    assert asked <= set(conventions.ATTRIBUTES)
    enums = {name for name, kind in conventions.ATTRIBUTES.items() if kind == "enum"}
    assert enums == set(conventions.MEMBERS)


def test_no_other_name_is_spelled() -> None:
    """Nothing that writes telemetry spells a ``gen_ai`` name that the table does not have."""
    known = {*conventions.ATTRIBUTES, *conventions.SPANS, *conventions.METRICS, *conventions.EVENTS, *_PREFIXES}
    sources = [path for path in PACKAGE.rglob("*.py") if not _READERS & set(path.relative_to(PACKAGE).parts)]
    spelled = {(path.name, found) for path in sources for found in _NAME.findall(path.read_text("utf-8"))}
    assert len(spelled) > len(conventions.SPANS)
    assert {(file, name) for file, name in spelled if name not in known} == set()
