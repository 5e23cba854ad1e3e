"""Threads and sessions belong to whoever opened them: another principal's read, resume and replay are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, interrupt

import handrail
from handrail.errors import NotAvailable
from handrail.gate import NEUTRAL
from tests.frameworks.langchain.kit import Scripted, adrain, call, policy, recorded
from tests.frameworks.langchain.scenarios import ASK, END

POLICY = """
version = 1
mode = "{mode}"
agent = "clerk"

[users]
"ana" = ["staff"]
"bob" = ["staff"]

[[rule]]
id = "work"
allow = "staff"
call = "*"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""
FOR_USERS = "".join(f'''
[[delegate]]
from = "*"
to = "user:{user}"
call = "*"
''' for user in ("ana", "bob"))  # fmt: skip
THREAD: Any = {"configurable": {"thread_id": "t1"}}


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


@tool
def asking(a: int) -> str:
    """Ask a person."""
    return f"they said {interrupt({'question': a})}"


def _agent(folder: Path, *turns: Any, mode: str = "enforce") -> Any:
    agent: Any = create_agent(Scripted(turns=turns), [asking], name="clerk", checkpointer=InMemorySaver())
    return handrail.govern(agent, config=policy(folder, mode, POLICY))


TOUCHES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda agent: agent.invoke(ASK, THREAD),
    "ainvoke": lambda agent: asyncio.run(agent.ainvoke(ASK, THREAD)),
    "stream": lambda agent: list(agent.stream(ASK, THREAD)),
    "astream": lambda agent: asyncio.run(adrain(agent.astream(ASK, THREAD))),
    "batch": lambda agent: agent.batch([ASK], [THREAD]),
    "bound config": lambda agent: agent.with_config(THREAD).invoke(ASK),
    "resume": lambda agent: agent.invoke(Command(resume="yes"), THREAD),
    "replay": lambda agent: agent.invoke(None, THREAD),
    "get_state": lambda agent: agent.get_state(THREAD),
    "aget_state": lambda agent: asyncio.run(agent.aget_state(THREAD)),
    "get_state by name": lambda agent: agent.get_state(config=THREAD),
    "get_state_history": lambda agent: list(agent.get_state_history(THREAD)),
    "aget_state_history": lambda agent: asyncio.run(adrain(agent.aget_state_history(THREAD))),
    "update_state": lambda agent: agent.update_state(THREAD, {"messages": [("user", "x")]}),
    "aupdate_state": lambda agent: asyncio.run(agent.aupdate_state(THREAD, {"messages": [("user", "x")]})),
    "bulk_update_state": lambda agent: agent.bulk_update_state(THREAD, []),
    "abulk_update_state": lambda agent: asyncio.run(agent.abulk_update_state(THREAD, [])),
}


@pytest.mark.parametrize("touch", TOUCHES)
@pytest.mark.parametrize("who", ["bob", "anonymous", "rival/ana"])
def test_somebody_elses_thread_is_not_there(touch: str, who: str, tmp_path: Path) -> None:
    """By every way in, another principal reads the neutral words, the thread is as it was, and the audit has it."""
    agent = _agent(tmp_path, call("asking", a=1), END)
    with handrail.acting_for(user="ana"):
        agent.invoke(ASK, THREAD)
        before = agent.get_state(THREAD)
    tenant, _, user = who.rpartition("/")
    with handrail.acting_for(tenant=tenant or None, user=user), pytest.raises(NotAvailable) as raised:
        TOUCHES[touch](agent)
    assert str(raised.value) == NEUTRAL
    [refused] = recorded(tmp_path, "owner.refused")
    assert (refused["kind"], refused["name"], refused["user"], refused["verdict"]) == ("thread", "t1", user, "deny")
    with handrail.acting_for(user="ana"):
        assert agent.get_state(THREAD) == before
        assert agent.invoke(Command(resume="yes"), THREAD)["messages"][-1].content == "final answer"


@pytest.mark.parametrize("touch", ["get_state", "get_state_history", "update_state", "invoke"])
def test_observing_only_records(touch: str, tmp_path: Path) -> None:
    """In observe mode everybody gets on, and what enforce mode would refuse is recorded."""
    agent = _agent(tmp_path, call("asking", a=1), END, mode="observe")
    with handrail.acting_for(user="ana"):
        agent.invoke(ASK, THREAD)
    with handrail.acting_for(user="bob"):
        TOUCHES[touch](agent)
    assert [record["verdict"] for record in recorded(tmp_path, "owner.refused")] == ["would_deny"]


def test_a_service_does_not_own_for_all_its_users(tmp_path: Path) -> None:
    """What a service's run opens on behalf of a user is not open to its other users, nor to the service alone."""
    agent = _agent(tmp_path, END, END)
    config = policy(tmp_path, "enforce", POLICY + FOR_USERS)

    def served(user: str) -> int:
        with handrail.run("web", config=config, user="gateway", session="s"), handrail.acting_for(user=user):
            return len(agent.invoke(ASK, THREAD)["messages"])

    assert served("ana") == 2
    for other in ("bob", "anonymous"):
        with pytest.raises(NotAvailable):
            served(other)
    with handrail.run("web", config=config, user="gateway"), pytest.raises(NotAvailable):
        agent.invoke(ASK, THREAD)
    assert served("ana") == 3


class _Named(str):
    """Another text for people than for dictionaries, as members of enumerations have it."""

    def __str__(self) -> str:
        return f"Thread.{self.upper()}"


@pytest.mark.parametrize(
    ("opened", "asked"),
    [(0, 0), (0, "0"), (0, False), ("", ""), (None, None), (7, "7"), ("t1", _Named("t1")), (_Named("t1"), "t1")],
)
def test_every_spelling_of_a_thread_has_an_owner(opened: Any, asked: Any, tmp_path: Path) -> None:
    """Whatever a checkpointer keeps as a thread is owned, also under 0, nothing, or another type of the same name."""
    agent = _agent(tmp_path, END, END)
    with handrail.acting_for(user="ana"):
        agent.invoke(ASK, {"configurable": {"thread_id": opened}})
    with handrail.acting_for(user="bob"), pytest.raises(NotAvailable):
        agent.invoke(ASK, {"configurable": {"thread_id": asked}})


def test_no_thread_is_nobodys(tmp_path: Path) -> None:
    """Where nothing is kept, a thread without a name belongs to nobody."""
    agent: Any = create_agent(Scripted(turns=(END, END)), [asking], name="clerk")
    agent = handrail.govern(agent, config=policy(tmp_path, "enforce", POLICY))
    for user in ("ana", "bob"):
        with handrail.acting_for(user=user):
            agent.invoke(ASK, {"configurable": {"thread_id": None}})
    assert recorded(tmp_path, "owner.refused") == []


def test_the_owner_comes_back_with_another_agent(tmp_path: Path) -> None:
    """A thread belongs to the user, not to the agent: a second agent of the same installation may go on with it."""
    with handrail.acting_for(user="ana"):
        _agent(tmp_path, END).invoke(ASK, THREAD)
        assert _agent(tmp_path, END).invoke(ASK, THREAD)["messages"][-1].content == "final answer"


def test_what_nobody_opened_is_open(tmp_path: Path) -> None:
    """Looking at a thread that nobody opened shows an empty state, and leaves it to whoever begins."""
    agent = _agent(tmp_path, END)
    with handrail.acting_for(user="bob"):
        assert agent.get_state(THREAD).values == {}
    with handrail.acting_for(user="ana"):
        agent.invoke(ASK, THREAD)
    assert recorded(tmp_path, "owner.refused") == []


def test_nobody_opens_nothing(tmp_path: Path) -> None:
    """A run for nobody owns nothing: a named user may take over the thread that it used."""
    agent = _agent(tmp_path, END, END)
    agent.invoke(ASK, THREAD)
    with handrail.acting_for(user="ana"):
        assert agent.invoke(ASK, THREAD)["messages"][-1].content == "final answer"
    with pytest.raises(NotAvailable):
        agent.invoke(ASK, THREAD)


def test_a_thread_named_inside_a_run_is_asked_for_too(tmp_path: Path) -> None:
    """A tool that goes on with another user's thread of another graph is refused like the user themselves."""
    other: Any = create_agent(Scripted(turns=(END,)), [], name="other", checkpointer=InMemorySaver())
    inner: dict[str, Any] = {"configurable": {"thread_id": "of bob"}}

    @tool
    def peek(how: str) -> str:
        """Look into another thread."""
        try:
            return str(other.invoke(ASK, inner) if how == "invoke" else other.get_state(inner))
        except NotAvailable as refused:
            return f"refused: {refused}"

    model = Scripted(turns=(call("peek", how="invoke"), call("peek", how="get_state"), END))
    agent: Any = create_agent(model, [peek], name="clerk")
    governed = handrail.govern(agent, config=policy(tmp_path, "enforce", POLICY))
    with handrail.acting_for(user="bob"), handrail.run("clerk", config=policy(tmp_path, "enforce", POLICY)):
        other.invoke(ASK, inner)
    with handrail.acting_for(user="ana"):
        told = governed.invoke(ASK)["messages"]
    assert [message.content for message in told if message.type == "tool"] == [f"refused: {NEUTRAL}"] * 2


def test_a_session_belongs_to_its_opener(tmp_path: Path) -> None:
    """A session is refused to others of the tenant; one of the same name in another tenant is another session."""
    config = policy(tmp_path, "enforce", POLICY)
    with handrail.run("clerk", config=config, user="ana", session="ticket-4"):
        pass
    with pytest.raises(NotAvailable), handrail.run("clerk", config=config, user="bob", session="ticket-4"):
        pass
    with handrail.run("clerk", config=config, tenant="acme", user="bob", session="ticket-4"):
        pass
    with handrail.run("clerk", config=config, user="ana", session="ticket-4"):
        pass
    assert [record["kind"] for record in recorded(tmp_path, "owner.refused")] == ["session"]


def test_where_owners_cannot_be_looked_up_enforce_refuses(tmp_path: Path) -> None:
    """A registry that cannot be read refuses every thread in enforce mode, and none in observe mode."""
    for mode in ("enforce", "observe"):
        folder = tmp_path / mode
        agent = _agent(folder, END, mode=mode)
        (folder / ".handrail" / "owners").write_text("not a folder")
        with handrail.acting_for(user="ana"):
            if mode == "enforce":
                with pytest.raises(NotAvailable):
                    agent.invoke(ASK, THREAD)
            else:
                agent.invoke(ASK, THREAD)
