"""The codes of complaints are documented, and each of them is given."""

from __future__ import annotations

import re
from pathlib import Path

import handrail
from handrail.policy.check import CODES, HARMLESS

REPO = Path(handrail.__file__).resolve().parent.parent
PACKAGE = REPO / "handrail" / "policy" / "check"


def test_the_reference_has_every_code() -> None:
    """The table of the page is the table of the code, in its order."""
    page = (REPO / "docs" / "reference" / "policy-codes.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| (error|warning) \| (.+) \|$", page, re.MULTILINE)
    assert rows == [(code, severity, text) for code, (severity, text) in CODES.items()]


def test_every_code_is_given_somewhere() -> None:
    """No code is only in the table."""
    texts = [path.read_text("utf-8") for path in PACKAGE.glob("*.py") if path.name != "complaint.py"]
    given = {code for code in CODES if any(f'"{code}"' in text for text in texts)}
    assert given == set(CODES)


def test_harmless_codes_are_errors() -> None:
    """What does not keep a changed file out is a known error."""
    assert {CODES[code][0] for code in HARMLESS} == {"error"}
