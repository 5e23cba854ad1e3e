"""Examples of the validators of records: fields that go together, sums, money, measures."""

from __future__ import annotations

from datetime import UTC, datetime

from handrail.validators import Context
from tests.validators.cases import Cases
from tests.validators.data.making import NOW, giant_rows, lines


def _many_missing() -> object:
    return {f: [{}] * 1_600 for f in "abc"}


def _wide_numbers() -> object:
    return {name: 1.2345678901234567e308 if at % 2 else 9.876543210987654e-300 for at, name in enumerate("abcdefgh")}


CASES: dict[str, Cases | list[Cases]] = {
    "fields": [
        Cases(
            'fields("total == net + tax")',
            good=({"total": 0.3, "net": 0.1, "tax": 0.2}, {"total": 10**50 + 1, "net": 10**50, "tax": 1}),
            bad=(
                ({"total": 0.30000000000000004, "net": 0.1, "tax": 0.2}, "fields.condition"),
                ({"total": 1, "net": 1}, "fields.missing"),
                ({"total": 1, "net": 1, "tax": None}, "fields.missing"),
                ({"net": 1, "tax": 0}, "fields.condition"),
                ({"total": 1, "net": "1", "tax": 0}, "fields.type"),
                ({"total": 1, "net": float("nan"), "tax": 0}, "fields.type"),
                ({"total": 1, "net": True, "tax": 0}, "fields.type"),
                ({"total": 1, "net": 10**100, "tax": 0}, "unchecked.size"),
                ("total", "fields.missing"),
            ),
            worst=(lambda: {"total": 1e308, "net": 5e-324, "tax": 2**256 - 1}, giant_rows),
        ),
        Cases(
            'fields("total == net + tax", tolerance=0.01, text=true)',
            good=({"total": "119.01", "net": 100, "tax": "19"},),
            bad=(({"total": "119.02", "net": "100", "tax": "19"}, "fields.condition"),),
        ),
        Cases(
            'fields("nights == check_out - check_in and check_out > check_in", missing="skip")',
            good=(
                {"check_in": "2024-02-28", "check_out": "2024-03-01", "nights": 2},
                {"check_in": "2024-02-28", "nights": 2},
                {"check_in": "2024-03-30T23:00:00Z", "check_out": "2024-04-01T00:00:00+01:00", "nights": 1},
            ),
            bad=(
                ({"check_in": "2024-03-01", "check_out": "2024-02-28", "nights": -2}, "fields.condition"),
                ({"check_in": "2023-02-29", "check_out": "2024-03-01", "nights": 1}, "fields.type"),
                ({"check_in": "2024-02-29", "check_out": "2024-03-01T00:00:00Z", "nights": 1}, "fields.type"),
            ),
        ),
        Cases(
            "fields(\"country in ['DE', 'AT'] implies has(vat) and vat != null\")",
            good=({"country": "FR"}, {}, {"country": "DE", "vat": "DE136695976"}),
            bad=(({"country": "DE"}, "fields.condition"), ({"country": "AT", "vat": None}, "fields.condition")),
        ),
        Cases(
            'fields("due <= today + 30 and round(sum(lines[*].amount), 1) == 0.3 and count(lines) == 1")',
            good=({"due": "2024-04-30", "lines": [{"amount": 0.29}]},),
            bad=(
                ({"due": "2024-05-01", "lines": [{"amount": 0.3}]}, "fields.condition"),
                ({"due": "2024-04-30", "lines": [{}]}, "fields.condition"),
                ({"due": "2024-04-30", "lines": [{"amount": None}]}, "fields.missing"),
                ({"due": "2024-04-30", "lines": [{"amount": "x"}]}, "fields.type"),
                ({"due": "soon", "lines": []}, "fields.type"),
            ),
            worst=(giant_rows,),
            context=NOW,
        ),
        Cases(
            f'fields("{" + ".join(f"sum({name}[*].x{n})" for n in range(9) for name in "abcdef")} == 0")',
            good=({},),
            bad=((_many_missing(), "unchecked.size"), ({"a": [{"x1": 1}]}, "fields.condition")),
            worst=(_many_missing, lambda: {f: [{f"x{n}": 1e308 for n in range(9)}] * 40 for f in "abcdef"}),
        ),
        Cases(
            f'fields("{" * ".join("abcdefgh" * 15)} / {" / ".join("abcdefgh" * 15)} != 1 or a in wide")',
            bad=((_wide_numbers(), "unchecked.size"), ({name: 0 for name in "abcdefgh"}, "fields.type")),
            good=({name: 2 for name in "abcdefgh"} | {"wide": [1, 2]},),
            worst=(
                _wide_numbers,
                lambda: {name: 1e308 for name in "abcdefgh"},
                lambda: {name: 3 for name in "abcdefgh"} | {"wide": [0.1] * 4_900},
                lambda: {name: 1.0000001 for name in "abcdefgh"} | {"wide": ["2024-01-01"] * 4_900},
            ),
        ),
    ],
    "required_with": Cases(
        "required_with('$.coupon', ['$.customer.id', 'lines[0]'])",
        good=({"coupon": 1, "customer": {"id": 0}, "lines": [1]}, {"coupon": None}, 7),
        bad=(({"coupon": 1, "customer": {"id": None}, "lines": [1]}, "required_with.missing"),),
        worst=(lambda: {"coupon": 1, "lines": list(range(30_000))},),
    ),
    "exclusive_fields": [
        Cases(
            "exclusive_fields(['$.a', '$.b', '$.c[*]'], required=true)",
            good=({"a": 1}, {"b": 0, "a": None}, {"c": [1, 2]}),
            bad=(
                ({"a": 1, "b": 2}, "exclusive_fields.several"),
                ({}, "exclusive_fields.none"),
                ("a", "exclusive_fields.none"),
            ),
            worst=(lambda: {"c": list(range(10_000))}, lambda: {"c": list(range(100_000))}),
        ),
    ],
    "adds_up": [
        Cases(
            "adds_up('$.total', '$.lines[*].amount')",
            good=({"total": 0.3, "lines": [{"amount": 0.1}] * 3}, {"total": 10**30, "lines": [{"amount": 10**30}]}),
            bad=(
                ({"total": 0.31, "lines": [{"amount": 0.1}] * 3}, "adds_up.total"),
                ({"total": 10**30 + 1, "lines": [{"amount": 10**30}]}, "adds_up.total"),
                ({"lines": [{"amount": 0.1}]}, "adds_up.missing"),
                ({"total": 0, "lines": []}, "adds_up.missing"),
                ({"total": 1, "lines": [{"amount": "1"}]}, "adds_up.type"),
                ({"total": 1, "lines": [{"amount": True}]}, "adds_up.type"),
                ({"total": "1", "lines": [{"amount": 1}]}, "adds_up.type"),
                ({"total": 1, "lines": [{"amount": 10**90}]}, "unchecked.size"),
            ),
            worst=(
                lambda: {"total": 1, "lines": [{"amount": 1e308}, {"amount": 5e-324}] * 1_490},
                lambda: lines(2_900, amount=2**256 - 1),
                lambda: lines(2_900, amount="x"),
            ),
        ),
        Cases(
            "adds_up('$.total', ['$.net', '$.tax'], less='$.discount', tolerance='0.005', text=true)",
            good=({"total": "10.00", "net": 10, "tax": "1.90", "discount": 1.9},),
            bad=(({"total": "10.01", "net": 10, "tax": 0}, "adds_up.total"),),
        ),
    ],
    "line_totals": Cases(
        "line_totals(discount='discount', tolerance=0.005)",
        good=(
            {
                "lines": [
                    {"quantity": 3, "price": 0.335, "amount": 1},
                    {"quantity": 1, "price": 5, "amount": 4, "discount": 1},
                ]
            },
            {},
        ),
        bad=(
            ({"lines": [{"quantity": 3, "price": 19.99, "amount": 59.79}]}, "line_totals.amount"),
            ({"lines": [{"quantity": 3, "price": 19.99}]}, "line_totals.missing"),
            ({"lines": [{"quantity": "3", "price": 1, "amount": 3}]}, "line_totals.type"),
            ({"lines": [3]}, "line_totals.type"),
            ({"lines": [{"quantity": 10**80, "price": 1, "amount": 3}]}, "unchecked.size"),
        ),
        worst=(
            lambda: lines(1_990, amount=1e308, quantity=-5e-324, price=1e308, discount=5e-324),
            lambda: lines(1_900, quantity=1e300, price=1e-300, amount=1),
        ),
    ),
    "shares": [
        Cases(
            "shares(tolerance=0.1)",
            good=([33.3, 33.3, 33.4], {"a": 50, "b": 50}, [0, 100]),
            bad=(
                ([60, 50], "shares.total"),
                ([150, -50], "shares.part"),
                ([], "shares.missing"),
                (["50", 50], "shares.type"),
                ([float("inf")], "shares.type"),
            ),
            worst=(lambda: [5e-324, 1e308] * 990, lambda: ["x"] * 1_990),
        ),
        Cases("shares('$.p[*]', total=1)", good=({"p": [0.1] * 10},), bad=(({"p": [0.1] * 9}, "shares.total"),)),
    ],
    "currency": [
        Cases(
            "currency()",
            good=("EUR", "JPY", "BGN", "XCG"),
            bad=(
                ("eur", "currency.form"),
                ("HRK", "currency.withdrawn"),
                ("EURO", "currency.length"),
                ("ABC", "currency.unknown"),
                ("€", "currency.characters"),
                (978, "currency.type"),
            ),
            worst=(lambda: "E" * 200,),
            context=NOW,
        ),
        Cases("currency(allowed=['EUR'])", good=("EUR",), bad=(("USD", "currency.refused"),)),
        Cases(
            "currency()",
            good=("EUR",),
            bad=(("BGN", "currency.withdrawn"),),
            context=Context(now=datetime(2026, 6, 1, tzinfo=UTC)),
        ),
    ],
    "money": [
        Cases(
            "money(negative=false)",
            good=(
                {"amount": 12.5, "currency": "EUR"},
                {"amount": "1500.0", "currency": "JPY"},
                {"amount": 1.125, "currency": "KWD"},
                {"amount": 0.333333, "currency": "XAU"},
            ),
            bad=(
                ({"amount": 12.505, "currency": "EUR"}, "money.decimals"),
                ({"amount": 0.5, "currency": "JPY"}, "money.decimals"),
                ({"amount": -1, "currency": "EUR"}, "money.sign"),
                ({"amount": 1}, "money.missing"),
                ({"currency": "EUR"}, "money.missing"),
                ({"amount": 1, "currency": "ABC"}, "currency.unknown"),
                ({"amount": 1, "currency": 978}, "currency.type"),
                ({"amount": "1,50", "currency": "EUR"}, "money.type"),
                ({"amount": 10**80, "currency": "EUR"}, "unchecked.size"),
            ),
            worst=(lambda: {"amount": 1e308, "currency": "EUR"},),
        ),
        Cases(
            "money('$[*]', 'EUR', minor=true)",
            good=([1250, 3], [1.0]),
            bad=(([12.5], "money.decimals"),),
            worst=(lambda: [5e-324, 1e308] * 2_490,),
        ),
    ],
    "same_currency": Cases(
        "same_currency()",
        good=({"currency": "EUR", "lines": [{"currency": "eur "}, {"currency": None}]}, {}, 3),
        bad=(
            ({"currency": "EUR", "lines": [{"currency": "USD"}]}, "same_currency.differs"),
            ({"currency": 978}, "same_currency.type"),
        ),
        worst=(giant_rows,),
    ),
    "unit": [
        Cases(
            "unit('mass')",
            good=("kg", "µg"),
            bad=(("KG", "unit.unknown"), ("m", "unit.dimension"), (1, "unit.type"), ("", "unit.unknown")),
            worst=(lambda: "k" * 20, lambda: "m" * 40_000),
        ),
        Cases("unit(allowed=['kg', 'g'])", good=("g",), bad=(("lb", "unit.refused"),)),
    ],
    "quantity": [
        Cases(
            "quantity('kg', min=0, max=30)",
            good=("12.5 kg", "30000 g", "30000000mg", {"amount": 66.1, "unit": "lb"}),
            bad=(
                ("30.001 kg", "quantity.max"),
                ({"amount": 66.2, "unit": "lb"}, "quantity.max"),
                ("-1 g", "quantity.min"),
                ("3 m", "quantity.dimension"),
                ("3 kilos", "quantity.unknown"),
                ("heavy", "quantity.form"),
                ("٣ kg", "quantity.form"),
                ({"amount": 3}, "quantity.missing"),
                ({"amount": "3", "unit": "kg"}, "quantity.type"),
                ({"amount": 10**80, "unit": "kg"}, "unchecked.size"),
            ),
            worst=(lambda: "1" * 40 + " " + "k" * 20, lambda: {"amount": 5e-324, "unit": "lb"}),
        ),
        Cases(
            "quantity('degC', min=-18, max=-15)",
            good=("0 °F", "256 K"),
            bad=(("1 °C", "quantity.max"), ("254 K", "quantity.min")),
        ),
    ],
    "same_unit": [
        Cases(
            "same_unit(['$[*]'], convertible=true)",
            good=(["kg", "g", None], []),
            bad=((["kg", "m"], "same_unit.differs"), (["kg", "kgs"], "same_unit.unknown"), ([1], "same_unit.type")),
            worst=(lambda: ["kg"] * 9_900,),
        ),
        Cases(
            "same_unit(['$.u', '$.v'])",
            good=({"u": "kg", "v": "kg"},),
            bad=(({"u": "kg", "v": "g"}, "same_unit.differs"),),
        ),
    ],
}
