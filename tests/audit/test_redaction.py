"""What is taken out of content before it is kept."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import handrail
from handrail.audit.reader import payload
from handrail.audit.redaction import MARK, Redactor
from handrail.audit.verify import verify
from tests.kept import kept

CARD = r"\b\d{16}\b"
MAIL = r"[\w.+-]+@[\w-]+\.\w+"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("ab1@.", max_size=6), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in (key, *_texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


@given(JSON)
def test_nothing_that_matches_is_left(value: Any) -> None:
    """Neither in a text nor in a key nor in a number does a pattern match what is left, and the rest is as it was."""
    found, count = Redactor(["[0-9]+", "a+b"]).value(value)
    left = [text.replace(MARK, "") for text in _texts(found)]
    assert not any(re.search("a+b", part) for text in _texts(found) for part in text.split(MARK))
    assert count or found == value
    assert count == 0 or left != _texts(value)


@pytest.mark.parametrize(
    ("patterns", "text", "left"),
    [
        ([MAIL], "to ana@acme.example, please", f"to {MARK}, please"),
        (["abc", "bcd"], "xabcdx", f"x{MARK}x"),
        (["a*"], "baab", f"b{MARK}b"),
        (["é+"], "café ü", f"caf{MARK} ü"),
        (["(?i)secret"], "a SeCret", f"a {MARK}"),
        (["^x$"], "x", MARK),
        (["^x$"], "ax", "ax"),
    ],
)
def test_texts(patterns: list[str], text: str, left: str) -> None:
    """Overlapping matches become one mark, empty ones none; bytes of a character are never torn apart."""
    assert Redactor(patterns).text(text) == left


def test_keys_that_become_the_same_are_kept_apart() -> None:
    """No value is lost where two keys differ only in what was taken out."""
    found, count = Redactor(["[0-9]"]).value({"k1": 1, "k2": "x", "n": 4000})
    assert found == {f"k{MARK}": MARK, f"k{MARK} 2": "x", "n": MARK * 4}
    assert count == 7


def _run(folder: Path, redact: str) -> list[Any]:
    (folder / "handrail.toml").write_text(f"version = 1\n[content]\nredact = [{redact}]\n")
    seen: list[Any] = []

    @handrail.tool
    def pay(card: int, mail: str) -> str:
        """Pay."""
        seen.append((card, mail))
        return f"{mail} paid"

    with handrail.run("clerk", config=folder / "handrail.toml", tenant="acme", user="ana"):
        pay(4111111111111111, "ana@acme.example")
    return seen


def test_the_journal_keeps_what_is_left_and_the_tool_gets_all(tmp_path: Path) -> None:
    """Arguments and results are redacted beside the journal, marked so in the record, and still verify."""
    seen = _run(tmp_path, f"'{CARD}', '{MAIL}'")
    assert seen == [(4111111111111111, "ana@acme.example")]
    [call, result] = kept(tmp_path, "tool.call", "tool.result")
    shown = [json.loads(payload(tmp_path / ".handrail", ref) or b"") for ref in (call["args"], result["result"])]
    assert shown == [{"card": MARK, "mail": MARK}, f"{MARK} paid"]
    assert [call["args"]["r"], result["result"]["r"]] == [2, 1]
    files = b"".join(file.read_bytes() for file in (tmp_path / ".handrail" / "journal").iterdir())
    assert b"4111111111111111" not in files
    assert b"ana@acme" not in files
    report = verify(tmp_path / ".handrail")
    assert (report.problems, report.payloads) == ((), 2)


def test_without_patterns_nothing_is_marked(tmp_path: Path) -> None:
    """A payload in which nothing matches is referred to as before."""
    _run(tmp_path, "'nothing like it'")
    [call] = kept(tmp_path, "tool.call")
    assert set(call["args"]) == {"c", "f", "o", "l"}
