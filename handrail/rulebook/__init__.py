"""The rules in force at this moment, renewed when what they were read from changes.

The snapshot and its exchange are in rulebook.py; how a changed file is noticed, in watch.py; when the rows of a Casbin
adapter are due, in poll.py.
"""

from __future__ import annotations

from handrail.rulebook.rulebook import Rulebook, Snapshot, snapshot

__all__ = ["Rulebook", "Snapshot", "snapshot"]
