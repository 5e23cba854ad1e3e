"""Names and patterns with ``*``: anchored, case-sensitive, no regular expressions."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pattern:
    """A name, or a pattern in which every ``*`` stands for any characters, none included."""

    text: str
    """As written; the only special character is ``*``."""
    _parts: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parts", tuple(self.text.split("*")))

    @property
    def is_literal(self) -> bool:
        """Whether it covers exactly one name."""
        return len(self._parts) == 1

    def covers(self, name: str) -> bool:
        """Whether the whole of ``name`` matches. Linear in practice: every part is searched once, leftmost first."""
        first, *middle = self._parts
        if not middle:
            return name == first
        last = middle.pop()
        if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
            return False
        at, end = len(first), len(name) - len(last)
        for part in middle:
            found = name.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


def expand(calls: tuple[str, ...], groups: dict[str, tuple[str, ...]]) -> tuple[Pattern, ...]:
    """The patterns of ``calls`` with groups replaced by their members, nested ones too; each once, in order."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    todo = list(reversed(calls))
    while todo:
        name = todo.pop()
        if name not in groups:
            found[name] = None
        elif name not in seen:
            seen.add(name)
            todo.extend(reversed(groups[name]))
    return tuple(Pattern(text) for text in found)
