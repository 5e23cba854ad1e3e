"""Whether a text is Python, and keeps to what it may import, call and name. It is parsed, never compiled or run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from handrail.errors import ConfigError
from handrail.validators.code.python_depth import too_deep
from handrail.validators.code.python_names import DYNAMIC, DYNAMIC_MEMBERS, DYNAMIC_MODULES, Names, names
from handrail.validators.code.source_text import DEEP, CodeCheck, Lines
from handrail.validators.context import Context
from handrail.validators.findings import Finding

FORBIDDABLE = ("dunder", "dynamic", "open")
_FILE = "code under check"
"""What the parser takes for the file's name, by which its warnings are told from others."""
_OURS = rf"{_FILE}\Z"

_COOKIE = re.compile(r"(?:[^\r\n]*(?:\r\n|\r|\n))?[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)")
"""A declaration of the encoding, in one of the first two lines (PEP 263)."""


@dataclass(frozen=True)
class Python(CodeCheck):
    """Whether a text is Python as the running interpreter parses it; with options, what it may use.

    With ``imports`` or ``calls``, what goes around such a list is forbidden as well (``dunder`` and ``dynamic``).
    ``imports`` alone bounds what is imported, not what an imported module does; ``calls`` is closed: what cannot be
    decided by reading is refused (classes, decorators, called expressions, values that are called, ``match`` on
    classes, ``with`` on anything but a call, assignment to attributes). The code's own functions may be called.
    What a listed function does with its arguments is its own affair, and names that the host of the code defines for
    it count as unlisted only where the code does not itself bind them.

    Findings: ``python.syntax``, ``python.place`` (``return`` outside of a function and the like), ``python.import``,
    ``python.star``, ``python.call`` (a name, attribute or call that is not listed), ``python.rebind``,
    ``python.construct`` (what a list of calls cannot see into), ``python.dunder``, ``python.dynamic``,
    ``python.open``, ``python.format`` (a format that reads attributes), ``python.encoding`` (one that is
    declared and not UTF-8), ``python.depth``.
    """

    imports: tuple[str, ...] | None = None
    """Modules that may be imported, such as ``json`` or ``numpy.*``; none given allows all, an empty list none."""
    calls: tuple[str, ...] | None = None
    """Names that may be used: ``len``, ``math.*``, ``.append`` (of any value); their modules may be imported."""
    forbid: tuple[str, ...] = ()
    """Of ``dunder`` (names such as ``__class__``), ``dynamic`` (``eval``, ``getattr``...), ``open`` (files)."""
    allowed_imports: Names | None = field(init=False, repr=False, compare=False, default=None)
    allowed_calls: Names | None = field(init=False, repr=False, compare=False, default=None)

    source: ClassVar[str] = "The Python Language Reference; lists of ways around after RestrictedPython"
    name: ClassVar[str] = "python"
    language: ClassVar[str] = "Python"
    max_chars: ClassVar[int] = 10_000

    def __post_init__(self) -> None:
        """Raise ConfigError for what is no name, or is a way around the list that it stands in."""
        for one in self.forbid:
            if one not in FORBIDDABLE:
                raise ConfigError(f"python(forbid={one!r:.50}) is unknown.", hint=f"Known: {', '.join(FORBIDDABLE)}.")
        if self.calls is not None:
            _refuse_ways_around(self.calls, "calls")
            object.__setattr__(self, "allowed_calls", names(self.calls, "calls"))
        if self.imports is not None:
            _refuse_ways_around(self.imports, "imports")
            object.__setattr__(self, "allowed_imports", names(self.imports, "imports"))
        elif self.calls is not None:
            object.__setattr__(self, "allowed_imports", names(self.calls, "calls", prefixes=True))

    def forbids(self, what: str) -> bool:
        """Whether ``what`` of FORBIDDABLE is forbidden here."""
        return what in self.forbid or (what != "open" and self.allowed_imports is not None)

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """What is wrong with it."""
        if (cookie := _COOKIE.match(text)) and cookie[1].lower() not in ("utf-8", "utf8"):
            said = f"It declares the encoding {cookie[1][:50]}, in which another program may stand here. Use UTF-8."
            yield self.found("encoding", said, text, cookie.span(1))
        if too_deep(text):
            yield self.found("depth", DEEP, text)
            return
        try:
            tree = parsed(text)
        except SyntaxError as error:
            yield self._broken(text, error)
        except UnicodeEncodeError as error:
            said = "It holds half of a surrogate pair, which is no character."
            yield self.found("syntax", said, text, (error.start, error.end))
        except ValueError:
            yield self.found("syntax", "It holds a NUL character, which no Python code has.", text)
        except (RecursionError, MemoryError):
            yield self.found("depth", DEEP, text)
        else:
            yield from self._rules(text, tree)

    def _broken(self, text: str, error: SyntaxError) -> Finding:
        return self.broken(text, error.msg, error.lineno or 1, max(error.offset or 1, 1))

    def _rules(self, text: str, tree: ast.Module) -> Iterator[Finding]:
        from handrail.validators.code.python_calls import calls
        from handrail.validators.code.python_rules import Faults, forbidden, imports
        from handrail.validators.code.python_tree import Nodes, TooManyNodes, bindings, misplaced

        try:
            nodes = Nodes(tree)
        except TooManyNodes:
            yield Finding("unchecked.size", "The code is too large to be read.", hint="Give it in parts.")
            return
        faults = Faults(self, Lines(text))
        for node, word in misplaced(nodes, tree):
            faults.add("place", node, f"`{word}` has no meaning here.")
        if self.forbid or self.allowed_imports is not None:
            bound = bindings(nodes)
            imports(faults, nodes, bound)
            forbidden(faults, nodes, bound)
            if self.allowed_calls is not None:
                calls(faults, nodes, bound, self.allowed_calls)
        yield from faults.sorted()


def _refuse_ways_around(entries: tuple[str, ...], option: str) -> None:
    for one in entries:
        if one in DYNAMIC or one in DYNAMIC_MEMBERS or str(one).partition(".")[0] in DYNAMIC_MODULES:
            problem = f"python({option}=...) lists {one!r:.100}, with which code goes around the list."
            raise ConfigError(problem, hint="Leave it out, or give no list.")


def parsed(text: str) -> ast.Module:
    """The tree of ``text``. Raises SyntaxError, ValueError, RecursionError or MemoryError; warns of nothing."""
    if not any(getattr(one[3], "pattern", "") == _OURS for one in warnings.filters[:50]):
        # Not catch_warnings, which puts back the filters of the whole process while other threads change them.
        warnings.filterwarnings("ignore", module=_OURS)
    return ast.parse(text, filename=_FILE)
