"""The two ways in which a condition goes wrong: its text is not understood, or it has no answer for these facts."""

from __future__ import annotations

from handrail.errors import PolicyError


class Unevaluable(PolicyError):
    """A condition has no answer for these facts. Stays inside ``handrail.policy``."""


class Fault(Exception):
    """What is wrong with the text, and at which character (0-based). Stays inside this package."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(problem)
        self.problem, self.position = problem, position
