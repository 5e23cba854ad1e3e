"""Faults of the sample that nothing finds, each by what `Fault.key` calls it."""

from __future__ import annotations

SAME: dict[str, str] = {
    "conduct.ordered:Order.check: if now -> if True": "an empty name is in no order",
}
"""Fault -> why it is none: what a check says stays the same."""
SURVIVE: dict[str, str] = {
    "dialects.short:Copier.copy: kind is bool or value is None or kind is float -> "
    "kind is bool and value is None and (kind is float)": "null is copied as a stranger; no verdict shows it",
    "code.python_tree:Nodes.__init__: left < 0 or len(todo) > MAX_NODES -> left < 0 and len(todo) > MAX_NODES": (
        "a bound of work, which shows in time only"
    ),
    "code.sql:SqlCheck._parser.counted: 0 -> 1": "a bound of work: one step less is made",
    "dialects.short:size_of: 0 -> 1": "a bound of work: what has no parts counts as one",
    "code.yaml_text:_Reader._say: 20 -> 21": "findings are cut to twenty again by whoever runs the check",
    "safety.screened:Screened._found: 0 -> 1": "a bound of work: one character less is read",
}
"""Fault -> what it changes, and why no example shows it."""
