"""On whose behalf: the principal of a run, and the delegation chain that grows under it."""

from __future__ import annotations

from dataclasses import dataclass

ANONYMOUS = "anonymous"
"""The name of an unknown link. It is checked like any other, never skipped."""

DEFAULT_TENANT = "default"
"""The tenant of an installation that has only one."""


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

    @property
    def links(self) -> tuple[str, ...]:
        """The whole chain as policy subjects: the user, then every link."""
        return (f"user:{self.user}", *self.chain)

    @property
    def agent(self) -> str:
        """Name of the innermost agent, without its prefix; ``anonymous`` when there is none."""
        for link in reversed(self.chain):
            if link.startswith("agent:"):
                return link[6:]
        return ANONYMOUS

    def extended(self, link: str) -> Principal:
        """This principal with one more link; a link that is already there is not repeated."""
        if link in self.links:
            return self
        return Principal(self.tenant, self.user, self.session, self.channel, (*self.chain, link))
