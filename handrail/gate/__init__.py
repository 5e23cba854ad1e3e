"""What every governed call goes through, and every document that is read: no framework is known here.

The pipeline is in pipeline.py; what it is asked and answers, in calls.py; what the rules say of one call, in
deciding.py and judgement.py; which effect a call is and what is known of it, in once.py; what becomes of its result,
in results.py; which documents of a retriever may be read, in documents.py.
"""

from __future__ import annotations

from handrail.gate.calls import Passed, Refusal, ToolCall
from handrail.gate.frames import arenew, enforces, gate_of, gates_of, hides, renew
from handrail.gate.pipeline import NEUTRAL, REFUSAL_SECONDS, WITHHELD, Gate, outcome_of

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
