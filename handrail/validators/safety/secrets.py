"""Secrets in texts: tokens of known formats, and random-looking values under telling names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, cast

from handrail.config.nearest import nearest
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding
from handrail.validators.safety import randomness
from handrail.validators.safety.screened import TOP, Known, Place, Screened, TooMuch, encoded, hits, name_of, regex
from handrail.validators.safety.secret_formats import FORMATS, Format

_WINDOW = 8_192
"""Characters after the beginning of a token that are read."""
_MAX_CANDIDATES = 400
"""Beginnings of tokens in one text that are looked at."""

_WORDS = (
    r"passw(?:or)?d|passphrase|pwd|secret|api[ _-]?key|(?:access|private|signing|encryption|account|master)[_-]?key"
    r"|token|credentials?"
)
_VALUE = r"[^\s\"'<>,;(){}\[\]\\]"
_ASSIGNED = (
    rf"(?i:(?:{_WORDS})[\w-]{{0,12}})\\?[\"']?[ \t]{{0,3}}(?:=>?|:=?|>)[ \t]{{0,3}}\\?[\"']?{_VALUE}{{8}}"
    rf"|--(?i:(?:{_WORDS})[\w-]{{0,12}})[ \t]{{1,3}}[\"']?{_VALUE}{{8}}"
)
_NAME = re.compile(rf"(?i)[\w.-]{{0,60}}(?:{_WORDS})[\w-]{{0,12}}", re.ASCII)
_NAMED = rf"(?im:^[\w.-]{{0,60}}(?:{_WORDS})[\w-]{{0,12}}$)"
_NOT_SECRET = re.compile(
    r"(?i)hash|sha\d|md5|digest|checksum|public|page|next|cursor|contin|sync|count|limit|max|min|csrf|reset|expir|ttl"
    r"|type|name|url|uri|path|file|_id|uuid|polic|hint|length|valid|version|usage|prompt|comple|budget|field|label"
)
_ALTERNATIVES = "|".join(f"(?P<{one.name}>{one.start})" for one in FORMATS)
_START = re.compile(f"{_ALTERNATIVES}|(?P<assigned>{_ASSIGNED})", re.ASCII)
_STARTS = "|".join([*(one.start for one in FORMATS), _ASSIGNED])
_SCREEN = f"{_STARTS}|{_NAMED}"
_WHOLE = {one.name: re.compile(one.pattern, re.ASCII) for one in FORMATS}
_FORMAT = {one.name: one for one in FORMATS}
_ASSIGNED_VALUE = re.compile(rf"(?:[=:>]|(?<=[\w-])[ \t])[ \t]{{0,3}}\\?[\"']?(?P<value>{_VALUE}{{8,300}})", re.ASCII)
_ALPHABET = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
_HINT = "Leave it out, or refer to it by the name under which a secret store keeps it."


@dataclass(frozen=True)
class Secrets(Screened):
    """No secrets: no keys, tokens or passwords.

    Some fifty formats are known by prefix, length and, where the format has one, checksum (``secret_formats.py`` names
    the source of each). A value under a telling name (``api_key = ...``, ``{"password": ...}``) is a secret where it
    looks drawn by a machine: at least ``min_length`` characters of at least ``entropy`` bits each that change between
    small letters, capitals and digits; or, under a password's name, where it has three kinds of characters.
    A secret is never quoted: the excerpt shows how it begins at most.

    Does not see: a secret that is split, reversed, encoded (base64, percent, hex), spelled with invisible or
    look-alike characters or written in words; a password that looks like a word; a random value without a telling
    name (UUIDs, commit ids, hashes, images in base64 are everywhere); words that say EXAMPLE, xxxx or ${NAME};
    GitHub and npm tokens whose checksum is wrong, because they are none; a value of an argument whose own name is
    telling (``update_password(password=...)``), because the tool asks for it.

    Codes: ``secrets.FORMAT`` with the format's name, such as ``secrets.github_token`` or ``secrets.private_key``;
    ``secrets.named`` for a value under a telling name.
    """

    allow: tuple[str, ...] = ()
    """Names of formats that may be there, such as ``jwt``; ``named`` for values under telling names."""
    entropy: float = 3.5
    """Bits a character from which a value under a telling name looks drawn."""
    min_length: int = 16
    """Characters from which it does."""

    name: ClassVar[str] = "secrets"
    source: ClassVar[str] = "formats as their makers publish them; entropy after C. Shannon (1948)"

    def __post_init__(self) -> None:
        known = [*_FORMAT, "named"]
        for one in self.allow:
            if one not in known:
                hint = nearest(one, known) or f"Known are: {', '.join(known)}."
                raise ConfigError(f'secrets(allow=...): there is no format "{one}".', hint=hint)
        if not 0 < self.entropy <= 8 or self.min_length < 8:
            hint = "Bits a character are above 0 and at most 8; lengths are 8 or more."
            raise ConfigError("secrets(...): entropy or min_length is out of range.", hint=hint)

    @property
    def screen(self) -> str:
        """How a secret, or the name of one, begins."""
        return _SCREEN

    def close(self, known: Known) -> Iterable[int]:
        """Texts in which a secret may begin, and texts under a telling name."""
        found = set(hits(regex(_STARTS).search, [text for _, text in known], self.max_close))
        names: dict[str, bool] = {}
        for index, (place, text) in enumerate(known):
            name = name_of(place)
            if name not in names:
                names[name] = telling(name)
            if names[name] and text is not name and len(text) >= 8:
                found.add(index)
        return sorted(found)

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """Secrets in one text."""
        covered = 0
        for match in _candidates(text):
            begin = match.start()
            if begin < covered:
                continue
            span = self._span(text, match)
            if span is not None:
                covered = span[1]
                yield _finding(text, match.lastgroup or "", span)

    def look_at(self, text: str, place: Place, context: Context) -> Iterator[Finding]:
        """Secrets in one text, or the text itself where its name tells."""
        said = False
        for finding in self.look(text, context):
            said = True
            yield finding
        name = name_of(place)
        # A tool whose argument is a password, say, is there to be given one.
        asked = context.on == "arguments" and place[1] is TOP
        if not said and not asked and text is not name and telling(name) and self._named(name, text.strip()):
            yield _named(text, (0, len(text)), name)

    def _span(self, text: str, match: re.Match[str]) -> tuple[int, int] | None:
        kind = match.lastgroup or ""
        if kind == "assigned":
            return self._assigned(text, match)
        if kind in self.allow:
            return None
        whole = _WHOLE[kind].match(text, match.start(), match.start() + _WINDOW)
        if whole is None or not _sound(_FORMAT[kind], text, whole):
            return None
        return whole.span()

    def _assigned(self, text: str, match: re.Match[str]) -> tuple[int, int] | None:
        value = _ASSIGNED_VALUE.search(text, match.start(), match.start() + 400)
        begin = match.start()
        while begin > 0 and match.start() - begin < 40 and (text[begin - 1] in _ALPHABET or text[begin - 1] in ".-"):
            begin -= 1
        if value is None or not self._named(text[begin : value.start()], value["value"]):
            return None
        return value.span("value")

    def _named(self, name: str, value: str) -> bool:
        if "named" in self.allow or _NOT_SECRET.search(name) or " " in value or len(value) > 300:
            return False
        if randomness.drawn(value, bits=self.entropy, length=self.min_length):
            return True
        return "pass" in name.lower() and randomness.password(value)


def telling(name: str) -> bool:
    """Whether a value under this name is likely to be a secret."""
    return len(name) <= 100 and _NAME.fullmatch(name) is not None and not _NOT_SECRET.search(name)


def _candidates(text: str) -> Iterator[re.Match[str]]:
    """Where a secret may begin, from left to right; one beginning does not hide another inside it."""
    search, data = _search(), encoded(text)
    at = byte = char = count = 0
    while at < len(data) and (found := search(data, at, len(data))):
        count += 1
        if count > _MAX_CANDIDATES:
            raise TooMuch
        begin = found.span()[0]
        char += len(data[byte:begin].decode("utf-8", "surrogatepass"))
        byte = begin
        if match := _START.match(text, char):
            yield match
        at = begin + 1
        while at < len(data) and data[at] & 0xC0 == 0x80:
            at += 1


def _search() -> Callable[[bytes, int, int], re.Match[bytes] | None]:
    return cast("Callable[[bytes, int, int], re.Match[bytes] | None]", regex(_STARTS).search)


def _sound(kind: Format, text: str, whole: re.Match[str]) -> bool:
    found = whole[0]
    if not kind.open_end and text[whole.end() : whole.end() + 1] in _ALPHABET:
        return False
    if kind.name == "url_password":
        return not _empty_password(found)
    if kind.name == "private_key":
        return "EXAMPLE" not in found[:200]
    return not randomness.placeholder(found) and (kind.valid is None or kind.valid(found))


_STAND_INS = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "token", "pw", "pass123", "user", "test", "tiger"}
)


def _empty_password(found: str) -> bool:
    user, _, password = found.rpartition("@")[0][3:].partition(":")
    stands = password.lower() in _STAND_INS or password.lower() == user.lower() or password[:1] in "$%{["
    return stands or randomness.placeholder(password) or set(password) <= set("*x.•")


def _finding(text: str, kind: str, span: tuple[int, int]) -> Finding:
    if kind == "assigned":
        return _named(text, span, "")
    format_ = _FORMAT[kind]
    message = f"The text holds {format_.what}, which must not stand there."
    shown = _mask(text, span, 3 if kind == "url_password" else 4)
    return Finding(f"secrets.{kind}", message, span=span, excerpt=shown, hint=_HINT)


def _named(text: str, span: tuple[int, int], name: str) -> Finding:
    where = f'The value of "{name[:60]}"' if name else "The text holds a value that"
    return Finding("secrets.named", f"{where} looks like a secret, which must not stand there.", span=span,
                   excerpt=_mask(text, span, 0), hint=_HINT)  # fmt: skip


def _mask(text: str, span: tuple[int, int], shown: int) -> str:
    """How the secret begins, and how long it is: the beginning is the format's own, and says nothing of the secret."""
    return f"{text[span[0] : span[0] + shown]}… ({span[1] - span[0]} characters)"
