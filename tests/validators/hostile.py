"""Values that break checks: the attack corpus that every validator must survive."""

from __future__ import annotations

import math
from typing import Any


def nested(depth: int, kind: str = "list") -> object:
    """A value nested ``depth`` levels deep."""
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind == "list" else {"a": value}
    return value


def cyclic() -> object:
    """A list that holds itself."""
    value: list[object] = []
    value.append(value)
    return value


class Text(str):
    """A str that answers for itself."""

    def __len__(self) -> int:
        return -1


class Table(dict[str, object]):
    """A dict whose values cannot be listed."""

    def items(self) -> Any:
        """Raise."""
        raise RuntimeError("no")


YAML_BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(8)
)
XML_BOMB = (
    '<!DOCTYPE l [<!ENTITY a "x">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{("&" + chr(97 + n) + ";") * 10}">' for n in range(8))
    + "]><l>&i;</l>"
)

VALUES: dict[str, object] = {
    "none": None,
    "true": True,
    "zero": 0,
    "empty": "",
    "list": [],
    "object": {},
    "bytes": b"\xff\x00",
    "set": {1},
    "nan": math.nan,
    "infinity": math.inf,
    "minus zero": -0.0,
    "tiny": 5e-324,
    "huge int": 10**5_000,
    "minus huge int": -(10**5_000),
    "digits": "9" * 40_000,
    "exponent": "1e999999999",
    "lone surrogate": "\ud800",
    "surrogates reversed": "\udc00\ud800",
    "nul": "\x00",
    "controls": "\x1b[2J\x07\r\n",
    "mixed scripts": "pаypal раураl 𝓹aypal",
    "bidi": "\u202eevil\u2066",
    "zero width": "a\u200bb\ufeffc",
    "tags": "".join(chr(0xE0000 + ord(c)) for c in "hidden"),
    "combining": "e" + "\u0301" * 5_000,
    "ligature": "\ufdfa" * 5_000,
    "regex denial": "a" * 40_000 + "!",
    "spaces": " " * 40_000 + "x",
    "brackets": "[" * 40_000,
    "parentheses": "(" * 20_000,
    "braces": "{" * 20_000 + "}" * 20_000,
    "quotes": "\"'" * 20_000,
    "backslashes": "\\" * 40_000,
    "slashes": "/../" * 10_000,
    "at signs": "a@" * 20_000,
    "dots": "a." * 20_000,
    "minuses": "-" * 40_000,
    "angles": "<a " * 13_000,
    "ands": "&amp;" * 8_000,
    "percents": "%25" * 13_000,
    "newlines": "\n" * 40_000,
    "commas": "1," * 20_000,
    "links": "[a](http://h/)" * 2_800,
    "urls": "http://a.b/c " * 3_000,
    "numbers": "1.000,00 " * 4_500,
    "hex": "deadbeef" * 5_000,
    "base64": "QUJD" * 10_000,
    "selects": "SELECT " * 6_000,
    "ands in sql": "SELECT 1 WHERE " + "1=1 AND " * 5_000 + "1=1",
    "lambdas": "lambda: " * 6_000,
    "attributes": "a" + ".b" * 20_000,
    "additions": "1+" * 20_000 + "1",
    "ifs": "if(a)" * 8_000,
    "templates": "${" * 20_000,
    "deep list": nested(50_000),
    "deep object": nested(50_000, "object"),
    "deep json": "[" * 20_000 + "]" * 20_000,
    "cyclic": cyclic(),
    "wide list": list(range(30_000)),
    "wide object": {f"k{n}": n for n in range(30_000)},
    "same objects": [{"a": n % 7, "b": [n]} for n in range(3_000)],
    "too long": "x" * 2_000_000,
    "long key": {"k" * 60_000: 1},
    "number keys": {1: "a", None: "b"},
    "tuple": (1, ("a", "b")),
    "object()": object(),
    "type": int,
    "yaml bomb": YAML_BOMB,
    "xml bomb": XML_BOMB,
    "arabic digits": "١٢٣٤٥٦٧٨٩٠",
    "full width": "ＩＢＡＮ８２",
}
"""Name -> value. None of them may make a check raise, nor take long."""

LIARS: dict[str, object] = {"text": Text("abc"), "table": Table(a=1), "inside": {"a": [Table(a=1)]}}
"""Values whose own code answers for them: a check may raise, and whoever runs it makes a finding of that."""
