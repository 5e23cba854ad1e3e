"""``handrail validate FILE``: files of every form, with checks of every kind."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from handrail.cli.validate import values
from tests.cli.validate.conftest import Command

CONFIG = """
version = 1
[[validate]]
id = "amounts"
on = "refund.arguments"
schema = { properties = { amount = { type = "number" }, note = { type = "string" } } }
"""
ANSWERS = """
[[validate]]
id = "short"
on = "answer"
schema = { maxLength = 5 }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a configuration."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.toml").write_text(CONFIG)
    return tmp_path


def test_each_finding_has_file_line_path_code_and_message(folder: Path, validate: Command) -> None:
    """In JSON Lines the line is the value's, in JSON the line on which the part at the path begins."""
    (folder / "a.jsonl").write_text('{"amount": 1}\n\n{"amount": "x"}\n')
    (folder / "b.json").write_text('{\n  "amount": 2,\n  "note": 7\n}\n')
    done = validate("a.jsonl", "b.json", "--with", "c.toml")
    assert done.code == 1
    assert done.out.splitlines() == [
        "a.jsonl:3: schema.type at /amount (amounts): 'x' is not of type 'number'",
        "b.json:3: schema.type at /note (amounts): 7 is not of type 'string'",
        "3 values checked, 2 with errors.",
    ]


def test_nothing_wrong_is_exit_code_0(folder: Path, validate: Command) -> None:
    """Good values give one line."""
    (folder / "a.json").write_text('{"amount": 1}')
    assert validate("a.json", "--with", "c.toml") == (0, "1 value checked, 0 with errors.\n", "")


def test_json_is_one_object(folder: Path, validate: Command) -> None:
    """Machines get every finding with all that it has, and the counts."""
    (folder / "a.jsonl").write_text('{"amount": "x"}\n{"amount": 2}\n{"note": 3}\n')
    done = validate("a.jsonl", "--with", "c.toml", "--json")
    assert (done.code, done.told["checked"], done.told["with_errors"]) == (1, 3, 2)
    assert [(one["line"], one["path"], one["code"]) for one in done.told["findings"]] == [
        (1, "/amount", "schema.type"),
        (3, "/note", "schema.type"),
    ]


def test_standard_input(validate: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` is read like a file, as what ``--as`` says."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"amount": []}\n')))
    done = validate("-", "--as", "jsonl", "--with", "c.toml")
    assert done.out.startswith("<stdin>:1: schema.type at /amount")


def test_plain_text_is_one_value_without_its_last_line_end(folder: Path, validate: Command) -> None:
    """A text that an editor ended with a line end is the text."""
    (folder / "c.toml").write_text("version = 1\n" + ANSWERS)
    (folder / "a.txt").write_text("12345\r\n")
    (folder / "b.txt").write_text("12345\n\n")
    done = validate("a.txt", "b.txt", "--with", "c.toml")
    assert "a.txt" not in done.out and "b.txt:1: schema.maxLength" in done.out


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("a.json", b'{"a":\n1,}', "a.json:2: unchecked.json: It is not JSON"),
        ("a.json", b"[" * 100_000, "a.json:1: unchecked.json: "),
        ("a.json", b"9" * 10_000, "a.json:1: unchecked.json: "),
        ("a.jsonl", b"1\n{\n", "a.jsonl:2: unchecked.json: "),
        ("a.txt", b"\n\xff", "a.txt:2: unchecked.encoding: It is not UTF-8. Save it as UTF-8."),
    ],
)
def test_what_cannot_be_read_is_a_finding(folder: Path, validate: Command, name: str, body: bytes, said: str) -> None:
    """A file that is not what it should be is told with its line, and the command goes on."""
    (folder / name).write_bytes(body)
    done = validate(name, "--with", "c.toml")
    assert done.code == 1 and said in done.out


def test_too_large_a_line_is_not_read(folder: Path, validate: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """No value needs more memory than the cap; what follows such a line is not guessed at."""
    monkeypatch.setattr(values, "MAX_BYTES", 1 << 20)
    (folder / "a.jsonl").write_bytes(b"1\n" + b" " * (2 << 20) + b"\n1\n")
    done = validate("a.jsonl", "--with", "c.toml")
    assert "a.jsonl:2: unchecked.size: It has more than 1 MiB." in done.out and "2 values checked" in done.out


def test_a_byte_order_mark_is_no_part_of_json(folder: Path, validate: Command) -> None:
    """Files that Windows wrote can be read."""
    (folder / "a.json").write_bytes(b'\xef\xbb\xbf{"amount": 1}')
    assert validate("a.json", "--with", "c.toml").code == 0


def test_several_targets_must_be_chosen_from(folder: Path, validate: Command) -> None:
    """Arguments are not checked as if they were answers: the command says what there is."""
    (folder / "c.toml").write_text(CONFIG + ANSWERS)
    (folder / "a.txt").write_text("far too long")
    done = validate("a.txt", "--with", "c.toml")
    assert done.code == 2 and "Say which with --on: answer, refund.arguments." in done.err
    assert validate("a.txt", "--with", "c.toml", "--on", "answer").code == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Name a FILE"),
        (("a.txt",), "Say what to check"),
        (("a.txt", "--with", "c.toml", "--on", "refund.result"), "no checks on 'refund.result'"),
        (("a.txt", "--with", "none.toml"), "none.toml"),
        (("a.txt", "--check", "no_such_thing()"), 'No validator is called "no_such_thing"'),
        (("--show", "no_such_thing"), 'No validator is called "no_such_thing"'),
    ],
)
def test_wrong_usage_is_exit_code_2(folder: Path, validate: Command, words: tuple[str, ...], said: str) -> None:
    """Nothing is checked with what was not meant; one line says what to do."""
    (folder / "a.txt").write_text("x")
    done = validate(*words)
    assert done.code == 2 and said in done.err and not done.out


def test_a_file_that_is_not_there_is_exit_code_1(validate: Command) -> None:
    """As everywhere on the command line, a file that cannot be read is no wrong usage."""
    done = validate("none.jsonl", "--with", "c.toml")
    assert done.code == 1 and "none.jsonl: No such file or directory" in done.err


def test_names_from_files_cannot_write_on_the_terminal(folder: Path, validate: Command) -> None:
    """Control characters in what is quoted are spelled out."""
    (folder / "a.jsonl").write_text('{"amount": "\\u001b[31m\\u202e"}\n')
    out = validate("a.jsonl", "--with", "c.toml").out
    assert "\x1b" not in out and "\u202e" not in out
