"""Hidden characters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Fix, parse
from handrail.validators.safety.hidden_tables import KINDS
from tests.validators.safety.tricks import codes, found, passed

SEEN = (
    "a\u200b",
    "a\u200d",
    "\u200cb",
    "a\u2060c",
    "a\u034fb",
    "ب\u200c\u200cب",
    "😀\u200d\u200d😀",
    "😀\u200da",
    "a\ufe0f",
    "1\ufe0e\ufe0f",
    "😀\ufe0f\ufe0f",
    "\u3164",
    "\U000e0020",
    "🏴" + "".join(chr(0xE0000 + ord(c)) for c in "ignore") + "\U000e007f",
    "\u061cabc",
    "\u202b שלום",
    "a\u2066b\u2069",
    "ש\u202eabc\u202c",
    "\U000f0000",
    "\ufeff\ufeffa",
    "x\ufeff",
    {"a\u200b": 1},
)
UNSEEN = ("a\u2800b", "a\u00a0b", "e\u0301\u0301\u0301", "раураl", "rn", "line\u2028line", "1\ufe0f", "\u2067ש\u2069")
HONEST = (
    "می\u200cخواهم",
    "क्\u200dष র\u200d্য",
    "👨\u200d👩\u200d👧\u200d👦 👍🏽 ❤\ufe0f\u200d🔥 ☎\ufe0e",
    "1\ufe0f\u20e3 #\ufe0f\u20e3 🏳\ufe0f\u200d🌈",
    "🏴" + "".join(chr(0xE0000 + ord(c)) for c in "gbeng") + "\U000e007f",
    "שלום \u200fabc\u200e",
    "المبلغ \u2066USD 5\u2069",
    "葛\U000e0100城",
    "ไทย\u200bภาษา",
    "\ufeffa,b",
    "naïve Ångström “quotes” … – — é ẞ Ω ₿ 한국어 日本語 Ελληνικά привет",
)


def test_tries_to_hide_characters() -> None:
    """Single, doubled, misplaced and combined hidden characters are seen, also in keys and behind honest ones."""
    assert passed("hidden_characters()", SEEN) == []


def test_what_it_does_not_see() -> None:
    """What the docstring says is not seen is not seen."""
    assert found("hidden_characters()", UNSEEN) == []


def test_what_writing_needs() -> None:
    """Joiners, marks, selectors and flags pass where scripts and emoji need them."""
    assert found("hidden_characters()", HONEST) == []


@given(st.text(st.characters(codec="ascii", exclude_characters="#*0123456789"), min_size=1), st.data())
@settings(max_examples=80, deadline=None)
def test_the_repair_is_the_text_without(text: str, data: st.DataObject) -> None:
    """In a plain text any hidden character is found, and what the repairs leave is the text as it was."""
    at = data.draw(st.integers(1, len(text)))
    kind = data.draw(st.sampled_from(["zero_width", "tag", "variation", "private", "invisible", "bidi", "soft_hyphen"]))
    first = KINDS[kind][0]
    hidden = text[:at] + first * data.draw(st.integers(1, 3)) + text[at:]
    findings = parse("hidden_characters()").check(hidden)
    assert [one.code for one in findings] == [f"hidden_characters.{kind}"]
    repaired = hidden
    for one in reversed(findings):
        assert one.span is not None
        assert one.fix == Fix("")
        repaired = repaired[: one.span[0]] + repaired[one.span[1] :]
    assert repaired == text


def test_tags_are_read_aloud() -> None:
    """The excerpt says by numbers what is there, and what tags spell; the characters themselves are not in it."""
    (finding,) = parse("hidden_characters()").check("x" + "".join(chr(0xE0000 + ord(c)) for c in "pay"))
    assert "spelling 'pay'" in finding.excerpt
    assert finding.excerpt.isascii()


def test_soft_hyphens_only_warn() -> None:
    """A soft hyphen is a fact, every other kind a fault."""
    assert [one.severity for one in parse("hidden_characters()").check("co\u00adop\u200b")] == ["warning", "error"]


def test_look_alikes() -> None:
    """Words that mix look-alike letters are told where asked for; Greek in formulas and honest Cyrillic are not."""
    check = "hidden_characters(confusables=true)"
    for word in ("pаypal", "Ηello", "аpple", "ｐay", "𝓹𝓪𝔂", "gооgle", "micrоsoft"):
        assert "hidden_characters.confusable" in codes(check, f"a {word} b"), word
    assert found(check, ["μm Δx αβγ", "привет мир", "Ελλάδα", "naïve", "ПК-USB", "5 Ω"]) == []
    assert codes("hidden_characters()", "pаypal") == []


def test_options() -> None:
    """Kinds are chosen by name; controls are looked for where asked for; a wrong name is refused with the nearest."""
    assert codes("hidden_characters(kinds=['tag'])", "a\u200b") == []
    assert codes("hidden_characters(kinds=['control'])", "\x1b[2Ja\u200b") == ["hidden_characters.control"]
    with pytest.raises(ConfigError, match="zero_width"):
        parse("hidden_characters(kinds=['zero_widths'])")
    with pytest.raises(ConfigError, match="looks for nothing"):
        parse("hidden_characters(kinds=[])")
