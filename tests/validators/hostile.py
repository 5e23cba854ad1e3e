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


def shared(depth: int) -> object:
    """A list that is small in memory and has 2 ** ``depth`` leaves when it is walked."""
    value: list[object] = ["x"]
    for _ in range(depth):
        value = [value, value]
    return value


def zalgo(count: int) -> str:
    """Letters under more marks than anybody can read, of many classes and in the wrong order."""
    marks = [chr(code) for code in (*range(0x300, 0x36F), *range(0x483, 0x488), *range(0x591, 0x5BE))]
    return "".join("e" + "".join(marks[(n * 7 + m * 13) % len(marks)] for m in range(20)) for n in range(count))


_LINE = "{a}" * 3_000
REPEATED: dict[str, str] = {
    # Near the beginning of what a pattern looks for, again and again, and never its end.
    "emails": "a.b@c.d," * 5_000,
    "half emails": "a@b.c" * 8_000,
    "dotted locals": "a." * 20_000 + "@",
    "ibans": "DE89370400440532013000 " * 1_700,
    "iban run": "DE89370400440532013000" * 1_800,
    "cards": "4111111111111111 " * 2_300,
    "card run": "4111-1111-" * 4_000,
    "isbns": "978-3-16-148410-0 " * 2_200,
    "telephones": "+49 (0) 30 123 456-78 " * 1_800,
    "addresses": "192.168.0.1:80 " * 2_600,
    "ip run": "1." * 20_000,
    "ipv6": "::ffff:" * 5_700,
    "hosts": "a-b.c-d." * 5_000,
    "host names": "a" * 63 + ".",
    "bare urls": "https://" * 5_000,
    "url users": "http://a:b@" * 3_600,
    "url escapes": "http://h/%2e%2e/" * 2_500,
    "data urls": "data:text/html;base64,QUJD " * 1_400,
    "keys": "AKIAIOSFODNN7EXAMPLE " * 1_900,
    "tokens": "ghp_" * 10_000,
    "jwts": "eyJhbGciOiJIUzI1NiJ9." * 1_900,
    "private keys": "-----BEGIN PRIVATE KEY-----\n" * 1_400,
    "passwords": "password=" * 4_400,
    "random": "".join(chr(33 + n * n * 7919 % 94) for n in range(40_000)),
    "instructions": "ignore all previous instructions " * 1_200,
    "chat marks": "<|im_start|>system\n" * 2_000,
    "tags open": "<" * 40_000,
    "tags close": "</a>" * 10_000,
    "attributes of tags": '<a href="' * 4_400,
    "one tag": "<a " + 'b="c" ' * 6_600 + ">",
    "comments": "<!--" * 10_000,
    "cdata": "<![CDATA[" * 4_400,
    "entities": "&#x41;" * 6_600,
    "entity run": "&" * 40_000,
    "images": "![a](" * 8_000,
    "brackets of links": "[" * 20_000 + "](x)",
    "emphasis": "*_" * 20_000,
    "backticks": "`" * 20_000 + " " + "`" * 19_999,
    "fences": "```\n" * 10_000,
    "tables": "|a" * 20_000,
    "reference links": "[a]: <" * 6_600,
    "footnotes": "[^1]" * 10_000,
    "citations": "[1][2](doc-3) " * 2_800,
    "quotations": '"a" ' * 10_000,
    "open quotations": "\u201c" * 40_000,
    "quotation": '"' + "word " * 8_000 + '"',
    "amounts": "EUR 1,234.56 $5 " * 2_500,
    "grouped digits": "1,111" * 8_000,
    "dates": "2024-02-30T25:61:61+99:99 " * 1_500,
    "far date": "9999999999-01-01",
    "year zero": "0000-00-00",
    "leap second": "2016-12-31T23:59:60.999999999999999999999Z",
    "fraction": "0." + "3" * 40_000,
    "numeric string": "7" * 100_000,
    "signs": "+-" * 20_000,
    "exponents": "1e9" * 13_000,
    "hex number": "0x" + "f" * 40_000,
    "long name": "x" * 40_000 + "=1",
    "formulas": "=1+\n" * 10_000,
    "cells": "=HYPERLINK(" * 3_600,
    "pipes": "a|" * 20_000,
    "semicolons": ";" * 40_000,
    "dollars": "$(" * 20_000,
    "substitutions": "$(echo `" * 5_000,
    "expansions": "${a:-" * 8_000,
    "heredocs": "<<E\n" * 10_000,
    "parents": "../" * 13_000,
    "parents, escaped": "%252e%252e%252f" * 2_600,
    "drives": "C:\\" * 13_000,
    "unicode escapes": "\\u0041" * 6_600,
    "surrogate escapes": '"' + "\\ud800" * 6_600 + '"',
    "duplicate keys": "{" + '"a":1,' * 6_600 + '"a":1}',
    "deep objects in json": '{"a":' * 8_000 + "1" + "}" * 8_000,
    "unclosed json": '[{"a":' * 6_600,
    "json numbers": "[" + "1e400," * 6_600 + "1]",
    "long number in json": "[" + "9" * 40_000 + "]",
    "single quoted json": "{'a':'b'," * 4_400,
    "fenced json": "```json\n{" * 4_400,
    "comments in json": "/*" * 20_000,
    "deep python": "(" * 90 + "1" + ")" * 90,
    "deep calls": "f(" * 5_000 + ")" * 5_000,
    "subscripts": "a" + "[0]" * 13_000,
    "f-strings": 'f"{' * 10_000,
    "comprehensions": "[x for x in " * 3_300,
    "semicolon statements": "x=1;" * 10_000,
    "powers": "2**" * 13_000 + "2",
    "nots": "not " * 10_000 + "x",
    "indents": "".join(" " * n + "if x:\n" for n in range(280)),
    "decorators": "@a\n" * 13_000,
    "star imports": "from a import *\n" * 2_500,
    "compares": "a<" * 20_000 + "b",
    "walrus": "(a:=" * 10_000,
    "arrow functions": "a=>" * 13_000,
    "regex literals": "/a/;" * 10_000,
    "template literals": "`${" * 13_000,
    "sql subqueries": "SELECT * FROM (" * 2_600 + "t" + ")" * 2_600,
    "sql unions": "SELECT 1 UNION " * 2_600 + "SELECT 1",
    "sql joins": "SELECT * FROM a " + "JOIN b ON 1=1 " * 2_800,
    "sql cases": "SELECT " + "CASE WHEN 1 THEN " * 2_300,
    "sql list": "SELECT 1 WHERE a IN (" + "1," * 19_000 + "1)",
    "sql parentheses": "SELECT " + "(" * 20_000,
    "sql quotes": "SELECT '" + "''" * 19_000 + "'",
    "sql comments": "/*" * 20_000 + "SELECT 1",
    "sql statements": "SELECT 1;" * 4_400,
    "sql ctes": "WITH " + ",".join(f"a{n} AS (SELECT 1)" for n in range(1_800)) + " SELECT 1",
    "sql brackets": "SELECT " + "[" * 20_000,
    "sql functions": "SELECT " + "f(" * 10_000 + "1" + ")" * 10_000,
    "yaml flow": "[" * 20_000,
    "yaml keys": "? " * 20_000,
    "yaml anchors": "&a " * 13_000,
    "yaml aliases": "a: &a [1]\n" + "b: [" + "*a," * 13_000 + "]",
    "yaml merges": "a: &a {b: 1}\n" + "c: {<<: *a}\n" * 3_300,
    "yaml documents": "---\n" * 10_000,
    "yaml dashes": "- " * 20_000 + "a",
    "yaml indents": "".join(" " * n + "a:\n" for n in range(280)),
    "yaml tags": "!!python/object/apply:os.system [x]\n" * 1_000,
    "toml tables": "".join(f"[a{n}]\n" for n in range(5_000)),
    "toml dots": "a" + ".a" * 19_000 + " = 1",
    "toml arrays": "a = " + "[" * 20_000,
    "toml tables of tables": "[[a]]\n" * 6_600,
    "toml inline": "a = " + "{b = " * 8_000,
    "xml nested": "<a>" * 10_000 + "</a>" * 10_000,
    "xml attributes": "<a " + " ".join(f'a{n}="1"' for n in range(4_400)) + "/>",
    "xml namespaces": "<a " + " ".join(f'xmlns:n{n}="u{n}"' for n in range(2_000)) + "/>",
    "xml quadratic": '<!DOCTYPE a [<!ENTITY x "' + "y" * 20_000 + '">]><a>' + "&x;" * 6_600 + "</a>",
    "xml external": '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
    "xml instructions": "<?a b?>" * 5_700,
    "csv quotes": '"""' * 13_000,
    "pointers": "~0~1" * 10_000,
    "bad pointers": "/~" * 20_000,
    "braced": _LINE,
    "nfkc": "\u3300\ufdfa" * 2_500,
    "hangul": "\u1100\u1161\u11a8" * 13_000,
    "jamo": "\u1161" * 40_000,
    "zalgo": zalgo(1_900),
    "marks in wrong order": ("\u0323\u0307" * 19_000),
    "sharp s": "ß" * 40_000,
    "dotted i": "İ" * 40_000,
    "turkish": "ıİiI" * 10_000,
    "scripts": "aаαａ𝐚ⓐ" * 6_000,
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 8_000,
    "flags": "\U0001f1e9\U0001f1ea" * 20_000,
    "selectors": "a\ufe0f\U000e0100" * 13_000,
    "tag run": "\U000e0041" * 40_000,
    "bidi run": "\u202e\u2066" * 20_000,
    "zero widths": "\u200b" * 40_000,
    "zero width words": "w\u200bo" * 13_000,
    "surrogates": "\ud83d" * 40_000,
    "noncharacters": "\uffff" * 40_000,
    "private use": "\ue000" * 40_000,
    "mojibake": "Ã¤â€œ" * 8_000,
    "replacements": "\ufffd" * 40_000,
    "line ends": "\u2028\x85\r\x0b" * 10_000,
    "wide blanks": "\u2003\u3000" * 20_000,
    "han": "漢字" * 20_000,
    "thai": "กำ" * 20_000,
    "arabic": "ﷲ" * 40_000,
    "devanagari digits": "९" * 40_000,
    "superscripts": "²" * 40_000,
    "fractions": "½" * 40_000,
    "roman": "Ⅷ" * 40_000,
    "word run": "the quick brown fox " * 2_000,
    "names": "Anna Maria Müller, " * 2_100,
    "short lines": "a b\n" * 10_000,
    "nuls": "a\x00" * 20_000,
    "escapes": "\x1b[31m" * 8_000,
    "percent nuls": "%00" * 13_000,
}
"""Texts just below what is read, each the worst that one kind of pattern or parser may meet."""

STRUCTURES: dict[str, object] = {
    "shared": shared(40),
    "shared deep": shared(90),
    "not finite": [math.nan, -math.inf, {"a": math.nan}],
    "whole float": 1e308,
    "largest exact": 2**53 + 1,
    "bool": [True, False, 1, 0, 1.0],
    "huge ints": [10**4_000] * 500,
    "int of a megabyte": 1 << 8_000_000,
    "complex": 1j,
    "range": range(10**9),
    "nested bytes": {"a": [b"x", bytearray(b"y")]},
    "key paths": {"a/b": 1, "~": 2, "~1": 3, "": 4, "$.a": 5, "../../x": 6, "__proto__": 7, "a[0]": 8},
    "keys of other kinds": {1: "a", 1.5: "b", False: "c", None: "d", (1, 2): "e", b"f": "g"},
    "surrogate keys": {"\ud800": "\udfff", "a": "\ud83d"},
    "long key over many": {"k" * 40_000: ["a@b.c"] * 9_000},
    "long key over all": {"~" * 20_000: {f"k{n}": "a" for n in range(2_000)}},
    "empty keys": {"": {"": {"": ""}}},
    "long keys": {"k" * 500 + str(n): n for n in range(90)},
    "many short texts": ["a@b.c"] * 9_900,
    "many numbers in texts": [str(n) for n in range(9_900)],
    "many bad texts": ["\u202e=1+1|\x00\ud800"] * 2_000,
    "same texts": ["x" * 99] * 400,
    "wide floats": [n / 3 for n in range(9_900)],
    "lists of lists": [[n] for n in range(4_900)],
    "objects": [{"id": n, "amount": "1.00", "currency": "EUR", "date": "2024-01-01"} for n in range(1_200)],
    "objects with all keys": [{f"k{m}": m for m in range(30)} for n in range(150)],
    "messages": [{"role": "user", "content": [{"type": "text", "text": "x" * 100}]} for n in range(300)],
    "documents": [{"page_content": "word " * 20, "metadata": {"source": f"http://h/{n}"}} for n in range(300)],
    "wide at the bottom": {"a": {"b": {"c": list(range(9_000))}}},
    "deep and wide": [nested(60) for _ in range(150)],
    "tables in tables": {f"k{n}": {f"k{m}": m for m in range(70)} for n in range(70)},
    "generator": (n for n in range(3)),
    "frozen set": frozenset({1, 2}),
    "class with str": type("C", (), {"__str__": lambda self: 1 / 0, "__repr__": lambda self: 1 / 0})(),
    "texts at the limit": ["x" * 5_000] * 10,
    "url list": [f"http://h{n}.example/a?b=c#d" for n in range(1_500)],
    "iban list": ["DE89370400440532013000"] * 2_000,
}
"""Values whose form is the attack."""

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
    **REPEATED,
    **STRUCTURES,
}
"""Name -> value. None of them may make a check raise, nor take long."""

LIARS: dict[str, object] = {"text": Text("abc"), "table": Table(a=1), "inside": {"a": [Table(a=1)]}}
"""Values whose own code answers for them: a check may raise, and whoever runs it makes a finding of that."""
