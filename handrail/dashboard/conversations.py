"""What the pages ask of sessions: their list, one of them, and what happened in it."""

from __future__ import annotations

from typing import Any

from handrail.audit.sessions import LISTED, NAMED, THREAD
from handrail.dashboard.data import Row, Source

MOST_SESSIONS, MOST_ROWS = 500, 1_000
"""Sessions in their list, and rows in the thread of one."""


def sessions(source: Source) -> list[dict[str, Any]]:
    """The latest conversations, of the view ``sessions``."""
    return source.rows(LISTED, None, None, MOST_SESSIONS)


def session(source: Source, tenant: str, name: str) -> Row | None:
    """One conversation, or None."""
    found = source.rows(NAMED, tenant, name, False)
    return found[0] if found else None


def thread(source: Source, tenant: str, name: str) -> list[dict[str, Any]]:
    """What happened in a conversation, oldest first: runs, questions and answers. See THREAD."""
    return source.rows(THREAD, tenant, name, MOST_ROWS)
