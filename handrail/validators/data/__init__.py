"""Whether values make sense: ranges, references, totals, dates, identifiers with check digits."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {}
"""Name -> ``MODULE:CLASS`` in this package."""
