"""Whether values make sense: ranges, references, totals, dates, identifiers with check digits."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "bic": "banking:Bic",
    "country": "countries:Country",
    "iban": "banking:Iban",
    "imei": "identifiers:Imei",
    "isin": "banking:Isin",
    "lei": "banking:Lei",
    "luhn": "identifiers:Luhn",
    "one_of": "ranges:OneOf",
    "payment_card": "identifiers:PaymentCard",
    "range": "ranges:Range",
}
"""Name -> ``MODULE:CLASS`` in this package."""
