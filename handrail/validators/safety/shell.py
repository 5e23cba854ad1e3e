"""Texts that become part of a command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.texts import MAX_CHARS, excerpt

Kind = Literal["word", "quoted", "command"]

_CONTROL = ("control", r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+", "a control character")
_NEWLINE = ("newline", r"[\n\r\u0085\u2028\u2029]+", "a line end, after which another command begins")
_SUBSTITUTION = ("substitution", r"`|\$[\w({\[!?#*@$'\"-]|[<>]\(", "a substitution, which the shell carries out")
_META = ("metacharacter", r"[;&|<>(){}!^#\"'\\]", "a character that has a meaning to the shell")
_GLOB = ("glob", r"[*?\[\]~]", "a wildcard, which the shell replaces by names of files")
_SPACE = ("space", r"[ \t\x0b\x0c\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]+", "a blank, which ends the word")
_WINDOWS = ("windows", r"%[^\s%]{0,60}%|[%\^]", "a percent sign or caret, which cmd.exe carries out")
_QUOTED = ("metacharacter", r"[\"\\!]", "a character that ends or changes a quoted text")
_CHAIN = ("chain", r"&&|\|\|?|;|(?:^|[^&>])&(?:$|[^&])", "what begins another command")
_REDIRECT = ("redirect", r"[<>]", "a redirection, which reads or writes a file")

_SETS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "word": (_CONTROL, _NEWLINE, _SUBSTITUTION, _META, _GLOB, _SPACE),
    "quoted": (_CONTROL, _NEWLINE, _SUBSTITUTION, _QUOTED),
    "command": (_CONTROL, _NEWLINE, _SUBSTITUTION, _CHAIN, _REDIRECT),
}


@dataclass(frozen=True)
class Shell(Check):
    """The text means nothing to a shell: no metacharacters, substitutions, line ends, leading dash.

    What the text becomes says what is refused. ``word``: one word of a command line, unquoted. ``quoted``: inside
    double quotes. ``command``: one whole simple command, so blanks, quotes and wildcards may be, further commands,
    redirections and substitutions may not. The rules are those of POSIX shells and bash; ``windows`` adds cmd.exe's.
    Better than this check is not to use a shell: hand the arguments over as a list.

    Does not see: what a program does with a harmless word (``rm``, ``--eval=...`` inside a command, ``find -exec``,
    ``awk`` programs), a command that an alias or PATH turns into another, full-width or other look-alikes that a
    later step normalises, encodings that a later step decodes, shells with other rules (fish, PowerShell).

    Codes: ``shell.type``, ``.empty``, ``.option`` (begins with a dash), ``.control``, ``.newline``,
    ``.substitution``, ``.metacharacter``, ``.glob``, ``.space``, ``.chain``, ``.redirect``, ``.windows``.
    """

    kind: Kind = "word"
    """``word``, ``quoted`` or ``command``."""
    options: bool = False
    """Whether the text may begin with a dash, and so be an option of the command."""
    windows: bool = False
    """Whether it goes to cmd.exe, too."""

    source: ClassVar[str] = "POSIX.1-2024 XCU 2 (Shell Command Language); CWE-78; CWE-88"

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            known = ", ".join(get_args(Kind))
            raise ConfigError(f'shell(kind=...): "{self.kind}" is none.', hint=f"Known are: {known}.")

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What the shell would do with it."""
        if not isinstance(value, str):
            return (Finding("shell.type", "A part of a command line is a text."),)
        if len(value) > MAX_CHARS:
            return (Finding("unchecked.size", f"The text has more than {MAX_CHARS} characters, too many to check."),)
        return (*self._whole(value), *self._inside(value))[:MAX_FINDINGS]

    def _whole(self, text: str) -> Iterator[Finding]:
        if not text.strip() and self.kind != "quoted":
            yield Finding("shell.empty", "The text is empty; the command would take the next word in its place.")
        if not self.options and self.kind != "command" and text.lstrip()[:1] in ("-", "\u2010", "\u2212", "\uff0d"):
            message = "The text begins with a dash, which makes it an option of the command."
            yield Finding("shell.option", message, span=(0, 1), excerpt=text[:40], hint="Put -- or ./ before it.")

    def _inside(self, text: str) -> Iterator[Finding]:
        sets = (*_SETS[self.kind], _WINDOWS) if self.windows else _SETS[self.kind]
        for code, pattern, what in sets:
            for count, found in enumerate(re.finditer(pattern, text)):
                if count >= 3:
                    break
                shown = excerpt(text, (max(found.start() - 20, 0), found.end() + 20))
                yield Finding(f"shell.{code}", f"The text holds {what}.", span=found.span(), excerpt=shown,
                              hint="Leave it out.")  # fmt: skip
