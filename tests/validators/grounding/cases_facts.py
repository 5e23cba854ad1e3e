"""Examples of the checks of numbers, dates, names and links."""

from __future__ import annotations

from handrail.validators import Source
from tests.validators.cases import Cases
from tests.validators.grounding.kit import PART, RUN, each, full, seen

FEW = each(lambda n: f"{n}.5{n} ", 10_000)

CASES: dict[str, list[Cases]] = {
    "numbers_grounded": [
        Cases(
            "numbers_grounded()",
            good=(
                "It takes 14 days and costs 1,234.50 EUR.",
                "1234.5 €",
                "1 234,50 EUR",
                "$19.99",
                "3,000,000 dollars",
                "12%",
                "1. First\n2. Second [9] of 5 March 2023, at 10:45",
                "GPT-4 and A4",
                "1.5 + 2.25 = 3.75",
                "2 hits",
                "40",
                "about -14 degrees",
                {"days": "14"},
                999,
                "no numbers",
            ),
            bad=(
                ("It takes 15.7 days.", "numbers_grounded.missing"),
                ("1234.50 USD", "numbers_grounded.missing"),
                ("19.98", "numbers_grounded.missing"),
                ({"a": ["777777"]}, "numbers_grounded.missing"),
                ("1 " * 2_001, "unchecked.size"),
            ),
            context=RUN,
        ),
        Cases(
            "numbers_grounded(derive=[])",
            good=("14",),
            bad=(("16.5", "numbers_grounded.missing"), ("2", "numbers_grounded.missing")),
            context=RUN,
        ),
        Cases(
            "numbers_grounded(derive=['product'])",
            good=("The fee for 14: 17283 EUR",),
            bad=(("2", "numbers_grounded.missing"),),
            context=RUN,
        ),
        Cases("numbers_grounded(derive=['ratio'], tolerance=0.01)", good=("0.357 of it", "14.1"), context=RUN),
        Cases(
            "numbers_grounded(units=['kg', 'km'], derive=[])",
            good=("6 kg",),
            bad=(("6 km", "numbers_grounded.missing"),),
            context=seen(Source("a", "It weighs 6 kg.")),
        ),
        Cases(
            "numbers_grounded(words=true, derive=[], free=[7])",
            good=("fourteen of 7",),
            bad=(("seventeen", "numbers_grounded.missing"),),
            context=RUN,
        ),
        Cases(
            "numbers_grounded(decimal='.', derive=[])",
            bad=(("1.234 EUR", "numbers_grounded.missing"),),
            context=seen(Source("a", "1234")),
        ),
        Cases("numbers_grounded(arguments=false, derive=[])", bad=(("40", "numbers_grounded.missing"),), context=RUN),
        Cases("numbers_grounded()", good=("14",), bad=(("15.7", "unchecked.run"),), context=PART),
        Cases(
            "numbers_grounded()",
            worst=(FEW, each(lambda n: f"{n}.5{n} ", 200), lambda: "1 " * 25_000),
            context=full(lambda n: f"{n} "),
        ),
        Cases("numbers_grounded()", worst=(each(lambda n: f"{n}.5{n} ", 200),), context=full(lambda n: "1 ")),
        Cases(
            "numbers_grounded(derive=['sum', 'difference', 'product', 'ratio', 'count', 'percent'])",
            worst=(each(lambda n: f"{n}.5{n} ", 200), each(lambda n: f"{n}.5{n} ", 110)),
            context=seen(*(Source(str(n), f"{n}.{n}3{n} ") for n in range(500))),
        ),
        Cases(
            "numbers_grounded()",
            worst=(each(lambda n: f"{n}.5{n} ", 110),),
            context=full(lambda n: f"EUR{n % 90}.{n % 9} k "),
        ),
    ],
    "dates_grounded": [
        Cases(
            "dates_grounded()",
            good=(
                "Since 2024-03-05.",
                "5.3.2024",
                "3/5/2024",
                "5/3/24",
                "March 5th, 2024",
                "5. März 2024",
                "5 de marzo de 2024",
                "March 5",
                "today, 1 June 2024",
                "29 Feb 2024",
                "no date",
                "version 1.2.3",
                {"day": "2024-03-05T10:00:00Z"},
            ),
            bad=(
                ("Since 6 March 2024.", "dates_grounded.missing"),
                ("2023-03-05", "dates_grounded.missing"),
                ("March 6", "dates_grounded.missing"),
                (["4.3.2024"], "dates_grounded.missing"),
            ),
            context=RUN,
        ),
        Cases(
            "dates_grounded(order='dmy', today=false, arguments=false)",
            bad=(
                ("3/5/2024", "dates_grounded.missing"),
                ("2024-06-01", "dates_grounded.missing"),
                ("29 Feb 2024", "dates_grounded.missing"),
            ),
            context=RUN,
        ),
        Cases("dates_grounded()", good=("5 March 2024",), bad=(("6 March 2024", "unchecked.run"),), context=PART),
        Cases(
            "dates_grounded()",
            worst=(
                each(lambda n: f"{n % 28 + 1}.{n % 12 + 1}.{1900 + n % 200} ", 15_000),
                lambda: "1/" * 25_000,
                lambda: "may " * 12_000,
                lambda: "1 may " * 8_000,
            ),
            context=full(lambda n: f"{n % 28 + 1}.{n % 12 + 1}.{1000 + n % 5000} "),
        ),
        Cases("dates_grounded()", worst=(lambda: "6 March 2024",), context=full(lambda n: "1 abc ")),
        Cases("dates_grounded()", worst=(lambda: "6 March 2024",), context=full(lambda n: "1 may ")),
    ],
    "names_grounded": [
        Cases(
            "names_grounded()",
            good=(
                "Ask Maria van der Berg.",
                "The fee is paid. Then ask Maria.",
                "Dear Maria van der Berg, hello",
                "Best regards",
                5,
            ),
            bad=(
                ("Ask John Smith.", "names_grounded.missing"),
                ("Maria Smith knows.", "names_grounded.missing"),
                ({"who": "John Smith"}, "names_grounded.missing"),
            ),
            context=RUN,
        ),
        Cases(
            "names_grounded(names=['Maria van der Berg', 'John'])",
            good=("ask maria van der berg", "Ask Ann Lee"),
            bad=(("Ask John", "names_grounded.missing"),),
            context=RUN,
        ),
        Cases(
            "names_grounded(ignore=['Acme Corp'])",
            good=("We at Acme Corp know.",),
            bad=(("Acme Inc", "names_grounded.missing"),),
            context=RUN,
        ),
        Cases("names_grounded()", good=("Maria van der Berg",), bad=(("John Smith", "unchecked.run"),), context=PART),
        Cases(
            "names_grounded()",
            worst=(
                lambda: "Aa Aa b " * 6_000,
                each(lambda n: f"A{chr(97 + n % 26)} B{chr(97 + n // 26)}. ", 7 * 30),
                lambda: "A" + "-" * 49_000,
                lambda: "A" + "'a" * 24_000,
                each(lambda n: "Ab-------------"),
            ),
            context=full(lambda n: "aa "),
        ),
    ],
    "links_grounded": [
        Cases(
            "links_grounded()",
            good=(
                "See https://acme.example/other.",
                "[plans](https://SHOP.example/plans)",
                "mail me",
                {"url": "http://acme.example:80/"},
            ),
            bad=(
                ("https://evil.example/x", "links_grounded.unknown"),
                ("https://acme.example@evil.example/", "links_grounded.unknown"),
                ("https:\\\\evil.example\\@acme.example", "links_grounded.unknown"),
                ("www.evil.example", "links_grounded.unknown"),
                ("[a](//evil.example/x)", "links_grounded.unknown"),
                (["<https://acme.example.evil.example>"], "links_grounded.unknown"),
            ),
            context=RUN,
        ),
        Cases(
            "links_grounded(allow=['good.example', '*.fine.example'], mentioned=false)",
            good=("https://good.example https://a.fine.example https://shop.example",),
            bad=(
                ("https://acme.example", "links_grounded.unknown"),
                ("https://fine.example", "links_grounded.unknown"),
                ("https://xfine.example", "links_grounded.unknown"),
            ),
            context=RUN,
        ),
        Cases(
            "links_grounded(whole=true)",
            good=("https://acme.example/help#top",),
            bad=(("https://acme.example/hell", "links_grounded.unknown"),),
            context=RUN,
        ),
        Cases(
            "links_grounded()",
            good=("https://acme.example",),
            bad=(("https://evil.example", "unchecked.run"),),
            context=PART,
        ),
        Cases(
            "links_grounded()",
            worst=(
                each(lambda n: f"http://h{n}.é ", 26_000),
                lambda: "http://" * 7_000,
                lambda: "http://a" + ")" * 49_000,
                lambda: "www." * 12_000,
                lambda: ("http://" + "é" * 240 + " ") * 200,
            ),
            context=full(lambda n: f"http://h{n}.é "),
        ),
        Cases("links_grounded()", worst=(lambda: "http://h",), context=full(lambda n: f"www.{n} ")),
    ],
}
"""Name -> examples."""
