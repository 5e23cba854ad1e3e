"""Links and pictures that lead out of a text: how an answer takes data along without anybody's click."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding
from handrail.validators.safety.links import BARE, MARKED, Link, links
from handrail.validators.safety.screened import Screened
from handrail.validators.safety.url_parts import Url, cleaned, host_name, matches_host, read
from handrail.validators.texts import excerpt

Level = Literal["links", "loads", "carries"]

_SCRIPTS = frozenset({"javascript", "vbscript", "livescript", "mocha", "jscript"})
_RUNS = re.compile(r"(?i)[a-z]{1,10}script:|mocha:|data:")
_PICTURES = re.compile(r"(?i)\s*image/(?:png|jpeg|jpg|gif|webp|avif|bmp|x-icon)[;,]")
_LONG_PIECE, _LONG_LABEL = 64, 40
_TOLD = {
    "link": "The text links to {host}, which is outside.",
    "load": "The text makes its reader load something from {host}, which is outside.",
    "carries": "The text makes its reader load something from {host}, and so send data there, without a click.",
}


@dataclass(frozen=True)
class OutsideLinks(Screened):
    """No links or pictures that lead outside, in Markdown and in HTML.

    A picture whose address holds data sends them to its host as soon as the answer is shown: the most used way to take
    data out through an agent. ``level`` says what is refused: ``links``, everything that leads outside; ``loads``, what
    is fetched without a click (pictures, frames, scripts, styles, fonts, media, refreshes, ``srcset``, ``url(...)``);
    ``carries``, only those of them whose address can hold data: a query, a user name, a piece of 64 characters or a
    label of 40. ``javascript:`` and other scripts are always refused, and ``data:`` unless it is a plain picture.
    Inline and reference links and images, autolinks, bare addresses, HTML attributes and CSS are read as CommonMark,
    GFM and WHATWG HTML do, with references and escapes resolved; text that looks like code is read as well.

    Does not see: a short piece of data in a path or in the choice among several addresses, CSS written with escapes,
    addresses that a script puts together, ``mailto:`` and other schemes without a host, wiki links and other dialects
    of Markdown (``[[...]]``), addresses without a scheme that an application links by itself (``example.com/x``),
    relative addresses below a base that somebody else set, an allowed host that passes requests on.

    Codes: ``outside_links.link``, ``.load``, ``.carries``, ``.script``, ``.data``.
    """

    hosts: tuple[str, ...] = ()
    """Hosts that are allowed, without a user name before them; ``*.example.com`` for all below."""
    level: Level = "links"
    """What is refused: ``links``, ``loads`` or ``carries``."""

    name: ClassVar[str] = "outside_links"
    source: ClassVar[str] = "CommonMark 0.31; GFM; WHATWG HTML and URL; OWASP LLM02 and LLM05"

    def __post_init__(self) -> None:
        if self.level not in get_args(Level):
            known = ", ".join(get_args(Level))
            raise ConfigError(f'outside_links(level=...): "{self.level}" is none.', hint=f"Known are: {known}.")
        for host in self.hosts:
            if host_name(host.removeprefix("*.")) in ("", "!"):
                hint = "Write a name as in docs.example.com, or *.example.com for every name below it."
                raise ConfigError(f"outside_links(hosts=...): {host!r} is no host.", hint=hint)

    @property
    def screen(self) -> str:
        """What every link has, or every thing that loads."""
        return f"{MARKED}|{BARE}" if self.level == "links" else MARKED

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """Links of one text that lead outside."""
        for link in links(text, bare=self.level == "links"):
            said = self._problem(link)
            if said:
                code, message = said
                yield Finding(f"outside_links.{code}", message, span=(link.begin, link.end), excerpt=excerpt(link.url),
                              hint="Leave it out, or say it in words.")  # fmt: skip

    def _problem(self, link: Link) -> tuple[str, str] | None:
        if not (link.loads or self.level == "links" or _RUNS.match(cleaned(link.url))):
            return None
        url = read(link.url)
        if url.scheme in _SCRIPTS:
            return "script", "The text holds a link that runs a script."
        if url.scheme == "data":
            inline = link.loads and _PICTURES.match(url.path)
            return None if inline else ("data", "The text holds a whole document inside a data: link.")
        if not url.host or (matches_host(url.host, self.hosts) and not url.userinfo):
            return None
        kind = "link" if not link.loads else "carries" if _carries(url) else "load"
        refused = {"links": ("link", "load", "carries"), "loads": ("load", "carries"), "carries": ("carries",)}
        return (kind, _TOLD[kind].format(host=url.host[:100])) if kind in refused[self.level] else None


def _carries(url: Url) -> bool:
    """Whether the address has room for data."""
    pieces = max(map(len, url.path.split("/")))
    labels = max(map(len, (url.host or "").split(".")))
    return bool(url.query or url.userinfo) or pieces >= _LONG_PIECE or labels >= _LONG_LABEL
