"""Revocation, delegation and tenants as state machines, step by step against the reference evaluator.

The suite runs a short form, the same each time. For a long one:

    HANDRAIL_MACHINE_EXAMPLES=2000 python -m pytest tests/policy/test_machines.py
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, initialize, invariant, rule

import handrail
from handrail.audit.delegation_keys import DelegationKeys
from handrail.policy import Policy, PolicyRequest, build
from handrail.tracing import context, tokens
from tests.policy import worlds
from tests.policy.machine import NEVER, SECOND, SHORT, Machine, call, seen
from tests.policy.reference import decide
from tests.policy.worlds import settings_of


@pytest.fixture(autouse=True, scope="module", name="one_data_folder")
def _one_data_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANDRAIL_DATA", str(tmp_path_factory.mktemp("machines")))
        yield


class Revocation(Machine):
    """Rules and roles come and go while runs are open: the next call is decided by what is written now."""

    @initialize(tenant=st.sampled_from(worlds.TENANTS), user=worlds.users, agents=worlds.agents)
    def begin(self, tenant: str, user: str, agents: list[str]) -> None:
        """Open a run that stays open."""
        worlds.write(self.config, self.world)
        self.open = tenant, self.chain(user, agents)
        with ExitStack() as stack:
            stack.enter_context(handrail.run(agents[0], config=self.config, tenant=tenant, user=user))
            for agent in agents[1:]:
                stack.enter_context(handrail.run(agent))
            self.frame = context.current()

    @staticmethod
    def chain(user: str, agents: Sequence[str]) -> list[str]:
        """The chain of agents that call each other, each once."""
        return list(dict.fromkeys([f"user:{user}", *(f"agent:{agent}" for agent in agents)]))

    def rewrite(self) -> None:
        """The file as the world is now."""
        worlds.write(self.config, self.world)

    @rule(drawn=worlds.rules)
    def add_rule(self, drawn: dict[str, Any]) -> None:
        """Allow or deny something more."""
        self.world["rule"].append(self.added(drawn))
        self.rewrite()

    @rule(place=st.integers(0, 50))
    def remove_rule(self, place: int) -> None:
        """Take a rule away; one is left, for without any nothing may be enforced."""
        if len(self.world["rule"]) > 1:
            del self.world["rule"][place % len(self.world["rule"])]
            self.rewrite()

    @rule(drawn=worlds.delegates)
    def add_delegation(self, drawn: dict[str, Any]) -> None:
        """Let somebody act for somebody."""
        self.world["delegate"].append(self.added(drawn))
        self.rewrite()

    @rule(place=st.integers(0, 50))
    def remove_delegation(self, place: int) -> None:
        """Take a delegation away."""
        if self.world["delegate"]:
            del self.world["delegate"][place % len(self.world["delegate"])]
            self.rewrite()

    @rule(
        tenant=st.sampled_from(worlds.TENANTS),
        user=worlds.users,
        held=st.lists(st.sampled_from(worlds.ROLES), max_size=2, unique=True),
    )
    def give_roles(self, tenant: str, user: str, held: list[str]) -> None:
        """Give a user other roles, or none."""
        self.world["users"][f"{tenant}/{user}"] = held
        self.rewrite()

    @rule(included=st.booleans())
    def nest_roles(self, included: bool) -> None:
        """Let a role include another, or no longer."""
        self.world["roles"]["boss"] = ["lead"] if included else []
        self.rewrite()

    @rule(tool=worlds.tools, args=worlds.arguments)
    def go_on(self, tool: str, args: dict[str, Any]) -> None:
        """The next call of the run that was open all the time."""
        assert self.frame is not None
        with context.use(self.frame):
            allowed = call(tool, args)
        assert allowed is decide(self.world, *self.open, tool, seen(args))

    @rule(
        tenant=st.sampled_from(worlds.TENANTS),
        user=worlds.users,
        agents=worlds.agents,
        tool=worlds.tools,
        args=worlds.arguments,
    )
    def ask(self, tenant: str, user: str, agents: list[str], tool: str, args: dict[str, Any]) -> None:
        """A call of a new run."""
        with ExitStack() as stack:
            stack.enter_context(handrail.run(agents[0], config=self.config, tenant=tenant, user=user))
            for agent in agents[1:]:
                stack.enter_context(handrail.run(agent))
            allowed = call(tool, args)
        assert allowed is decide(self.world, tenant, self.chain(user, agents), tool, seen(args))

    @invariant()
    def everything_open_is_decided_by_what_is_written(self) -> None:
        """After every step each call of the open run is what the reference says of the file."""
        if hasattr(self, "frame"):
            for tool in worlds.TOOLS:
                self.go_on(tool, {"amount": 5, "currency": "EUR"})


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

    @initialize(rules=st.lists(worlds.rules, max_size=3), delegates=st.lists(worlds.delegates, max_size=3))
    def begin(self, rules: list[dict[str, Any]], delegates: list[dict[str, Any]]) -> None:
        """Write the rules, which then stay."""
        self.world["rule"] += map(self.added, rules)
        self.world["delegate"] += map(self.added, delegates)
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
    ) -> Held:
        """A token from a run, whatever its principals may."""
        chain = list(dict.fromkeys([f"user:{user}", *(f"agent:{agent}" for agent in agents)]))
        held = self.issued(Held("", tenant, chain, [], "", 0, NEVER, 0), audience, scope, ttl)
        with ExitStack() as stack:
            for agent in agents:
                stack.enter_context(handrail.run(agent, config=self.config, tenant=tenant, user=user))
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

    @rule(held=tokens, said=worlds.users, agents=worlds.agents, tool=worlds.tools)
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

    @rule(place=st.integers(0, 10_000), bit=st.integers(0, 6), held=tokens)
    def forge(self, place: int, bit: int, held: Held) -> None:
        """One bit is another."""
        changed = bytearray(held.token.encode())
        changed[place % len(changed)] ^= 1 << bit
        self.refused(changed.decode("latin-1"), held.audience)

    @rule(
        held=tokens,
        how=st.sampled_from(["chain", "scopes", "tenant", "expires", "audience", "token"]),
        own=st.booleans(),
    )
    def widen(self, held: Held, how: str, own: bool) -> None:
        """Somebody who has a token says more with it: with the old signature, or with one of their own."""
        prefix, key, written, signature = held.token.split(".")
        claims = msgspec.json.decode(urlsafe_b64decode(written + "=" * (-len(written) % 4)), type=tokens.Claims)
        wider: dict[str, Any] = {
            "chain": ("user:ana", *claims.chain[2:]), "scopes": claims.scopes[1:], "tenant": "umbrella",
            "expires": claims.issued + 3_600 * SECOND, "audience": "archive", "token": "f" * 32,
        }  # fmt: skip
        changed = msgspec.structs.replace(claims, **{how: wider[how]})
        if changed == claims:
            return
        if own:
            forged = tokens.sign(changed, bytes(32))
        else:
            text = urlsafe_b64encode(msgspec.json.encode(changed, order="sorted")).rstrip(b"=").decode()
            forged = f"{prefix}.{key}.{text}.{signature}"
        for audience in ("billing", "archive"):
            self.refused(forged, audience)

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


_pairs = st.tuples(worlds.tools, worlds.arguments)


class Tenants(Machine):
    """Two tenants with users, roles and agents of the same names: nothing of one is in an answer to the other."""

    def __init__(self) -> None:
        super().__init__()
        self.world["rule"] = [
            {"id": f"base-{name}", "allow": "clerk", "call": ["read_*"], "tenant": name} for name in worlds.TENANTS
        ]
        self.world["delegate"] = []
        self.both = build(settings_of(self.world))

    def renew(self) -> None:
        """The policy of the world as it is now, fresh, with empty memory."""
        self.both = build(settings_of(self.world))

    def without(self, tenant: str) -> Policy:
        """The policy as it would be if the tenant had nothing."""
        users = {key: held for key, held in self.world["users"].items() if not key.startswith(f"{tenant}/")}
        rest = {name: [one for one in self.world[name] if one["tenant"] != tenant] for name in ("rule", "delegate")}
        return build(settings_of({**self.world, "users": users, **rest}))

    @rule(drawn=worlds.rules, tenant=st.sampled_from(worlds.TENANTS))
    def add_rule(self, drawn: dict[str, Any], tenant: str) -> None:
        """A tenant gets a rule of its own."""
        self.world["rule"].append({**self.added(drawn), "tenant": tenant})
        self.renew()

    @rule(drawn=worlds.delegates, tenant=st.sampled_from(worlds.TENANTS))
    def add_delegation(self, drawn: dict[str, Any], tenant: str) -> None:
        """A tenant lets somebody act for somebody."""
        self.world["delegate"].append({**self.added(drawn), "tenant": tenant})
        self.renew()

    @rule(place=st.integers(0, 50))
    def remove_rule(self, place: int) -> None:
        """A rule goes."""
        if self.world["rule"]:
            del self.world["rule"][place % len(self.world["rule"])]
        self.renew()

    @rule(
        tenant=st.sampled_from(worlds.TENANTS),
        user=worlds.users,
        held=st.lists(st.sampled_from(worlds.ROLES), max_size=2, unique=True),
    )
    def give_roles(self, tenant: str, user: str, held: list[str]) -> None:
        """A user of one tenant gets other roles."""
        self.world["users"][f"{tenant}/{user}"] = held
        self.renew()

    @rule(
        asked=st.lists(_pairs, min_size=1, max_size=4),
        user=worlds.users,
        agents=worlds.agents,
        first=st.sampled_from(worlds.TENANTS),
    )
    def ask_in_turns(self, asked: list[tuple[str, dict[str, Any]]], user: str, agents: list[str], first: str) -> None:
        """Both ask the same, one after the other: each answer, with its rule and its reason, is as if alone."""
        chain = tuple(dict.fromkeys([f"user:{user}", *(f"agent:{agent}" for agent in agents)]))
        for tool, args in asked:
            for tenant in sorted(worlds.TENANTS, key=lambda name: name != first):
                (other,) = set(worlds.TENANTS) - {tenant}
                request = PolicyRequest(tenant, chain, tool, facts={"args": seen(args)})
                answer, alone = self.both.decide(request), self.without(other)
                assert answer == alone.decide(request)
                assert (answer.verdict == "allow") is decide(self.world, tenant, chain, tool, seen(args))
                assert self.both.visible(tenant, chain, tool) is alone.visible(tenant, chain, tool)
                assert self.both.settled(tenant, chain, tool) == alone.settled(tenant, chain, tool)


TestRevocation = Revocation.TestCase
TestRevocation.settings = SHORT
TestDelegation = Delegation.TestCase
TestDelegation.settings = SHORT
TestTenants = Tenants.TestCase
TestTenants.settings = SHORT
