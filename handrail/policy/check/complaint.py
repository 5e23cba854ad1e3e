"""What a check of a policy can say: one complaint, and the table of every code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from handrail.config.settings import Place

Severity = Literal["error", "warning"]

CODES: Mapping[str, tuple[Severity, str]] = {
    "load": ("error", "The file is not understood: TOML, a key, a name, a condition or pattern, or a Casbin file."),
    "unknown-tool": ("error", "A tool, group or pattern stands for no tool that an agent has."),
    "unknown-argument": ("error", "A condition reads an argument that a covered tool does not have."),
    "unknown-fact": ("error", "A condition reads a fact that there is not, or that belongs to another action."),
    "impossible-type": ("error", "Values are compared, or given to a function, that never have a fitting type."),
    "outside-values": ("error", "A constant is not among the values that the schema lists for the argument."),
    "never-true": ("error", "A condition, or a part of it, can never be true."),
    "unanchored-pattern": ("error", "A pattern covers more than is written: it has no end, or its tail is ignored."),
    "unknown-action": ("error", "A Casbin row names an action that nothing here does."),
    "shadowed": ("error", "An allow that a deny covers entirely: it never allows anything."),
    "duplicate": ("error", "Two rules say the same."),
    "inert-delegation": ("error", "A delegation of rights that the delegator can never have."),
    "role-depth": ("error", "More than nine roles in a row: farther ones are not followed."),
    "role-cycle": ("warning", "Casbin roles that include each other."),
    "near-argument": ("warning", "An argument that an open schema does not declare, and that is nearly one it does."),
    "never-true-for-tool": ("warning", "A condition that can never be true for one of several covered tools."),
    "always-true": ("warning", "A condition that is true of every call: it restricts nothing."),
    "redundant": ("warning", "A rule that a wider one of the same kind makes needless."),
    "unbounded-money": ("warning", "An allow for a tool that moves money, without an upper bound of the amount."),
    "path-prefix": ("warning", "A path is compared by its beginning, which `..` gets around."),
    "everything-allowed": ("warning", "Everybody may call everything, without a condition."),
    "uncovered-tool": ("warning", "A tool that no rule allows anybody to call."),
    "not-known": ("warning", "A tool that these agents do not have; perhaps another agent does."),
    "not-indexed": ("warning", "A matcher or rule that the engine cannot index: each decision takes longer."),
}  # fmt: skip
"""Code -> how grave it is, and what it means."""

HARMLESS = frozenset({"shadowed", "duplicate", "inert-delegation"})
"""Errors that give nobody more than is meant. They keep a changed file from nothing: a denial of everything, written
in an emergency, shadows every allow."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong with a policy, or probably not meant."""

    code: str
    """A key of `CODES`."""
    message: str
    """What is wrong, in one sentence."""
    file: Path | None = None
    line: int | None = None
    """First line of the rule, delegation or row, 1-based."""
    hint: str = ""
    """The fix, in one sentence."""

    @property
    def severity(self) -> Severity:
        """``error``: enforce mode refuses the policy; ``warning``: somebody should look at it."""
        return CODES[self.code][0]

    def __str__(self) -> str:
        """``file:line: error[code]: message``, without the hint."""
        where = f"{self.file or 'handrail.toml'}:{self.line}: " if self.line else f"{self.file}: " if self.file else ""
        return f"{where}{self.severity}[{self.code}]: {self.message}"


def at(place: Place, code: str, message: str, hint: str = "") -> Complaint:
    """A complaint about what stands at ``place``."""
    return Complaint(code, message, place.file, place.line, hint)
