"""Identifiers with check digits: all valid ones pass, and every slip that the scheme promises to find is found."""

from __future__ import annotations

import string
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Check, parse
from handrail.validators.data.banking import STRUCTURES, Iban, Lei
from handrail.validators.data.checksums import in_digits, mod_11_10, mod_97
from handrail.validators.data.countries import COUNTRIES
from handrail.validators.data.identifiers import PaymentCard
from tests.validators.data.making import KINDS, bban, completed, substitutions, transpositions

DIGITS = string.digits
FEW = settings(max_examples=40, deadline=None)


def codes(check: Check, value: object) -> set[str]:
    """The codes of what a check finds."""
    return {one.code for one in check.check(value)}


@st.composite
def ibans(draw: st.DrawFn) -> str:
    """An IBAN of any country, made from its structure."""
    country = draw(st.sampled_from(sorted(STRUCTURES)))
    account = "".join(draw(st.text(KINDS[kind], min_size=1, max_size=1)) for kind in bban(STRUCTURES[country]))
    return f"{country}{98 - mod_97(account + country + '00'):02}{account}"


@FEW
@given(ibans())
def test_every_iban_passes_and_every_slip_is_found(iban: str) -> None:
    """An IBAN made from the registry passes; any digit changed, and any two neighbours exchanged, is found."""
    assert not parse("iban()").check(iban)
    head, account = iban[:4], iban[4:]
    slips = [iban[:2] + wrong for wrong in substitutions(iban[2:], DIGITS)]
    for wrong in [*slips, *(head + swapped for swapped in transpositions(account))]:
        assert codes(Iban(), wrong) & {"iban.digits", "iban.structure"}, wrong


@FEW
@given(ibans(), st.sampled_from([" ", "-", "\u00a0", " - "]), st.booleans())
def test_the_printed_form_of_an_iban_is_repaired(iban: str, blank: str, small: bool) -> None:
    """Groups of four, small letters: the finding's fix is the electronic form, which has no findings."""
    printed = blank.join(iban[at : at + 4] for at in range(0, len(iban), 4))
    (found,) = Iban().check(printed.lower() if small else printed)
    assert (found.code, found.fix and found.fix.value) == ("iban.form", iban)


NUMBERS: list[tuple[str, str, int, bool]] = [
    ("luhn()", "luhn", 12, False),
    ("imei()", "luhn", 15, False),
    ("payment_card()", "luhn", 16, False),
]
"""(check, scheme, digits, whether every exchange of neighbours is found)."""


@pytest.mark.parametrize(("check", "scheme", "length", "swaps"), NUMBERS)
@FEW
@given(data=st.data())
def test_numbers_with_a_check_digit(check: str, scheme: str, length: int, swaps: bool, data: st.DataObject) -> None:
    """Every valid number passes; every changed digit is found; exchanged neighbours where the scheme promises it."""
    begun = data.draw(st.text(DIGITS, min_size=length - 1, max_size=length - 1))
    number, made = completed(begun, scheme), parse(check)
    assert not made.check(number)
    for wrong in substitutions(number, DIGITS):
        assert codes(made, wrong) == {f"{check.split('(')[0]}.digits"}, wrong
    for wrong in transpositions(number) if swaps else _luhn_swaps(number):
        assert codes(made, wrong), wrong


def _luhn_swaps(number: str) -> Iterator[str]:
    """Luhn finds every exchange of neighbours but that of 0 and 9."""
    for at in range(len(number) - 1):
        pair = number[at : at + 2]
        if pair[0] != pair[1] and set(pair) != {"0", "9"}:
            yield number[:at] + pair[::-1] + number[at + 2 :]


@FEW
@given(st.text(DIGITS + string.ascii_uppercase, min_size=18, max_size=18))
def test_every_lei_passes_and_every_slip_is_found(begun: str) -> None:
    """An LEI with right check digits passes; any changed character and any exchanged neighbours are found."""
    lei = f"{begun}{98 - mod_97(begun + '00'):02}"
    assert not parse("lei()").check(lei)
    for wrong in [*substitutions(lei, DIGITS), *transpositions(lei)]:
        assert codes(Lei(), wrong) & {"lei.digits", "lei.structure"}, wrong


@FEW
@given(st.sampled_from(sorted(COUNTRIES)), st.text(DIGITS + string.ascii_uppercase, min_size=9, max_size=9))
def test_every_isin_passes_and_every_changed_digit_is_found(prefix: str, begun: str) -> None:
    """An ISIN with the right check digit passes; any digit of it changed into another is found."""
    isin = prefix + begun + completed(in_digits(prefix + begun), "luhn")[-1]
    made = parse("isin()")
    assert not made.check(isin)
    for at in range(2, 12):
        if isin[at].isdecimal():
            for digit in set(DIGITS) - {isin[at]}:
                assert codes(made, isin[:at] + digit + isin[at + 1 :]) == {"isin.digits"}


@FEW
@given(st.text(st.characters(categories=["Nd"], exclude_characters=DIGITS), min_size=11, max_size=16))
def test_digits_of_other_scripts_are_no_digits(text: str) -> None:
    """What str.isdigit takes for digits, such as ٣ and ３, is refused by its character."""
    for check in ("luhn()", "payment_card()", "iban()", "imei()", "isin()", "lei()", "bic()"):
        assert codes(parse(check), text) == {f"{check[:-2]}.characters"}


CARDS = [
    ("amex", "378282246310005"),
    ("diners", "30569309025904"),
    ("diners", "38520000023237"),
    ("discover", "6011111111111117"),
    ("jcb", "3530111333300000"),
    ("maestro", "6759649826438453"),
    ("mastercard", "5555555555554444"),
    ("mastercard", "2223003122003222"),
    ("unionpay", "6200000000000005"),
    ("visa", "4222222222222"),
    ("visa", "4111111111111111"),
]
"""Numbers that payment services publish for tests."""


@pytest.mark.parametrize(("network", "number"), CARDS)
def test_a_card_is_of_its_network_only(network: str, number: str) -> None:
    """Each published test number passes as its own network's, and as no other's."""
    networks = {one for one, _ in CARDS}
    assert {one for one in networks if not PaymentCard(networks=(one,)).check(number)} == {network}


def test_a_card_number_is_never_quoted() -> None:
    """No finding about a card repeats the number, which would put it into what the model is told."""
    for text in ("4111 1111 1111 1111", "4111111111111112", "411111111111", "4111111111111111x"):
        (found,) = parse("payment_card(networks=['visa'])").check(text)
        assert "4111" not in found.message + found.excerpt + found.hint


@given(st.text(DIGITS, min_size=1, max_size=12))
def test_mod_11_10_finds_every_changed_digit(begun: str) -> None:
    """Of the ten ways to end a number exactly one is right, and no single change of it stays right."""
    right = [begun + one for one in DIGITS if mod_11_10(begun + one)]
    assert len(right) == 1
    assert not any(mod_11_10(wrong) for wrong in substitutions(right[0], DIGITS))


@pytest.mark.parametrize(
    "check",
    ["iban(countries=['ZZ'])", "iban(countries='DE')", "country(letters=4)", "payment_card(networks=['vista'])"],
)
def test_options_that_mean_nothing_are_refused(check: str) -> None:
    """A country, network or length that there is not, and a text where a list belongs, raise ConfigError."""
    with pytest.raises(ConfigError):
        parse(check)
