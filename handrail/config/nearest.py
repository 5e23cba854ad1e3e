"""The name that was probably meant, for every message that refuses one."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches


def nearest(name: str, names: Sequence[str], *, cutoff: float = 0.6) -> str | None:
    """The hint that names what was probably meant, or None. Case is forgiven before letters are.

    ``cutoff`` says how like it must be: 0 anything, 1 the same letters.
    """
    folded = {candidate.casefold(): candidate for candidate in sorted(names)}
    found = get_close_matches(name.casefold(), list(folded), n=1, cutoff=cutoff)
    return f'Did you mean "{folded[found[0]]}"?' if found else None
