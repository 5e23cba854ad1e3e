"""Whether values make sense: ranges, references, totals, dates, identifiers with check digits."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "adds_up": "sums:AddsUp",
    "bic": "banking:Bic",
    "business_day": "dates:BusinessDay",
    "country": "countries:Country",
    "currency": "money:Currency",
    "date": "dates:Date",
    "date_order": "dates:DateOrder",
    "datetime": "dates:DateTime",
    "exclusive_fields": "fields:ExclusiveFields",
    "fields": "fields:Fields",
    "iban": "banking:Iban",
    "imei": "identifiers:Imei",
    "in_table": "tables:InTable",
    "isin": "banking:Isin",
    "known_from": "tables:KnownFrom",
    "lei": "banking:Lei",
    "line_totals": "sums:LineTotals",
    "luhn": "identifiers:Luhn",
    "money": "money:Money",
    "one_of": "ranges:OneOf",
    "payment_card": "identifiers:PaymentCard",
    "quantity": "units:Quantity",
    "range": "ranges:Range",
    "required_with": "fields:RequiredWith",
    "same_currency": "money:SameCurrency",
    "same_unit": "units:SameUnit",
    "shares": "sums:Shares",
    "unique_by": "tables:UniqueBy",
    "unit": "units:Unit",
}
"""Name -> ``MODULE:CLASS`` in this package."""
