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
}
"""Verdict on a proposed call -> its look."""

STEPS: Mapping[str, Look] = {
    "agent": Look("agent", "●", SLATE, "gray"),
    "model": Look("model", "◆", BLUE, "blue"),
    "tool": Look("tool", "■", GREEN, "green"),
    "stopped": Look("tool, stopped", "✕", VERMILION, "red"),
    "marked": Look("tool, would be stopped", "△", ORANGE, "orange"),
    "failed": Look("failed", "!", PURPLE, "violet"),
}
"""What the waterfall tells apart -> its look."""

DECIDERS: Mapping[str, str] = {
    "policy": "policy",
    "schema": "argument schema",
    "validator": "validator",
    "identity": "identity",
    "unknown_tool": "unknown tool",
    "error": "error while deciding",
    "none": "no policy configured",
}
"""Who or what decided, in words."""


def outcome(key: object) -> Look:
    """The look of an outcome of the journal, whatever it holds."""
    return OUTCOMES.get(str(key), UNKNOWN)


def verdict(key: object) -> Look:
    """The look of a verdict of the journal, whatever it holds."""
    return VERDICTS.get(str(key), UNKNOWN)


def step_kind(kind: str, verdict: str | None, outcome: str) -> str:
    """The key of :data:`STEPS` for a step of ``kind``, by what was decided first and how it ended second."""
    if verdict in ("deny", "reject"):
        return "stopped"
    if verdict in ("would_deny", "would_reject"):
        return "marked"
    if outcome in ("error", "rejected"):
        return "failed"
    return kind if kind in ("agent", "model", "tool") else "tool"


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
