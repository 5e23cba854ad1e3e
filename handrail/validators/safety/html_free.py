"""HTML that does something: scripts, handlers, frames, forms."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from handrail.validators.context import Context
from handrail.validators.findings import Finding
from handrail.validators.safety.screened import Screened, matches
from handrail.validators.texts import excerpt

_TAG = re.compile(r"<[/!?]?([A-Za-z][^\s/>]{0,60}|--|\[CDATA\[)")
_KINDS = {
    "script": frozenset({"script", "noscript", "template", "slot"}),
    "frame": frozenset({"iframe", "frame", "frameset", "object", "embed", "applet", "portal", "fencedframe"}),
    "form": frozenset({"form", "input", "button", "textarea", "select", "option", "keygen", "isindex"}),
    "page": frozenset({"html", "head", "body", "base", "meta", "link", "style", "title", "plaintext", "xmp", "noembed",
                       "noframes", "listing"}),
    "svg": frozenset({"svg", "math", "foreignobject", "animate", "set", "use", "animatetransform", "handler"}),
}  # fmt: skip
_WHAT = {
    "script": "a script",
    "frame": "a frame or an embedded object",
    "form": "a part of a form",
    "page": "an element that changes the whole page",
    "svg": "an SVG or MathML element, inside which scripts run",
    "tag": "an HTML element",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}
_HANDLER = r"(?i)[\s\"'/]on[a-z]{3,30}[\s]*="
_SCRIPT_URL = r"(?i)=[\s\"']*[a-z&#][a-z0-9&#;\s\x00-\x20]{3,120}(?::|&(?:colon|#0*58|#x0*3a);?)"
_QUOTED = re.compile(r"=\s*(?:\"[^\"]*\"|'[^']*')")
_SCRIPTED = re.compile(r"(?i)(?:java|vb|live|j)script\s*:")


@dataclass(frozen=True)
class HtmlFree(Screened):
    """No HTML that does something where the text is shown: scripts, event handlers, frames, forms, page elements, SVG.

    With ``any_tag`` no HTML at all. Elements are found as a browser's tokenizer finds them (``<`` and a letter), in
    any case and also where they are not closed. Text that looks like code is read as well, because what is code to
    one renderer is not to another: where answers show HTML, let the renderer escape it instead.

    Does not see: HTML that is escaped now and unescaped later, HTML put together by a script or template, names that
    become elements after normalisation, plain elements that load or link (``outside_links``), CSS that hides or
    covers, Markdown that a renderer turns into HTML, custom elements unless ``any_tag``.

    Codes: ``html_free.script``, ``.frame``, ``.form``, ``.page``, ``.svg``, ``.handler``, ``.url`` (a script in an
    attribute), and with ``any_tag`` ``.tag``.
    """

    any_tag: bool = False
    """Whether every element is refused, not only those that do something."""

    name: ClassVar[str] = "html_free"
    source: ClassVar[str] = "WHATWG HTML 13.2.5 (tokenization); OWASP XSS Filter Evasion; CWE-79"

    @property
    def screen(self) -> str:
        """What every element begins with."""
        return "<[A-Za-z/!?]"

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """Elements of one text."""
        tags = list(_TAG.finditer(text))
        for tag in tags:
            kind = _KIND_OF.get(tag[1].lower().rpartition(":")[2], "tag" if self.any_tag else "")
            if kind:
                yield _finding(kind, f"The text holds {_WHAT[kind]}.", text, tag.span())
        begins = [tag.start() for tag in tags]
        if begins:
            yield from _attributes(text, begins)


def _attributes(text: str, begins: list[int]) -> Iterator[Finding]:
    for begin, end in matches(_HANDLER, text):
        if _inside(text, begins, begin):
            yield _finding("handler", "The text holds an event handler, which runs a script.", text, (begin + 1, end))
    for begin, end in matches(_SCRIPT_URL, text):
        # Controls and blanks inside a scheme are dropped by browsers.
        plain = re.sub(r"[\x00-\x20]", "", html.unescape(text[begin + 1 : end])).strip("\"'")
        if _inside(text, begins, begin) and _SCRIPTED.fullmatch(plain):
            yield _finding("url", "The text holds a script in an attribute.", text, (begin, end))


def _inside(text: str, begins: list[int], place: int) -> bool:
    """Whether an element begins before, and is not surely closed by then."""
    index = bisect_right(begins, place) - 1
    if index < 0:
        return False
    return ">" not in _QUOTED.sub("", text[begins[index] : min(place, begins[index] + 2_000)])


def _finding(code: str, message: str, text: str, span: tuple[int, int]) -> Finding:
    return Finding(f"html_free.{code}", message, span=span, excerpt=excerpt(text, span), hint="Write it in plain text.")
