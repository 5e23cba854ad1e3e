"""Every place in a Markdown or HTML text that leads somewhere or loads something, whatever code stands around it.

Code spans, comments and unknown tags are looked into, too: what is code to one renderer is not to another.
"""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from handrail.validators.safety.screened import TooMuch, matches

MAX_LINK = 8_192
"""Characters of one link that are read."""
_MAX_LABEL = 999
"""Characters of a label (CommonMark 0.31, 4.7)."""

_MAX_LINKS = 2_500
"""Links of one text that are looked at."""
_MAX_CLOSED = 4_000
"""Pairs of brackets in one text that are looked at."""
_BRACKET = re.compile(r"\\.|!?\[|\]", re.DOTALL)
_INLINE = re.compile(r"\([ \t\r\n]*(?:<(?P<angled>[^<>\n]*)>|(?P<plain>[^\s()]*(?:\([^\s()]*\)[^\s()]*)*))")
_LABEL = re.compile(rf"\[([^\[\]]{{0,{_MAX_LABEL}}})\]")
_DEFINITION = r"(?m:^[ \t>*+-]*)\[[^\[\]]{1,900}\]:\s*<?[^\s<>]+"
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_BARE = r"(?i:\b(?:https?|ftps?|wss?)://|\bwww\.)[^\s<>\"'`]+"
_AUTOLINK = r"<[A-Za-z][A-Za-z0-9+.-]{1,31}:[^<>\s]*>"
_TAG = re.compile(r"<([A-Za-z][^\s/>]{0,60})")
_NAMED = (
    r"(?i:[\s\"'/](?:src|srcset|imagesrcset|href|xlink:href|poster|data|action|formaction|background|ping|style|content"
    r"|manifest|archive|codebase|classid|lowsrc|dynsrc|longdesc|cite|profile|icon)\s*=)"
)
_ATTRIBUTE = _NAMED + r"\s*(?:\"[^\"]*(?:\"|$)|'[^']*(?:'|$)|[^\s\"'>][^\s>]*)"
_STYLED = re.compile(r"(?i)<style")
_STYLE = r"(?i:url\(|@import\s)"
_CSS = r"(?i)(?:url\(\s*[\"']?|@import\s+[\"'])[^\"')\s]+"
_CSS_START = re.compile(r"(?i)url\(\s*[\"']?|@import\s+[\"']")
_CSS_VALUE = re.compile(r"(?i)(?:url\(\s*[\"']?|@import\s+[\"'])([^\"')\s]+)")
MARKED = rf"!\[|\]\(|\]:|<[A-Za-z][A-Za-z0-9+.-]{{1,31}}:|{_NAMED}|{_STYLE}"
"""Found wherever there is a link that is not a bare address."""
BARE = r"(?i:\b(?:https?|ftps?|wss?)://|\bwww\.)"
"""Found wherever there is a bare address."""
_REFRESH = re.compile(r"(?i)[\s\d.]*[;,]\s*(?:url\s*=\s*)?[\"']?(\S+)")
_CLICKED = frozenset({"a", "area"})
_CLICKED_ATTRIBUTES = frozenset({"action", "formaction", "ping", "longdesc", "cite", "profile"})


@dataclass(frozen=True, slots=True)
class Link:
    """One link."""

    url: str
    """As a renderer would use it: references and escapes resolved."""
    begin: int
    end: int
    """Where it is written."""
    loads: bool
    """Whether it is fetched without anybody's click."""


def links(text: str, *, bare: bool = True) -> list[Link]:
    """Every link of ``text``, from left to right; a bare address inside another link is not told again.

    Without ``bare`` only those that are marked as links. Raises TooMuch where there are thousands.
    """
    marked = sorted(islice(_marked(text), _MAX_LINKS + 1), key=lambda link: link.begin)
    if len(marked) > _MAX_LINKS:
        raise TooMuch
    if not bare:
        return marked
    begins = [link.begin for link in marked]
    others = [link for link in _bare(text) if not _covered(link, marked, begins)]
    return sorted([*marked, *others], key=lambda link: link.begin)


def _covered(link: Link, marked: list[Link], begins: list[int]) -> bool:
    index = bisect_right(begins, link.begin) - 1
    return index >= 0 and link.begin < marked[index].end


def _bare(text: str) -> Iterator[Link]:
    """Addresses that stand in the text as they are."""
    for begin, end in matches(_BARE, text):
        # What follows a link in a sentence or in Markdown is no part of it.
        url = re.split(r"[)\]|]", text[begin:end], maxsplit=1)[0].rstrip(".,;:!?*_~")
        scheme = "http://" if url[:4].lower() == "www." else ""
        yield Link(scheme + url[:MAX_LINK], begin, begin + len(url), loads=False)


def _marked(text: str) -> Iterator[Link]:
    images: set[str] = set()
    yield from _inline(text, images)
    yield from _definitions(text, images)
    for begin, end in matches(_AUTOLINK, text):
        yield Link(text[begin + 1 : end - 1][:MAX_LINK], begin + 1, end - 1, loads=False)
    tags = [(one.start(), one[1].lower()) for one in _TAG.finditer(text)]
    if tags:
        yield from _attributes(text, tags)
    if _STYLED.search(text):
        yield from _css(text)


def _inline(text: str, images: set[str]) -> Iterator[Link]:
    """``[text](url)`` and ``![text](url)``; the labels of images that are defined elsewhere go into ``images``."""
    open_: list[tuple[int, bool]] = []
    closed = 0
    for mark in _BRACKET.finditer(text):
        if mark[0][0] == "\\":
            continue
        if mark[0] != "]":
            open_.append((mark.end(), len(mark[0]) == 2))
        elif open_:
            begin, image = open_.pop()
            closed += 1
            if closed > _MAX_CLOSED:
                raise TooMuch
            if target := _INLINE.match(text, mark.end()):
                group = "angled" if target["angled"] is not None else "plain"
                yield Link(_resolved(target[group]), *target.span(group), loads=image)
            elif image:
                images.update(_labels(text, begin, mark))


def _labels(text: str, begin: int, closing: re.Match[str]) -> Iterator[str]:
    """The labels that an image without a target may refer to."""
    if closing.start() - begin <= _MAX_LABEL:
        yield _plain_label(text[begin : closing.start()])
    if after := _LABEL.match(text, closing.end()):
        yield _plain_label(after[1])


def _plain_label(label: str) -> str:
    return " ".join(label.split()).casefold()


def _definitions(text: str, images: set[str]) -> Iterator[Link]:
    """``[label]: url``, which loads where an image has this label."""
    for begin, end in matches(_DEFINITION, text):
        label, _, url = text[begin:end].partition("]:")
        url = url.strip().removeprefix("<")
        yield Link(_resolved(url), end - len(url), end, loads=_plain_label(label.partition("[")[2]) in images)


def _resolved(url: str) -> str:
    return html.unescape(_ESCAPED.sub(r"\1", url[:MAX_LINK]))


def _attributes(text: str, tags: list[tuple[int, str]]) -> Iterator[Link]:
    begins = [begin for begin, _ in tags]
    for begin, end in matches(_ATTRIBUTE, text):
        index = bisect_right(begins, begin) - 1
        if index < 0:
            continue
        name, _, written = text[begin + 1 : end].partition("=")
        value = html.unescape(written.strip()[:MAX_LINK])
        if value[:1] in ("'", '"'):
            value = value[1:].removesuffix(value[0])
        for url, loads in _values(tags[index][1], name.strip().lower(), value):
            yield Link(url, end - len(written), end, loads=loads)


def _values(tag: str, name: str, value: str) -> Iterator[tuple[str, bool]]:
    """The URLs in an attribute, and whether they are loaded."""
    if name in ("srcset", "imagesrcset", "archive"):
        yield from ((url, True) for url in re.split(r"[\s,]+", value) if url)
    elif name == "content":
        if tag == "meta" and (refresh := _REFRESH.match(value)):
            yield refresh[1].rstrip("'\""), True
    elif name == "style":
        yield from ((one[1], True) for one in _CSS_VALUE.finditer(value))
    else:
        yield value, not (tag in _CLICKED or name in _CLICKED_ATTRIBUTES)


def _css(text: str) -> Iterator[Link]:
    for begin, end in matches(_CSS, text):
        if start := _CSS_START.match(text, begin, end):
            yield Link(html.unescape(text[start.end() : end][:MAX_LINK]), start.end(), end, loads=True)
