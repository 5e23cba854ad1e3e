"""URLs that a tool may fetch: of an allowed scheme, and not inside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import NOWHERE
from handrail.validators.safety.addresses import kind_of
from handrail.validators.safety.screened import Screened
from handrail.validators.safety.url_parts import (
    MAX_URL,
    SPECIAL,
    Url,
    ambiguous,
    cleaned,
    host_name,
    matches_host,
    read,
)

_WHERE = {
    "loopback": "to the machine itself",
    "private": "into a private network",
    "link_local": "to an address of the local link",
    "metadata": "to the metadata service of a cloud, which hands out credentials",
    "reserved": "to an address that no public host has",
    "resolving": "to a name that answers with whatever address is put into it",
}
_LOCAL = frozenset({"file", "gopher", "dict", "ldap", "ldaps", "tftp", "jar", "netdoc", "php", "expect", "phar", "zip",
                    "view-source", "smb", "nfs", "local_file", "unix"})  # fmt: skip
"""Schemes that read local files, or speak to services that are no web servers."""
_BEGIN = r"[\x00-\x20]*(?:[A-Za-z][A-Za-z0-9+.\t\n\r-]{1,63}:[\t\n\r]*[/\\]|[/\\][\t\n\r]*[/\\])"
_BEGINS = re.compile(_BEGIN)
_PORT = re.compile(r"[0-9]{0,5}")


@dataclass(frozen=True)
class PublicUrl(Screened):
    """The text is a URL that leads outside: against requests that a model makes from the inside (SSRF).

    The URL is read as browsers and HTTP clients read it: decimal, octal, hexadecimal and short IPv4 addresses, IPv6
    with an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo), full-width letters and dots, percent signs,
    tabs and line ends, backslashes, trailing dots. Refused are loopback, private, link-local, shared, reserved and
    multicast addresses (IANA special-purpose registries), metadata services, names without a dot, names below
    ``.internal``, ``.local`` and the like, and names made to resolve to any address.

    **No name is looked up.** A public name may resolve to a private address, now or at the second look (DNS
    rebinding), and a public server may redirect inside: where that matters, the client that fetches must check the
    address that it connects to, or go through a proxy that does.

    Does not see: private names of your own network below public domains (name them in ``hosts`` the other way round:
    an allow-list), redirects, what a name resolves to, URLs inside a query, URLs without a scheme such as
    ``10.0.0.1/x`` (an error here, passed over with ``if_url``).

    Codes: ``public_url.type``, ``.unreadable``, ``.scheme``, ``.userinfo``, ``.port``, ``.host``, and ``.loopback``,
    ``.private``, ``.link_local``, ``.metadata``, ``.reserved``, ``.resolving``.
    """

    schemes: tuple[str, ...] = ("https", "http")
    """Schemes that may be; none for any that does not read local files or speak to other services (``file``, ...)."""
    hosts: tuple[str, ...] = ()
    """The only hosts that may be, ``*.example.com`` for all below; none for any public one. A host named here may be
    a private one."""
    ports: tuple[int, ...] = ()
    """The only ports that may be written; none for any."""
    if_url: bool = False
    """Whether texts that do not begin like a URL are passed over, wherever they stand in a value; otherwise the value
    must be a text, and a URL."""

    name: ClassVar[str] = "public_url"
    source: ClassVar[str] = "WHATWG URL; RFC 6890 and IANA special-purpose address registries; OWASP SSRF prevention"

    def __post_init__(self) -> None:
        for host in self.hosts:
            if host_name(host.removeprefix("*.")) in ("", "!") and not host.startswith("["):
                hint = "Write a name as in api.example.com, or *.example.com for every name below it."
                raise ConfigError(f"public_url(hosts=...): {host!r} is no host.", hint=hint)
        if any(not 0 <= port <= 65_535 for port in self.ports):
            raise ConfigError("public_url(ports=...): a port is 0 to 65535.")

    @property
    def screen(self) -> str:
        """Anything that begins like a URL; without ``if_url`` any text."""
        return f"(?m:^{_BEGIN})" if self.if_url else ""

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What is wrong with the URL, or with those in ``value`` where ``if_url`` is set."""
        if self.if_url:
            return super().check(value, context)
        if not isinstance(value, str):
            return (Finding("public_url.type", "A URL is a text."),)
        return tuple(self.look(value, context))

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with one URL."""
        if self.if_url:
            if not _BEGINS.match(text):
                return
            text = cleaned(text[: MAX_URL + 1]).partition(" ")[0]
        if len(text) > MAX_URL:
            yield Finding("unchecked.size", f"The URL has more than {MAX_URL} characters, which is too long to check.")
            return
        url = read(text)
        if not self.if_url or self._meant(url):
            yield from (_finding(*one, text) for one in self._problems(url, text))

    def _meant(self, url: Url) -> bool:
        """Whether it is a URL that something would fetch, rather than a comment, a path or another kind of address."""
        if not url.scheme:
            return "." in (url.host or "")
        return url.scheme in SPECIAL or url.scheme in _LOCAL or url.scheme in self.schemes

    def _problems(self, url: Url, text: str) -> Iterator[tuple[str, str]]:
        if not url.scheme and url.host is None:
            yield "unreadable", "It is no absolute URL; write it like https://example.com/path."
            return
        if self._refused(url.scheme):
            wanted = ", ".join(self.schemes) or "one that is fetched over the network, such as https"
            yield "scheme", f'The scheme "{url.scheme[:20]}" is not allowed; write {wanted}.'
            return
        if ambiguous(text):
            yield "unreadable", "The host holds a backslash or a blank, which programs read differently."
        if url.userinfo:
            yield "userinfo", "A URL must hold no user name or password before the host."
        if _PORT.fullmatch(url.port) is None or (self.ports and url.port and int(url.port) not in self.ports):
            yield "port", "The port is not allowed."
        if url.host is not None:
            yield from self._host(url.host)
        elif url.scheme in ("http", "https"):
            yield "unreadable", "The URL names no host."

    def _refused(self, scheme: str) -> bool:
        if not scheme:
            return False
        return scheme not in self.schemes if self.schemes else scheme in _LOCAL

    def _host(self, host: str) -> Iterator[tuple[str, str]]:
        if self.hosts and matches_host(host, self.hosts):
            return
        kind = kind_of(host)
        if kind == "odd":
            yield "unreadable", "The host of the URL is neither a name nor an address."
        elif kind == "unusual":
            yield "unreadable", "Write the address as four decimal numbers; programs read other spellings differently."
        elif kind != "public":
            yield kind, f"The URL leads {_WHERE[kind]}; only public addresses are allowed."
        elif self.hosts:
            yield "host", f"The host is not one of those that are allowed: {', '.join(self.hosts)[:200]}."


def _finding(problem: str, message: str, text: str) -> Finding:
    return Finding(f"public_url.{problem}", message, excerpt=cleaned(text)[:200])
