"""Faults of the sample that nothing finds, each by what `Fault.key` calls it."""

from __future__ import annotations

SAME: dict[str, str] = {}
"""Fault -> why it is none: what a check says stays the same."""
SURVIVE: dict[str, str] = {}
"""Fault -> what it changes, and why no example shows it."""
