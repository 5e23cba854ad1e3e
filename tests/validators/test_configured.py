"""The validators that a handrail.toml asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.config import Place, Settings, ValidateSettings, load
from handrail.errors import ConfigError
from handrail.validators import Context, build

TEXT = """version = 1
[[validate]]
id = "first"
on = "refund.arguments"
schema = {required = ["amount"]}
[[validate]]
id = "second"
on = "refund.arguments"
schema = {required = ["reason"]}
[[validate]]
id = "result"
on = "orders.list.result"
schema = "orders.json"
[[validate]]
id = "answer"
on = "answer"
schema = {type = "string", maxLength = 3}
"""


def _settings(folder: Path, text: str = TEXT) -> Settings:
    (folder / "orders.json").write_text('{"type": "array"}')
    (folder / "handrail.toml").write_text(text)
    return load(folder / "handrail.toml", environ={})


def test_found_by_tool_and_in_order(tmp_path: Path) -> None:
    """Each validator is found under its tool and side, in the order of the file, and under no other."""
    validators = build(_settings(tmp_path))
    assert [one.id for one in validators.of("arguments", "refund")] == ["first", "second"]
    assert [one.id for one in validators.of("result", "orders.list")] == ["result"]
    assert [one.id for one in validators.of("answer", "clerk")] == ["answer"]
    assert validators.of("result", "refund") == validators.of("arguments", "orders.list") == ()
    assert validators.of("arguments", "") == ()
    (finding,) = validators.of("answer", "clerk")[0].check.check("long", Context())
    assert (finding.code, finding.validator) == ("schema.maxLength", "answer")


def test_digest(tmp_path: Path) -> None:
    """The digest is empty without validators, repeatable, and changes with ids, targets, schemas and order."""
    assert build(Settings()).digest == ""
    first = build(_settings(tmp_path)).digest
    assert first == build(_settings(tmp_path)).digest
    assert len(first) == 64
    changed = [
        TEXT.replace('id = "first"', 'id = "one"'),
        TEXT.replace("refund.arguments", "refund.result"),
        TEXT.replace("maxLength = 3", "maxLength = 4"),
        TEXT.replace('"first"', '"x"').replace('"second"', '"first"').replace('"x"', '"second"'),
        TEXT.replace("orders.list.result", "orders.list.arguments"),
    ]
    assert len({first, *(build(_settings(tmp_path, text)).digest for text in changed)}) == len(changed) + 1
    assert build(_settings(tmp_path, "# a comment\n" + TEXT)).digest == first


def test_broken_schema_names_its_place() -> None:
    """A broken schema that did not come through load is still refused with file and line."""
    broken = ValidateSettings("v", "answer", "", {"type": "strin"}, Place(Path("handrail.toml"), 7))
    with pytest.raises(ConfigError, match=r"handrail\.toml:7: .*validator \"v\""):
        build(Settings(validates=(broken,)))
