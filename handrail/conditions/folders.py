"""Is a path inside a folder? Judged from its text alone, so everything that could be read in two ways is refused."""

from __future__ import annotations

from dataclasses import dataclass

_TWO_WAYS = {
    "\\": "a backslash",
    "%": "a percent sign, which may be an encoded character",
}


MAX_PATH = 4_096
"""Longest path, in characters: PATH_MAX of Linux."""


@dataclass(frozen=True, slots=True)
class Folder:
    """An absolute POSIX path in which nothing is odd."""

    path: str
    """Without a slash at its end; empty for the root."""

    def holds(self, path: str) -> bool:
        """Whether ``path``, in which nothing is odd, is this folder or inside it."""
        return path.removesuffix("/") == self.path or path.startswith(f"{self.path}/")


def oddity(path: str) -> str:
    """What keeps ``path`` from being judged, as a phrase; empty where nothing does."""
    if len(path) > MAX_PATH:
        return f"it is longer than {MAX_PATH:,} characters"
    if not path.startswith("/"):
        return "it does not begin with a slash"
    for character, what in _TWO_WAYS.items():
        if character in path:
            return f"it holds {what}"
    if not path.isprintable():
        return "it holds a control character"
    if any(not name.strip(". ") for name in path.removesuffix("/").split("/")[1:]):
        return "it holds .., . or an empty name"
    return ""
