"""``[content]`` of a checked handrail.toml as settings: groups resolved, patterns tried."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from handrail.config.document import Document
from handrail.config.regex import BadPattern, compiled
from handrail.config.settings import ContentSettings


def content_settings(document: Document) -> ContentSettings:
    """The table ``[content]``, or its defaults. Raises ConfigError for a pattern that cannot be used."""
    table = document.values.get("content", {})
    for index, pattern in enumerate(table.get("redact", [])):
        if problem := _problem(pattern):
            raise document.error(
                f"`redact` in [content] (element {index + 1}) has {pattern!r}: {problem}.", "content", "redact", index
            )
    return ContentSettings(
        spans=table.get("spans", False),
        tenants=tuple(table.get("tenants", ("*",))),
        tools=tuple(_members(table.get("tools", ("*",)), document.values.get("groups", {}))),
        redact=tuple(table.get("redact", ())),
        place=document.place("content"),
    )


def _problem(pattern: str) -> str | None:
    """Why nothing can be redacted by ``pattern``, as a phrase; None when it is a good one."""
    try:
        found = compiled(pattern)
    except BadPattern as problem:
        return str(problem)
    return "it matches where nothing stands" if found.search(b"") else None


def _members(names: list[str] | tuple[str, ...], groups: Mapping[str, list[str]]) -> Iterator[str]:
    for name in names:
        if name in groups:  # no group includes itself: that was checked
            yield from _members(groups[name], groups)
        else:
            yield name
