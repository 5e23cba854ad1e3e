"""Examples that tell a check of data from one that is wrong in one small place."""

from __future__ import annotations

from tests.validators.cases import Cases

CASES: dict[str, list[Cases]] = {
    "payment_card": [Cases("payment_card()", bad=(("4111A11111111111", "payment_card.characters"),))],
    "vat": [Cases("vat()", good=("CZ8555151231", "LV32123456789"), bad=(("CZ8555151232", "vat.digits"),))],
}
