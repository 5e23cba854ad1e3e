"""Whether the run did what it must: required steps, their order and number, branches that agree."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {}
"""Name -> ``MODULE:CLASS`` in this package."""
