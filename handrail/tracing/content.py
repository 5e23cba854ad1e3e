"""Whether content (prompts, arguments, results, exception texts) may leave on spans and events: by default it may not.

The standard variable decides for the whole process, else ``[content]`` of handrail.toml; its tenants and tools limit
both. What is taken out of content first is the audit's business, since it goes for the journal too.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from handrail.config import ContentSettings

log = logging.getLogger(__name__)

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""Standard variable that puts content on spans and events."""
EVERY = ("*",)
_LONGEST = 256
"""Characters of a name that patterns are held against: a model can make up any."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a run's content may leave, and where to."""

    spans: bool = False
    events: bool = False
    details: bool = False
    """Whether there is an event with the details of every model call."""
    tools: tuple[str, ...] = EVERY
    """Only arguments and results of these tools; anything but ``*`` shuts out all that is no tool's own."""

    def at(self, tool: str | None) -> bool:
        """Whether the content of a step may be shown: of a call of ``tool``, or (None) of any other step."""
        return (self.spans or self.events) and (
            self.tools == EVERY or (tool is not None and _matches(self.tools, tool))
        )


NOTHING = Shown()
_VALUES = {
    "no_content": NOTHING, "false": NOTHING, "true": Shown(spans=True, events=True), "span_only": Shown(spans=True),
    "event_only": Shown(events=True, details=True), "span_and_event": Shown(spans=True, events=True, details=True),
}  # fmt: skip
_WRONG = (
    "%s is %r, which is none of NO_CONTENT, SPAN_ONLY, EVENT_ONLY, SPAN_AND_EVENT, true and false: no content leaves."
)


def captured(environ: Mapping[str, str] = os.environ) -> Shown | None:
    """What the standard variable says; None where it is not set. One that cannot be read shows nothing, and says so."""
    said = environ.get(CAPTURE, "")
    if not said:
        return None
    if said.lower() not in _VALUES:
        log.warning(_WRONG, CAPTURE, said)
    return _VALUES.get(said.lower(), NOTHING)


class Switch:
    """Says for every run what of its content may leave, by the settings that are in force. Thread-safe."""

    def __init__(self, settings: Callable[[], ContentSettings], environ: Mapping[str, str] = os.environ) -> None:
        self._settings, self._captured = settings, captured(environ)

    def of(self, tenant: str) -> Shown:
        """What may leave of a run for ``tenant``."""
        settings = self._settings()
        switched = self._captured or (_VALUES["true"] if settings.spans else NOTHING)
        if switched is NOTHING or not (settings.tenants == EVERY or _matches(settings.tenants, tenant)):
            return NOTHING
        return switched if settings.tools == EVERY else _limited(switched, settings.tools)


@lru_cache(maxsize=32)
def _limited(shown: Shown, tools: tuple[str, ...]) -> Shown:
    return Shown(shown.spans, shown.events, shown.details, tools)


def _matches(patterns: tuple[str, ...], name: str) -> bool:
    return len(name) <= _LONGEST and _compiled(patterns).fullmatch(name) is not None


@lru_cache(maxsize=64)
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(".*".join(map(re.escape, pattern.split("*"))) for pattern in patterns), re.DOTALL)
