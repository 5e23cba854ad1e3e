"""Argument sets of a function-calling leaderboard: valid ones pass, every one with a defect does not."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from handrail.validators import SchemaValidator
from handrail.validators.structure.loose import strict

UNFIT = {"simple_python_200"}
"""An argument set that lacks a required argument in the leaderboard itself."""


def _rows(file: Path) -> list[dict[str, Any]]:
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def test_every_valid_set_passes_and_every_defect_is_found(test_data: Callable[[str], Path]) -> None:
    """By what its raw schema becomes each valid set of arguments passes, and each with one defect does not.

    With the quick yes for plain schemas, and without it. Each raw schema becomes what was made of it by hand, but that
    inner objects have no other properties either.
    """
    valid = _rows(test_data("bfcl/bfcl_valid.jsonl.gz"))
    mutants = _rows(test_data("bfcl/bfcl_mutants.jsonl.gz"))
    assert (len(valid), len(mutants)) == (600, 1_855)
    checks: dict[str, SchemaValidator] = {}
    for row in valid:
        made = strict(row["raw_schema"])
        assert _opened(made) == _plain(row["schema"])
        checks[row["id"]] = SchemaValidator(made, id="v")
    for _ in ("quickly", "fully"):
        assert {row["id"] for row in valid if checks[row["id"]].check(row["args"])} == UNFIT
        missed: Counter[str] = Counter()
        for row in mutants:
            found = checks[row["id"]].check(row["args"])
            assert not any(one.code in ("schema.error", "schema.size") for one in found)
            missed[row["kind"]] += not found
        assert missed.total() == 0, missed
        for check in checks.values():
            check._accepts = None
            check._quick.clear()


def _opened(schema: Any, inner: bool = False) -> Any:
    """Without what closes inner objects."""
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if not (inner and key == "additionalProperties")}
    if "properties" in kept:
        kept["properties"] = {name: _opened(one, True) for name, one in kept["properties"].items()}
    return {**kept, "items": _opened(kept["items"], True)} if "items" in kept else kept


def _plain(schema: Any) -> Any:
    """Without ``optional``, which is none of JSON Schema's."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        named = (
            {"properties": {name: _plain(one) for name, one in properties.items()}} if properties is not None else {}
        )
        items = {"items": _plain(schema["items"])} if "items" in schema else {}
        return {key: value for key, value in schema.items() if key != "optional"} | named | items
    return schema
