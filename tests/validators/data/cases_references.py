"""Examples of the validators of dates, and of references to tables and to earlier results."""

from __future__ import annotations

import json

from handrail.validators import Call, Context, Run, Source
from tests.validators.cases import Cases
from tests.validators.data.making import NOW, giant_rows, lines


def _results(count: int, size: int) -> Run:
    return Run(calls=[Call("find", result=json.dumps([{"id": f"{n}-{i}"} for i in range(size)])) for n in range(count)])


CASES: dict[str, Cases | list[Cases]] = {
    "date": [
        Cases(
            "date(min='today-30d', max='today+1y')",
            good=("2024-03-01", "2025-03-31"),
            bad=(
                ("2024-02-29", "date.min"),
                ("2025-04-01", "date.max"),
                ("2023-02-29", "date.calendar"),
                ("2024/3/1", "date.form"),
                ("31.03.2024", "date.form"),
                ("２０２４-03-01", "date.form"),
                ("2024-03-01\n", "date.form"),
                (20240301, "date.type"),
            ),
            worst=(lambda: "2024-01-01" * 4_000,),
            context=NOW,
        ),
    ],
    "datetime": [
        Cases(
            "datetime(min='2024-01-01', max='today')",
            good=("2024-01-31T09:30:00Z", "2024-01-31t09:30:00.123456789+01:00", "2024-01-31 09:30Z"),
            bad=(
                ("2024-01-31T09:30:00", "datetime.offset"),
                ("2024-01-31", "datetime.form"),
                ("2024-02-30T09:30:00Z", "datetime.calendar"),
                ("2024-01-31T24:30:00Z", "datetime.calendar"),
                ("2024-01-31T09:30:00+25:00", "datetime.calendar"),
                ("2024-01-01T00:30:00+01:00", "datetime.min"),
                ("2024-03-31T23:30:00-01:00", "datetime.max"),
                (0, "datetime.type"),
            ),
            worst=(lambda: "2024-01-31T09:30:00Z" * 2_000,),
            context=NOW,
        ),
        Cases(
            "datetime(offset=false)",
            good=("2024-01-31T09:30:00", "9999-12-31T23:59:59-10:00"),
            bad=(("now", "datetime.form"),),
        ),
    ],
    "date_order": [
        Cases(
            "date_order(['$.check_in', '$.check_out'])",
            good=({"check_in": "2024-01-31", "check_out": "2024-02-01"}, {"check_out": "2024-02-01", "check_in": None}),
            bad=(
                ({"check_in": "2024-01-31", "check_out": "2024-01-31"}, "date_order.order"),
                ({"check_in": "2024-01-31", "check_out": "2024-02-30"}, "date_order.calendar"),
                ({"check_in": "2024-01-31", "check_out": "2024-02-01T00:00:00Z"}, "date_order.mixed"),
                ({"check_in": "2024-01-31T00:00:00", "check_out": "2024-02-01T00:00:00Z"}, "date_order.mixed"),
                ({"check_in": "31.1.2024"}, "date_order.form"),
                ({"check_in": 5}, "date_order.type"),
            ),
            worst=(giant_rows,),
        ),
        Cases(
            "date_order(['$.lines[*].day'], equal=true)",
            good=({"lines": [{"day": "2024-01-31"}] * 2},),
            bad=(({"lines": [{"day": "2024-01-31"}, {"day": "2024-01-30"}]}, "date_order.order"),),
            worst=(giant_rows, lambda: lines(4_900, day="2024-01-31T00:00:00.000000Z")),
        ),
    ],
    "business_day": [
        Cases(
            "business_day(holidays=['12-25', '2024-03-29'])",
            good=("2024-03-28",),
            bad=(
                ("2024-03-29", "business_day.holiday"),
                ("2030-12-25", "business_day.holiday"),
                ("2024-03-30", "business_day.weekend"),
                ("2024-02-30", "business_day.calendar"),
                ("tomorrow", "business_day.form"),
                (1, "business_day.type"),
            ),
            worst=(lambda: "2024-03-28" * 4_000,),
        ),
        Cases(
            "business_day(holidays={'DE': ['10-03'], 'AE': []}, weekend=['sun'], region='$.country', day='$.days[*]')",
            good=({"country": "AE", "days": ["2024-10-03"]},),
            bad=(
                ({"country": "DE", "days": ["2024-10-03"]}, "business_day.holiday"),
                ({"country": "FR", "days": ["2024-10-03"]}, "business_day.region"),
                ({"country": "DE"}, "business_day.missing"),
            ),
            worst=(lambda: {"country": "DE", "days": ["2024-10-04"] * 4_900},),
        ),
    ],
    "in_table": [
        Cases(
            "in_table(table=[{'country': 'DE', 'code': 1}, {'country': 'FR', 'code': 2}], column=['country', 'code'])",
            good=({"country": "DE", "code": 1}, {"code": 2.0, "country": "FR", "more": []}),
            bad=(
                ({"country": "DE", "code": 2}, "in_table.unknown"),
                ({"country": "DE", "code": True}, "in_table.unknown"),
                ({"country": "DE"}, "in_table.missing"),
                ({"country": "DE", "code": []}, "in_table.type"),
                ("DE", "in_table.type"),
            ),
            worst=(lambda: {"country": "D" * 1_000_000, "code": 10**300_000},),
        ),
        Cases("in_table(table=[{'id': 'A1'}], column='id')", good=("A1",), bad=(("A2", "in_table.unknown"),)),
        Cases("in_table(['A1', 7])", good=("A1", 7), bad=(("7", "in_table.unknown"), ({}, "in_table.type"))),
    ],
    "known_from": [
        Cases(
            "known_from(tool='find', path='$.orders[*].id')",
            good=("W1", ["W1", 2]),
            bad=(
                ("W3", "known_from.unknown"),
                ("x", "known_from.unknown"),
                (None, "known_from.type"),
                ([[]], "known_from.type"),
            ),
            context=Context(
                run=Run(
                    calls=(
                        Call("find", result={"orders": [{"id": "W1"}]}),
                        Call("find", result='{"orders": [{"id": 2}]}'),
                        Call("find", outcome="error", result={"orders": [{"id": "W3"}]}),
                        Call("other", result={"orders": [{"id": "x"}]}),
                    )
                )
            ),
        ),
        Cases(
            "known_from(input=true)",
            good=("W1", 12, "W7"),
            bad=(("W", "known_from.unknown"), ("W9", "known_from.unknown")),
            context=Context(
                run=Run(
                    calls=(Call("find", result="Order W1 (12 pieces)."),),
                    sources=(Source("1", "Where is #W7?", kind="input"), Source("2", "W9")),
                )
            ),
        ),
        Cases("known_from()", bad=(("W1", "unchecked.run"),), context=Context(run=Run(complete=False))),
        Cases(
            "known_from(path='$[*].id')",
            good=("0-0",),
            bad=(("no", "known_from.unknown"),),
            worst=(lambda: "no", lambda: [f"x{n}" for n in range(10_000)]),
            context=Context(run=_results(40, 120)),
        ),
        Cases(
            "known_from()",
            bad=(("no", "unchecked.size"),),
            worst=(lambda: "no",),
            context=Context(run=_results(10, 900)),
        ),
    ],
    "unique_by": [
        Cases(
            "unique_by('sku')",
            good=([{"sku": 1}, {"sku": "1"}, {"sku": True}], []),
            bad=(
                ([{"sku": 1}, {"sku": 1.0}], "unique_by.repeated"),
                ([{"sku": 1}, {}], "unique_by.missing"),
                ([{"sku": []}], "unique_by.type"),
                ([1], "unique_by.type"),
                ({}, "unique_by.type"),
            ),
            worst=(lambda: [{"sku": n} for n in range(9_990)],),
        ),
        Cases(
            "unique_by(rows='$.rows')",
            good=({"rows": [{"a": 1, "b": [1]}, {"a": 1, "b": [2]}, [1, 2], [[1], 2], "1", 1]},),
            bad=(({"rows": [{"a": 1, "b": [1]}, {"b": [1.0], "a": 1}]}, "unique_by.repeated"),),
            worst=(
                lambda: {"rows": [{"a": n, "b": [n]} for n in range(2_400)]},
                lambda: {"rows": [{str(n): n for n in range(9_000)}]},
            ),
        ),
    ],
}
