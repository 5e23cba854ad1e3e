"""Small worlds for the state machines: rules of a handrail.toml as a dictionary, and what can be asked of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from handrail.config.settings import DelegateSettings, RuleSettings, Settings

Args = Mapping[str, object]


def _number(args: Args, name: str) -> float | None:
    value = args.get(name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _small(args: Args) -> bool | None:
    amount = _number(args, "amount")
    return None if amount is None else amount <= 500


def _euro(args: Args) -> bool | None:
    currency = args.get("currency")
    return currency == "EUR" if isinstance(currency, str) else None


def _either(args: Args) -> bool | None:
    # the left side is evaluated first, and the right one only where it does not hold
    left = _euro(args)
    return left if left is None or left else _small(args)


CONDITIONS: dict[str, Callable[[Args], bool | None]] = {
    "": lambda args: True,
    "args.amount <= 500": _small,
    "args.currency == 'EUR'": _euro,
    "args.currency == 'EUR' || args.amount <= 500": _either,
    "has(args.amount)": lambda args: "amount" in args,
}
"""Condition -> Python that says the same; None where it cannot be evaluated."""

TENANTS = ["acme", "umbrella"]
USERS = ["ana", "bob"]
AGENTS = ["x", "y", "z"]
ROLES = ["clerk", "lead", "boss"]
TOOLS = ["read_order", "read_note", "pay", "wipe"]
GROUPS = {"money": ["pay", "refunds"], "refunds": ["refund_*"]}
SUBJECTS = ["*", "user:*", "agent:*", "user:ana", "agent:x", *ROLES]

calls = st.lists(st.sampled_from(["*", "read_*", "*_note", "money", "pay", "wipe"]), min_size=1, max_size=2)
tenants = st.sampled_from(["*", "acme", "umbrella", "a*"])
rules = st.fixed_dictionaries(
    {"effect": st.sampled_from(["allow", "allow", "deny"]), "subject": st.sampled_from(SUBJECTS), "call": calls},
    optional={"when": st.sampled_from(sorted(CONDITIONS)), "tenant": tenants},
)
delegates = st.fixed_dictionaries(
    {
        "from": st.sampled_from(SUBJECTS),
        "to": st.sampled_from(["agent:*", "agent:*", "agent:x", "agent:y", "user:bob"]),
        "call": calls,
    },
    optional={"tenant": tenants},
)
arguments = st.fixed_dictionaries(
    {}, optional={"amount": st.sampled_from([1, 500, 501, "1"]), "currency": st.sampled_from(["EUR", "CHF", 5])}
)
users = st.sampled_from(USERS)
agents = st.lists(st.sampled_from(AGENTS), min_size=1, max_size=3) | st.sampled_from(
    [list("xyzabcd"), list("xyzabcde")]
)
"""Agents that call each other: few, or as many as a chain can have, or one more."""
tools = st.sampled_from(TOOLS)


def entry(number: int, drawn: Mapping[str, Any]) -> dict[str, Any]:
    """A drawn rule or delegation as an entry of the file, with an id of its own."""
    plain = {key: value for key, value in drawn.items() if key not in ("effect", "subject")}
    if "effect" in drawn:
        plain[drawn["effect"]] = drawn["subject"]
    return {"id": f"n{number}", **plain}


def toml(world: Mapping[str, Any]) -> str:
    """The handrail.toml of a world."""
    return "\n".join(["version = 1", 'mode = "enforce"', *_tables(world)]) + "\n"


def write(file: Path, world: Mapping[str, Any]) -> None:
    """Replace the file in one step, as an editor does."""
    draft = file.with_suffix(".draft")
    draft.write_text(toml(world))
    draft.replace(file)


def _tables(world: Mapping[str, Any]) -> Iterator[str]:
    for table in ("users", "roles", "groups"):
        yield f"[{table}]"
        yield from _pairs(world.get(table, {}))
    for table in ("rule", "delegate"):
        for one in world.get(table, ()):
            yield f"[[{table}]]"
            yield from _pairs(one)


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    return (f"{json.dumps(key)} = {json.dumps(value)}" for key, value in values.items())


def settings_of(world: Mapping[str, Any]) -> Settings:
    """The settings of a world, as the loader would make them."""
    return Settings(
        users={key: tuple(held) for key, held in world["users"].items()},
        roles={key: tuple(included) for key, included in world["roles"].items()},
        groups={key: tuple(names) for key, names in world["groups"].items()},
        rules=tuple(map(_rule, world["rule"])),
        delegates=tuple(map(_delegate, world["delegate"])),
    )


def _rule(one: Mapping[str, Any]) -> RuleSettings:
    effect = "allow" if "allow" in one else "deny"
    return RuleSettings(
        one["id"], "allow" if effect == "allow" else "deny", one[effect], tuple(one["call"]), one.get("when", ""),
        one.get("tenant", "*"),
    )  # fmt: skip


def _delegate(one: Mapping[str, Any]) -> DelegateSettings:
    return DelegateSettings(one["from"], one["to"], tuple(one["call"]), one.get("tenant", "*"), one["id"])
