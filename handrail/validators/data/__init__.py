"""Whether values make sense: ranges, references, totals, dates, identifiers with check digits.

The identifiers are our own code rather than python-stdnum's, which is well kept but LGPL, takes full-width digits
for digits, and says only yes or no; whoever needs one of its many national numbers wraps it as a function.
"""

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
    "ean": "products:Ean",
    "email": "contacts:Email",
    "exclusive_fields": "fields:ExclusiveFields",
    "fields": "fields:Fields",
    "gtin": "products:Gtin",
    "iban": "banking:Iban",
    "imei": "identifiers:Imei",
    "in_table": "tables:InTable",
    "isbn": "products:Isbn",
    "isin": "banking:Isin",
    "issn": "products:Issn",
    "known_from": "tables:KnownFrom",
    "lei": "banking:Lei",
    "line_totals": "sums:LineTotals",
    "luhn": "identifiers:Luhn",
    "money": "money:Money",
    "one_of": "ranges:OneOf",
    "payment_card": "identifiers:PaymentCard",
    "phone": "contacts:Phone",
    "quantity": "units:Quantity",
    "range": "ranges:Range",
    "required_with": "fields:RequiredWith",
    "same_currency": "money:SameCurrency",
    "same_unit": "units:SameUnit",
    "shares": "sums:Shares",
    "unique_by": "tables:UniqueBy",
    "unit": "units:Unit",
    "uuid": "contacts:Uuid",
    "vat": "vat:Vat",
}
"""Name -> ``MODULE:CLASS`` in this package."""
