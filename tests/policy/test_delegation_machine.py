"""Delegation as a state machine, step by step against the reference evaluator; a long run is as in test_machines.py."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, multiple, rule

import handrail
from handrail.audit.delegation_keys import DelegationKeys
from handrail.tracing import tokens
from tests.policy import worlds
from tests.policy.machine import NEVER, SECOND, SHORT, Machine, call, seen
from tests.policy.reference import decide


@pytest.fixture(autouse=True, scope="module", name="one_data_folder")
def _one_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANDRAIL_DATA", str(tmp_path_factory.mktemp("machines")))
        yield


@dataclass
class Held:
    """A token, and what it has to mean."""

    token: str
    tenant: str
    chain: list[str]
    scopes: list[list[str]]
    audience: str
    issued: int
    expires: int
    key: int
    """Number of the key that signed it: how often keys had been changed before."""
    used: bool = False


_audiences = st.sampled_from(["billing", "archive"])
_scopes = st.none() | worlds.calls.filter(lambda names: "money" not in names)
_more_agents = st.sampled_from([*worlds.AGENTS, "a", "b", "c", "d", "e", "f"])
_ttls = st.sampled_from([1, 30, 600, 10_000])


class Delegation(Machine):
    """Tokens are issued, handed on, used, kept too long, forged and widened."""

    tokens: Bundle[Held] = Bundle("tokens")

    @initialize(denials=st.lists(worlds.rules.filter(lambda drawn: drawn["subject"] != "*"), max_size=3))
    def begin(self, denials: list[dict[str, Any]]) -> None:
        """Write the rules, which then stay: much is allowed, so that tokens are what limits."""
        everybody = [{"from": "*", "to": to, "call": ["*"]} for to in ("agent:*", "user:ana", "user:bob")]
        self.world["rule"] += map(self.added, [{"effect": "allow", "subject": "*", "call": ["*"]}, *denials])
        self.world["delegate"] += map(self.added, everybody)
        worlds.write(self.config, self.world)
        self.generation, self.oldest = 0, 0

    def acceptable(self, held: Held, audience: str) -> bool:
        """Whether the token is good now."""
        in_time = held.issued - 10 * SECOND <= self.clock.at < held.expires + 10 * SECOND
        return in_time and not held.used and audience == held.audience and held.key >= self.oldest

    def taken_up(self, stack: ExitStack, held: Held, audience: str) -> bool:
        """Take a token up, if and only if it is good; used is used."""
        if not self.acceptable(held, audience):
            self.refused(held.token, audience)
            return False
        stack.enter_context(handrail.accept(held.token, audience=audience, config=self.config))
        held.used = True
        return True

    def refused(self, token: str, audience: str = "billing") -> None:
        """The token is refused."""
        with pytest.raises(handrail.DelegationRefused), handrail.accept(token, audience=audience, config=self.config):
            pytest.fail(f"accepted {token}")

    def issued(self, before: Held, audience: str, scope: list[str] | None, ttl: float) -> Held:
        """What a token issued now for ``before`` means, without the token."""
        scopes = [*before.scopes, *([scope] if scope is not None and scope not in before.scopes else [])]
        expires = min(self.clock.at + min(ttl, 3_600) * SECOND, before.expires)
        return Held("", before.tenant, before.chain, scopes, audience, self.clock.at, int(expires), self.generation)

    @rule(
        target=tokens, tenant=st.sampled_from(worlds.TENANTS), user=worlds.users, agents=worlds.agents,
        audience=_audiences, scope=_scopes, ttl=_ttls,
    )  # fmt: skip
    def issue(
        self, tenant: str, user: str, agents: list[str], audience: str, scope: list[str] | None, ttl: float
    ) -> Any:
        """A token from a run, whatever its principals may; none where the chain is too long."""
        held = self.fresh(tenant, user, agents, audience, scope, ttl)
        return held if held is not None else multiple()

    def fresh(
        self, tenant: str, user: str, agents: list[str], audience: str, scope: list[str] | None, ttl: float
    ) -> Held | None:
        """A token, and what it means."""
        chain = list(dict.fromkeys([f"user:{user}", *(f"agent:{agent}" for agent in agents)]))
        held = self.issued(Held("", tenant, chain, [], "", 0, NEVER, 0), audience, scope, ttl)
        with ExitStack() as stack:
            for agent in agents:
                stack.enter_context(handrail.run(agent, config=self.config, tenant=tenant, user=user))
            if len(chain) > 8:
                with pytest.raises(handrail.DelegationRefused):
                    handrail.delegate(audience, call=scope, ttl=ttl)
                return None
            held.token = handrail.delegate(audience, call=scope, ttl=ttl)
        return held

    @rule(target=tokens, held=tokens, agent=_more_agents, audience=_audiences, scope=_scopes, ttl=_ttls)
    def hand_on(self, held: Held, agent: str, audience: str, scope: list[str] | None, ttl: float) -> Held:
        """Take a token up, and issue the next one from there; without success the old one stands for it."""
        with ExitStack() as stack:
            if not self.taken_up(stack, held, held.audience):
                return held
            stack.enter_context(handrail.run(agent, config=self.config))
            before = Held(**{**vars(held), "chain": list(dict.fromkeys([*held.chain, f"agent:{agent}"]))})
            after = self.issued(before, audience, scope, ttl)
            if len(after.chain) > 8 or after.expires <= after.issued:
                with pytest.raises(handrail.DelegationRefused):
                    handrail.delegate(audience, call=scope, ttl=ttl)
                return held
            after.token = handrail.delegate(audience, call=scope, ttl=ttl)
        return after

    @rule(held=tokens, audience=_audiences, agents=worlds.agents, tool=worlds.tools, args=worlds.arguments)
    def use(self, held: Held, audience: str, agents: list[str], tool: str, args: dict[str, Any]) -> None:
        """Runs by a token may what the reference says of its chain and scopes; a used one is refused."""
        with ExitStack() as stack:
            if self.taken_up(stack, held, audience):
                self.compare(stack, held, agents, tool, args)

    @rule(held=tokens, said=st.sampled_from([*worlds.USERS, "nobody"]), agents=worlds.agents, tool=worlds.tools)
    def use_for_somebody_else(self, held: Held, said: str, agents: list[str], tool: str) -> None:
        """Who is named inside the block is one more in the chain."""
        with ExitStack() as stack:
            if self.taken_up(stack, held, held.audience):
                stack.enter_context(handrail.acting_for(user=said))
                self.compare(stack, held, agents, tool, {}, f"user:{said}")

    @rule(
        held=tokens, tenant=st.sampled_from(worlds.TENANTS), user=worlds.users, agents=worlds.agents, tool=worlds.tools
    )
    def use_inside_a_run(self, held: Held, tenant: str, user: str, agents: list[str], tool: str) -> None:
        """Inside a run the token's chain is added; one of another tenant is refused, and not used up."""
        with handrail.run("host", config=self.config, tenant=tenant, user=user), ExitStack() as stack:
            if tenant != held.tenant:
                self.refused(held.token, held.audience)
                return
            chain = [f"user:{user}", "agent:host", *held.chain]
            if self.taken_up(stack, held, held.audience):
                self.compare(stack, Held(**{**vars(held), "chain": chain}), agents, tool, {})

    def compare(
        self, stack: ExitStack, held: Held, agents: list[str], tool: str, args: dict[str, Any], *more: str
    ) -> None:
        """Run the agents inside each other, and make the call in the innermost."""
        for agent in agents:
            stack.enter_context(handrail.run(agent, config=self.config))
        chain = list(dict.fromkeys([*held.chain, *more, *(f"agent:{agent}" for agent in agents)]))
        assert call(tool, args) is decide(self.world, held.tenant, chain, tool, seen(args), held.scopes)

    @rule(seconds=st.sampled_from([0.5, 9, 12, 300, 4_000]))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.clock.wait(seconds)

    @rule(tenant=st.sampled_from(worlds.TENANTS), place=st.integers(0, 10_000), bit=st.integers(0, 6))
    def forge(self, tenant: str, place: int, bit: int) -> None:
        """One bit of a fresh token is another."""
        held = self.fresh(tenant, "bob", ["x"], "billing", None, 600)
        assert held is not None
        changed = bytearray(held.token.encode())
        changed[place % len(changed)] ^= 1 << bit
        self.refused(changed.decode("latin-1"), held.audience)
        assert self.acceptable(held, "billing")

    @rule(
        target=tokens, agents=worlds.agents, own=st.booleans(),
        how=st.sampled_from(["chain", "user", "scopes", "tenant", "expires", "audience", "token"]),
    )  # fmt: skip
    def widen(self, agents: list[str], how: str, own: bool) -> Held:
        """Who has a fresh token says more with it, with the old signature or one of their own; the token stays good."""
        held = self.fresh("acme", "bob", agents[:3], "billing", ["pay"], 600)
        assert held is not None
        prefix, key, written, signature = held.token.split(".")
        claims = msgspec.json.decode(urlsafe_b64decode(written + "=" * (-len(written) % 4)), type=tokens.Claims)
        wider: dict[str, Any] = {
            "chain": {"chain": claims.chain[:-1]}, "user": {"chain": ("user:ana", *claims.chain[1:])},
            "scopes": {"scopes": ()}, "tenant": {"tenant": "umbrella"}, "audience": {"audience": "archive"},
            "expires": {"expires": claims.issued + 3_600 * SECOND}, "token": {"token": "f" * 32},
        }  # fmt: skip
        changed = msgspec.structs.replace(claims, **wider[how])
        if own:
            forged = tokens.sign(changed, bytes(32))
        else:
            text = urlsafe_b64encode(msgspec.json.encode(changed, order="sorted")).rstrip(b"=").decode()
            forged = f"{prefix}.{key}.{text}.{signature}"
        self.refused(forged, changed.audience)
        return held

    @rule(keep=st.booleans())
    def change_the_key(self, keep: bool) -> None:
        """A new key signs; old ones count as long as they are kept."""
        keys = DelegationKeys(self.data)
        keys.rotate()
        self.generation += 1
        if not keep:
            self.oldest = self.generation
            for retired in keys.folder.glob("retired-*.pub"):
                retired.unlink()


TestDelegation = Delegation.TestCase
TestDelegation.settings = SHORT
