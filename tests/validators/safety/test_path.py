"""Paths that stay where they belong."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from tests.validators.safety.tricks import codes, found, passed

SEEN = (
    "../x",
    "a/../../x",
    "a/..",
    "..",
    "a\\..\\b",
    "..\\x",
    "%2e%2e/x",
    "%2e%2e%2fx",
    "%252e%252e%252fx",
    "%25252e%25252e/x",
    "..%2fx",
    "..%5cx",
    "..%c0%afx",
    "%u002e%u002e/x",
    "&#46;&#46;/x",
    "．．/x",
    "..／x",
    "‥/x",
    "․․/x",
    ". ./x",
    ".. /x",
    "..;/x",
    "..;a=b/x",
    "a/./../x",
    "/etc/passwd",
    "\\etc",
    "//server/x",
    "\\\\server\\x",
    "C:\\x",
    "c:x",
    "%43:\\x",
    "~/x",
    "~root",
    "a\x00.png",
    "a%00.png",
    "a\nb",
    "file:///etc/passwd",
    " ../x",
    " /etc",
    "",
)
UNSEEN = ("link/to/elsewhere", "$HOME/x", "PROGRA~1", "a/%%32%65", "Makefile")


def test_tries_to_get_out() -> None:
    """Traversals are seen in every encoding and separator; absolute paths, drives, shares and homes too."""
    assert passed("path()", SEEN) == []


def test_what_it_does_not_see() -> None:
    """Links, variables and short names are not seen, because nothing is looked up."""
    assert found("path()", UNSEEN) == []


def test_honest_paths_pass() -> None:
    """Names with dots, blanks, percent signs, accents and colons pass."""
    good = [
        "a/b.txt",
        "a..b",
        ".hidden/x",
        "a/.../b.txt"[:1],
        "100% sure.pdf",
        "ünï/ço.dé",
        "12:30.log",
        "con",
        "a+b=c.txt",
        "..a/b..",
    ]
    assert found("path()", good) == []


@given(st.lists(st.sampled_from(["a", "b.c", ".", "..", "%2e%2e", "", "\\", "..."]), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_nothing_that_passes_leaves_the_folder(parts: list[str]) -> None:
    """A path that passes stays below the folder that it is joined to."""
    path = "/".join(parts)
    if not parse("path()").check(path):
        joined = posixpath.normpath(posixpath.join("/base/folder", path))
        assert joined == "/base/folder" or joined.startswith("/base/folder/")


def test_root() -> None:
    """With a root, absolute paths below it pass, its neighbours and detours do not."""
    check = "path(root='/srv/data')"
    assert found(check, ["/srv/data", "/srv/data/", "/srv/data/a", "a"]) == []
    assert codes(check, "/srv/database") == ["path.outside"]
    assert codes(check, "/srv/data/../data/x") == ["path.traversal"]
    for root in ("srv", "/srv/../x", "/a//b"):
        with pytest.raises(ConfigError, match="no absolute path"):
            parse(f"path(root='{root}')")


def test_windows() -> None:
    """Devices and streams are refused where Windows is asked for."""
    check = "path(windows=true)"
    names = ["NUL", "con.txt", "a/COM1", "aux.tar.gz", "LPT¹", "a.txt:b", "x/nul .txt"]
    assert passed(check, names) == []
    assert found(check, ["console.txt", "com10.txt", "nullable"]) == []
