"""Examples of the checks of JSON, TOML, XML and YAML."""

from __future__ import annotations

from tests.validators.cases import Cases
from tests.validators.code.fill import counted, fill
from tests.validators.hostile import XML_BOMB, YAML_BOMB

CASES: dict[str, Cases | list[Cases]] = {
    "toml": Cases(
        "toml()",
        good=("", "a = 1\n[b]\nc = [1, 2]", 'a.b = "x"', "[[a]]\n[[a]]"),
        bad=(
            ("a = 1\na = 2", "toml.syntax"),
            ("a = ", "toml.syntax"),
            ("[a]\n[a]", "toml.syntax"),
            ("a = '\ud800'", "toml.syntax"),
            ("a = " + "9" * 5_000, "toml.syntax"),
            ("a." * 40 + "b = 1", "toml.depth"),
            ("a = " + "[" * 5_000, "toml.depth"),
            (1, "toml.type"),
            ("#" * 20_000, "unchecked.size"),
        ),
        worst=(
            counted("#=1\n", 12_000, before="[" + "a." * 30 + "b]\n"),
            counted("[" + "a." * 31 + "#]\n", 12_000),
            counted("k#=1,", 12_000, before="a={", after="z=1}"),
            fill("[[a]]\n", 12_000),
        ),
    ),
    "xml": Cases(
        "xml()",
        good=("<a/>", '<?xml version="1.0"?><a b="c">&amp;<!-- d --></a>', "<n:a xmlns:n='u'>\u00e9</n:a>"),
        bad=(
            ("<a>", "xml.syntax"),
            ("<a></b>", "xml.syntax"),
            ("<a b='1' b='2'/>", "xml.syntax"),
            ("<n:a/>", "xml.syntax"),
            ("&undefined;", "xml.syntax"),
            ("<a>\x00</a>", "xml.syntax"),
            ("<a>\ud800</a>", "xml.syntax"),
            ("", "xml.syntax"),
            (XML_BOMB, "xml.doctype"),
            ('<!DOCTYPE a SYSTEM "http://h/e.dtd"><a/>', "xml.doctype"),
            ('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "xml.doctype"),
            ("<!DOCTYPE a><a/>", "xml.doctype"),
            (b"<a/>", "xml.type"),
            ("<a>" + "x" * 30_000, "unchecked.size"),
        ),
        worst=(
            counted(" a:x#=''", 20_000, before="<r xmlns:a='" + "u" * 10_000 + "'><a:b", after="/></r>"),
            fill("<a>", 20_000),
            counted(" xmlns:a#='u#'", 20_000, before="<r", after="/>"),
        ),
    ),
    "yaml": [
        Cases(
            "yaml()",
            needs="yaml",
            good=("a: 1\nb: [x, y]", "- &a {x: 1}\n- *a", "1: a\n'1': b", "? [a, b]\n: c", "--- |\n text\n", "!Ref a"),
            bad=(
                ("a: [", "yaml.syntax"),
                ("a: b: c", "yaml.syntax"),
                ("\ta: 1", "yaml.syntax"),
                ("a: \x00", "yaml.syntax"),
                ("\ud800", "yaml.syntax"),
                ("a: 1\na: 2", "yaml.duplicate"),
                ("{a: 1, 'a': 2}", "yaml.duplicate"),
                ("*a", "yaml.alias"),
                ("- *a\n- &a b", "yaml.alias"),
                (YAML_BOMB, "yaml.expansion"),
                ("&a [*a]", "yaml.expansion"),
                ("!!python/object/apply:os.system ['x']", "yaml.tag"),
                ("!<tag:yaml.org,2002:python/name:os.system> ''", "yaml.tag"),
                ("a\n---\nb", "yaml.documents"),
                ("", "yaml.documents"),
                ("[" * 200, "yaml.depth"),
                ("- " * 200, "yaml.depth"),
                ({}, "yaml.type"),
                ("#" * 20_000, "unchecked.size"),
            ),
            worst=(
                fill("a:\n", 10_000),
                counted("? #\n", 10_000),
                fill("- - - \n", 10_000),
                fill("- *a\n", 10_000, before="- &a a\n"),
                fill("[a: b,", 10_000),
                counted("#:\n", 10_000),
                counted("%TAG !#! b\n", 10_000),
            ),
        ),
        Cases("yaml(many=true)", needs="yaml", good=("a\n---\nb", ""), bad=(("a\n---\n[", "yaml.syntax"),)),
    ],
    "well_formed": [
        Cases(
            "well_formed(language='json')",
            good=('{"a": [1, 2.5, null]}', "1", " [] "),
            bad=(
                ("{'a': 1}", "well_formed.syntax"),
                ("", "well_formed.syntax"),
                ('{"a": 1, "a": 2}', "well_formed.duplicate"),
                ("[NaN]", "well_formed.constant"),
                ("[" * 20_000, "well_formed.depth"),
                (None, "well_formed.type"),
                (" " * 60_000, "unchecked.size"),
            ),
            worst=(
                fill('{"a":1,"a":2},', 50_000, before="[", after="1]"),
                fill("{},", 50_000, before="[", after="1]"),
                fill("[", 50_000),
            ),
        ),
        Cases("well_formed('yaml')", needs="yaml", good=("a: 1",), bad=(("a: [", "well_formed.syntax"),)),
        Cases("well_formed('toml')", good=("a = 1",), bad=(("a: 1", "well_formed.syntax"),)),
        Cases("well_formed('xml')", good=("<a/>",), bad=((XML_BOMB, "well_formed.doctype"),)),
        Cases("well_formed('sql')", needs="sqlglot", good=("SELECT 1",), bad=(("SELECT (", "well_formed.syntax"),)),
        Cases("well_formed('python')", good=("a = 1",), bad=(("a =", "well_formed.syntax"),)),
    ],
}
