"""Examples of the checks of citations and quotations."""

from __future__ import annotations

from tests.validators.cases import Cases
from tests.validators.grounding.kit import NOTHING, PART, RUN, each, full

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
}
"""Name -> examples."""
