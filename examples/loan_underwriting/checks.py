"""What a decision on a loan must be, as a pydantic model: ``model(...)`` in handrail.toml names it."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, model_validator
from pydantic_core import PydanticCustomError

from examples.loan_underwriting.applicants import MAX_DTI, payment


class Decision(BaseModel):
    """The arguments of ``book_decision``. Money in USD; income, debts and payment a month."""

    applicant: str
    decision: Literal["approved", "declined", "referred"]
    amount: float
    months: int
    income: float
    debts: float
    payment: float
    obligations: float
    """Debts and payment."""
    dti: float
    """Debt to income: obligations over income."""
    reasons: list[str]

    @model_validator(mode="after")
    def affordable(self) -> Self:
        """The figures follow from one another, and no loan is approved that the applicant cannot carry."""
        if abs(self.payment - payment(self.amount, self.months)) > 0.01:
            raise PydanticCustomError("payment", "The payment is not that of an annuity loan at the bank's rate.")
        if abs(self.dti - self.obligations / self.income) > 0.005:
            raise PydanticCustomError("dti", "The debt-to-income ratio is not obligations over income.")
        if self.decision == "approved" and self.dti > MAX_DTI:
            raise PydanticCustomError("dti_limit", "The debt-to-income ratio is too high to approve.")
        return self
