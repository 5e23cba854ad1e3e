"""The language of a text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.structure.language import LanguageOf

TEXTS = {
    "en": "The refund was made to your account this morning, and you will see it there within three days.",
    "de": "Die Erstattung wurde heute Morgen auf Ihr Konto überwiesen und ist in drei Tagen dort zu sehen.",
    "ru": "Возврат средств был произведён сегодня утром, деньги поступят в течение трёх дней.",
    "ja": "返金は今朝、お客様の口座に行われました。三日以内にご確認いただけます。",
    "el": "Η επιστροφή χρημάτων έγινε σήμερα το πρωί στον λογαριασμό σας.",
}


@pytest.mark.parametrize("code", sorted(TEXTS))
def test_languages_are_told_apart(code: str) -> None:
    """A text passes where its language is among those asked for, and does not where only others are."""
    pytest.importorskip("lingua")
    others = tuple(other for other in TEXTS if other != code)
    assert LanguageOf((code, "fr")).check(TEXTS[code]) == ()
    assert [one.code for one in LanguageOf(others).check(TEXTS[code])] == ["language.other"]


def test_short_texts_are_not_judged() -> None:
    """What has too few letters to tell passes; how many these are is an option."""
    assert LanguageOf(("el",)).check("ok, 12345678901234567890") == ()
    assert [one.code for one in LanguageOf(("el",), least=2).check("ok")] == ["language.other"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_most_letters_decide(own: int, other: int) -> None:
    """Where a language has a script of its own, a text is in it when at least half of its letters are."""
    found = LanguageOf(("el", "ko"), least=1).check("λ한"[own % 2] * own + " 1, " + "x" * other)
    assert (found == ()) == (own >= other)


def test_unknown_language() -> None:
    """A language that nobody knows is refused, with a nearest name or the list."""
    pytest.importorskip("lingua")
    with pytest.raises(ConfigError, match="no language is called 'english'"):
        parse("language(['english'])")


@pytest.mark.parametrize("written", ["language([])", "language('en')", "language(['el'], least=0)", "language()"])
def test_options_are_checked(written: str) -> None:
    """Codes that are no list, and a number of letters that is none, are refused when the check is made."""
    with pytest.raises(ConfigError):
        parse(written)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Lingua is not installed, a language that needs it is refused with the name of the extra."""
    monkeypatch.setitem(__import__("sys").modules, "lingua", None)
    monkeypatch.setattr("handrail.validators.structure.language._Detector._one", None)
    with pytest.raises(ConfigError, match=r"handrail\[language\]"):
        parse("language(['en'])")
    assert parse("language(['th'])").check(TEXTS["en"]) != ()
