"""Which regular expressions of Casbin files are said to have no end."""

from __future__ import annotations

import pytest

from handrail.policy.check.patterns import problem, unanchored


@pytest.mark.parametrize(
    ("pattern", "open_end"),
    [
        ("read", True), ("^read", True), ("^read$", False), (r"^read\$", True), ("^read.*", False), ("^(a|b)$", False),
        ("^a|b$", True), ("^a$|^b$", False), (r"^a\Z", False), ("^(a|b$)", True), ("", True), ("^a+", True),
        ("^(read.*|ping$)", False),
    ],
)  # fmt: skip
def test_unanchored(pattern: str, open_end: bool) -> None:
    """A pattern has an end where every branch ends with ``$``, or says with ``.*`` that anything may follow."""
    assert unanchored(pattern) is open_end


def test_no_pattern_at_all() -> None:
    """Text that is no regular expression has an end; it has a problem of its own."""
    for text in ("[a", "(", "*", "a{2,1}", "\\"):
        assert not unanchored(text)
        assert problem(text)
    assert problem("^a$") == ""
