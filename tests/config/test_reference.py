"""The reference page and the shipped JSON Schema."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from handrail.config import load
from handrail.config.document import json_schema
from handrail.config.reference import render

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "handrail-toml.md"


def test_page_is_up_to_date() -> None:
    """The committed page is what the schema gives; `handrail schema --format markdown` makes it again."""
    assert PAGE.read_text(encoding="utf-8") == render()


def test_schema_is_a_schema() -> None:
    """The shipped file is a valid JSON Schema."""
    Draft202012Validator.check_schema(json_schema())


def _undescribed(part: Any, path: str) -> list[str]:
    found: list[str] = []
    for key, inner in part.get("properties", {}).items():
        found += [] if inner.get("description") else [f"{path}.{key}"]
        found += _undescribed(inner, f"{path}.{key}")
        for below in ("items", "additionalProperties"):
            if isinstance(inner.get(below), dict):
                found += _undescribed(inner[below], f"{path}.{key}")
    return found


def test_every_key_is_described() -> None:
    """An editor shows a sentence for every key."""
    assert _undescribed(json_schema(), "") == []


def _examples() -> list[str]:
    blocks = render().split("```toml\n")[1:]
    return [block.partition("```")[0] for block in blocks]


@pytest.mark.parametrize("example", _examples())
def test_examples_on_the_page_load(example: str, tmp_path: Path) -> None:
    """Each example of the page loads as it stands, with the role it speaks of declared."""
    for name in ("model.conf", "policy.csv"):
        (tmp_path / name).write_text("")
    (tmp_path / "refund.schema.json").write_text("{}")
    declared = "[roles]\nsupport = []\n" if "support" in example and "[roles]" not in example else ""
    (tmp_path / "handrail.toml").write_text(f"version = 1\n{declared}{example}")
    assert load(tmp_path / "handrail.toml", environ={}).file
    assert tomllib.loads(example)
