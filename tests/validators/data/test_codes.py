"""VAT numbers, codes of products and publications, addresses: valid ones pass, slips are found, forms are repaired."""

from __future__ import annotations

import string
import uuid

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Check, parse
from handrail.validators.data.checksums import luhn
from handrail.validators.data.products import Ean, Gtin, Isbn, Issn
from handrail.validators.data.vat import Vat
from handrail.validators.data.vat_digits import FORMS
from tests.validators.data.making import completed, substitutions, transpositions

DIGITS = string.digits
FEW = settings(max_examples=15, deadline=None)
MANY = settings(max_examples=60, deadline=None)
CASELESS = {"0": DIGITS, "1": "123456789", "a": string.ascii_uppercase, "x": DIGITS + string.ascii_uppercase}
EVERY_SLIP = ("AT", "CH", "DE", "DK", "EE", "FI", "HR", "HU", "IT", "LU", "MT", "NO", "PL")
"""Countries whose scheme finds every single changed digit; others fold a remainder of 10, or have two schemes."""


def codes(check: Check, value: object) -> set[str]:
    """The codes of what a check finds."""
    return {one.code for one in check.check(value)}


def a_number(country: str, data: st.DataObject) -> str:
    """A valid VAT number of a country: any form, with the last two characters tried until they fit."""
    form = data.draw(st.sampled_from(FORMS[country]))
    begun = "".join(data.draw(st.sampled_from(CASELESS.get(one, one))) for one in form)
    if country == "BE":
        begun = data.draw(st.sampled_from("01")) + begun[1:]
    if country == "IT":
        begun = f"{begun[:7]}0{begun[8:]}"  # a province: of a thousand numbers about a hundred are one
    made, tail = Vat(), "MVA" if country == "NO" else ""
    ends = [begun[:-1] + one for one in DIGITS + string.ascii_uppercase]
    ends += [f"{begun[:-2]}{number:02}" for number in range(100)]
    right = next((f"{country}{one}{tail}" for one in ends if not made.check(f"{country}{one}{tail}")), None)
    assume(right is not None)
    return str(right)


@pytest.mark.parametrize("country", EVERY_SLIP)
@FEW
@given(data=st.data())
def test_every_changed_digit_of_a_vat_number_is_found(country: str, data: st.DataObject) -> None:
    """Where the country's scheme promises it, no digit of a valid number can be changed unnoticed."""
    number, made = a_number(country, data), Vat()
    for wrong in substitutions(number[2:], DIGITS):
        assert codes(made, country + wrong) & {"vat.digits", "vat.structure"}, wrong


@pytest.mark.parametrize("country", sorted({*FORMS} - {*EVERY_SLIP, "GB", "XI", "CZ", "LV", "IE", "NL", "SE"}))
@FEW
@given(data=st.data())
def test_a_changed_check_digit_of_a_vat_number_is_found(country: str, data: st.DataObject) -> None:
    """In the other countries a number whose last character is changed is found, unless a second scheme takes it."""
    number, made = a_number(country, data), Vat()
    wrong = [number[:-1] + one for one in DIGITS if one != number[-1]]
    found = [one for one in wrong if made.check(one)]
    assert len(found) >= (7 if country == "BG" else 9 if number[-1] in DIGITS else 10), number


@MANY
@given(st.sampled_from(sorted(FORMS)), st.data())
def test_the_written_form_of_a_vat_number_is_repaired(country: str, data: st.DataObject) -> None:
    """Dots, blanks and small letters: the fix is the number as programs read it, which has no findings."""
    number = a_number(country, data)
    (found,) = Vat().check(f"{number[:2].lower()} {number[2:5]}.{number[5:]}")
    assert (found.code, found.fix and found.fix.value) == ("vat.form", number)


@pytest.mark.parametrize(("made", "length"), [(Gtin(), 8), (Gtin(), 12), (Gtin(), 14), (Ean(), 13), (Ean(), 8)])
@FEW
@given(data=st.data())
def test_every_slip_in_one_digit_of_a_bar_code_is_found(made: Gtin, length: int, data: st.DataObject) -> None:
    """A number with its check digit passes; any digit changed is found, and exchanged neighbours not five apart."""
    number = completed(data.draw(st.text(DIGITS, min_size=length - 1, max_size=length - 1)), "gs1")
    assert not made.check(number)
    slips = [*substitutions(number, DIGITS), *(one for one in transpositions(number) if not _five_apart(number, one))]
    assert all(codes(made, wrong) == {f"{made.name}.digits"} for wrong in slips)


def _five_apart(text: str, swapped: str) -> bool:
    at = next(at for at, one in enumerate(text) if one != swapped[at])
    return abs(int(text[at]) - int(text[at + 1])) == 5


@MANY
@given(st.text(DIGITS, min_size=9, max_size=9))
def test_an_isbn_finds_every_slip_and_becomes_the_longer_one(begun: str) -> None:
    """Of ten digits, no change and no exchange of neighbours passes; the longer form names the same book."""
    short = next(begun + one for one in DIGITS + "X" if not Isbn().check(begun + one))
    slips = [*substitutions(short, DIGITS + "X"), *transpositions(short)]
    assert all(codes(Isbn(), wrong) & {"isbn.digits", "isbn.characters"} for wrong in slips)
    (found,) = Isbn(lengths=(13,)).check(short)
    assert found.fix is not None
    assert str(found.fix.value)[3:12] == begun
    assert not Isbn(lengths=(13,)).check(found.fix.value)


@MANY
@given(st.text(DIGITS, min_size=7, max_size=7))
def test_an_issn_finds_every_slip(begun: str) -> None:
    """Of eight digits, no change and no exchange of neighbours passes."""
    compact = next(begun + one for one in DIGITS + "X" if codes(Issn(), begun + one) == {"issn.form"})
    assert not Issn().check(f"{compact[:4]}-{compact[4:]}")
    for wrong in [*substitutions(compact, DIGITS + "X"), *transpositions(compact)]:
        assert codes(Issn(), wrong) & {"issn.digits", "issn.characters"}


@MANY
@given(st.from_regex(r"\A\+[1-9][0-9]{6,14}\Z"), st.sampled_from([" ", "-", ".", "\u00a0"]))
def test_a_telephone_number_is_repaired_to_its_digits(number: str, blank: str) -> None:
    """Every number of 7 to 15 digits passes, and separators are taken out."""
    made = parse("phone()")
    assert not made.check(number)
    (found,) = made.check(f"{number[:3]}{blank}({number[3:5]}){blank}{number[5:]}")
    assert (found.code, found.fix and found.fix.value) == ("phone.form", number)


@MANY
@given(
    st.from_regex(r"\A[a-z0-9_]{1,20}(\.[a-z0-9+-]{1,10}){0,2}@([a-z0-9]([a-z0-9-]{0,5}[a-z0-9])?\.){1,3}[a-z]{2,6}\Z")
)
def test_usual_addresses_pass(address: str) -> None:
    """Addresses of letters, digits, dots, plus and hyphens pass; with another @, or no name, they do not."""
    made = parse("email()")
    assert not made.check(address)
    assert made.check(address.replace("@", "@@"))
    assert made.check(address[address.index("@") :])
    (found,) = made.check(f" {address} ")
    assert found.fix is not None and found.fix.value == address


@MANY
@given(st.uuids())
def test_every_uuid_passes_and_its_other_forms_are_repaired(one: uuid.UUID) -> None:
    """What Python writes passes; capitals, braces, URN and bare digits have it as fix."""
    made = parse("uuid()")
    assert not made.check(str(one))
    for text in (f"{{{one}}}", one.urn, one.hex):
        (found,) = made.check(text)
        assert found.fix is not None and found.fix.value == str(one)


def test_the_luhn_examples_of_the_standard() -> None:
    """The published examples: a number with its digit, and the same with every other digit."""
    assert [one for one in DIGITS if luhn("7992739871" + one)] == ["3"]


@pytest.mark.parametrize(
    "check",
    [
        "vat(countries=['GR'])",
        "isbn(lengths=[9])",
        "gtin(lengths=[])",
        "ean(lengths=13)",
        "phone(countries=['49'])",
        "phone(countries='+49')",
        "email(domains=['example'])",
        "uuid(versions=[9])",
    ],
)
def test_options_that_mean_nothing_are_refused(check: str) -> None:
    """Prefixes, lengths, domains and versions that there are not raise ConfigError."""
    with pytest.raises(ConfigError):
        parse(check)
