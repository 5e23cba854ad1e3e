"""The structure checks of texts: patterns, lengths, encodings."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.mending import repaired
from handrail.validators.structure.encoding import Encoding
from handrail.validators.structure.length import Length
from handrail.validators.structure.matches import Matches

SIMPLE = st.recursive(
    st.sampled_from(["a", "b", "[ab]", ".", "\\d"]),
    lambda inner: st.builds("{0}{1}".format, inner, inner) | st.builds("(?:{0}|{1})*".format, inner, inner),
    max_leaves=4,
)


@settings(max_examples=80, deadline=None)
@given(SIMPLE, st.text("ab1\n", max_size=6))
def test_matches_is_a_full_match(pattern: str, text: str) -> None:
    """What matches is what Python's own full match finds, and with ``search`` what its search finds."""
    assert (Matches(pattern).check(text) == ()) == bool(re.fullmatch(pattern, text))
    assert (Matches(pattern, search=True).check(text) == ()) == bool(re.search(pattern, text))


@pytest.mark.parametrize("written", ["matches('(')", "matches('(?=a)')", "matches(5)", "matches('(a{1000}){1000}')"])
def test_pattern_that_cannot_run(written: str) -> None:
    """A pattern that is none, or cannot take linear time, is refused when it is made."""
    with pytest.raises(ConfigError):
        parse(written)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=12), st.integers(0, 6), st.integers(0, 6), st.sampled_from(["characters", "bytes", "words"]))
def test_length_counts(text: str, one: int, other: int, unit: str) -> None:
    """A text passes exactly where its length, in the unit, is within the bounds."""
    least, most = sorted((one, other))
    counted = {"characters": len(text), "bytes": len(text.encode()), "words": len(text.split())}[unit]
    check = Length(least, most, unit=unit)  # type: ignore[arg-type]
    codes = [finding.code for finding in check.check(text)]
    assert codes == (["length.short"] if counted < least else ["length.long"] if counted > most else [])


@pytest.mark.parametrize(
    "written",
    ["length()", "length(min=-1)", "length(max=1.5)", "length(min=3, max=2)", "length(max=1, unit='lines')",
     "length(max=true)"],
)  # fmt: skip
def test_length_that_says_nothing(written: str) -> None:
    """Bounds that nothing, or everything, is within are refused when they are made."""
    with pytest.raises(ConfigError):
        parse(written)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(categories=["L", "N", "P", "S", "Z", "M"], max_codepoint=0xFFFF), max_size=30))
def test_mojibake_of_any_text_is_mended(text: str) -> None:
    """A span that is called mojibake, replaced by its repair, is what UTF-8 of the repair looks like when misread."""
    for finding in Encoding(nfc=False).check(text):
        if finding.code == "encoding.mojibake":
            assert finding.fix is not None and finding.span is not None
            again = str(finding.fix.value).encode().decode("cp1252", "replace")
            assert len(again) == finding.span[1] - finding.span[0]


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("àéîõüßçñÉ"), min_size=2, max_size=20))
def test_misread_latin_text_is_found(text: str) -> None:
    """Accented letters whose UTF-8 was read as Windows-1252 are found, and the repair gives them back."""
    misread = "".join(chr(byte) if byte > 0xBF else _REST[byte] for byte in text.encode())
    found = [one for one in Encoding().check(misread) if one.code == "encoding.mojibake"]
    assert found
    assert all(one.fix is not None and str(one.fix.value) in text for one in found)
    assert not [one for one in Encoding().check(text) if one.code == "encoding.mojibake"]


_REST = {byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(0x80, 0xC0)}


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=30))
def test_normalisation(text: str) -> None:
    """A text is said not to be in Normalization Form C exactly where it is not, and its repair is."""
    found = [one for one in Encoding(mojibake=False).check(text) if one.code == "encoding.nfc"]
    assert bool(found) == (unicodedata.normalize("NFC", text) != text)
    assert all(one.fix is not None and one.fix.value == unicodedata.normalize("NFC", text) for one in found)


def test_place_and_span_lead_to_the_character() -> None:
    """A finding in one of several texts names its place, and its characters in that text."""
    (found,) = Encoding().check({"a": ["fine", "ab\x07c"]})
    assert (found.path, found.span, found.excerpt) == ("/a/1", (2, 3), "\x07")
    (found,) = Encoding(scripts=("Latin",)).check(["ä", "äöж!"])
    assert (found.path, found.span, found.excerpt) == ("/1", (2, 3), "ж")


@pytest.mark.parametrize(
    "written", ["encoding(scripts=['Klingon'])", "encoding(scripts='Latin')", "encoding(scripts=['}'])"]
)
def test_script_that_there_is_not(written: str) -> None:
    """A script that Unicode does not have is refused when the check is made."""
    with pytest.raises(ConfigError):
        parse(written)


def test_a_key_is_never_mended() -> None:
    """What is wrong with a key has no repair: it would be made to the value that stands under the key."""
    value = {"e\u0301": "abc", "x\x07": 5}
    found = Encoding().check(value)
    assert [one.code for one in found] == ["encoding.control", "encoding.nfc"]
    assert repaired(value, found) == value
    assert repaired({"a": "x\x07y"}, Encoding().check({"a": "x\x07y"})) == {"a": "xy"}
