"""Reflections: which tool calls and structured outputs are one, and what confidence they state. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

THINKING = frozenset({"think", "reflect", "reflection", "critique", "self_critique"})
"""Names, without ``_tool`` behind them, of tools that do nothing but note what the model thinks."""
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d+)?)\s?%", re.ASCII)


def is_thinking(tool: str) -> bool:
    """Whether a tool of this name is one that only notes a thought."""
    return tool.lower().removesuffix("_tool") in THINKING


def thought(args: Mapping[str, object]) -> str | None:
    """The text of a call of such a tool: its only argument that is text, besides ``confidence``; None without one."""
    texts = [value for name, value in args.items() if name != "confidence" and isinstance(value, str)]
    return texts[0] if len(texts) == 1 and texts[0].strip() else None


def confidence(stated: object) -> float | None:
    """A stated confidence as a number from 0 to 1; None where it is none, or could be meant on another scale.

    Taken are a fraction from 0 to 1 and a text in per cent, such as ``"85%"``. A whole number above 0 could be of 1,
    of 10 or of 100 and is left out.
    """
    if isinstance(stated, str):
        percent = _PERCENT.fullmatch(stated.strip())
        return _fraction(float(percent[1]) / 100) if percent else None
    if isinstance(stated, float):
        return _fraction(stated)
    return 0.0 if isinstance(stated, int) and not isinstance(stated, bool) and stated == 0 else None


def is_stated(value: object) -> bool:
    """Whether a field called ``confidence`` states one: a number, or a text in per cent."""
    if isinstance(value, str):
        return _PERCENT.fullmatch(value.strip()) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def fraction(stated: object) -> float | None:
    """A confidence that is meant from 0 to 1; None where it is not such a number."""
    if isinstance(stated, bool) or not isinstance(stated, (int, float)):
        return None
    return _fraction(float(stated)) if abs(stated) <= 1 else None


def _fraction(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) and 0 <= value <= 1 else None
