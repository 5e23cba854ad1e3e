"""The values in files: JSON, JSON Lines or plain text, each with the place that it stands at."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import click

from handrail.cli.validate.places import line_of
from handrail.validators.findings import Finding

Form = Literal["json", "jsonl", "text"]
STDIN = "-"
MAX_BYTES = 64 << 20
"""Largest file of one value, and longest line of JSON Lines."""
_BY_ENDING: dict[str, Form] = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_CODEC = {"json": "utf-8-sig", "jsonl": "utf-8-sig", "text": "utf-8"}


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a file, or why there is none."""

    file: str
    line: int
    """Where it begins, from 1."""
    value: object = None
    text: str = ""
    """As it is written: JSON, or the text itself."""
    form: Form = "text"
    problem: Finding | None = None
    """Set where it could not be read."""

    def line_of(self, finding: Finding) -> int:
        """The line of what ``finding`` means."""
        if self.problem is not None or self.form == "jsonl":
            return self.line
        if self.form == "json":
            return line_of(self.text, finding.path)
        return self.line + (self.text.count("\n", 0, finding.span[0]) if finding.span else 0)


def values_of(files: Iterable[str], form: Form | None) -> Iterator[Value]:
    """Every value of ``files``, one at a time; ``-`` is what is written to the command. Raises ClickException.

    ``form`` says what the files are; otherwise their endings do, and what has no telling ending is plain text.
    """
    for file in files:
        kind = form or _BY_ENDING.get(Path(file).suffix.lower(), "text")
        if file == STDIN:
            yield from _read(sys.stdin.buffer, "<stdin>", kind)
            continue
        try:
            with Path(file).open("rb") as opened:
                yield from _read(opened, file, kind)
        except OSError as error:
            raise click.ClickException(f"{file}: {error.strerror or error}") from error


def _read(opened: BinaryIO, file: str, form: Form) -> Iterator[Value]:
    if form != "jsonl":
        yield _value(file, 1, opened.read(MAX_BYTES + 1), form)
        return
    number = 0
    while line := opened.readline(MAX_BYTES + 2):
        number += 1
        body = line.rstrip(b"\r\n")
        if len(body) > MAX_BYTES or body.strip():
            yield _value(file, number, body, form)
        if len(body) > MAX_BYTES:
            return  # where the next value begins cannot be told


def _value(file: str, line: int, body: bytes, form: Form) -> Value:
    if len(body) > MAX_BYTES:
        return Value(file, line, problem=Finding("unchecked.size", f"It has more than {MAX_BYTES >> 20} MiB."))
    try:
        text = body.decode(_CODEC[form])
        if form == "text":
            text = text.removesuffix("\n").removesuffix("\r")  # the end of the last line, no part of the text
        return Value(file, line, text if form == "text" else json.loads(text), text, form)
    except UnicodeDecodeError as error:
        at = line + body.count(b"\n", 0, error.start)
        return Value(file, at, problem=Finding("unchecked.encoding", "It is not UTF-8.", hint="Save it as UTF-8."))
    except json.JSONDecodeError as error:
        at = line + error.lineno - 1
        return Value(file, at, problem=Finding("unchecked.json", f"It is not JSON: {error.msg}, column {error.colno}."))
    except (ValueError, RecursionError):  # a number of thousands of digits; nesting
        return Value(file, line, problem=Finding("unchecked.json", "It is JSON of a depth or length nobody reads."))
