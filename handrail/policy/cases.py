"""Whether a policy decides as it is expected to: ``[[expect]]`` cases held against it."""

from __future__ import annotations

from dataclasses import dataclass

from handrail.config.expectations import Expectation
from handrail.policy.decision import Decision, PolicyRequest
from handrail.policy.policy import Policy
from handrail.policy.questions import request


@dataclass(frozen=True, slots=True)
class Outcome:
    """One case and what was decided."""

    case: Expectation
    decision: Decision

    @property
    def holds(self) -> bool:
        """Whether it was decided as expected."""
        return self.decision.verdict == self.case.verdict and self.names_the_rule

    @property
    def names_the_rule(self) -> bool:
        """Whether the rule is the expected one, where one is expected."""
        return self.case.rule is None or self.case.rule == (self.decision.rule or "")


def asked(case: Expectation) -> PolicyRequest:
    """The request of ``case``."""
    return request(
        case.tenant,
        case.principals,
        case.on,
        case.action,
        args=case.args,
        session=case.session,
        channel=case.channel,
        run=case.run,
        now=case.now,
        facts=case.facts,
        scopes=case.scopes,
    )


def outcome(policy: Policy, case: Expectation) -> Outcome:
    """Decide ``case``."""
    return Outcome(case, policy.decide(asked(case)))
