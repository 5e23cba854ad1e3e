"""Sessions: the runs of one conversation, through whatever channels and processes they came, as one thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handrail.audit.index import Queries
from handrail.audit.schema import statement
from handrail.errors import JournalError

LISTED = statement("sessions", "listed")
"""Sessions, the latest first. Parameters: tenant or None, user or None, how many at most."""
NAMED = statement("sessions", "named")
"""Sessions of a name, at most 6. Parameters: tenant or None, the name, whether it may be only the beginning."""
THREAD = statement("sessions", "thread")
"""What happened in one session, oldest first: runs, questions to people with their answers, refusals (``event``).

Parameters: tenant, session, how many rows at most."""


def find_session(index: Queries, named: str, tenant: str | None = None) -> Mapping[str, Any]:
    """The session that ``named`` means: its name, or the beginning of only one. Raises JournalError."""
    found = index.query(NAMED, [tenant, named, False]) or index.query(NAMED, [tenant, named, True])
    if not found:
        raise JournalError(f"No session begins with {named}. `handrail traces sessions` lists them.")
    if len(found) > 1:
        names = ", ".join(f"{row['tenant']}/{row['session']}" for row in found[:5])
        raise JournalError(f"Several sessions begin with {named}: {names}. Write more of the name, or name the tenant.")
    return found[0]


def told(row: Mapping[str, Any]) -> str:
    """What one row of a thread says, in words; how a run ended is a column of its own."""
    if row["event"] == "run":
        began = "goes on" if row["part"] > 1 else "begins"
        steps = f"{row['steps']:,} step" + ("" if row["steps"] == 1 else "s")
        return f"{began}, {steps}" + (f", {row['denied']:,} denied" if row["denied"] else "")
    if row["event"] == "refused":
        return f"refused ({row['decision']}): it is somebody else's"
    about = f" about {row['tool']}" if row["tool"] else ""
    decision = f": {row['decision']}" if row["decision"] else ""
    waited = f" after {row['waited_ms'] / 1000:.1f} s" if row["waited_ms"] is not None else ""
    return f"{row['event']}{about}{decision}{waited}"
