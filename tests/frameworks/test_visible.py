"""``handrail.visible``: what a loop of one's own sends to its model."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import handrail
from tests.frameworks.recorded import Recorded, write_policy


@handrail.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@handrail.tool
def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


@handrail.tool(name="wire_money")
def wire(amount: int) -> str:
    """Wire."""
    return "sent"


def _definition(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": {}}}


def test_names_functions_and_definitions(tmp_path: Path) -> None:
    """In each form those stay that some arguments could be allowed for, in their order and as the same objects."""
    given: list[Any] = [
        add,
        wire,
        "greet",
        "drop",
        _definition("pay"),
        _definition("wire_money"),
        {"google_search": {}},
    ]
    with handrail.run("clerk", config=write_policy(tmp_path), user="ana"):
        found = handrail.visible(given)
    assert [id(each) for each in found] == [id(given[place]) for place in (0, 2, 4, 6)]


def test_observing_and_nobody(tmp_path: Path) -> None:
    """In observe mode everything stays; an enforced run for nobody is left with nothing."""
    policy = write_policy(tmp_path)
    with handrail.run("clerk", config=policy, mode="observe", user="ana"):
        assert handrail.visible([add, wire]) == [add, wire]
    with handrail.run("clerk", config=policy):
        assert handrail.visible([add, wire]) == []


def test_a_changed_file_counts_at_the_next_look(tmp_path: Path) -> None:
    """Rights that change inside a run show at once, on an event loop too."""
    policy = write_policy(tmp_path)

    async def look() -> list[list[str]]:
        async with handrail.run("clerk", config=policy, user="ana"):
            first = handrail.visible(["add", "wire_money"])
            policy.write_text(policy.read_text().replace('call = ["add", "greet"]', 'call = ["wire_money", "greet"]'))
            return [first, handrail.visible(["add", "wire_money"])]

    assert asyncio.run(look()) == [["add"], ["wire_money"]]


def test_outside_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside every run the answer is that of a lone call, and looking leaves no run behind."""
    write_policy(tmp_path)
    monkeypatch.chdir(tmp_path)
    with handrail.acting_for(user="ana"):
        assert handrail.visible([add, pay, wire]) == [add, pay]
    assert Recorded(tmp_path / ".handrail").all("run.start") == []


def test_what_a_provider_runs_needs_to_be_named(tmp_path: Path) -> None:
    """A tool that the provider runs stays under default deny, and goes where a rule names it."""
    search = {"type": "web_search_20250305", "name": "web_search"}
    with handrail.run("clerk", config=write_policy(tmp_path), user="ana"):
        assert handrail.visible([search]) == [search]
    policy = write_policy(tmp_path)
    policy.write_text(policy.read_text() + '\n[[rule]]\nid = "no-web"\ndeny = "*"\ncall = "web_search"\n')
    with handrail.run("clerk", config=policy, user="ana"):
        assert handrail.visible([search]) == []
