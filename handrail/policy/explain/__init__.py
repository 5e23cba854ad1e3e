"""Why a request is allowed or denied: rule, role path, facts and their values; for a denial what would turn it round.

An explanation never decides: its verdict is the policy's own. It holds arguments, which are content: it goes to the
command line and to whoever may read payloads, never to the model and never into spans.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from handrail.config.settings import Settings
from handrail.policy.decision import Decision, PolicyRequest
from handrail.policy.explain.book import Book
from handrail.policy.explain.nearest import nearest
from handrail.policy.explain.shapes import (
    Explanation,
    FactRead,
    LinkTrail,
    Nearest,
    Part,
    PrincipalTrail,
    RuleTrail,
    ScopeTrail,
    Suggestion,
)
from handrail.policy.explain.trails import link_trail, principal_trail, scope_trails
from handrail.policy.policy import Policy

__all__ = [
    "Explanation", "FactRead", "LinkTrail", "Nearest", "Part", "PrincipalTrail", "RuleTrail", "ScopeTrail",
    "Suggestion", "explain",
]  # fmt: skip


def explain(policy: Policy, request: PolicyRequest) -> Explanation:
    """Decide ``request`` and say why. Never raises for a request; equal requests get equal answers."""
    decision = policy.decide(request)
    if not _named(request):
        return _bare(decision, request)
    settings = policy.settings
    if settings.casbin is not None:
        from handrail.policy.explain.casbin_lines import explain_lines

        return explain_lines(policy, request, decision)
    return explain_rules(settings, request, decision)


def explain_rules(settings: Settings, request: PolicyRequest, decision: Decision) -> Explanation:
    """Explain a decision by [[rule]] and [[delegate]]."""
    book = Book(settings)
    chain = request.principals
    return Explanation(
        decision.verdict, decision.rule, decision.reason, request.tenant, request.action, request.tool,
        tuple(principal_trail(book, one, request) for one in chain),
        tuple(link_trail(book, *pair, request) for pair in pairwise(chain)),
        scope_trails(request),
        nearest(book, request) if decision.verdict == "deny" else None,
    )  # fmt: skip


def _named(request: PolicyRequest) -> bool:
    """Whether the request names everything; types are not checked at run time elsewhere."""
    names = cast("tuple[object, ...]", (request.tenant, request.tool, request.action, *request.principals))
    prefixed = (str(name).partition(":") for name in request.principals)
    return all(isinstance(name, str) and name for name in names) and all(
        kind in ("user", "agent") and name for kind, _, name in prefixed
    )


def _bare(decision: Decision, request: PolicyRequest) -> Explanation:
    tenant, action, tool = (str(name) for name in (request.tenant, request.action, request.tool))
    return Explanation(decision.verdict, decision.rule, decision.reason, tenant, action, tool)
