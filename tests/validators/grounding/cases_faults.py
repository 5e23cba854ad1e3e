"""Examples that tell a check of grounding from one that is wrong in one small place."""

from __future__ import annotations

from handrail.validators import Source
from tests.validators.cases import Cases
from tests.validators.grounding.kit import RUN, seen

UNITS = seen(Source("s", "There are 1234 units, 123 boxes and 2.25 litres."))

CASES: dict[str, list[Cases]] = {
    "numbers_grounded": [
        Cases(
            "numbers_grounded(derive=[])",
            good=("1.234", "2.3", "2.25", "1,234"),
            bad=(
                ("1,23", "numbers_grounded.missing"),
                ("it is -777777", "numbers_grounded.missing"),
                ("123 and 777777", "numbers_grounded.missing"),
                ("2.4", "numbers_grounded.missing"),
            ),
            context=UNITS,
        ),
    ],
    "dates_grounded": [
        Cases("dates_grounded()", good=("on 2024-13-01", "on 13/13/2024", "on 1.13.2024"), context=RUN),
    ],
    "has_citations": [
        Cases(
            "has_citations(per='sentence')",
            good=("It is so [7].",),
            bad=(("It is so [7]. The limit is high", "has_citations.missing"),),
            context=RUN,
        ),
    ],
}
