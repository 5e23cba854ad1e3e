"""Validation one by one, as guardrail libraries do it: our re-enactment, and the real Guardrails where it is installed.

The re-enactment: an object per validator, asked in turn and answering with a result object each; patterns are texts
given to `re`, schemas are given to `jsonschema.validate`. Both are what such validators commonly do; nothing is slowed
down on purpose. Run as a program of another environment, this file is the real one: a `Guard` of guardrails-ai with the
same five validators, with its tracing and its metrics switched off. It imports nothing of ours, so that it can be:
``PYTHON benchmarks/one_by_one.py`` answers each line ``{"text": ..., "calls": N}`` with CPU microseconds per call.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from statistics import median
from typing import Any

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "minLength": 3, "maxLength": 254},
        "iban": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}$"},
        "amount": {"type": "number", "exclusiveMinimum": 0},
        "currency": {"enum": ["EUR", "USD", "GBP", "CHF"]},
        "body": {"type": "string", "maxLength": 40_000},
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"sku": {"type": "string"}, "count": {"type": "integer"}, "price": {"type": "number"}},
                "required": ["sku", "count", "price"],
            },
        },
    },
    "required": ["to", "iban", "amount", "currency"],
    "additionalProperties": False,
}
IBAN = "[A-Z]{2}[0-9]{2}[0-9A-Z]{11,30}"
MAX_CHARS = 40_000
SECRETS = (
    r"\bAKIA[0-9A-Z]{16}\b", r"\bgh[pousr]_[A-Za-z0-9]{36}\b", r"\bxox[abpr]-[A-Za-z0-9-]{10,}\b",
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----", r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\b",
    r"\bsk-[A-Za-z0-9_-]{20,}\b", r"\bAIza[0-9A-Za-z_-]{35}\b", r"\bglpat-[0-9A-Za-z_-]{20}\b",
)  # fmt: skip
"""Eight well-known forms; ours looks for more of them."""
HIDDEN = "[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"


@dataclass(frozen=True)
class Result:
    """What one validator answers."""

    passed: bool
    message: str = ""


@dataclass(frozen=True)
class FitsSchema:
    """A JSON value that fits a schema."""

    schema: dict[str, Any]

    def validate(self, text: str) -> Result:
        """Look at it."""
        import jsonschema

        try:
            jsonschema.validate(json.loads(text), self.schema)
        except (jsonschema.ValidationError, ValueError) as problem:
            return Result(False, str(problem))
        return Result(True)


@dataclass(frozen=True)
class Matches:
    """A text in which a pattern is found, or any of several is not."""

    patterns: Sequence[str]
    wanted: bool

    def validate(self, text: str) -> Result:
        """Look at it."""
        for pattern in self.patterns:
            if bool(re.search(pattern, text)) != self.wanted:
                return Result(False, f"{pattern}: found, or not")
        return Result(True)


@dataclass(frozen=True)
class NotLonger:
    """A text of at most so many characters."""

    most: int

    def validate(self, text: str) -> Result:
        """Look at it."""
        return Result(len(text) <= self.most, "" if len(text) <= self.most else "too long")


def five() -> list[Any]:
    """The validators that are compared: schema, length, pattern, secrets, hidden characters."""
    return [
        FitsSchema(SCHEMA), NotLonger(MAX_CHARS), Matches((IBAN,), True), Matches(SECRETS, False),
        Matches((HIDDEN,), False),
    ]  # fmt: skip


def one_by_one(validators: Sequence[Any]) -> Callable[[str], bool]:
    """Ask each in turn."""

    def validate(text: str) -> bool:
        return all([each.validate(text).passed for each in validators])

    return validate


def guardrails() -> tuple[Callable[[str], bool], str]:
    """The same five in a `Guard`, and the version. Raises ImportError where guardrails-ai is not installed."""
    os.environ["OTEL_SDK_DISABLED"] = "true"
    library: Any = import_module("guardrails")
    base: Any = import_module("guardrails.validators")
    library.settings.disable_tracing = True
    library.settings.rc.enable_metrics = False
    validators: list[Any] = []
    for number, inner in enumerate(five()):

        def validate(self: Any, value: str, metadata: Any, inner: Any = inner) -> Any:
            said = inner.validate(value)
            return base.PassResult() if said.passed else base.FailResult(error_message=said.message)

        made = type(f"V{number}", (base.Validator,), {"validate": validate})
        registered = base.register_validator(name=f"bench/v{number}", data_type="string")(made)
        validators.append(registered(on_fail="noop"))
    guard: Any = library.Guard().use(*validators)
    from importlib.metadata import version

    return lambda text: bool(guard.validate(text).validation_passed), version("guardrails-ai")


def timed(call: Callable[[], object], calls: int, clock: Callable[[], int] = time.thread_time_ns) -> float:
    """Median CPU microseconds of a call."""
    call()
    spent: list[int] = []
    for _ in range(calls):
        before = clock()
        call()
        spent.append(clock() - before)
    return median(spent) / 1000


def main() -> None:
    """Answer lines, as the real one."""
    validate, version = guardrails()
    print(json.dumps({"version": version}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        text = str(asked["text"])
        if not validate(text) or any(
            map(validate, ("DE89370400440532013000", text + "\u200b", text.replace("DE", "")))
        ):
            raise SystemExit("the verdicts are wrong, so nothing was measured")
        # A guard asks its validators in threads of its own, so the whole process is counted.
        us = timed(partial(validate, text), asked["calls"], time.process_time_ns)
        print(json.dumps({"us": us}), flush=True)


if __name__ == "__main__":
    main()
