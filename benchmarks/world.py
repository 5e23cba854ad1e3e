"""The policies that `decisions.py` measures: one shape for every engine, in four scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

Scenario = Literal["rbac", "tenants", "patterns", "conditions"]
SCENARIOS: tuple[Scenario, ...] = get_args(Scenario)
PER_ROLE, TOOLS, PER_TENANT, STRIDE = 10, 200, 100, 7919


class Rule(NamedTuple):
    """``role`` may call ``tool`` in ``tenant`` (empty: anywhere) for at most ``limit`` (None: any amount)."""

    role: str
    tenant: str
    tool: str
    limit: int | None


class Asked(NamedTuple):
    """One request; ``amount`` is the argument that conditions read."""

    user: str
    tenant: str
    tool: str
    amount: int


@dataclass(frozen=True, slots=True)
class World:
    """``size`` rules (a multiple of ten), ten to a role, 200 tools at most, as many users as rules, one role each."""

    scenario: Scenario
    size: int

    def rules(self) -> list[Rule]:
        """Every rule, all of them allowing."""
        return [self._rule(number) for number in range(self.size)]

    def users(self) -> list[tuple[str, str, str]]:
        """(tenant, user, role)."""
        return [(self._tenant(number), f"u{number}", self._role(number)) for number in range(self.size)]

    def asked(self, kind: Literal["allow", "deny"], count: int) -> list[Asked]:
        """Different requests, spread over all users, every one answered with ``kind``."""
        step = max(1, self.size // count)
        return [self._asked(place * step % self.size, place, kind) for place in range(min(count, self.size * 10))]

    def _rule(self, number: int) -> Rule:
        limit = 100 + number % 100 if self.scenario == "conditions" else None
        tool = self._tool(number) + "_*" * (self.scenario == "patterns")
        return Rule(self._role(number), self._tenant(number) if self.scenario == "tenants" else "", tool, limit)

    def _asked(self, number: int, place: int, kind: str) -> Asked:
        first = number - number % PER_ROLE
        granted = first + (place + place // self.size) % PER_ROLE
        tool = self._tool(granted) + "_get" * (self.scenario == "patterns")
        tenant, amount = self._tenant(number), 50
        if kind == "deny":
            amount = 500 if self.scenario == "conditions" else amount
            tenant = "elsewhere" if self.scenario == "tenants" else tenant
            tool = f"other_{place % TOOLS}" if self.scenario in ("rbac", "patterns") else tool
        return Asked(f"u{number}", tenant, tool, amount)

    def _role(self, number: int) -> str:
        return f"role{number // PER_ROLE}"

    def _tenant(self, number: int) -> str:
        return f"t{number // PER_TENANT}" if self.scenario == "tenants" else "t0"

    def _tool(self, number: int) -> str:
        return f"tool_{number * STRIDE % TOOLS}"
