"""Phrases that injected orders are often written in. A fact about a text, and no defence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from handrail.validators.context import Context
from handrail.validators.findings import Finding
from handrail.validators.safety.screened import Screened, matches
from handrail.validators.texts import excerpt

_WHOSE = r"(?:\s+(?:all|any|of|the|your|my|these|those|its|everything|whatever))*"
_ORDERS = r"(?:instructions?|prompts?|directions?|directives?|messages?|commands?|context|rules|guidelines|tasks?|text)"
_MARKERS: dict[str, tuple[str, str]] = {
    "override": (
        "it asks to ignore what was said before",
        rf"\b(?:ignore|disregard|forget|override|bypass|dismiss|neglect)\b{_WHOSE}\s+"
        rf"(?:(?:previous|prior|above|earlier|preceding|foregoing|original|initial|existing|system|other)\s+{_ORDERS}"
        r"|instructions?\b|(?:you\s+were\s+told|you\s+have\s+been\s+told|the\s+user\s+(?:said|asked)))"
        r"|\bdo\s+not\s+follow\s+(?:the\s+|any\s+|your\s+)?(?:previous|prior|above|earlier|original)\b",
    ),
    "important_message": (
        "it claims to be an important message to the model",
        r"\bthis\s+is\s+an\s+important\s+message\s+from\s+(?:me|the\s+user|your)\b|<information>|</information>"
        r"|\bbefore\s+you\s+can\s+solve\s+the\s+task\s+that\s+i\s+gave\b|\bmaking\s+the\s+appropriate\s+tool\s+calls\b"
        r"|\bsolve\s+it\s+by\s+executing\s+the\s+following\b|\bimportant\s*!{3,}\s*ignore\b",
    ),
    "new_goal": (
        "it gives the model a new goal",
        r"\byour\s+new\s+(?:goal|task|instructions?|objective|mission|role)s?\s+(?:is|are)\b"
        r"|\byou\s+must\s+(?:now\s+)?(?:accomplish|complete|perform)\s+a\s+new\s+task\b"
        r"|\b(?:new|updated)\s+(?:system\s+)?instructions?\s*:|\binstead,?\s+(?:you\s+must|please)\s+(?:do|execute|perform)"
        r"\s+the\s+following\b",
    ),
    "role": (
        "it holds marks with which prompts tell who speaks",
        r"<\|(?:im_start|im_end|system|user|assistant|start_header_id|end_header_id|eot_id|endoftext|begin_of_text"
        r"|channel|message|start|end|return)\|>|\[/?INST\]|<</?SYS>>|</?(?:system|tool_results?|function_results?"
        r"|function_calls|user_query|system_prompt|start_of_turn|end_of_turn)>"
        r"|\n\s*#{1,4}\s*(?:system|instruction|assistant|human)s?(?:\s+(?:prompt|message))?\s*:"
        r"|\n\n(?:human|assistant):\s",
    ),
    "done": (
        "it claims that the task is done, so that another may begin",
        r"\bthe\s+(?:previous|first|original|user'?s?)\s+(?:task|goal|request)\s+(?:is|was|has\s+been)\s+(?:now\s+)?"
        r"(?:complete|completed|finished|done|cancelled)\b|\bend\s+of\s+(?:the\s+)?(?:tool\s+)?(?:document|results?|data)"
        r"\b[\s.\]>-]{1,5}(?:new|now|begin|system)\b",
    ),
    "persona": (
        "it asks the model to be another one, without rules",
        r"\byou\s+are\s+now\s+(?:DAN|in\s+(?:developer|debug|god)\s+mode|an?\s+unrestricted|unrestricted|free\s+from)\b"
        r"|\bdo\s+anything\s+now\b|\b(?:developer|god|debug)\s+mode\s+(?:is\s+)?(?:now\s+)?(?:enabled|activated)\b"
        r"|\bthis\s+is\s+a\s+prompt\s+injection\b|\boverride\s+system\s+prompt\b|\bor\s+else\s+i\s+will\s+unplug\s+you\b",
    ),
    "conceal": (
        "it asks to keep something from the user",
        r"\b(?:do\s+not|don'?t|never|without)\s+(?:tell|telling|inform|informing|mention|mentioning|reveal|revealing"
        r"|alert|alerting|notify|notifying|show|showing)\s+(?:\w+\s+){0,3}(?:the\s+user|to\s+the\s+user|your\s+user)\b",
    ),
    "leak": (
        "it asks for the model's own instructions",
        r"\b(?:reveal|print|repeat|show|output|display|leak|send)\b(?:\s+\w+){0,3}\s+your\s+(?:system|initial|hidden|secret"
        r"|original)\s+(?:prompt|instructions?)\b|\brepeat\s+(?:all\s+of\s+)?the\s+(?:words|text)\s+above\b",
    ),
}
_PATTERNS = {name: f"(?i:{pattern})" for name, (_, pattern) in _MARKERS.items()}
_SCREEN = "|".join(_PATTERNS.values())


@dataclass(frozen=True)
class InjectionMarkers(Screened):
    """Phrases and marks in which published attacks write their orders, in what a tool or retriever brought.

    Every finding is a **warning**: a fact to record and to search for later, never a reason to trust what has none.
    It is not a defence. Whoever writes the text chooses the words: on AgentDojo (banking, slack, travel) a published
    list of such patterns let the benchmark's own template through in 5 of 100 cases, and the same order in other
    words in 94 of 100, as often as no defence at all. What holds is about effects: rules, approvals, limits.

    Does not see: any order in other words, in other languages, misspelled, split over fields, encoded, in pictures, in
    hidden characters (``hidden_characters`` sees those), written as an innocent fact or request. Honest texts about
    prompt injection, and chats about instructions, have markers too.

    Codes: ``injection_markers.override``, ``.important_message``, ``.new_goal``, ``.role``, ``.done``, ``.persona``,
    ``.conceal``, ``.leak``.
    """

    name: ClassVar[str] = "injection_markers"
    source: ClassVar[str] = "AgentDojo (arXiv 2406.13352), InjecAgent (arXiv 2403.02691), chat templates of open models"

    @property
    def screen(self) -> str:
        """Any of the phrases."""
        return _SCREEN

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """The first place of each kind in one text."""
        for name, pattern in _PATTERNS.items():
            for span in matches(pattern, text):
                message = f"The text reads like an order to the model: {_MARKERS[name][0]}."
                yield Finding(f"injection_markers.{name}", message, severity="warning", span=span,
                              excerpt=excerpt(text, span))  # fmt: skip
                break
