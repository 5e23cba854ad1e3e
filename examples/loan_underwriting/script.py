"""What the scripted model says, in place of a model of yours: it plays all the agents, for every applicant.

It keeps nothing between requests, and says the same whenever it is asked the same.
"""

from __future__ import annotations

import re

from examples.loan_underwriting.applicants import APPLICANTS, Applicant
from handrail.testing import Request, ToolCall, Turn

STAGES = ("documents", "bureau", "fraud", "decision", "letters")
PLAN = {"ana": "approved", "ben": "approved", "cora": "declined", "dan": "referred"}
"""What becomes of each application, where no person says otherwise."""
REASONS = ["income_insufficient", "excessive_obligations"]
LETTERS = {
    "approved": "We are glad to grant your loan.",
    "declined": "We cannot grant your loan. Principal reasons: income insufficient for the amount of credit "
    "requested; excessive obligations in relation to income.",
    "referred": "We are looking into your application, and need some more days.",
}


def script(request: Request) -> Turn:
    """The next turn of whichever agent asks."""
    asked = re.match(r"Applicant (\w+): (\w+)\. ?(.*)", request.user)
    if asked is None:
        return _supervisor(request.user.removeprefix("Underwrite the application of ").rstrip("."), request)
    name, stage, known = asked.groups()
    if stage == "decision":
        turns = _deciding(name, by_person=any("User rejected" in each.text for each in request.messages))
    elif stage == "letters":
        turns = _writing(name, known)
    else:
        turns = _looking(name, stage)
    return turns[min(request.answered, len(turns) - 1)]


def _supervisor(name: str, request: Request) -> Turn:
    """It asks one sub-agent after the other, and tells each what the ones before it said."""
    if request.answered == len(STAGES):
        return Turn("The application is worked off.")
    said = [message.text for message in request.messages if message.role == "tool"]
    known = said[-1] if request.answered == len(STAGES) - 1 else " ".join(said)
    return _call(f"ask_{STAGES[request.answered]}", applicant=name, known=known)


def _looking(name: str, stage: str) -> list[Turn]:
    applicant = APPLICANTS[name]
    tool, found = {
        "documents": ("read_documents", f"Income {applicant.income} a month."),
        "bureau": ("pull_credit", f"Score {applicant.score}, debts {applicant.debts} a month."),
        "fraud": ("check_fraud", "Fraud register: " + (", ".join(applicant.flags) or "nothing.")),
    }[stage]
    return [_call(tool, applicant=name), Turn(found)]


def _deciding(name: str, *, by_person: bool) -> list[Turn]:
    """The turns of the decision; ``by_person``: a person has said no to what was proposed."""
    applicant, decision = APPLICANTS[name], PLAN[name]
    wrong = {
        "declined": [_booking(name, applicant, decision, ["a bad feeling"])],  # no reason that the law knows
        "referred": [_booking(name, applicant, "approved", [])],  # passes over what the fraud register says
    }.get(decision, [])
    booked = [_booking(name, applicant, decision, REASONS if decision == "declined" else [])]
    if by_person:
        decision = "referred"
        booked.append(_booking(name, applicant, decision, []))
    return [*wrong, *booked, Turn(decision)]


def _booking(name: str, applicant: Applicant, decision: str, reasons: list[str]) -> Turn:
    obligations = round(applicant.debts + applicant.payment, 2)
    return _call(
        "book_decision", applicant=name, decision=decision, amount=applicant.amount, months=applicant.months,
        income=applicant.income, debts=applicant.debts, payment=applicant.payment, obligations=obligations,
        dti=round(obligations / applicant.income, 3), reasons=reasons,
    )  # fmt: skip


def _writing(name: str, decision: str) -> list[Turn]:
    letter = _call("notify_applicant", applicant=name, decision=decision, text=LETTERS[decision])
    # it would like to quote the score, by another inquiry: that is not for it to do
    wrong = [_call("pull_credit", applicant=name)] if decision == "declined" else []
    return [*wrong, letter, Turn("The letter is out.")]


def _call(tool: str, **args: object) -> Turn:
    return Turn(tool_calls=(ToolCall(tool, args),))
