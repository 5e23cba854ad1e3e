"""Examples that tell a check of structure from one that is wrong in one small place."""

from __future__ import annotations

from tests.validators.cases import Cases

_DRAFT_3 = "'$schema': 'http://json-schema.org/draft-03/schema#'"

CASES: dict[str, list[Cases]] = {
    "strict_json": [
        Cases(
            "strict_json()",
            bad=(("[1}", "strict_json.syntax"), ('{"a": undefined}', "strict_json.syntax")),
            fixes=(
                ("{'a': 1,}", '{"a": 1}'),
                ("{a: True, 'b': None}", '{"a": true, "b": null}'),
                ('```json\n{"a": 1}\n```', '{"a": 1}'),
                ('{"a" : 1 , }', '{"a" : 1  }'),
                ('{"a": [1, 2,], }', '{"a": [1, 2] }'),
            ),
        ),
    ],
    "schema": [
        Cases(f"schema({{'format': 'color', {_DRAFT_3}}})", good=("red", 5), bad=(("nocolor", "schema.format"),)),
        Cases(
            "schema({'format': 'email'})",
            good=("a@b.example", "a@[127.0.0.1]", "a@[IPv6:::1]", '"a b"@c.example'),
            bad=(("a@[IPv6:zz]", "schema.format"), ("a@[1.2.3]", "schema.format"), ("a", "schema.format")),
        ),
        Cases(
            "schema({'format': 'regex'})",
            good=("(a)|(b)", "[(]"),
            bad=(("(a", "schema.format"), ("a)", "schema.format"), ("*", "schema.format")),
        ),
        Cases(
            "schema({'maxLength': 2, 'items': {'type': 'boolean'}})",
            good=("ab", [True], None, 1.5),
            bad=(("abc", "schema.maxLength"), ([1], "schema.type")),
        ),
        Cases("schema({'type': 'null'})", good=(None,), bad=((0, "schema.type"), (False, "schema.type"))),
        Cases("schema({'format': 'ipv6'})", good=("::1",), bad=(("~", "schema.format"),)),
        Cases("schema({'format': 'uuid'})", bad=(("~", "schema.format"),)),
    ],
}
