"""handrail.test.toml -> what a policy is expected to decide. Nothing here asks a policy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from handrail.config.document import Document, parse
from handrail.config.files import Files
from handrail.config.settings import Place

TEST_FILE = "handrail.test.toml"
"""Name of the tests that stand beside a handrail.toml."""

_ACTIONS: tuple[Literal["call", "read", "write"], ...] = ("call", "read", "write")


@dataclass(frozen=True, slots=True)
class Expectation:
    """One ``[[expect]]``: a request, and the verdict that it must get."""

    tenant: str
    principals: tuple[str, ...]
    """``user:ana``, ``agent:helpdesk``: outermost first."""
    action: Literal["call", "read", "write"]
    on: str
    """Tool, retriever or namespace."""
    verdict: Literal["allow", "deny"]
    rule: str | None = None
    """Id of the rule that must have decided, empty for none of them; None where any may."""
    name: str = ""
    args: Mapping[str, object] = field(default_factory=dict[str, object])
    session: str = ""
    channel: str = ""
    run: Mapping[str, float] = field(default_factory=dict[str, float])
    now: float | None = None
    """Seconds since the Unix epoch."""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    """Further facts, by the first word of their path."""
    scopes: tuple[tuple[str, ...], ...] = ()
    place: Place = field(default_factory=Place)


def load_expectations(file: Path) -> tuple[Expectation, ...]:
    """The cases of ``file``, in order. Raises ConfigError with file and line."""
    document = parse(file, Files().read(file, Place(file)), "tests")
    return tuple(_expectation(document, index, case) for index, case in enumerate(document.values["expect"]))


def principals_of(written: str | list[str], tenant: str | None) -> tuple[str, tuple[str, ...]]:
    """Tenant and chain of ``"ana"``, ``"acme/ana"``, or a list that begins with one of them.

    Raises ValueError with a sentence for a name that is nobody's, and for two tenants.
    """
    first, *rest = [written] if isinstance(written, str) else written
    named, slash, user = first.partition("/")
    if first.startswith(("user:", "agent:")):
        named, slash, user = "", "", first
    elif not slash:
        user = first
    if slash and not (named and user):
        raise ValueError(f'"{first}" names no user: write "TENANT/USER" or "USER".')
    if named and slash and tenant is not None and tenant != named:
        raise ValueError(f'"{first}" is in the tenant "{named}", and `tenant` says "{tenant}".')
    chain = (_principal(user, "user:"), *(_principal(link, "") for link in rest))
    return (named if slash else tenant or "default"), chain


def seconds_of(written: object) -> float:
    """Seconds since the Unix epoch of a date and time, ISO text, or a number. Raises ValueError with a sentence."""
    if isinstance(written, (int, float)) and not isinstance(written, bool) and math.isfinite(written):
        return float(written)
    try:
        when = datetime.fromisoformat(written) if isinstance(written, str) else written
    except ValueError:
        raise ValueError(f"{written!r} is no date and time in ISO form, such as 2026-01-31T09:00:00Z.") from None
    if not isinstance(when, datetime):
        raise ValueError("The time is a date with a time, such as 2026-01-31T09:00:00Z, or a number of seconds.")
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _principal(written: str, kind: str) -> str:
    name = written if written.startswith(("user:", "agent:")) else f"{kind}{written}"
    if not name.startswith(("user:", "agent:")):
        raise ValueError(f'"{written}" is neither a user nor an agent: write "agent:{written}" or "user:{written}".')
    if name in ("user:", "agent:"):
        raise ValueError(f'"{written}" names nobody.')
    return name


def _expectation(document: Document, index: int, case: dict[str, Any]) -> Expectation:
    action: Literal["call", "read", "write"] = next(one for one in _ACTIONS if one in case)
    tenant, principals = _who(document, index, case)
    return Expectation(
        tenant,
        principals,
        action,
        case[action],
        case["verdict"],
        rule=case.get("rule"),
        name=case.get("name", ""),
        args=_json(document, case.get("args", {}), "expect", index, "args"),
        session=case.get("session", ""),
        channel=case.get("channel", ""),
        run=case.get("run", {}),
        now=_now(document, index, case["now"]) if "now" in case else None,
        facts=_json(document, case.get("facts", {}), "expect", index, "facts"),
        scopes=tuple(tuple(scope) for scope in case.get("scopes", ())),
        place=document.place("expect", index),
    )


def _who(document: Document, index: int, case: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    try:
        return principals_of(case["who"], case.get("tenant"))
    except ValueError as problem:
        raise document.error(str(problem), "expect", index, "who") from None


def _now(document: Document, index: int, written: object) -> float:
    try:
        return seconds_of(written)
    except (ValueError, OverflowError) as problem:
        raise document.error(str(problem), "expect", index, "now") from None


def _json(document: Document, value: object, *path: str | int) -> Any:
    """``value``, which must be what a model could send: JSON has no dates and no NaN."""
    members: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        members = list(cast("dict[str | int, object]", value).items())
    elif isinstance(value, list):
        members = list(enumerate(cast("list[object]", value)))
    elif not isinstance(value, (str, int, float)) or (isinstance(value, float) and not math.isfinite(value)):
        hint = "Write a date as text; leave out what is null."
        raise document.error("This value cannot be an argument: it is no JSON.", *path, hint=hint)
    for key, member in members:
        _json(document, member, *path, key)
    return cast("Any", value)
