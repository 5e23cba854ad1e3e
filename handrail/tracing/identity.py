"""On whose behalf: the principal of a run, and the delegation chain that grows under it."""

from __future__ import annotations

from dataclasses import dataclass, replace

ANONYMOUS = "anonymous"
"""The name of an unknown link. It is checked like any other, never skipped."""

DEFAULT_TENANT = "default"
"""The tenant of an installation that has only one."""

MAX_CHAIN = 8
"""Most principals in one chain; a longer one is denied, and so is one in which a principal stands twice."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is acting. Immutable: a sub-agent gets a longer copy, so rights can only narrow."""

    tenant: str = DEFAULT_TENANT
    """Organisation whose rules, roles and records apply."""
    user: str = ANONYMOUS
    """The person or service at the start of the chain, without a prefix."""
    session: str = ""
    """Conversation across turns and channels; empty when the caller named none."""
    channel: str = ""
    """Where the request came from, such as ``web`` or ``mail``; empty when unknown."""
    chain: tuple[str, ...] = ()
    """Links after the user, outermost first, prefixed: ``agent:helpdesk``, ``agent:researcher``."""
    scopes: tuple[tuple[str, ...], ...] = ()
    """Rights of the delegation tokens on the way: names and patterns. A call has to be covered by each of them."""
    until: int = 0
    """Nanoseconds since the epoch up to which these rights may be handed on in a token; 0 for no end."""

    @property
    def links(self) -> tuple[str, ...]:
        """The whole chain as policy subjects: the user, then every link."""
        return (f"user:{self.user}", *self.chain)

    @property
    def users(self) -> tuple[str, ...]:
        """Everybody on whose behalf, without prefixes: the user, then those who were added on the way."""
        return (self.user, *(link[5:] for link in self.chain if link.startswith("user:")))

    @property
    def agent(self) -> str:
        """Name of the innermost agent, without its prefix; ``anonymous`` when there is none."""
        for link in reversed(self.chain):
            if link.startswith("agent:"):
                return link[6:]
        return ANONYMOUS

    def extended(self, link: str) -> Principal:
        """This principal with one more link; a link that is already there is not repeated."""
        return self if link in self.links else replace(self, chain=(*self.chain, link))

    def joined(self, other: Principal) -> Principal:
        """This principal, acting for ``other`` as well: the links and scopes of both, so the rights that both have."""
        links = (link for link in dict.fromkeys(other.links) if link not in self.links)
        scopes = (scope for scope in dict.fromkeys(other.scopes) if scope not in self.scopes)
        ends = [end for end in (self.until, other.until) if end]
        return replace(
            self, chain=(*self.chain, *links), scopes=(*self.scopes, *scopes), until=min(ends, default=0)
        )  # fmt: skip
