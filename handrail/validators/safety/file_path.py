"""Paths of files that stay where they belong."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import unquote

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import NOWHERE, Check

MAX_PATH = 4_096
"""Characters of a path: PATH_MAX of Linux; Windows has 32,767 at most."""
_ROUNDS = 3
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"\s*[A-Za-z]:")
_SCHEME = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]{1,20}:[/\\]")
_DEVICES = r"con|prn|aux|nul|conin\$|conout\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]"
_DEVICE = re.compile(rf"(?i)(?:^|/)\s*(?:{_DEVICES})\s*(?:[.:][^/]*)?(?:$|/)")
_OVERLONG = re.compile(
    r"(?i)%c[01]%[89a-b][0-9a-f]|%e0%8[0-9a-f]%[89ab][0-9a-f]|%u[0-9a-f]{4}"
    r"|&#x?0{0,10}(?:2e|2f|5c|46|47|92);?"
)
_SLASHES = str.maketrans(dict.fromkeys("\\\u2215\u2044\u29f8\u29f9\uff0f\uff3c\u2216", "/"))
_DOTS = str.maketrans({**dict.fromkeys("\u2024\uff0e\u3002\uff61\ufe52", "."), "\u2025": "..", "\u2026": "..."})


@dataclass(frozen=True)
class FilePath(Check):
    """The path leads nowhere else: no ``..``, not absolute, no drive, no share, no home, no device, no NUL.

    The path is looked at as written and after every decoding that a careless program may do: percent signs up to
    three times over, overlong UTF-8, HTML references, full-width dots and slashes, backslashes as slashes. With
    ``root`` an absolute path may be, if it stands below it. The rule is lexical: a ``..`` is refused even where it
    stays inside, because ``link/..`` may lead out of it.

    Nothing is looked up, so it does not see: symbolic and hard links, mounts, case-insensitive or normalising file
    systems on which two names are one, short names (``PROGRA~1``), what ``$HOME`` in a path would become, names that
    a later step changes. Open files with O_NOFOLLOW or openat2(RESOLVE_BENEATH) as well.

    Codes: ``path.type``, ``.empty``, ``.control`` (NUL among others), ``.traversal``, ``.encoded`` (of a kind that
    no honest path has), ``.absolute``, ``.drive``, ``.unc``, ``.home``, ``.device``, ``.url``, ``.outside`` (of
    ``root``), ``.stream``, ``unchecked.size``.
    """

    root: str = ""
    """The folder below which an absolute path may lead, such as ``/srv/data``; none for relative paths only."""
    windows: bool = False
    """Whether devices (``NUL``, ``COM1``) and streams (``a.txt:b``) of Windows are refused, too."""

    source: ClassVar[str] = "CWE-22 to CWE-41; OWASP: Path Traversal; RFC 3986 section 2.1"

    def __post_init__(self) -> None:
        if self.root and (not self.root.startswith("/") or _goes_up(self.root) or "//" in self.root):
            hint = "Write it as in /srv/data, without .. and double slashes."
            raise ConfigError(f"path(root=...): {self.root!r} is no absolute path.", hint=hint)

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """Where the path would lead astray; each problem once."""
        if not isinstance(value, str):
            return (Finding("path.type", "A path is a text."),)
        if len(value) > MAX_PATH:
            return (Finding("unchecked.size", f"The path has more than {MAX_PATH} characters, too many to check."),)
        problems = dict(self._written(value))
        for form in _forms(value):
            for code, message in self._problems(form):
                problems.setdefault(code, message)
        return tuple(Finding(f"path.{code}", text, excerpt=value[:200]) for code, text in problems.items())

    def _written(self, text: str) -> Iterator[tuple[str, str]]:
        if not text.strip():
            yield "empty", "The path is empty."
        if _OVERLONG.search(text):
            yield "encoded", "The path holds characters in an encoding that no honest path needs; write them plainly."

    def _problems(self, path: str) -> Iterator[tuple[str, str]]:
        if _CONTROL.search(path):
            yield "control", "The path holds a control character."
        if _goes_up(path):
            yield "traversal", "The path goes up with `..`; write it without."
        if path.lstrip().startswith("~"):
            yield "home", "The path begins in a home folder; write it relative to where files are."
        if _DRIVE.match(path):
            yield "drive", "The path names a drive; write it relative to where files are."
        elif _SCHEME.match(path):
            yield "url", "A path is wanted, not a URL."
        elif self.windows and ":" in path:
            yield "stream", "The path holds a colon, which names a stream on Windows."
        if self.windows and _DEVICE.search(path):
            yield "device", "The path names a device of Windows."
        yield from self._absolute(path.lstrip())

    def _absolute(self, path: str) -> Iterator[tuple[str, str]]:
        if path.startswith("//"):
            yield "unc", "The path begins with two slashes, which name another machine."
        elif path.startswith("/") and not self.root:
            yield "absolute", "The path is absolute; write it relative to where files are."
        elif path.startswith("/") and not f"{path}/".startswith(self.root.rstrip("/") + "/"):
            yield "outside", f"The path leads outside {self.root}."


def _goes_up(path: str) -> bool:
    """Whether a part of the path is ``..``, or what a program that trims names takes for it."""
    parts = (part.partition(";")[0] for part in path.split("/"))
    return any(part.count(".") >= 2 and not part.strip(" .") for part in parts)


def _forms(path: str) -> Iterator[str]:
    """The path as it may look to some program, each form once."""
    seen: set[str] = set()
    for decoded in _decoded(path):
        for form in (decoded, unicodedata.normalize("NFKC", decoded)):
            one = form.translate(_DOTS).translate(_SLASHES)
            if one not in seen:
                seen.add(one)
                yield one


def _decoded(path: str) -> Iterator[str]:
    yield path
    for _ in range(_ROUNDS):
        known, path = path, unquote(path, errors="replace")
        if path == known:
            return
        yield path
