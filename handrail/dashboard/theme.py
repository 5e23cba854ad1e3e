"""The explorer's words, symbols and colours. Colours are Okabe and Ito's, told apart by every kind of eye.

Colour never stands alone: each verdict and outcome has a symbol and a word as well. A value that is not in
these tables comes from a foreign or damaged record and is shown as ``unknown``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

BLUE, SKY, GREEN = "#0072B2", "#56B4E9", "#009E73"
VERMILION, ORANGE, PURPLE = "#D55E00", "#E69F00", "#CC79A7"
SLATE, SILVER, INK, AMBER = "#64748B", "#A8B0BD", "#1F2937", "#8C6D00"


BadgeColour = Literal["red", "orange", "blue", "green", "violet", "gray"]


@dataclass(frozen=True, slots=True)
class Look:
    """How one word of the journal appears."""

    word: str
    """What people read."""
    symbol: str
    colour: str
    """Hex, for pictures."""
    badge: BadgeColour
    """Name of the nearest Streamlit badge colour."""

    @property
    def text(self) -> str:
        """Symbol and word."""
        return f"{self.symbol} {self.word}"


UNKNOWN = Look("unknown", "?", SILVER, "gray")

OUTCOMES: Mapping[str, Look] = {
    "running": Look("running", "▶", BLUE, "blue"),
    "ok": Look("ok", "✓", GREEN, "green"),
    "error": Look("error", "!", VERMILION, "red"),
    "rejected": Look("rejected", "✕", PURPLE, "violet"),
    "interrupted": Look("interrupted", "‖", ORANGE, "orange"),
    "cancelled": Look("cancelled", "■", SILVER, "gray"),
    "not_found": Look("not found", "○", SKY, "gray"),
    "lost": Look("lost", "?", SLATE, "gray"),
}
"""Outcome of a run or step -> its look."""

VERDICTS: Mapping[str, Look] = {
    "allow": Look("allowed", "✓", GREEN, "green"),
    "deny": Look("denied", "✕", VERMILION, "red"),
    "reject": Look("rejected", "✕", PURPLE, "violet"),
    "would_deny": Look("would be denied", "△", ORANGE, "orange"),
    "would_reject": Look("would be rejected", "△", AMBER, "orange"),
    "stopped": Look("stopped", "✕", SLATE, "gray"),
    "ask": Look("waits for a person", "‖", ORANGE, "orange"),
}
"""Verdict on a proposed call -> its look."""

ACTIONS: Mapping[str, Look] = {
    "recorded": Look("recorded", "·", SKY, "blue"),
    "redacted": Look("redacted", "▒", BLUE, "blue"),
    "repaired": Look("repaired", "✓", GREEN, "green"),
    "rejected": Look("rejected", "✕", PURPLE, "violet"),
    "asked": Look("a person asked", "‖", ORANGE, "orange"),
    "given up": Look("given up", "!", VERMILION, "red"),
    "only marked": Look("only marked", "△", AMBER, "orange"),
}
"""What was done about a finding -> its look."""

STEPS: Mapping[str, Look] = {
    "agent": Look("agent", "●", SLATE, "gray"),
    "model": Look("model", "◆", BLUE, "blue"),
    "tool": Look("tool", "■", GREEN, "green"),
    "memory_read": Look("memory, read", "▽", SKY, "blue"),
    "memory_write": Look("memory, written", "▲", AMBER, "orange"),
    "retrieval": Look("retrieval", "○", SKY, "blue"),
    "embedding": Look("embedding", "▫", SKY, "blue"),
    "plan": Look("plan", "≡", INK, "gray"),
    "reflection": Look("reflection", "◇", INK, "gray"),
    "handoff": Look("handoff", "→", SLATE, "gray"),
    "workflow": Look("workflow", "◎", SLATE, "gray"),
    "create": Look("agent made", "+", SLATE, "gray"),
    "fetch": Look("answer fetched", "◁", BLUE, "blue"),
    "mcp": Look("MCP", "▣", GREEN, "green"),
    "replayed": Look("given back", "↺", SKY, "blue"),
    "waiting": Look("waits for a person", "‖", ORANGE, "orange"),
    "stopped": Look("tool, stopped", "✕", VERMILION, "red"),
    "marked": Look("tool, would be stopped", "△", ORANGE, "orange"),
    "failed": Look("failed", "!", PURPLE, "violet"),
}
"""What the waterfall tells apart -> its look."""

EFFECTS: Mapping[str, Look] = {
    "done": Look("done", "✓", GREEN, "green"),
    "running": Look("running", "▶", BLUE, "blue"),
    "in doubt": Look("in doubt", "?", VERMILION, "red"),
    "suspended": Look("suspended", "‖", ORANGE, "orange"),
    "failed": Look("not done", "○", SLATE, "gray"),
    "resolved": Look("done, as was found out", "✓", AMBER, "green"),
    "refused": Look("never to be made again", "■", PURPLE, "violet"),
}
"""Status of an effect -> its look."""

MARKS: Mapping[str, Look] = {
    "done": Look("done", "■", GREEN, "green"),
    "replayed": Look("given back", "↺", SKY, "blue"),
    "in doubt": Look("in doubt", "?", VERMILION, "red"),
    "asked": Look("waits for a person", "‖", ORANGE, "orange"),
    "answered": Look("answered by a person or a query", "◆", AMBER, "orange"),
    "orphan": Look("not asked for again", "✕", PURPLE, "violet"),
    "failed": Look("not done", "○", SLATE, "gray"),
    "running": Look("running", "▶", BLUE, "blue"),
}
"""What a life of a run did about one call -> its look in the picture of the lives."""

DECIDERS: Mapping[str, str] = {
    "policy": "policy",
    "schema": "argument schema",
    "validator": "validator",
    "identity": "identity",
    "unknown_tool": "unknown tool",
    "error": "error while deciding",
    "none": "no policy configured",
    "owner": "owner of the memory",
    "agent": "the agent's own code",
    "approval": "a person",
    "limit": "a limit",
    "output": "it was the answer itself",
    "invalid": "it could not be read",
    "run": "the run was over",
    "effect": "nobody knows whether it happened",
}
"""Who or what decided, in words."""


def outcome(key: object) -> Look:
    """The look of an outcome of the journal, whatever it holds."""
    return OUTCOMES.get(str(key), UNKNOWN)


def verdict(key: object) -> Look:
    """The look of a verdict of the journal, whatever it holds."""
    return VERDICTS.get(str(key), UNKNOWN)


def action(key: object) -> Look:
    """The look of what was done about a finding, whatever the record holds."""
    word = str(key)
    if word.startswith("would_be_"):
        return ACTIONS["only marked"]
    return ACTIONS.get("given up" if word in ("refused", "escalated", "failed") else word, UNKNOWN)


_READS = ("search", "read", "get", "list", "retrieve")


def step_kind(kind: str, verdict: str | None, outcome: str, operation: str = "", *, how: str = "") -> str:
    """The key of :data:`STEPS` for a step of ``kind``, by what was decided first and how it ended second.

    ``operation`` is what was done with memory: what does not read it writes it. ``how`` says whether the result was
    given back from an earlier life of the run.
    """
    if verdict == "ask":
        return "waiting"
    if how == "replayed":
        return "replayed"
    if verdict in ("deny", "reject", "stopped"):
        return "stopped"
    if verdict in ("would_deny", "would_reject"):
        return "marked"
    if outcome in ("error", "rejected"):
        return "failed"
    if kind == "memory":
        return "memory_read" if operation.startswith(_READS) else "memory_write"
    return kind if kind in STEPS else "tool"


_NAMED = {"RED": VERMILION, "ORANGE": ORANGE, "BLUE": BLUE, "GREEN": GREEN, "VIOLET": PURPLE, "GRAY": SLATE}


def environment() -> dict[str, str]:
    """Streamlit's theme settings as environment variables."""
    return {
        "STREAMLIT_THEME_BASE": "light",
        "STREAMLIT_THEME_PRIMARY_COLOR": BLUE,
        "STREAMLIT_THEME_TEXT_COLOR": INK,
        "STREAMLIT_THEME_BORDER_COLOR": "#E2E8F0",
        "STREAMLIT_THEME_CODE_BACKGROUND_COLOR": "#F4F6F9",
        "STREAMLIT_THEME_CODE_TEXT_COLOR": "#334155",
        "STREAMLIT_THEME_BASE_RADIUS": "6px",
        "STREAMLIT_THEME_BASE_FONT_SIZE": "14",
        **{f"STREAMLIT_THEME_{name}_COLOR": colour for name, colour in _NAMED.items()},
        "STREAMLIT_THEME_METRIC_VALUE_FONT_SIZE": "1.45rem",
    }
