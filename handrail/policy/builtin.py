"""Decisions by Handrail's own model: the rules and delegations of handrail.toml as one compiled Casbin policy each."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

from handrail.conditions import Unevaluable
from handrail.policy.casbin.build import Prepared
from handrail.policy.casbin.matcher import Residual
from handrail.policy.casbin.model import Answer, Model, Row, Values
from handrail.policy.casbin.program import Program, compile
from handrail.policy.casbin.report import Report
from handrail.policy.casbin.tables import Indexed, covers_table
from handrail.policy.facts import RequestFacts
from handrail.policy.links import RolesOf, SubjectLinks
from handrail.policy.patterns import Pattern
from handrail.policy.rows import Delegation, Rule, RuleSet

_NO_FACTS = RequestFacts({}, "")


class BuiltinModel:
    """Answers about single principals and single links. Thread-safe."""

    def __init__(self, rules: RuleSet, roles_of: RolesOf) -> None:
        """Build the index; raises nothing for a RuleSet that `rule_set` made."""
        self._model = Model(files("handrail.policy").joinpath("model.conf").read_text("utf-8"))
        self._conditions = rules.conditions
        self._ids = {rule.key: rule.id for rule in rules.rules} | {one.key: one.id for one in rules.delegations}
        self._bound: dict[tuple[str, str], Residual] = {}
        self._roles = {"g": SubjectLinks(roles_of)}
        # The model takes the first row that matches: a denial must stand before every allowance.
        ordered = sorted(rules.rules, key=lambda rule: rule.verdict == "allow")
        self._calls = self._program([row for rule in ordered for row in _rule_rows(rule)], "")
        self._links = self._program([row for one in rules.delegations for row in _link_rows(one)], "2")

    @property
    def model_text(self) -> str:
        """The Casbin model as shipped."""
        return self._model.text

    def report(self) -> Report | None:
        """How the rules are decided; None where there are none."""
        return self._calls.report() if self._calls else None

    def principal(self, tenant: str, subject: str, action: str, tool: str, *, facts: RequestFacts) -> Answer:
        """May ``subject`` do ``action`` to ``tool``? The row of the answer holds the public rule id only."""
        if self._calls is None:
            return False, ()
        allowed, row = self._calls.ask(subject, tenant, action, tool, facts)
        return allowed, (self._ids[row[0]],) if row else ()

    def link(self, tenant: str, delegator: str, delegate: str, action: str, tool: str) -> Answer:
        """May ``delegate`` do so for ``delegator``? The row of the answer holds the public id only."""
        if self._links is None:
            return False, ()
        allowed, row = self._links.ask(delegator, delegate, tenant, action, tool)
        return allowed, (self._ids[row[0]],) if row else ()

    def settled(self, tenant: str, subject: str, action: str, tool: str) -> Answer | None:
        """As `principal` where no fact can change the answer, else None."""
        if self._calls is None:
            return False, ()
        answer = self._calls.settle(subject, tenant, action, tool, _NO_FACTS)
        return answer and (answer[0], (self._ids[answer[1][0]],) if answer[1] else ())

    def could_allow(self, tenant: str, subject: str, action: str, tool: str) -> bool:
        """Whether `principal` allows with some facts, each condition taken as open."""
        return self._calls is not None and self._calls.could_allow(subject, tenant, action, tool, _NO_FACTS)

    def _program(self, rows: list[Row], suffix: str) -> Program | None:
        """None where there are no rows, which allows nothing."""
        if not rows:
            return None
        functions: dict[str, Indexed | Prepared] = {
            "covers": Indexed(_covers, covers_table, policy_at=0),
            "holds": Prepared(self._holds, self._bind),
        }
        facts = frozenset({"r_facts"})
        return compile(self._model, rows, links=self._roles, functions=functions, facts=facts, suffix=suffix)

    def _bind(self, row: Row) -> Residual | None:
        """The condition of a row, made once for each text and verdict; None where there is none."""
        *_, when, verdict = row
        if not when:
            return None
        if (when, verdict) not in self._bound:
            self._bound[when, verdict] = self._residual(when, verdict)
        return self._bound[when, verdict]

    def _residual(self, when: str, verdict: str) -> Residual:
        holds, unevaluable = self._conditions[when].holds, verdict == "deny"

        def residual(request: Values, row: Row) -> bool:
            facts: RequestFacts = request[-1]
            try:
                return holds(facts.reading)
            except Unevaluable as error:
                facts.doubts[when] = error.problem
                return unevaluable

        return residual

    def _holds(self, _: str, when: str, verdict: str, facts: RequestFacts) -> bool:
        """The condition as stock Casbin asks for it."""
        return not when or bool(self._residual(when, verdict)((facts,), ()))


def _rule_rows(rule: Rule) -> Iterable[Row]:
    for action, pattern in rule.covers:
        yield rule.key, rule.subject, rule.tenant, action, pattern.text, rule.when, rule.verdict


def _link_rows(one: Delegation) -> Iterable[Row]:
    for action, pattern in one.covers:
        yield one.key, one.delegator, one.delegate, one.tenant, action, pattern.text


def _covers(pattern: str, name: str) -> bool:
    return Pattern(pattern).covers(name)
