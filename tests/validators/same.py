"""Faults that are none: what a check says stays the same. Each with the reason, by what `Fault.key` calls it."""

from __future__ import annotations

SAME: dict[str, str] = {}
