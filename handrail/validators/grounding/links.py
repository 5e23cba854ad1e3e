"""Whether the links in an answer lead to where the run has been."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context, Source
from handrail.validators.grounding.ground import Ground, Grounded, Judge, Remembered, Span
from handrail.validators.runs import names
from handrail.validators.searching import TooMuch

_URL = re.compile(
    r"(?:(?<![\w])(?:https?|ftp|wss?):[\\/]{0,4}|(?<![\w:/.@-])www\.|(?<=[(\"'])//)[^\s<>\"'`|^{}]{1,2000}",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"^(?:(?:https?|ftp|wss?):)?[\\/]*", re.IGNORECASE)
_END = re.compile(r"[/\\?#]")
_DOTS = str.maketrans("。．｡", "...")
MAX_LINKS = 1_500
"""Links of all sources together, the newest."""
_MOST_BRACKETS = 5


@dataclass(frozen=True)
class LinksGrounded(Grounded[str]):
    """Links lead only to hosts that the run has met, or that are allowed.

    A link is an address with ``http``, ``https``, ``ftp``, ``ws`` or ``wss``, one that begins with ``www.``, or with
    ``//`` after a bracket or quotation mark. Its host is read as browsers do: what stands before ``@`` is no host, and
    ``\\`` is ``/``. A host is met where a source is from it, or, with ``mentioned``, where a source has a link to it:
    whoever writes a document that is retrieved can then name hosts.
    Finds ``links_grounded.unknown``; ``unchecked.run`` where a part of the run is not known; ``unchecked.size`` over
    50,000 characters or 1,000 links, or over 1,500 links in the sources.
    """

    name: ClassVar[str] = "links_grounded"
    asks: ClassVar[str] = "whether a link leads to where it has been"
    source: ClassVar[str] = "WHATWG URL Standard (authority and host); RFC 3986, section 3.2"
    allow: tuple[str, ...] = ()
    """Hosts that need no source: ``example.com``, or ``*.example.com`` for every host below it."""
    mentioned: bool = True
    """Whether a link in the text of a source is enough."""
    whole: bool = False
    """Whether the very address must have been met, not only its host."""
    _allow: frozenset[str] = field(init=False, repr=False, compare=False)
    _below: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _of_source: Remembered[tuple[frozenset[str], int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        names("allow", self.allow, least=0)
        for one in self.allow:
            if "/" in one or ":" in one or "*" in one.removeprefix("*."):
                raise ConfigError(
                    f"`allow` has {one!r:.100}, which is no host.", hint="Write example.com or *.example.com."
                )
        hosts = [one.casefold() for one in self.allow]
        object.__setattr__(self, "_allow", frozenset(one for one in hosts if not one.startswith("*.")))
        object.__setattr__(self, "_below", tuple(one[1:] for one in hosts if one.startswith("*.")))
        object.__setattr__(self, "_of_source", Remembered(self._known))

    def claims(self, text: str) -> Iterator[tuple[Span, str]]:
        """Every link to a host that is not allowed."""
        for first, last, url in urls(text):
            host = host_of(url)
            if host not in self._allow and not host.endswith(self._below or ("\0",)):
                yield (first, last), _plain(url) if self.whole else host

    def judge(self, ground: Ground, context: Context) -> Judge[str]:
        """Looks for hosts among those of all sources."""
        known, room = set[str](), MAX_LINKS
        for source in reversed(ground.sources):
            found, count = self._of_source.of(source)
            known |= found
            room -= count
            if room < 0:
                break
        what = "address" if self.whole else "host"

        def look(one: str) -> str:
            if one in known:
                return ""
            if room < 0:
                raise TooMuch
            return f"unknown This leads to the {what} {one[:100]!r}, which no source has: link only to what was found."

        return look

    def _known(self, source: Source) -> tuple[frozenset[str], int]:
        """Hosts that a source makes known, and how many links it has; the first ones where they are too many."""
        own = [source.id, *(one for one in source.metadata.values() if isinstance(one, str))]
        given = [*own, source.text] if self.mentioned or source.kind == "input" else own
        found = list(islice((url for text in given for _, _, url in urls(text)), MAX_LINKS + 1))
        return frozenset(_plain(url) if self.whole else host_of(url) for url in found), len(found)


def urls(text: str) -> Iterator[tuple[int, int, str]]:
    """(first character, one after the last, address) of every link in ``text``, without what only follows it."""
    for match in _URL.finditer(text):
        url = match[0].rstrip(".,;:!?*_~")
        for _ in range(_MOST_BRACKETS):
            if url.endswith((")", "]")) and url.count(url[-1]) > url.count("(" if url[-1] == ")" else "["):
                url = url[:-1].rstrip(".,;:!?")
        cut = url.find("](")
        url = url if cut < 0 else url[:cut]
        yield match.start(), match.start() + len(url), url


def host_of(url: str) -> str:
    """The host of an address in lower case, as browsers read it; empty where there is none."""
    rest = _SCHEME.sub("", url, count=1)
    authority = _END.split(rest, maxsplit=1)[0].rpartition("@")[2]
    host = authority if authority.startswith("[") else authority.partition(":")[0]
    return host.translate(_DOTS).rstrip(".").casefold()


def _plain(url: str) -> str:
    """An address without its scheme and fragment, its host in lower case."""
    rest = _SCHEME.sub("", url, count=1).partition("#")[0]
    found = _END.search(rest)
    return host_of(url) + (rest[found.start() :].rstrip("/") if found else "")
