"""Whatever is entered inside something, rights only narrow: runs, users, tokens, hand-overs, in any order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import handrail
from handrail.gate import NEUTRAL
from handrail.tracing import context
from tests.policy import worlds
from tests.policy.machine import TOOLS
from tests.policy.worlds import entry

_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.sampled_from([*worlds.AGENTS, "a", "b", "c", "d", "e", "f"])),
        st.tuples(st.just("user"), st.sampled_from([*worlds.USERS, "nobody"])),
        st.tuples(st.just("token"), worlds.users, worlds.calls.filter(lambda names: "money" not in names)),
        st.tuples(st.just("handed"), st.sampled_from(worlds.AGENTS), st.sampled_from(worlds.AGENTS)),
    ),
    max_size=8,
)


@pytest.fixture(name="config", scope="module")
def _config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("narrowing") / "handrail.toml"


def allowed() -> set[str]:
    """The calls that may be made here."""
    return {name for name, tool in TOOLS.items() if tool(amount=5, currency="EUR") != NEUTRAL}


def entered(step: tuple[Any, ...], config: Path) -> AbstractContextManager[object]:
    """What a step enters."""
    if step[0] == "run":
        return handrail.run(step[1])
    if step[0] == "user":
        return handrail.acting_for(user=step[1])
    if step[0] == "token":
        return handrail.accept(_token(step[1], step[2], config), audience="here")
    return _handed(*step[1:])


def _token(user: str, scope: list[str], config: Path) -> str:
    found: list[str] = []

    def issue() -> None:
        with handrail.run("far", config=config, tenant="acme", user=user):
            found.append(handrail.delegate("here", call=scope))

    Context().run(issue)  # outside the run that stands here, as another process is
    return found[0]


@contextmanager
def _handed(first: str, second: str) -> Iterator[None]:
    """One agent hands over to another, which then runs beside it, with no more than it had."""
    with handrail.run(first):
        frame, before = context.current(), allowed()
        assert frame is not None
        frame.state.handoffs[second] = frame.principal
    with handrail.run(second):
        assert allowed() <= before
        yield


def world(drawn: list[dict[str, Any]], links: list[dict[str, Any]]) -> dict[str, Any]:
    """Rules among which much is allowed, so that there is something to lose."""
    everybody = [{"from": "*", "to": to, "call": ["*"]} for to in ("agent:*", "user:ana", "user:bob")]
    rules = [{"effect": "allow", "subject": "*", "call": ["*"]}, *drawn]
    return {
        "users": {"acme/ana": ["lead"], "acme/bob": ["clerk"]}, "roles": {"lead": ["clerk"], "boss": []},
        "groups": worlds.GROUPS,
        "rule": [entry(number, one) for number, one in enumerate(rules)],
        "delegate": [entry(100 + number, one) for number, one in enumerate([*everybody, *links])],
    }  # fmt: skip


@settings(
    max_examples=40, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(
    st.lists(worlds.rules.filter(lambda one: one["effect"] == "deny" and one["subject"] != "*"), max_size=4),
    st.lists(worlds.delegates, max_size=2), worlds.users, _STEPS,
)  # fmt: skip
def test_rights_only_narrow(
    config: Path, drawn: list[dict[str, Any]], links: list[dict[str, Any]], user: str, steps: list[tuple[Any, ...]]
) -> None:
    """After each step inward the allowed calls are among those of the step before, and on the way out they are back."""
    worlds.write(config, world(drawn, links))
    with handrail.run("desk", config=config, tenant="acme", user=user):
        first = before = allowed()
        with ExitStack() as stack:
            for step in steps:
                stack.enter_context(entered(step, config))
                now = allowed()
                assert now <= before, (step, context.current())
                before = now
        assert allowed() == first


@pytest.mark.parametrize("again", ["desk", "clerk"])
def test_an_agent_that_is_entered_again_gains_nothing(again: str, config: Path) -> None:
    """Agents that call each other in a circle stand in the chain once, and whoever came between still limits."""
    worlds.write(config, world([{"effect": "deny", "subject": "agent:clerk", "call": ["pay"]}], []))
    with handrail.run("desk", config=config, tenant="acme", user="ana"):
        assert "pay" in allowed()
        with handrail.run("clerk"), handrail.run(again):
            frame = context.current()
            assert frame is not None
            assert frame.principal.links == ("user:ana", "agent:desk", "agent:clerk")
            assert allowed() == set(TOOLS) - {"pay"}


def test_a_ninth_principal_is_answered_neutrally(config: Path) -> None:
    """Eight may act, nine may not: the answer is that of any other denial, and the one before can go on."""
    worlds.write(config, world([], []))
    with ExitStack() as stack:
        stack.enter_context(handrail.run("a1", config=config, tenant="acme", user="ana"))
        for number in range(2, 8):
            stack.enter_context(handrail.run(f"a{number}"))
        assert allowed() == set(TOOLS)
        with handrail.run("a8"):
            assert {tool() for tool in TOOLS.values()} == {NEUTRAL}
        assert allowed() == set(TOOLS)
