"""handrail.toml -> checked, typed settings. What a setting means for a decision lives in policy/ and validators/."""

from __future__ import annotations

from handrail.config.environment import Candidate, find, places
from handrail.config.loader import from_texts, load
from handrail.config.settings import (
    CasbinSettings,
    ContentSettings,
    DelegateSettings,
    Effect,
    Mode,
    Place,
    ResumeSettings,
    RuleSettings,
    Settings,
    ToolSettings,
    ValidateSettings,
)
from handrail.config.tools import check_spelling, check_tools, named_tools

__all__ = [
    "Candidate",
    "CasbinSettings",
    "ContentSettings",
    "DelegateSettings",
    "Effect",
    "Mode",
    "Place",
    "ResumeSettings",
    "RuleSettings",
    "Settings",
    "ToolSettings",
    "ValidateSettings",
    "check_spelling",
    "check_tools",
    "find",
    "from_texts",
    "load",
    "named_tools",
    "places",
]
