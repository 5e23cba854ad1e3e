"""What a governed run is asked by SQL in the tests of this seam: the index of its folder, folded now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from handrail.audit.index import Index


class Asked:
    """The index beside a handrail.toml."""

    def __init__(self, folder: Path) -> None:
        self._index = Index(folder / ".handrail")
        self._index.refresh(block=True)

    def rows(self, sql: str, *params: object) -> list[tuple[Any, ...]]:
        """The rows of a statement."""
        return [tuple(row.values()) for row in self._index.query(sql, params)]

    def one(self, sql: str, *params: object) -> Any:
        """The only value of a statement."""
        ((value,),) = self.rows(sql, *params)
        return value


UNDECIDED = "SELECT tool, call_id, decisions FROM proposals WHERE decisions <> proposed"
"""Proposed calls that have not exactly one decision."""
UNPROPOSED = """
SELECT name, call_id FROM steps s WHERE type = 'tool' AND call_id IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM links l JOIN proposed_calls p ON p.run = l.to_run AND p.step = l.to_step
    WHERE p.call_id IS NOT DISTINCT FROM s.call_id AND l.run = s.run AND l.step = s.step)"""
"""Decisions on what nobody proposed."""
UNFINISHED = """
SELECT o.name, o.call_id, count(c.step) FROM opens o LEFT JOIN closes c ON c.run = o.run AND c.step = o.step
WHERE o.type = 'tool' AND o.ran GROUP BY o.run, o.step, o.name, o.call_id HAVING count(c.step) <> 1"""
"""Executed calls that have not exactly one result."""


def check_exact(folder: Path, ran: list[str]) -> Asked:
    """Every proposed call has one decision and nothing else has any; what ran is what the tools noted."""
    asked = Asked(folder)
    assert asked.one("SELECT count(*) FROM proposed_calls") > 0
    assert asked.rows(UNDECIDED) == []
    assert asked.rows(UNPROPOSED) == []
    assert asked.rows(UNFINISHED) == []
    executed = asked.rows("SELECT name, count(*) FROM steps WHERE type = 'tool' AND ran GROUP BY name ORDER BY name")
    assert dict(executed) == {name: ran.count(name) for name in ran}
    return asked
