"""Whether the run did what it must: required steps, their order and number, branches that agree."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "required_steps": "required:RequiredSteps",
    "after": "required:After",
    "order": "ordered:Order",
    "counts": "ordered:Counts",
    "follows_from_success": "success:FollowsFromSuccess",
    "reason_codes": "reasons:ReasonCodes",
    "agree": "agree:Agree",
}
"""Name -> ``MODULE:CLASS`` in this package."""
