"""Examples of the validators of VAT numbers, products, publications and addresses."""

from __future__ import annotations

from tests.validators.cases import Cases

_REAL = (
    "DE136695976 ATU13585627 BE0428759497 BG175074752 CY10259033P CZ25123891 CZ7103192745 DK13585628 EE100931558 "
    "EL094259216 ESB58378431 ES54362315K ESX2482300W FI20774740 FR40303265045 FRK7399859412 GB980780684 HR33392005961 "
    "HU12892312 IE6433435F IE6433435OA IT00743110157 LT119511515 LU15027442 LV40003521600 MT11679112 NL004495445B01 "
    "PL8567346215 PT501964843 RO18547290 SE123456789701 SI50223054 SK2022749619 CHE100155212 NO988077917MVA"
)
"""Published VAT numbers, of each country at least one."""


def longest() -> object:
    """As many characters as an identifier may have."""
    return "9" * 200


CASES: dict[str, Cases | list[Cases]] = {
    "vat": [
        Cases(
            "vat()",
            good=(*_REAL.split(), "CZ640903926", "CZ390601439", "CZ395601439"),
            bad=(
                ("DE 136.695.976", "vat.form"),
                ("atu13585627", "vat.form"),
                ("GR094259216", "vat.form"),
                ("CHE-100.155.212 MWST", "vat.form"),
                ("DE136695978", "vat.digits"),
                ("DE13669597", "vat.structure"),
                ("CZ640903927", "vat.digits"),
                ("CZ391301439", "vat.digits"),
                ("CZ550601439", "vat.digits"),
                ("FRO7399859412", "vat.structure"),
                ("US123456789", "vat.country"),
                ("136695976", "vat.country"),
                ("DE13669597\uff16", "vat.characters"),
                ("IE5A12345+", "vat.characters"),
                ("", "vat.country"),
                (136695976, "vat.type"),
            ),
            worst=(longest, lambda: "GB" + "9" * 198),
        ),
        Cases("vat(countries=['AT'])", good=("ATU13585627",), bad=(("DE136695976", "vat.country"),)),
    ],
    "isbn": [
        Cases(
            "isbn()",
            good=("9780306406157", "0306406152", "080442957X", "9791032300824"),
            bad=(
                ("ISBN 978-0-306-40615-7", "isbn.form"),
                ("080442957x", "isbn.form"),
                ("9780306406158", "isbn.digits"),
                ("0306406153", "isbn.digits"),
                ("9790060115615", "isbn.prefix"),
                ("4006381333931", "isbn.prefix"),
                ("97803064061X7", "isbn.characters"),
                ("978030640615", "isbn.length"),
                ("", "isbn.length"),
                ("٩780306406157", "isbn.characters"),
                (9780306406157, "isbn.type"),
            ),
            worst=(longest,),
        ),
        Cases(
            "isbn(lengths=[13])",
            good=("9780306406157",),
            bad=(("0306406152", "isbn.form"), ("0306406153", "isbn.digits")),
        ),
        Cases("isbn(lengths=[10])", good=("0306406152",), bad=(("9780306406157", "isbn.length"),)),
    ],
    "issn": Cases(
        "issn()",
        good=("0378-5955", "2434-561X"),
        bad=(
            ("03785955", "issn.form"),
            ("ISSN 2434-561x", "issn.form"),
            ("0378-5956", "issn.digits"),
            ("0378-59", "issn.length"),
            ("X378-5955", "issn.characters"),
            ("０378-5955", "issn.characters"),
            ([], "issn.type"),
        ),
        worst=(longest,),
    ),
    "gtin": Cases(
        "gtin()",
        good=("4006381333931", "96385074", "036000291452", "00012345600012"),
        bad=(
            ("4006381333932", "gtin.digits"),
            ("4 006381 333931", "gtin.form"),
            ("400638133393", "gtin.digits"),
            ("400638133", "gtin.length"),
            ("400638133393A", "gtin.characters"),
            (4006381333931, "gtin.type"),
        ),
        worst=(longest,),
    ),
    "ean": Cases(
        "ean()",
        good=("4006381333931", "96385074"),
        bad=(
            ("4006381333932", "ean.digits"),
            ("036000291452", "ean.length"),
            ("9638 5074", "ean.form"),
            ("9638507４", "ean.characters"),
            (None, "ean.type"),
        ),
        worst=(longest,),
    ),
    "phone": [
        Cases(
            "phone()",
            good=("+4930123456", "+12025550123"),
            bad=(
                ("+49 (30) 123-456", "phone.form"),
                ("+49 (0)30 123456", "phone.characters"),
                ("0049 30 123456", "phone.prefix"),
                ("+0301234567", "phone.prefix"),
                ("+49", "phone.length"),
                ("+1234567890123456", "phone.length"),
                ("+49 30 CALLME", "phone.characters"),
                ("+٤٩30123456", "phone.characters"),
                ("+49+30123456", "phone.characters"),
                (4930123456, "phone.type"),
            ),
            worst=(longest, lambda: "+" + "(" * 199),
        ),
        Cases("phone(countries=['+49', '+43'])", good=("+4930123456",), bad=(("+12025550123", "phone.prefix"),)),
    ],
    "email": [
        Cases(
            "email()",
            good=("ana@example.org", "ana.lee+news@mail.example.co", "o'neil@xn--bcher-kva.example"),
            bad=(
                (" ana@example.org ", "email.form"),
                ("mailto:ana@example.org", "email.form"),
                ("ana@Example.org", "email.form"),
                ("ana", "email.structure"),
                ("ana@@example.org", "email.structure"),
                ("a@b@example.org", "email.structure"),
                ("ana@example", "email.domain"),
                ("ana@-example.org", "email.domain"),
                ("ana@exa_mple.org", "email.domain"),
                ("ana@1.2.3.4", "email.domain"),
                ("ana@[1.2.3.4]", "email.domain"),
                ("ana@bücher.example", "email.domain"),
                (".ana@example.org", "email.name"),
                ("a..b@example.org", "email.name"),
                ('"ana lee"@example.org', "email.name"),
                ("аna@example.org", "email.name"),
                ("a" * 65 + "@example.org", "email.length"),
                ("a@" + "b" * 300, "email.length"),
                (1, "email.type"),
            ),
            worst=(
                lambda: "a." * 100 + "@b.c",
                lambda: "a" * 64 + "@" + "a-" * 90 + "a.bc",
                lambda: "a@" + "a." * 125,
            ),
        ),
        Cases(
            "email(domains=['example.org'])", good=("a@x.example.org",), bad=(("a@badexample.org", "email.refused"),)
        ),
    ],
    "uuid": [
        Cases(
            "uuid()",
            good=("123e4567-e89b-12d3-a456-426614174000", "00000000-0000-0000-0000-000000000000"),
            bad=(
                ("123E4567-E89B-12D3-A456-426614174000", "uuid.form"),
                ("{123e4567-e89b-12d3-a456-426614174000}", "uuid.form"),
                ("urn:uuid:123e4567-e89b-12d3-a456-426614174000", "uuid.form"),
                ("123e4567e89b12d3a456426614174000", "uuid.form"),
                ("123e4567-e89b-12d3-a456-42661417400", "uuid.structure"),
                ("123e4567-e89b-12d3-a456-42661417400g", "uuid.structure"),
                ("１23e4567-e89b-12d3-a456-426614174000", "uuid.structure"),
                (1, "uuid.type"),
            ),
            worst=(longest, lambda: "0" * 60),
        ),
        Cases(
            "uuid(versions=[4, 7])",
            good=("123e4567-e89b-42d3-a456-426614174000",),
            bad=(
                ("123e4567-e89b-12d3-a456-426614174000", "uuid.version"),
                ("123e4567-e89b-42d3-c456-426614174000", "uuid.version"),
            ),
        ),
    ],
}
