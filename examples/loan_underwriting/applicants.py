"""Four applicants: what they ask for, what their documents say, what bureau and fraud register know. All made up."""

from __future__ import annotations

from dataclasses import dataclass

ANNUAL_RATE = 0.06
"""Interest that this bank asks for, a year."""
MAX_DTI = 0.43
"""Most of a month's income that may go into debts, the new loan included."""


@dataclass(frozen=True, slots=True)
class Applicant:
    """One application."""

    amount: float
    """What is asked for, USD."""
    months: int
    income: float
    """A month, before tax, as on the payslip, USD."""
    debts: float
    """A month, as the bureau knows them, USD."""
    score: int
    flags: tuple[str, ...] = ()
    """What the fraud register says against it."""

    @property
    def documents(self) -> dict[str, object]:
        """What application form and payslip say."""
        return {"amount": self.amount, "months": self.months, "monthly_income": self.income}

    @property
    def report(self) -> dict[str, object]:
        """The bureau's report."""
        return {"score": self.score, "monthly_debts": self.debts}

    @property
    def payment(self) -> float:
        """What the loan costs a month, USD."""
        return payment(self.amount, self.months)


APPLICANTS = {
    "ana": Applicant(amount=9_000, months=36, income=4_200, debts=350, score=742),
    "ben": Applicant(amount=180_000, months=240, income=9_800, debts=1_200, score=768),
    "cora": Applicant(amount=25_000, months=48, income=2_600, debts=900, score=604),
    "dan": Applicant(amount=12_000, months=36, income=5_100, debts=200, score=731, flags=("address of a mail drop",)),
}
"""Approved; approved after a person said so; declined; referred to the fraud desk."""


def payment(amount: float, months: int) -> float:
    """A month's payment of an annuity loan at the bank's rate, to the cent."""
    rate = ANNUAL_RATE / 12
    return round(amount * rate / (1 - (1 + rate) ** -months), 2)
