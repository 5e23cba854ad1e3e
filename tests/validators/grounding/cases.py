"""Examples of the checks of what an answer rests on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from handrail.validators import Call, Context, Run, Source
from tests.validators.cases import Cases

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
DOCUMENTS = (
    Source(
        "kb-1",
        "Refunds are paid within 14 days. The fee is 1.234,50 EUR, or 12 % of the price; parcels weigh 5 kg. "
        "Ask Maria van der Berg, or see https://acme.example/help.",
        "document", "handbook", {"source": "docs/kb-1.md"},
    ),
    Source("7", "Since 5 March 2024 the limit is 3 million dollars. A plan costs $19.99. Don’t “panic”, call us at once.",
           "document", "handbook", {"url": "https://shop.example/plans", "title": "Plans"}),
)  # fmt: skip
SEARCH = Call("search", {"day": "2024-02-29", "limit": 40}, result={"items": [{"price": 1.5}, {"price": 2.25}]})


def seen(*sources: Source, calls: tuple[Call, ...] = (), complete: bool = True) -> Context:
    """Where the run has seen these."""
    return Context("answer", run=Run(sources, calls, complete), now=NOW)


RUN = seen(*DOCUMENTS, calls=(SEARCH,))
PART = seen(*DOCUMENTS, complete=False)
NOTHING = seen()


def full(make: Callable[[int], str]) -> Context:
    """A run that has seen as much as is read, in 40 sources, of what ``make`` says of each number."""
    texts: list[str] = []
    for number in range(30):
        text, at = "", number * 5_000
        while len(text) < 5_000:
            text += make(at)
            at += 1
        texts.append(text[:5_000])
    return seen(*(Source(f"d{number}", text) for number, text in enumerate(texts)))


def each(make: Callable[[int], str], length: int = 50_000) -> Callable[[], str]:
    """Makes a text of this length of what ``make`` says of each number."""

    def text() -> str:
        found, at = [make(0)], 0
        size = len(found[0])
        while size < length:
            at += 1
            found.append(make(at))
            size += len(found[-1])
        return "".join(found)[:length]

    return text


FEW = each(lambda n: f"{n}.5{n} ", 10_000)

CASES: dict[str, list[Cases]] = {
    "has_citations": [
        Cases(
            "has_citations()",
            good=("Refunds take 14 days [1].", "See [kb-1, p. 3].", "It is so (source: handbook).", "So 【4†source】."),
            bad=(
                ("Refunds take 14 days.", "has_citations.missing"),
                ("See [this](https://x.example).", "has_citations.missing"),
                ("- [x] done [sic]", "has_citations.missing"),
                ("", "has_citations.missing"),
                ({"answer": "[1]"}, "has_citations.type"),
                (5, "has_citations.type"),
                ("x" * 50_001, "unchecked.size"),
            ),
            worst=(
                lambda: "[1" * 25_000,
                lambda: "[" + "1, " * 16_000,
                lambda: "(source: " * 5_000,
                lambda: "[a-" * 16_000,
                lambda: "[doc " * 10_000,
                lambda: "[source: " + "a" * 49_000,
            ),
        ),
        Cases(
            "has_citations(per='sentence')",
            good=(
                "Refunds take 14 days [1]. They are free of charge.[2][3] Yes.",
                "# A heading of many words here\n[1] is it.",
            ),
            bad=(("Refunds take 14 days [1]. They are free of charge.", "has_citations.missing"),),
            worst=(lambda: "a b c d. " * 5_500, lambda: "." * 50_000, lambda: "[1]" * 16_000, lambda: "a.\n" * 16_000),
        ),
        Cases(
            "has_citations(per='paragraph', min=2)",
            good=("It is so, they say [1][2].\n\nAnd so is this one [1, 2] [3].",),
            bad=(("It is so, they say [1][2].\n\nAnd so is this one [3].", "has_citations.missing"),),
            worst=(lambda: "a\n\n" * 16_000, lambda: "a\n" + " \n" * 24_000, lambda: "```\n\n" * 10_000),
        ),
        Cases(
            "has_citations(pattern='KB-[0-9]+')",
            good=("See KB-12.",),
            bad=(("See [1].", "has_citations.missing"),),
            worst=(lambda: "KB-" * 16_000,),
        ),
    ],
    "citations_resolve": [
        Cases(
            "citations_resolve()",
            good=(
                "So [1].",
                "So [2] and [kb-1, p. 3].",
                "So [1, 2], [1-2].",
                "So [Source: Plans] and [docs/kb-1.md#a].",
                "[sic] and [x]",
                {"answer": "So [7]."},
                "nothing",
            ),
            bad=(
                ("So [3].", "citations_resolve.unknown"),
                ("So [1-3].", "citations_resolve.unknown"),
                ("So [kb-9].", "citations_resolve.unknown"),
                ({"a": ["So [Source: Prices]."]}, "citations_resolve.unknown"),
                ("[1]" * 2_001, "unchecked.size"),
            ),
            worst=(
                each(lambda n: f"[{n % 9999}] ", 11_000),
                lambda: "[1, " * 12_000,
                lambda: "[1-50, 2-50, 3-50] " * 1_000,
            ),
            context=RUN,
        ),
        Cases(
            "citations_resolve(pattern='KB[0-9]', numbered=false)",
            bad=(("KB7", "citations_resolve.unknown"),),
            context=RUN,
        ),
        Cases(
            "citations_resolve(numbered=false)", good=("[7]",), bad=(("[1]", "citations_resolve.unknown"),), context=RUN
        ),
        Cases("citations_resolve()", bad=(("[1]", "citations_resolve.unknown"),), context=NOTHING),
        Cases("citations_resolve()", good=("[1]",), bad=(("[9]", "unchecked.run"),), context=PART),
    ],
    "quotes_occur": [
        Cases(
            "quotes_occur()",
            good=(
                "It says “refunds are paid  within\n14 days”.",
                "> Refunds are paid\n> within 14 days.\n> — kb-1",
                'It says "Refunds are paid … or 12 % of the price".',
                "He said „Don't 'panic' - call us“.",
                "“not so long”",
                '```\nx = "this is code and no quotation"\n```',
                "«Refunds [of all kinds] are paid within 14 days»",
            ),
            bad=(
                ("It says “refunds are paid within 15 days”.", "quotes_occur.missing"),
                ("> Refunds are never paid at all.", "quotes_occur.missing"),
                ('"or 12 % of the price … Refunds are paid within"', "quotes_occur.missing"),
                ('"Refunds are paid within … the limit is 3 million dollars"', "quotes_occur.missing"),
            ),
            context=RUN,
        ),
        Cases(
            "quotes_occur(min_words=2)", good=("“14 days”",), bad=(("“15 days”", "quotes_occur.missing"),), context=RUN
        ),
        Cases(
            "quotes_occur()",
            good=("“refunds are paid within 14”",),
            bad=(("“a b c d e”", "unchecked.run"),),
            context=PART,
        ),
        Cases(
            "quotes_occur()",
            worst=(
                lambda: "“a a a a b” " * 4_000,
                lambda: "“" * 50_000,
                lambda: "> a\n" * 12_000,
                lambda: '"a … b … c … d … e" ' * 2_000,
                each(lambda n: f"“a a a a {n}” ", 28 * 14),
            ),
            context=full(lambda n: "a "),
        ),
        Cases(
            "quotes_occur()",
            worst=(each(lambda n: f"“w{n} w{n + 1} w{n + 2} w{n + 3} é” ", 28 * 24),),
            context=full(lambda n: f"w{n} é "),
        ),
    ],
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
