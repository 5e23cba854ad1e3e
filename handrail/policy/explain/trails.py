"""How a decision came about, by [[rule]] and [[delegate]]: one trail for each principal, link and token."""

from __future__ import annotations

from handrail.policy.decision import PolicyRequest
from handrail.policy.explain.book import Book
from handrail.policy.explain.shapes import LinkTrail, PrincipalTrail, ScopeTrail
from handrail.policy.patterns import Pattern


def principal_trail(book: Book, principal: str, request: PolicyRequest) -> PrincipalTrail:
    """The rule that decides of ``principal``, and how it matches."""
    rule = next((one for one in book.in_order() if book.matches(one, principal, request)), None)
    verdict = rule.verdict if rule else "deny"
    return PrincipalTrail(principal, verdict, book.trail(rule, principal, request) if rule else None)


def link_trail(book: Book, before: str, principal: str, request: PolicyRequest) -> LinkTrail:
    """Whether ``principal`` may act for ``before``."""
    found = book.delegation(before, principal, request)
    if found is None:
        return LinkTrail(before, principal, False, None)
    place = book.place(found.id)
    return LinkTrail(
        before, principal, True, found.id, str(place.file) if place.file else None, place.line,
        book.held(before, found.delegator, request.tenant) or (), book.covered(found, request) or (),
    )  # fmt: skip


def scope_trails(request: PolicyRequest) -> tuple[ScopeTrail, ...]:
    """Whether each token's rights cover the object."""
    return tuple(
        ScopeTrail(scope, any(Pattern(text).covers(request.tool) for text in scope)) for scope in request.scopes
    )
