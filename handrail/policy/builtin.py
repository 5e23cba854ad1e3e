"""Decisions by Handrail's own model: one small Casbin enforcer per set of rules that covers a tool, and remembered
answers where no condition was asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from handrail.policy.conditions import Unevaluable
from handrail.policy.engine import Answer, Enforcer, Model, Row, in_memory
from handrail.policy.facts import RequestFacts
from handrail.policy.links import RolesOf, SubjectLinks
from handrail.policy.patterns import Pattern
from handrail.policy.rows import Coverage, Delegation, Rule, RuleSet

MAX_REMEMBERED_NAME = 256
"""Longest name, in characters, for which anything is remembered: names come from requests."""

_ENFORCERS, _TOOLS, _ANSWERS = 1_024, 2_048, 16_384

Rows = tuple[tuple[int, int], ...]
"""(entry, number of its pattern) of rules or delegations that cover a tool."""


@dataclass(frozen=True, slots=True)
class _Depends:
    """An answer that the facts decide."""

    rules: Rows
    """The only rules that can still match."""


class BuiltinModel:
    """Answers about single principals and single links. Thread-safe."""

    def __init__(self, rows: RuleSet, roles_of: RolesOf) -> None:
        self._model = Model(files("handrail.policy").joinpath("model.conf").read_text("utf-8"))
        self._conditions = rows.conditions
        self._links = {"g": SubjectLinks(roles_of)}
        self._rules, self._delegations = rows.rules, rows.delegations
        self._ids = {rule.key: rule.id for rule in rows.rules} | {d.key: d.id for d in rows.delegations}
        self._patterns: dict[str, Pattern] = _patterns(rows)
        self._rule_coverage = Coverage(rule.covers for rule in rows.rules)
        self._link_coverage = Coverage(one.covers for one in rows.delegations)
        self._first: Enforcer | None = None
        self._first = self._enforcer((), ())
        self._first.prepare(self._model.value("m", "m"), self._model.value("m", "m2"))
        self._covering = lru_cache(_TOOLS)(self._cover)
        self._over = lru_cache(_ENFORCERS)(self._enforcer)
        self._unconditional = lru_cache(_ANSWERS)(self._ask_without_facts)
        self._over_held = lru_cache(_ENFORCERS)(self._without_conditions)
        self._remembered_held = lru_cache(_ANSWERS)(self._ask_held)
        self._remembered_link = lru_cache(_ANSWERS)(self._ask_link)

    @property
    def model_text(self) -> str:
        """The Casbin model as shipped."""
        return self._model.text

    def principal(self, tenant: str, subject: str, action: str, tool: str, *, facts: RequestFacts) -> Answer:
        """May ``subject`` do ``action`` to ``tool``? The row of the answer holds the public rule id only."""
        if max(len(tenant), len(subject), len(tool)) > MAX_REMEMBERED_NAME:
            return self._named(self._throwaway(action, tool).ask(subject, tenant, tool, facts))
        answer = self._unconditional(tenant, subject, action, tool)
        if isinstance(answer, _Depends):
            held = tuple(where for where in answer.rules if self._condition_holds(where, facts))
            answer = self._remembered_held(tenant, subject, tool, held)
        return self._named(answer)

    def link(self, tenant: str, delegator: str, delegate: str, action: str, tool: str) -> Answer:
        """May ``delegate`` do so for ``delegator``? The row of the answer holds the public id only."""
        names = tenant, delegator, delegate, action, tool
        if max(map(len, names)) > MAX_REMEMBERED_NAME:
            return self._named(self._throwaway(action, tool).ask_second(delegator, delegate, tenant, tool))
        return self._named(self._remembered_link(*names))

    def settled(self, tenant: str, subject: str, action: str, tool: str) -> Answer | None:
        """As `principal` where no fact can change the answer, else None."""
        answer = self._ask_without_facts(tenant, subject, action, tool)
        return None if isinstance(answer, _Depends) else self._named(answer)

    def could_allow(self, tenant: str, subject: str, action: str, tool: str) -> bool:
        """Whether `principal` allows with some facts, each condition taken as open."""
        answer = self._ask_without_facts(tenant, subject, action, tool)
        if isinstance(answer, _Depends):
            return any(self._rules[entry].verdict == "allow" for entry, _ in answer.rules)
        return answer[0]

    def _named(self, answer: Answer) -> Answer:
        allowed, row = answer
        return allowed, (self._ids[row[0]],) if row else ()

    def _ask_without_facts(self, tenant: str, subject: str, action: str, tool: str) -> Answer | _Depends:
        """The answer, or the few rules whose conditions decide it: which ones are reached never depends on facts."""
        facts = RequestFacts(None)
        answer = self._for(action, tool).ask(subject, tenant, tool, facts)
        if not facts.asked:
            return answer
        covering, _ = self._covering(action, tool)
        return _Depends(tuple(where for where in covering if self._rules[where[0]].key in facts.reached))

    def _condition_holds(self, where: tuple[int, int], facts: RequestFacts) -> bool:
        rule = self._rules[where[0]]
        return self._holds(rule.key, rule.when, rule.verdict, facts)

    def _ask_held(self, tenant: str, subject: str, tool: str, held: Rows) -> Answer:
        """The answer when of all conditions only those of the rules ``held`` hold."""
        return self._over_held(held).ask(subject, tenant, tool, RequestFacts({}))

    def _ask_link(self, tenant: str, delegator: str, delegate: str, action: str, tool: str) -> Answer:
        return self._for(action, tool).ask_second(delegator, delegate, tenant, tool)

    def _for(self, action: str, tool: str) -> Enforcer:
        return self._over(*self._covering(action, tool))

    def _throwaway(self, action: str, tool: str) -> Enforcer:
        return self._enforcer(*self._cover(action, tool))

    def _cover(self, action: str, tool: str) -> tuple[Rows, Rows]:
        return self._rule_coverage.of(action, tool), self._link_coverage.of(action, tool)

    def _enforcer(self, rules: Rows, links: Rows, *, conditions: bool = True) -> Enforcer:
        rows = [self._rule_row(*where, conditions=conditions) for where in rules]
        # The model takes the first row that matches: a denial must stand before every allowance.
        ordered = [row for row in rows if row[-1] == "deny"] + [row for row in rows if row[-1] == "allow"]
        policy = {"p": ordered, "p2": [self._link_row(*where) for where in links]}
        enforcer = in_memory(
            self._model, policy, links=self._links, functions={"covers": self._covers, "holds": self._holds}
        )
        if self._first is not None:
            enforcer.share_matchers(self._first)
        return enforcer

    def _without_conditions(self, held: Rows) -> Enforcer:
        return self._enforcer(held, (), conditions=False)

    def _rule_row(self, entry: int, pattern: int, *, conditions: bool) -> Row:
        rule = self._rules[entry]
        when = rule.when if conditions else ""
        return rule.key, rule.subject, rule.tenant, rule.covers[pattern][1].text, when, rule.verdict

    def _link_row(self, entry: int, pattern: int) -> Row:
        one = self._delegations[entry]
        return one.key, one.delegator, one.delegate, one.tenant, one.covers[pattern][1].text

    def _covers(self, pattern: str, name: str) -> bool:
        return pattern in ("*", name) or self._patterns[pattern].covers(name)

    def _holds(self, key: str, when: str, effect: str, facts: RequestFacts) -> bool:
        if facts.values is None:
            facts.reached.add(key)
        if not when:
            return True
        facts.asked = True
        if facts.values is None:
            return False
        try:
            return self._conditions[when].holds(facts.values)
        except Unevaluable as error:
            facts.doubts[when] = error.problem
            return effect == "deny"


def _patterns(rows: RuleSet) -> dict[str, Pattern]:
    entries: list[Rule | Delegation] = [*rows.rules, *rows.delegations]
    every = {pattern.text: pattern for entry in entries for _, pattern in entry.covers}
    return every | {entry.tenant: Pattern(entry.tenant) for entry in entries}
