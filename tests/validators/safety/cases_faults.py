"""Examples that tell a check of safety from one that is wrong in one small place."""

from __future__ import annotations

from tests.validators.cases import Cases

BOTH = "ana@example.com pays by DE89370400440532013000"

CASES: dict[str, list[Cases]] = {
    "hidden_characters": [
        Cases(
            "hidden_characters()",
            good=("ก\u200bก",),
            bad=(("a\u200b\u200bก", "hidden_characters.zero_width"),),
        ),
    ],
    "personal_data": [
        Cases("personal_data()", bad=((BOTH, "personal_data.iban"), (BOTH, "personal_data.email"))),
    ],
    "secrets": [
        Cases(
            "secrets()",
            good=("AKIAI44QH7DHBQWERTYUX",),
            bad=(("AKIAI44QH7DHBQWERTYU", "secrets.aws_access_key"),),
        ),
    ],
}
