"""A URL taken apart as browsers and HTTP clients do (WHATWG URL), so that no spelling means another host to them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

MAX_URL = 8_192
"""Characters of a URL that is read; servers and clients refuse longer ones as well."""
_MAX_HOST = 1_000
"""A name has 253 characters at most (RFC 1035), three times as many with percent signs."""
SPECIAL = frozenset({"http", "https", "ws", "wss", "ftp"})
"""Schemes in which a backslash is a slash, and missing or extra slashes do not matter (WHATWG URL, 4.2)."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,63}):")
_EDGES = "".join(map(chr, range(33)))
_DROPPED = str.maketrans("", "", "\t\n\r")
_IGNORED = dict.fromkeys([0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x34F, *range(0xFE00, 0xFE10), 0x180B, 0x180C,
                          0x180D, 0x180E])  # fmt: skip
"""Characters that vanish from host names (UTS 46, status ignored or deviation)."""
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_AUTHORITY = re.compile(r"[^/?#]*")
_ODD = re.compile(r"[\\\x00-\x20\x7f]")
_HOST = re.compile(r"[^\x00-\x20#/:<>?@\[\\\]^|%\x7f]+")


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL."""

    scheme: str
    """In small letters; empty where the URL has none, as in ``//host/path`` and ``/path``."""
    host: str | None
    """Canonical: small letters, one kind of dots, no trailing dot; None where there is none; ``!`` for an odd one."""
    userinfo: str
    port: str
    path: str
    query: str
    """What follows the ``?``; None of the fragment, which is not sent."""


def cleaned(text: str) -> str:
    """Without the tabs and line ends that a URL parser drops, and the spaces and controls at both ends."""
    return text.strip(_EDGES).translate(_DROPPED)


def read(text: str) -> Url:
    """The parts of ``text``, at most MAX_URL characters of it; every text has some."""
    url = cleaned(text[:MAX_URL])
    found = _SCHEME.match(url)
    scheme = found[1].lower() if found else ""
    rest = url[found.end() :] if found else url
    rest = rest.partition("#")[0]
    if scheme in SPECIAL or not scheme:
        head, mark, query = rest.partition("?")
        rest = head.replace("\\", "/") + mark + query
    if scheme in SPECIAL:
        rest = "//" + rest.lstrip("/")
    if not rest.startswith("//"):
        path, _, query = rest.partition("?")
        return Url(scheme, None, "", "", path, query)
    return _with_authority(scheme, rest[2:] if scheme in SPECIAL else rest.lstrip("/"))


def _with_authority(scheme: str, rest: str) -> Url:
    end = next((index for index, one in enumerate(rest) if one in "/?"), len(rest))
    userinfo, _, place = rest[:end].rpartition("@")
    path, _, query = rest[end:].partition("?")
    if place.startswith("["):
        host, _, after = place.partition("]")
        return Url(scheme, host + "]", userinfo, after.removeprefix(":"), path, query)
    host, _, port = place.partition(":")
    return Url(scheme, host_name(host), userinfo, port, path, query)


def host_name(written: str) -> str:
    """A host's name in one spelling: percent signs decoded, small letters, plain dots; ``!`` for an odd one."""
    if len(written) > _MAX_HOST:
        return "!"
    name = unquote(written, errors="replace").translate(_IGNORED).translate(_DOTS)
    if not name.isascii():
        name = unicodedata.normalize("NFKC", name).translate(_IGNORED).translate(_DOTS)
    name = name.lower().rstrip(".")
    return name if not name or _HOST.fullmatch(name) else "!"


def ambiguous(text: str) -> bool:
    """Whether the host is another one to programs that keep to RFC 3986, where a backslash is no slash."""
    url = cleaned(text[:MAX_URL])
    found = _SCHEME.match(url)
    rest = url[found.end() :] if found else url
    slashes = rest[: len(rest) - len(rest.lstrip("/\\"))]
    authority = _AUTHORITY.match(rest, len(slashes))
    return "\\" in slashes or (authority is not None and _ODD.search(authority[0]) is not None)


def matches_host(host: str, patterns: tuple[str, ...]) -> bool:
    """Whether ``host`` is one of ``patterns``: a name, or ``*.name`` for every name below it."""
    return any(host.endswith(one[1:]) if one.startswith("*.") else host == one for one in patterns)
