"""The mutation score as text and JSON, and a surviving copy's request as a case to paste."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import click

from handrail.policy.decision import PolicyRequest
from handrail.policy.mutation.score import Score, Survivor
from handrail.policy.mutation.search import Difference
from handrail.policy.mutation.weaken import Mutant

_SPEAKS_AFTER = 50
"""Weaker copies from which on progress is told."""


def progress(done: int, every: int) -> None:
    """A line on stderr now and then, where there is much to do."""
    if every >= _SPEAKS_AFTER and done and (done == every or done % _SPEAKS_AFTER == 0):
        click.echo(f"{done} of {every} weaker policies tried", err=True)


def lines(found: Score) -> Iterator[str]:
    """The score, then each survivor with a case that would notice it."""
    for one in found.survivors:
        yield from _survivor(one)
        yield ""
    yield f"mutation score: {found.killed}/{found.total} weaker policies noticed ({_percent(found)} %)"
    yield f"removed allowances: {found.removed_killed}/{found.removed_total} noticed"
    if found.equivalent:
        yield f"equivalent, proven and not counted: {len(found.equivalent)}"
        yield from (f"    {_place(one)}{one.id}: {one.what}" for one in found.equivalent)


def _percent(found: Score) -> str:
    # Never rounded up to 100.
    return f"{int(found.percent * 10) / 10:g}"


def _survivor(one: Survivor) -> Iterator[str]:
    yield f"SURVIVED {_place(one.mutant)}{one.mutant.id}: {one.mutant.what}"
    if one.difference is None:
        yield "    no request was found that tells the two apart, and it is not proven that there is none"
        return
    yield "    no case notices it; this one would:"
    yield from (f"    {line}" for line in case_text(one.difference, one.mutant).splitlines())


def _place(mutant: Mutant) -> str:
    place = mutant.place
    return f"{Path(place.file).name}:{place.line} " if place.file and place.line else ""


def as_dict(found: Score) -> dict[str, Any]:
    """The score as JSON types."""
    return {
        "killed": found.killed,
        "total": found.total,
        "percent": found.percent,
        "removed": {"killed": found.removed_killed, "total": found.removed_total},
        "survivors": [
            {**_as_dict(one.mutant), "case": case_text(one.difference, one.mutant) if one.difference else None}
            for one in found.survivors
        ],
        "equivalent": [_as_dict(one) for one in found.equivalent],
    }


def _as_dict(mutant: Mutant) -> dict[str, Any]:
    place = mutant.place
    return {
        "rule": mutant.id, "what": mutant.what, "kind": mutant.kind,
        "file": str(place.file) if place.file else None, "line": place.line,
    }  # fmt: skip


def case_text(difference: Difference, mutant: Mutant) -> str:
    """An ``[[expect]]`` in TOML on which the policy and its copy differ."""
    asked, expected = difference.request, difference.expected
    fields = {
        "name": f"{mutant.id}: not with {mutant.what}" if mutant.kind == "weakened" else f"{mutant.id} is needed",
        "who": _who(asked),
        asked.action: asked.tool,
        **_facts(asked),
        "verdict": expected.verdict,
        "rule": expected.rule or "",
    }
    return "[[expect]]\n" + "\n".join(f"{key} = {toml(value)}" for key, value in fields.items())


def _who(asked: PolicyRequest) -> str | list[str]:
    first, *rest = asked.principals
    who = f"{asked.tenant}/{first.removeprefix('user:')}"
    return [who, *rest] if rest else who


def _facts(asked: PolicyRequest) -> dict[str, object]:
    facts = cast("Mapping[str, Any]", asked.facts)
    run = {name: count for name, count in facts["run"].items() if count}
    more = {"doc": facts["doc"]} if facts.get("doc") else {}
    found = {
        "args": facts["args" if asked.action == "call" else "memory"],
        "session": facts["session"],
        "channel": facts["channel"],
        "run": run,
    }
    found |= {"now": facts["env"].get("now"), "facts": more}
    return {name: value for name, value in found.items() if value or (name == "now" and value is not None)}


def toml(value: object) -> str:
    """A value of JSON types, without null, as TOML on one line."""
    if isinstance(value, Mapping):
        pairs = (f"{_key(str(key))} = {toml(one)}" for key, one in cast("Mapping[str, object]", value).items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml, cast('list[object]', value)))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "a").replace("-", "a").isalnum()
    return name if plain else json.dumps(name, ensure_ascii=False)
