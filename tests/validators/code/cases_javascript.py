"""Examples of the check of JavaScript."""

from __future__ import annotations

from tests.validators.cases import Cases
from tests.validators.code.fill import fill

CASES: dict[str, Cases] = {
    "javascript": Cases(
        "javascript()",
        good=("", "let x = 1;", "class A { #x; get y() { return `${1}` } }", "a?.b ?? c", "async () => { await x }"),
        bad=(
            ("let x = ;", "javascript.syntax"),
            ("function () {", "javascript.syntax"),
            ("a\nif (b", "javascript.syntax"),
            ("x = '\ud800'", "javascript.syntax"),
            (None, "javascript.type"),
            (";" * 4_000, "unchecked.size"),
        ),
        worst=(fill("'", 3_000), fill('"', 3_000), fill("{(", 3_000), fill("([{", 3_000), fill("[a,", 3_000)),
        needs="tree_sitter_javascript",
    ),
}
