"""Examples of what the structure checks accept and do not, and what takes them longest."""

from __future__ import annotations

from tests.validators.cases import Cases

CASES: dict[str, Cases | list[Cases]] = {
    "schema": [
        Cases(
            check="schema({'type': 'object', 'required': ['id'], 'properties': {"
            "'id': {'type': 'integer', 'minimum': 1}, 'when': {'type': 'string', 'format': 'date'}},"
            "'additionalProperties': false})",
            good=({"id": 1}, {"id": 7, "when": "2024-02-29"}),
            bad=(
                ({}, "schema.required"), ({"id": "1"}, "schema.type"), ({"id": 0}, "schema.minimum"),
                ({"id": 1, "when": "2023-02-29"}, "schema.format"), ({"id": 1, "x": 2}, "schema.additionalProperties"),
                ([1], "schema.type"), (None, "schema.type"),
            ),
            worst=(lambda: {"id": 1, **{f"k{n}": n for n in range(14_000)}},),
        ),
        Cases(
            check="schema({'type': 'array', 'uniqueItems': true, 'contains': {'type': 'object'}})",
            good=([{"a": 1}, {"a": 2}],),
            bad=(([{"a": 1}, {"a": 1.0}], "schema.uniqueItems"), ([1], "schema.contains")),
            worst=(
                lambda: [{"a": n % 7, "b": [n]} for n in range(3_700)], lambda: [2**14_000 + n for n in range(10_000)],
            ),
        ),
    ],
    "matches": [
        Cases(
            check="matches('[A-Z]{3}-[0-9]+')",
            good=("ABC-1", "XYZ-20250101"),
            bad=(
                ("abc-1", "matches.pattern"), ("ABC-1 ", "matches.pattern"), ("ABC-1\n", "matches.pattern"),
                (5, "matches.type"), (None, "matches.type"), ("A" * 3_000_000, "unchecked.size"),
            ),
            worst=(lambda: "A" * 60_000, lambda: "ABC-" + "1" * 60_000),
        ),
        Cases(
            check="matches('(x+x+)+y', search=true)",
            good=("axxy", "xxyxx"),
            bad=(("x" * 5_000, "matches.pattern"), ("", "matches.pattern")),
            worst=(lambda: "x" * 100_000,),
        ),
        Cases(
            check="matches('[[:alpha:]](?:[[:alnum:]]{0,30}[.]){9}[[:alnum:]]*', ignore_case=true)",
            good=("a." + "b." * 8,),
            bad=(("a.", "matches.pattern"),),
            worst=(lambda: "a." * 500, lambda: "ab." * 400),
        ),
    ],
    "strict_json": [
        Cases(
            check="strict_json()",
            good=('{"a": [1, 2.5, null]}', " true\n", '"\\ud83d\\ude00"', "[" * 50 + "]" * 50, "1" * 40),
            bad=(
                ("{'a': 1}", "strict_json.syntax"), ("", "strict_json.syntax"), ('{"a": 1} x', "strict_json.syntax"),
                ("[NaN]", "strict_json.nan"), ("[-Infinity]", "strict_json.nan"),
                ('"\\ud800"', "strict_json.surrogate"), ("\ud800", "strict_json.surrogate"),
                ('"\\ude00\\ud83d"', "strict_json.surrogate"), ("[" * 9_000, "strict_json.depth"),
                ('{"a": 1, "b": {"c": 1, "c": 2}}', "strict_json.duplicate"), ("1" * 42, "strict_json.number"),
                ('{"a": 1, "\\u0061": 2}', "strict_json.duplicate"), ({"a": 1}, "strict_json.type"),
                ("1e999", "strict_json.number"), ("[" * 51 + "]" * 51, "strict_json.depth"),
                (" " * 200_000, "unchecked.size"),
            ),
            worst=(
                lambda: "[" + "{}," * 26_000 + "0]", lambda: "[" + "1," * 39_000 + "1]",
                lambda: "[" + "1.5," * 19_000 + "1]", lambda: "[" * 5_000 + "]" * 5_000,
                lambda: "{" + ",".join(f'"k{n}":0' for n in range(9_000)) + "}",
                lambda: '"' + "\\ud83d\\ude00" * 8_000 + '"', lambda: "'" + "\\n" * 4_990 + "'",
                lambda: "[" + "1," * 4_990 + "]", lambda: "{" + "a:1," * 2_490 + "}", lambda: "/*" * 4_900,
                lambda: "[" + "//\n" * 3_000 + "]", lambda: "''" * 5_000,
            ),
        ),
        Cases(
            check="strict_json(close=true, then=schema({'type': 'array', 'items': {'type': 'integer'}}))",
            good=("[1]",),
            bad=(('["1"]', "schema.type"), ("[1, 2", "strict_json.syntax")),
            worst=(lambda: "[" + "1," * 39_000 + "1]", lambda: "[" + "[]," * 3_300),
        ),
    ],
    "language": Cases(
        check="language(['el', 'ko'])",
        good=("Η επιστροφή χρημάτων έγινε σήμερα", "환불은 오늘 아침 고객님의 계좌로", "ok", "", "1234 5678 90"),
        bad=(
            ("The refund was made to your account", "language.other"), (5, "language.type"),
            ("Возврат средств был произведён сегодня", "language.other"), ("α" * 9_000, "unchecked.size"),
        ),
        worst=(lambda: "α" * 5_000, lambda: "α 1" * 1_600, lambda: "aα" * 2_500),
    ),
    "model": [
        Cases(
            check="model('tests.validators.structure.order_models:Order')",
            good=({"id": 1, "day": "2026-05-01"}, {"id": 1, "day": "2026-05-01", "items": [{"name": "a", "price": 1}]}),
            bad=(
                ({"id": "1", "day": "2026-05-01"}, "model.int_type"), ({"id": 1}, "model.missing"),
                ({"id": 1, "day": "2026-05-01", "note": "damn"}, "model.value_error"), (None, "model.model_type"),
            ),
            worst=(lambda: {"id": 1, "day": "2026-05-01", "items": [{"name": "x"}] * 3_000},),
        ),
        Cases(check="model('datetime:date')", good=("2026-05-01",), bad=(("tomorrow", "model.date_parsing"),)),
    ],
    "length": [
        Cases(
            check="length(min=1, max=5)",
            good=("a", "Grüße", "\U0001f600" * 5),
            bad=(("", "length.short"), ("abcdef", "length.long"), (7, "length.type"), (["a"], "length.type")),
            worst=(lambda: "x" * 10_000_000,),
        ),
        Cases(
            check="length(max=5, unit='bytes')",
            good=("hello", "", "äö"),
            bad=(("äöü", "length.long"), (b"x", "length.type"), ("x" * 3_000_000, "unchecked.size")),
            worst=(lambda: "\U0001f600" * 200_000,),
        ),
        Cases(
            check="length(min=2, unit='words')",
            good=("two words", " two\n words "),
            bad=(("one", "length.short"), ("", "length.short")),
            worst=(lambda: "a " * 100_000, lambda: "\u2003" * 200_000),
        ),
        Cases(
            check="length(min=1, max=2, unit='items')",
            good=([1], (1, 2), {"a": 1}),
            bad=(([], "length.short"), ([1, 2, 3], "length.long"), ("ab", "length.type")),
            worst=(lambda: list(range(100_000)),),
        ),
    ],
    "encoding": [
        Cases(
            check="encoding()",
            good=(
                "Grüße, Москва, 東京 \U0001f600", "tab\tline\r\n", 5, None, {"a": ["x", {"b": 1.5}]}, "“Ä” – Spaß“",
                "São João, NÃO", "Â", "",
            ),
            bad=(
                ("\ud83d", "encoding.surrogate"), ("a\x00b", "encoding.control"), ("\x1b[2J", "encoding.control"),
                ("\x85", "encoding.control"), ("\ufffe", "encoding.noncharacter"),
                ("bytes \ufffd\ufffd", "encoding.replacement"), ("GrÃ¼ÃŸe", "encoding.mojibake"),
                ("itâ€™s", "encoding.mojibake"), ("10Â°", "encoding.mojibake"), ("ðŸ˜€", "encoding.mojibake"),
                ("ÐŸÑ€Ð¸Ð²ÐµÑ‚", "encoding.mojibake"), ("e\u0301", "encoding.nfc"), ("\u212b", "encoding.nfc"),
                ("a" + "\u0301" * 31, "encoding.marks"), ({"a": [{"b": "\x07"}]}, "encoding.control"),
                ({"\x07": 1}, "encoding.control"), ("x" * 60_000, "unchecked.size"),
            ),
            worst=(
                lambda: "e\u0301" * 25_000, lambda: "a\u0301\u0316" * 16_000, lambda: "Ã¼" * 25_000,
                lambda: "â€" * 25_000, lambda: "\ufdfa" * 50_000, lambda: "\ud800" * 50_000,
                lambda: ["é"] * 9_900, lambda: ["e\u0301"] * 9_900, lambda: "\uac00\u11a8" * 25_000,
                lambda: "\U0001d15e" * 50_000,
            ),
        ),
        Cases(
            check="encoding(scripts=['Latin'], nfc=false, mojibake=false)",
            good=("Zoë, 5 €, e\u0301", "Ã¼"),
            bad=(("p\u0430ypal", "encoding.script"), ({"x": ["Ω"]}, "encoding.script")),
            worst=(lambda: "aж" * 25_000, lambda: "ж" * 50_000, lambda: "é" * 50_000),
        ),
    ],
}  # fmt: skip
