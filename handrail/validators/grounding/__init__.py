"""Whether an answer rests on what the run has seen: citations, quotations, numbers, links."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {}
"""Name -> ``MODULE:CLASS`` in this package."""
