"""Examples of the validators of numbers and identifiers."""

from __future__ import annotations

import math

from tests.validators.cases import Cases

FULL_WIDTH = "".join(chr(ord(one) + 0xFEE0) for one in "4111111111111111")
ARABIC = "".join(chr(0x660 + int(one)) for one in "4111111111111111")


def longest() -> object:
    """As many characters as an identifier may have."""
    return "9" * 200


CASES: dict[str, Cases | list[Cases]] = {
    "range": [
        Cases(
            "range(min=-1, max=100, multiple_of=0.1)",
            good=(0, 0.3, 99.9, -1, 100),
            bad=(
                (-1.1, "range.min"),
                (10**5000, "range.max"),
                (-(10**5000), "range.min"),
                (0.25, "range.step"),
                (math.nan, "range.type"),
                (math.inf, "range.type"),
                (True, "range.type"),
                ("1", "range.type"),
                (None, "range.type"),
            ),
            worst=(lambda: 10**300_000, lambda: 1.7e308, lambda: 5e-324),
        ),
        Cases(
            "range(above=0, below=10, integer=true, text=true)",
            good=("9.0", 1, "1"),
            bad=(
                ("0", "range.min"),
                (10, "range.max"),
                ("1.5", "range.integer"),
                ("١", "range.type"),
                ("1e5", "range.type"),
                ("0." + "1" * 79, "unchecked.size"),
            ),
        ),
        Cases("range(multiple_of=3)", good=(9, 0), bad=((10**100, "unchecked.size"), (10, "range.step"))),
    ],
    "one_of": [
        Cases(
            'one_of(["DE", "at", 1, null])',
            good=("DE", 1.0, None),
            bad=(
                ("de", "one_of.spelling"),
                (" AT ", "one_of.spelling"),
                ("FR", "one_of.unknown"),
                (True, "one_of.unknown"),
                ([], "one_of.unknown"),
                (math.nan, "one_of.unknown"),
            ),
            worst=(lambda: 10**300_000, lambda: "d" * 1_000),
        ),
        Cases('one_of(["a", "A", "b"], case="any")', good=("B", "a"), bad=((" a", "one_of.unknown"),)),
        Cases('one_of(["a"], case="exact", tell=false)', good=("a",), bad=(("A", "one_of.unknown"),)),
    ],
    "luhn": Cases(
        "luhn()",
        good=("79927398713", "00"),
        bad=(
            (79927398713, "luhn.type"),
            ("79927398710", "luhn.digits"),
            ("7992-7398-713", "luhn.form"),
            ("7992739871A", "luhn.characters"),
            ("", "luhn.characters"),
            ("9" * 101, "luhn.length"),
        ),
        worst=(longest, lambda: "9" * 100),
    ),
    "payment_card": Cases(
        "payment_card(networks=['visa', 'amex', 'maestro'])",
        good=("4111111111111111", "378282246310005", "6759649826438453"),
        bad=(
            ("4111 1111 1111 1111", "payment_card.form"),
            ("4111111111111112", "payment_card.digits"),
            ("5555555555554444", "payment_card.network"),
            ("41111111111", "payment_card.length"),
            (FULL_WIDTH, "payment_card.characters"),
            (ARABIC, "payment_card.characters"),
            (4111111111111111, "payment_card.type"),
        ),
        worst=(longest,),
    ),
    "imei": Cases(
        "imei()",
        good=("490154203237518",),
        bad=(
            ("490154203237519", "imei.digits"),
            ("49-015420-323751-8", "imei.form"),
            ("49015420323751", "imei.length"),
            ("49015420323751X", "imei.characters"),
            (None, "imei.type"),
        ),
        worst=(longest,),
    ),
    "iban": [
        Cases(
            "iban()",
            good=(
                "DE89370400440532013000",
                "GB29NWBK60161331926819",
                "NO9386011117947",
                "MT84MALT011000012345MTLCAST001S",
            ),
            bad=(
                ("DE89 3704 0044 0532 0130 00", "iban.form"),
                ("de89370400440532013000", "iban.form"),
                ("IBAN DE89370400440532013000", "iban.form"),
                ("DE89370400440532013001", "iban.digits"),
                ("DE8937040044053201300", "iban.length"),
                ("GB2960161331926819NWBK", "iban.structure"),
                ("ZZ89370400440532013000", "iban.country"),
                ("DE8937040044053201300\uff10", "iban.characters"),
                ("DE8937040044053201300\u0660", "iban.characters"),
                ("DE89370400440532\u200b013000", "iban.characters"),
                ("D" * 300, "iban.length"),
                (89, "iban.type"),
            ),
            worst=(longest, lambda: "MT" + "9" * 198, lambda: "RU" + "9" * 31),
        ),
        Cases("iban(countries=['DE'])", good=("DE89370400440532013000",), bad=(("NO9386011117947", "iban.country"),)),
    ],
    "bic": Cases(
        "bic(countries=['DE', 'XK'])",
        good=("DEUTDEFF", "DEUTDEFF500"),
        bad=(
            ("deut de ff", "bic.form"),
            ("DEUTDEF", "bic.length"),
            ("DEUT11FF", "bic.structure"),
            ("DEUTXXFF", "bic.country"),
            ("BNPAFRPP", "bic.country"),
            ("DEUT.EFF", "bic.characters"),
            ([], "bic.type"),
        ),
        worst=(longest,),
    ),
    "lei": Cases(
        "lei()",
        good=("5493001KJTIIGC8Y1R12", "529900T8BM49AURSDO55"),
        bad=(
            ("5493001KJTIIGC8Y1R13", "lei.digits"),
            ("5493001kjtiigc8y1r12", "lei.form"),
            ("5493001KJTIIGC8Y1R1", "lei.length"),
            ("5493001KJTIIGC8Y1RAB", "lei.structure"),
            ("5493001KJTIIGC8Y1R1²", "lei.characters"),
            (1, "lei.type"),
        ),
        worst=(longest, lambda: "Z" * 18 + "99"),
    ),
    "isin": Cases(
        "isin()",
        good=("US0378331005", "DE0007164600", "XS0356521160"),
        bad=(
            ("US0378331006", "isin.digits"),
            ("us-037833100-5", "isin.form"),
            ("ZZ0378331005", "isin.country"),
            ("US037833100", "isin.length"),
            ("US037833100A", "isin.structure"),
            ("US037833100٥", "isin.characters"),
            ({}, "isin.type"),
        ),
        worst=(longest,),
    ),
    "country": [
        Cases(
            "country()",
            good=("DE", "GB"),
            bad=(
                ("UK", "country.unknown"),
                ("de", "country.form"),
                ("DEU", "country.length"),
                ("Ｄ", "country.characters"),
                (49, "country.type"),
            ),
            worst=(longest,),
        ),
        Cases("country(letters=3, allowed=['DEU'])", good=("DEU",), bad=(("FRA", "country.refused"),)),
    ],
}
