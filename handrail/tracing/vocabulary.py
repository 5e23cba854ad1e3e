"""Which words spans are told in: those of OpenTelemetry's GenAI conventions, or OpenInference's."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handrail.tracing import genai, genai_content
from handrail.tracing.genai import Described, Facts

log = logging.getLogger(__name__)

VARIABLE = "HANDRAIL_SPAN_VOCABULARY"
"""Environment variable that chooses: ``genai`` or ``openinference``."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """How facts and content become names and attributes. Every function is pure."""

    opened: Callable[[str, str, Facts, str], Described]
    """Kind, name, facts and conversation of a step that opens -> how its span begins."""
    closed: Callable[[str, Facts], dict[str, Any]]
    """Kind and facts of a step that closes -> attributes."""
    content: Callable[[str, str, bytes, Facts], dict[str, Any]]
    """Kind of step, name of a payload and its JSON, facts -> attributes."""
    asked: Callable[[Sequence[bytes], Facts, Sequence[Any]], dict[str, Any]]
    """New messages in JSON, what they follow, new tool definitions -> attributes of a model's input."""
    noted: Callable[[str, Facts], dict[str, Any]]
    """Kind and facts of a note -> attributes of its event."""


GENAI = Vocabulary(genai.opened, genai.closed, genai_content.content, genai_content.asked, genai.noted)


def chosen(environ: Mapping[str, str] = os.environ) -> Vocabulary:
    """The vocabulary that the environment names, by default ``genai``; one that is not known is one warning."""
    said = environ.get(VARIABLE, "").strip().lower() or "genai"
    if said == "openinference":
        from handrail.tracing.openinference import asked, closed, content, opened

        return Vocabulary(opened, closed, content, asked, genai.noted)
    if said != "genai":
        log.warning("%s is %r, which is neither 'genai' nor 'openinference': spans use 'genai'.", VARIABLE, said)
    return GENAI
