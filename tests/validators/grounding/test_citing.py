"""Citations and quotations of an answer, against plain definitions of what they mean."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.validators import Source, parse
from handrail.validators.grounding.citations import CitationsResolve, HasCitations
from handrail.validators.grounding.citing import citations
from handrail.validators.grounding.quotes import QuotesOccur
from handrail.validators.grounding.words import words
from handrail.validators.registry import known
from tests.validators.grounding.kit import PART, seen

WORD = st.sampled_from(["fee", "paid", "Straße", "don’t", "14", "e\u0301te\u0301", "5%", "x_y", "ﬁne", "-3"])
TEXT = st.lists(WORD, min_size=1, max_size=12)


def spoilt(text: list[str], seed: int) -> str:
    """The same words in other typography."""
    rng = random.Random(seed)  # no secret
    said = [rng.choice((str, str.upper, str))(word.replace("’", rng.choice("'’"))) for word in text]
    return "".join(word + rng.choice((" ", "  ", "\n", ", ", "; ", " — ", "\u00a0")) for word in said).strip(
        " ,;—\n\u00a0"
    )


@given(TEXT, st.integers(0, 11), st.integers(1, 12), st.integers(0, 99))
@settings(max_examples=100)
def test_a_quotation_is_found_in_any_typography(text: list[str], first: int, count: int, seed: int) -> None:
    """Any part of a source, with other spaces, case and punctuation, occurs in it."""
    part = text[first % len(text) :][:count]
    check = QuotesOccur(min_words=1)
    source = seen(Source("a", spoilt(text, seed)))
    assert check.check(f"They say “{spoilt(part, seed + 1)}”.", source) == ()


@given(TEXT, TEXT)
@settings(max_examples=100)
def test_a_quotation_occurs_exactly_where_its_words_do(text: list[str], quoted: list[str]) -> None:
    """A quotation is missing exactly where its words are not in a row in the source."""
    held = words(" ".join(quoted)) in words(" ".join(text))
    found = QuotesOccur(min_words=1).check(f'They say "{" ".join(quoted)}".', seen(Source("a", " ".join(text))))
    assert bool(found) != held


@given(
    st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=8),
    st.lists(st.sampled_from("abc"), min_size=2, max_size=4),
)
@settings(max_examples=100)
def test_what_is_left_out_lies_between(text: list[str], parts: list[str]) -> None:
    """Parts around an ellipsis stand in the source in this order: a sub-sequence of its words."""
    rest = iter(text)
    held = all(part in rest for part in parts)
    found = QuotesOccur(min_words=1).check(f"“{' … '.join(parts)}”", seen(Source("x", " ".join(text))))
    assert bool(found) != held


def test_parts_of_a_quotation_are_of_one_source() -> None:
    """Two halves from two sources make no quotation."""
    two = seen(Source("a", "one two three"), Source("b", "four five six"))
    assert QuotesOccur(min_words=2).check("“one two … five six”", two)
    assert QuotesOccur(min_words=2).check("“three four”", two)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5), st.integers(0, 8))
@settings(max_examples=80)
def test_a_number_cites_exactly_the_documents_there_are(cited: list[int], count: int) -> None:
    """``[n]`` resolves exactly where at least n documents were retrieved."""
    documents = [Source(f"kb-{number}", "x") for number in range(count)]
    text = f"It is so [{', '.join(map(str, cited))}]."
    assert bool(CitationsResolve().check(text, seen(*documents))) == any(not 1 <= one <= count for one in cited)


@given(st.text(st.sampled_from("[](){}【】†1a-, \n.^#:"), max_size=60))
@settings(max_examples=100)
def test_any_text_is_read(text: str) -> None:
    """Whatever brackets do, citations lie in the text one after the other and cite something."""
    last = 0
    for (first, end), cited in citations(text):
        assert last <= first < end <= len(text)
        assert cited
        assert all(one.strip() for one in cited)
        last = end
    assert {one.code for one in HasCitations(per="sentence").check(text)} <= {"has_citations.missing"}


@given(st.lists(st.booleans(), min_size=1, max_size=6))
@settings(max_examples=50)
def test_every_sentence_has_its_own_citation(cited: list[bool]) -> None:
    """`per="sentence"` finds exactly the sentences without one, whichever side of the full stop it stands on."""
    said = [
        f"This is sentence number {n}" + ((" [1]. " if n % 2 else ".[1] ") if has else ". ")
        for n, has in enumerate(cited)
    ]
    found = HasCitations(per="sentence").check("".join(said))
    assert [one.excerpt.strip().partition(" number ")[2][0] for one in found] == [
        str(n) for n, has in enumerate(cited) if not has
    ]


def test_nothing_is_missing_from_a_run_that_is_not_known() -> None:
    """Where a part of the run is forgotten, no check says that a source is missing, only that this is not known."""
    answer = "John Smith said “this was never said by anybody” [77] on 3 May 1999 for 987654 EUR: https://evil.example."
    asked = [name for name, entry in known().items() if entry.room == "grounding" and parse(name).needs_run]
    assert len(asked) == 6
    for name in asked:
        assert [one.code for one in parse(name).check(answer, PART)] == ["unchecked.run"], name
