"""Personal data in texts."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.data.checksums import luhn
from handrail.validators.mending import redacted
from tests.validators.safety.tricks import codes, found, passed

NATIONAL = {
    "China": "11010519491231002X",
    "France": "1 85 05 78 006 084 91",
    "Italy": "RSSMRA85T10A562S",
    "Spain": "12345678Z",
    "Spain, foreigners": "X1234567L",
    "Finland": "131052-308T",
    "Brazil": "529.982.247-25",
    "Belgium": "85.07.30-033.28",
    "Sweden": "811218-9876",
    "India": "2341 2341 2346",
    "Canada": "130 692 544",
    "Germany": "86095742719",
    "Poland": "44051401359",
    "Norway": "01010750160",
}
SEEN = (
    "ana@example.com",
    "<ana@example.com>,",
    "mailto:ana.o'neil+x@mail.example.co.uk",
    "ANA@EXAMPLE.COM",
    "ana@sub-domain.example",
    "+49 170 1234567",
    "tel:+4917012345678",
    "+1 (415) 555-2671",
    "(415) 555-2671",
    "415.555.2671",
    "DE89370400440532013000",
    "de89 3704 0044 0532 0130 00",
    "NO93 8601 1117 947",
    "MT84MALT011000012345MTLCAST001S",
    "4111111111111111",
    "4111 1111 1111 1111",
    "5555-5555-5555-4444",
    "3782 822463 10005",
    "6011000990139424",
    "536-90-4399",
    "8.8.8.8",
    "2606:4700:4700::1111",
    {"a": {"ana@example.com": 1}},
)
UNSEEN = (
    "ana at example dot com",
    "a n a @ e x a m p l e . c o m",
    "four one one one",
    "４１１１１１１１１１１１１１１１",
    "4111_1111_1111_1111",
    ["4111 1111", "1111 1111"],
    "Ana Lindqvist, born 1985-04-05",
    "0170 1234567",
    "536904399",
    "12.345.678-5",
)
HONEST = (
    "2026-11-21T12:30:45Z",
    "version 1.2.3.4.5, v1.2.3.4",
    "10.0.0.1, 127.0.0.1, 192.168.1.1, ::1, fe80::1",
    "order 1234567890123, SKU-48151623",
    "4111111111111112",
    "DE89370400440532013001",
    "00:1a:2b:3c:4d:5e",
    "123e4567-e89b-12d3-a456-426614174000",
    "user@localhost",
    "@handle @scope/package@1.2.3",
    "1234-5678-9012-3456-7890",
    "555-01-0000, 666-12-3456, 900-12-3456, 123-00-4567",
    "12345678A",
    "3.14159265358979",
)


def test_tries_to_hide_personal_data() -> None:
    """Every kind is seen as people write it: groups, signs, small letters, in keys and in sentences."""
    assert passed("personal_data()", SEEN) == []


def test_what_it_does_not_see() -> None:
    """What the docstring says is not seen is not seen."""
    assert found("personal_data()", UNSEEN) == []


def test_honest_numbers_pass() -> None:
    """Dates, versions, inside addresses, order numbers, ids and what fails its check digits pass."""
    assert found("personal_data()", HONEST) == []


@pytest.mark.parametrize("country", NATIONAL)
def test_national_numbers(country: str) -> None:
    """A national number is found; with one digit of it changed it is none of this country."""
    number = NATIONAL[country]
    assert codes("personal_data(kinds=['national_id'])", f"id {number}.") == ["personal_data.national_id"]
    at = next(index for index, one in reversed(list(enumerate(number[:-1]))) if one.isdecimal())
    other = number[:at] + str((int(number[at]) + 1) % 10) + number[at + 1 :]
    said = parse("personal_data(kinds=['national_id'])").check(f"id {other}.")
    assert not [one for one in said if country.partition(",")[0] in one.message]


@given(st.text("0123456789", min_size=14, max_size=14), st.integers(0, 9), st.integers(1, 9))
@settings(max_examples=80, deadline=None)
def test_cards(body: str, at: int, more: int) -> None:
    """A card number with the right last digit is found, with its place; with any one digit changed it is not."""
    number = next(f"4{body}{last}" for last in range(10) if luhn(f"4{body}{last}"))
    check = parse("personal_data(kinds=['card'])")
    (finding,) = check.check({"card": f"pay {number}"})
    assert (finding.path, finding.span) == ("/card", (4, 20))
    assert number[:14] not in finding.excerpt + finding.message
    changed = number[: at + 1] + str((int(number[at + 1]) + more) % 10) + number[at + 2 :]
    assert check.check(changed) == ()


def test_options() -> None:
    """Kinds are chosen; single addresses and whole domains are allowed; wrong kinds are refused."""
    assert codes("personal_data(kinds=['iban'])", "ana@example.com") == []
    assert codes("personal_data(allow=['@example.com'])", "ana@example.com") == []
    assert codes("personal_data(allow=['@example.com'])", "ana@notexample.com") == ["personal_data.email"]
    assert codes("personal_data(allow=['8.8.8.8'])", "8.8.8.8") == []
    with pytest.raises(ConfigError, match="email"):
        parse("personal_data(kinds=['mail'])")
    with pytest.raises(ConfigError, match="looks for nothing"):
        parse("personal_data(kinds=[])")


def test_presidio_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package, one sentence says what to install."""
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    with pytest.raises(ConfigError, match=r"presidio-analyzer.*pip install handrail\[presidio\]"):
        parse("presidio(language='xx')")


def test_presidio_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the package, its patterns find what they know, at the right places, and open no connection."""
    pytest.importorskip("presidio_analyzer", reason="presidio-analyzer is not installed")
    import socket

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    findings = parse("presidio()").check({"a": ["\ud800 x", "write ana@example.com"], "b": "4111 1111 1111 1111"})
    assert [(one.code, one.path, one.span) for one in findings] == [
        ("presidio.email_address", "/a/1", (6, 21)),
        ("presidio.credit_card", "/b", (0, 19)),
    ]
    assert parse("presidio()").bounded is False
    for wrong in ("presidio(score=2)", "presidio(entities=['NOTHING'])", "presidio(model='no_such_model')"):
        with pytest.raises(ConfigError):
            parse(wrong)


def test_numbers_are_read_as_they_are_written() -> None:
    """A card that a table has as a number, or a result that is one, is found like its text, and can be taken out."""
    check = parse("personal_data()")
    [one] = check.check({"card": [4111111111111111, 17, 4111111111111112, True]})
    assert (one.code, one.path) == ("personal_data.card", "/card/0")
    assert redacted({"card": [4111111111111111]}, [one]) == {"card": ["[REDACTED:personal_data.card]"]}
    assert codes("personal_data()", 4111111111111111) == ["personal_data.card"]
    assert not check.check([10**5_000, -4111111111111111, 4111111111111111.5])
