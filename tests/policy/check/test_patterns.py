"""Which regular expressions of Casbin files are called explosive, and which are said to have no end."""

from __future__ import annotations

import pytest

from handrail.policy.check.patterns import explosive, problem, unanchored

EXPLOSIVE = [
    r"^(a+)+$", r"^(a*)*$", r"^(a+)*b$", r"(\w+\s?)*$", r"^((ab)*)*$", r"^(a|b|ab)*$", r"^(.*,)*x$",
    r"^([a-z]+)+$", r"^(a+){2,}$", r"^(?:(?:a+))+$", r"x(?=(a+)+$)", r"^(\d+|\w+)*$", r"^(a{1,}b?)*$", r"^(.+)+/$",
]  # fmt: skip
FINE = [
    r"^read_[a-z]+$", r"^(/[a-z]+)*$", r"^([a-z]+,)*[a-z]+$", r"^(GET|POST)$", r"^a*b*c*$", r"^(ab)*$", r"^[^/]+/.*$",
    r"^(\d+-)+\d+$", r"^(a|b)*$", r"^(a|a)*$", r"^(a{2,3})*$", r"^((a))*$", r"^\w+@acme\.example$", "", r"^.*$",
]  # fmt: skip


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_explosive(pattern: str) -> None:
    """Repetitions that can split the same text in several ways are found."""
    assert explosive(pattern)


@pytest.mark.parametrize("pattern", FINE)
def test_fine(pattern: str) -> None:
    """Repetitions that can split a text in one way only are let through."""
    assert explosive(pattern) == ""


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
    """Text that is no regular expression is neither; it has a problem of its own."""
    for text in ("[a", "(", "*", "a{2,1}", "\\"):
        assert (explosive(text), unanchored(text)) == ("", False)
        assert problem(text)
    assert problem("^a$") == ""
