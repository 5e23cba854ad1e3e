"""Whether code would compile, and keeps to what is allowed. Nothing is ever run."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {}
"""Name -> ``MODULE:CLASS`` in this package."""
