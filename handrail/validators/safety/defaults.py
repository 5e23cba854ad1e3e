"""The checks that are on when nothing else is said, as one that takes microseconds where there is nothing to find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from handrail.validators.context import Context, On
from handrail.validators.findings import MAX_FINDINGS, Findings
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.safety.hidden import HiddenCharacters
from handrail.validators.safety.injection import InjectionMarkers
from handrail.validators.safety.outside_links import OutsideLinks
from handrail.validators.safety.public_url import PublicUrl
from handrail.validators.safety.screened import TOO_LARGE, Screened, TooMuch, joined, placed, regex, strings
from handrail.validators.safety.secrets import Secrets

_IN = ("secrets", "hidden_characters", "injection_markers")
_OUT = ("secrets", "hidden_characters", "outside_links")
_NAMES: Mapping[On, tuple[str, ...]] = {
    "arguments": ("secrets", "hidden_characters", "public_url"),
    "input": ("secrets", "hidden_characters"),
    "result": _IN,
    "documents": _IN,
    "output": _OUT,
    "answer": _OUT,
    "": ("secrets", "hidden_characters", "public_url", "injection_markers", "outside_links"),
}


@dataclass(frozen=True)
class Default(Check):
    """What is looked for when nothing else is said; which of it, the place says.

    Everywhere: ``secrets()`` and ``hidden_characters()``. In arguments of tools also
    ``public_url(if_url=true, schemes=[])``; in tool results and retrieved documents ``injection_markers()``, which only
    records; in outputs and answers ``outside_links(level='carries')``. A value that stands nowhere is checked for all.
    Its findings are exactly those of these checks, in this order, at most twenty, and no finding twice.

    One pattern for all of them is searched for in all texts of the value together, once; only where something is found
    are the checks asked. What each of them does not see is written with it.

    Codes: those of the checks.
    """

    source: ClassVar[str] = "own: of the checks of this package those that are seldom wrong about honest values"

    def __post_init__(self) -> None:
        # So that the first call does not pay for it.
        for on in _NAMES:
            regex(_screen(on)).search(b"")

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What the checks for this place find."""
        try:
            data = joined(strings(value))
        except TooMuch:
            return (TOO_LARGE,)
        if not regex(_screen(context.on)).search(data):
            return ()
        known = placed(value)
        needed = (part for part in parts(context.on) if regex(part.screen).search(data))
        said = (found for part in needed for found in part.closely(known, context))
        return tuple(dict.fromkeys(said))[:MAX_FINDINGS]


@cache
def parts(on: On) -> tuple[Screened, ...]:
    """The checks for one place."""
    made: dict[str, Screened] = {
        "secrets": Secrets(),
        "hidden_characters": HiddenCharacters(),
        "public_url": PublicUrl(if_url=True, schemes=()),
        "injection_markers": InjectionMarkers(),
        "outside_links": OutsideLinks(level="carries"),
    }
    return tuple(made[name] for name in _NAMES[on])


@cache
def _screen(on: On) -> str:
    return "|".join(f"(?:{part.screen})" for part in parts(on))
