"""What must not be in a text: secrets, personal data, hidden characters, ways out."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {}
"""Name -> ``MODULE:CLASS`` in this package."""
