"""What every governed call goes through, and every document that is read: no framework is known here.

The pipeline is in pipeline.py; what it is asked and answers, in calls.py; what one set of rules says of one call, in
judgement.py; which documents of a retriever may be read, in documents.py.
"""

from __future__ import annotations

from handrail.gate.calls import Passed, Refusal, ToolCall
from handrail.gate.pipeline import (
    NEUTRAL,
    REFUSAL_SECONDS,
    WITHHELD,
    Gate,
    arenew,
    enforces,
    gate_of,
    gates_of,
    hides,
    outcome_of,
    renew,
)

__all__ = [
    "NEUTRAL",
    "REFUSAL_SECONDS",
    "WITHHELD",
    "Gate",
    "Passed",
    "Refusal",
    "ToolCall",
    "arenew",
    "enforces",
    "gate_of",
    "gates_of",
    "hides",
    "outcome_of",
    "renew",
]
