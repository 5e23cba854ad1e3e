"""Revocation and tenants as state machines, step by step against the reference evaluator.

The suite runs a short form, the same each time. For a long one:

    HANDRAIL_MACHINE_EXAMPLES=2000 python -m pytest tests/policy/test_machines.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

import handrail
from handrail.audit import rights
from handrail.config.live import Actor, LiveChange, live_file
from handrail.policy import Policy, PolicyRequest, build
from handrail.tracing import context
from tests.policy import worlds
from tests.policy.machine import SHORT, Machine, call, seen
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

    @rule(
        tenant=st.sampled_from(worlds.TENANTS),
        user=st.sampled_from([*worlds.USERS, "agent:x"]),
        what=st.sampled_from(["grant", "revoke"]),
        role=st.none() | st.sampled_from(worlds.ROLES),
        call=worlds.calls,
    )
    def change_rights(self, tenant: str, user: str, what: str, role: str | None, call: list[str]) -> None:
        """Grant or revoke a role, grant calls, or suspend somebody, over the file."""
        self.number += 1
        change: dict[str, Any] = {"id": f"n{self.number}", "what": what, "tenant": tenant, "user": user}
        if role is not None and not user.startswith("agent:"):
            change["role"] = role
        elif what == "grant":
            change["call"] = call
        self.world["live"] = [*self.world.get("live", ()), change]
        kind: Any = "suspend" if what == "revoke" and "role" not in change else what
        made = LiveChange(
            change["id"], kind, Actor(0, "root"), "why", 0.0, tenant, user, change.get("role", ""),
            tuple(change.get("call", ())),
        )  # fmt: skip
        rights.edit(self.data, lambda changes: (*changes, made))

    @rule(place=st.integers(0, 50))
    def withdraw(self, place: int) -> None:
        """Take a grant or a revocation back."""
        if live := self.world.get("live"):
            gone = live.pop(place % len(live))["id"]
            rights.edit(self.data, lambda changes: tuple(change for change in changes if change.id != gone))

    def teardown(self) -> None:
        """The next machine begins with the file alone."""
        live_file(self.data).unlink(missing_ok=True)
        super().teardown()

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
TestTenants = Tenants.TestCase
TestTenants.settings = SHORT
