"""Texts that become part of a command line or of a spreadsheet."""

from __future__ import annotations

import shlex
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from tests.validators.safety.tricks import codes, found, passed

WORDS = (
    "a b",
    "a;b",
    "a|b",
    "a&b",
    "$(x)",
    "${x}",
    "$x",
    "$'x'",
    "`x`",
    "a>b",
    "a<b",
    "<(x)",
    "a\nb",
    "a\rb",
    "a\x00b",
    "*",
    "a?",
    "[a]",
    "{a,b}",
    "~",
    "!x",
    "#x",
    "a\\b",
    "'a'",
    '"a"',
    "(a)",
    "-rf",
    "--help",
    " -x",
    "",
    " ",
    "a\u00a0b",
    "a\u2028b",
    "^a^b",
    "\u2212x",
)
COMMANDS = (
    "a; b",
    "a && b",
    "a || b",
    "a | b",
    "a & b",
    "a &",
    "a\nb",
    "a > b",
    "a >> b",
    "a < b",
    "a <(b)",
    "$(a)",
    "`a`",
    "a 2>&1",
    "echo $PATH",
    "a\r\nb",
)
UNSEEN_COMMANDS = ("rm -rf x", "find . -delete", "python -c 'x'", "env x", "git --upload-pack=x", "ｒｍ x")
CELLS = (
    "=1+1",
    "+1+a",
    "-a",
    "@SUM(A1)",
    " =1",
    "\u00a0=1",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "\uff0ba",
    "\uff20a",
    "\uff0da",
    "'=1",
    '"=1"',
    "\ufeff=1",
    "\u200b=1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://x")',
    "-2+3+cmd|' /C calc'!A0",
    "\tx",
    "+A1",
    "-A1*2",
    "=DDE(a)",
    "\u2212a",
)


def test_tries_to_leave_a_word() -> None:
    """Everything that a POSIX shell gives a meaning, blanks and dashes, is refused in a word."""
    assert passed("shell()", WORDS) == []


def test_tries_to_add_a_command() -> None:
    """Further commands, substitutions and redirections are refused in a command; what a program does is not seen."""
    assert passed("shell(kind='command')", COMMANDS) == []
    assert found("shell(kind='command')", UNSEEN_COMMANDS) == []


@given(st.text(string.printable + "éß☃\u2028", max_size=12))
@settings(max_examples=100, deadline=None)
def test_a_word_that_passes_is_one_word(text: str) -> None:
    """What passes as a word is read as exactly itself by a POSIX shell's reader."""
    if not parse("shell()").check(text):
        assert shlex.split(text, comments=True) == [text]


@given(st.text(string.printable, max_size=12))
@settings(max_examples=100, deadline=None)
def test_a_quoted_text_that_passes_ends_where_the_quotes_end(text: str) -> None:
    """What passes as quoted is read as exactly itself between double quotes."""
    if not parse("shell(kind='quoted')").check(text):
        assert shlex.split(f'x "{text}" y') == ["x", text, "y"]


def test_shell_options() -> None:
    """Options of the command and cmd.exe's signs are told apart; a wrong kind is refused."""
    assert codes("shell(options=true)", "-rf") == []
    assert "shell.windows" in codes("shell(kind='quoted', windows=true)", "%PATH%")
    assert codes("shell(kind='quoted')", "%PATH%") == []
    with pytest.raises(ConfigError, match="word"):
        parse("shell(kind='line')")


def test_tries_to_compute_in_a_cell() -> None:
    """Every beginning of a formula is seen behind blanks, quotes, marks and in full width."""
    assert passed("spreadsheet_formula()", CELLS) == []


def test_what_a_cell_may_be() -> None:
    """Numbers with signs, telephone numbers, dates and sums inside a text pass."""
    good = [
        "-5",
        "+5",
        "-1.234,56",
        "+49 (30) 123-456",
        "-5 %",
        "1-2",
        "a=b",
        "2026-11-21",
        "x@y.z",
        "",
        "-",
        "50%",
        "a|b!c",
    ]
    assert found("spreadsheet_formula()", good) == []


@given(st.text(max_size=20), st.sampled_from("=@+"))
@settings(max_examples=60, deadline=None)
def test_a_formula_is_found_in_any_cell(rest: str, sign: str) -> None:
    """A sign and a letter at the beginning of a cell are found, whatever follows, alone and in a file."""
    cell = f"{sign}A{rest}"
    assert parse("spreadsheet_formula()").check([["ok", cell]])[0].path == "/0/1"
    assert parse("spreadsheet_formula(separators=true)").check(f"ok,{cell}")


def test_cells_have_no_repair() -> None:
    """Nothing is offered as a repair, because an apostrophe changes the value for every other reader."""
    assert [one.fix for one in parse("spreadsheet_formula()").check("=1")] == [None]
    with pytest.raises(ConfigError, match="true or false"):
        parse("spreadsheet_formula(separators=',')")
