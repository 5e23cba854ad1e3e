"""Principals: chains and scopes that only grow, so that rights only narrow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handrail.tracing.identity import Principal

_LINKS = st.sampled_from(["user:ana", "user:bob", "agent:x", "agent:y", "agent:z"])
_SCOPES = st.lists(st.sampled_from([("pay",), ("read_*", "pay"), ("*",)]), max_size=3).map(tuple)
PRINCIPALS = st.builds(
    Principal,
    user=st.sampled_from(["ana", "bob"]),
    chain=st.lists(_LINKS.filter(lambda link: link.startswith("agent:")), max_size=3, unique=True).map(tuple),
    scopes=_SCOPES,
    until=st.sampled_from([0, 5, 9]),
)


@given(PRINCIPALS, _LINKS)
def test_a_link_is_added_once_and_nothing_else_changes(principal: Principal, link: str) -> None:
    """A longer copy has every link and scope of the shorter one, and nobody stands in it twice."""
    longer = principal.extended(link)
    assert longer.links == (principal.links if link in principal.links else (*principal.links, link))
    assert (longer.tenant, longer.scopes, longer.until) == (principal.tenant, principal.scopes, principal.until)
    assert longer.extended(link) == longer


@given(PRINCIPALS, PRINCIPALS)
def test_joined_principals_keep_everything_of_both(one: Principal, other: Principal) -> None:
    """Acting for two is acting with the links and scopes of both, each once, up to the earlier end."""
    both = one.joined(other)
    assert set(both.links) == {*one.links, *other.links}
    assert set(both.scopes) == {*one.scopes, *other.scopes}
    assert both.links[: len(one.links)] == one.links
    assert len(set(both.links)) == len(both.links)
    assert both.until == min((end for end in (one.until, other.until) if end), default=0)
    assert both.joined(other) == both
