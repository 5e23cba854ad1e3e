"""Who is acting: what callers say, what they may not say, and how the chain grows from agent to agent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.tools import ToolRuntime
from langchain_core.messages import ToolMessage
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command
from langgraph_supervisor import create_supervisor
from langgraph_swarm import create_handoff_tool, create_swarm

import handrail
from handrail.testing import Turn
from tests.frameworks.langchain.kit import Scripted, call, policy, recorded, run_async
from tests.frameworks.langchain.scenarios import ASK, END

HEAD = 'version = 1\nmode = "{mode}"\nagent = "clerk"\n'
ANYBODY = """
[users]
"ana" = ["staff"]
"acme/eve" = ["staff"]
[[rule]]
id = "work"
allow = "staff"
call = "*"
tenant = "*"
[[delegate]]
from = "*"
to = "agent:*"
call = "*"
tenant = "*"
"""
RAN: list[str] = []


@pytest.fixture(autouse=True)
def _nothing_ran() -> None:
    RAN.clear()


@tool
def work(a: int = 0) -> str:
    """Do some work."""
    RAN.append("work")
    return "done"


def agent_of(name: str | None, *turns: Any, tools: Any = (), **options: Any) -> Any:
    """An agent that plays ``turns``; it has ``tools``, or else one harmless tool."""
    return create_agent(Scripted(turns=turns), list(tools) or [work], name=name, **options)


def _who(folder: Path) -> list[tuple[str, str, str, str]]:
    fields = ("tenant", "user", "session", "channel")
    return [tuple(record[field] for field in fields) for record in recorded(folder, "run.start")]


def _chains(folder: Path, *tools: str) -> list[str]:
    """The chains of the tool calls, user first."""
    calls = recorded(folder, "tool.call")
    return [" > ".join(record["chain"]) for record in calls if not tools or record["tool"] in tools]


def _govern(folder: Path, agent: Any, mode: str = "enforce", text: str = HEAD + ANYBODY, **options: Any) -> Any:
    return handrail.govern(agent, config=policy(folder, mode, text), **options)


# --- what callers say --------------------------------------------------------------------------------------


def test_acting_for_names_the_run(tmp_path: Path) -> None:
    """``acting_for`` goes before ``govern``'s principal, which goes before the file; blocks nest field by field."""
    text = HEAD + '[principal]\nuser = "file"\nchannel = "file"\nsession = "file"\n' + ANYBODY
    told = {"user": "told", "session": "told"}
    agent = _govern(tmp_path, agent_of("clerk", *[END] * 5), "observe", text, principal=told)
    agent.invoke(ASK)
    with handrail.acting_for(tenant="acme", user="eve"):
        agent.invoke(ASK)
        with handrail.acting_for(session="s1", channel="web"):
            agent.invoke(ASK)
        agent.invoke(ASK)
    agent.invoke(ASK)
    assert _who(tmp_path) == [
        ("default", "told", "told", "file"),
        ("acme", "eve", "told", "file"),
        ("acme", "eve", "s1", "web"),
        ("acme", "eve", "told", "file"),
        ("default", "told", "told", "file"),
    ]


def test_acting_for_in_threads_and_tasks(tmp_path: Path) -> None:
    """Blocks in threads and tasks that run side by side do not see each other."""
    agent = _govern(tmp_path, agent_of("clerk", *[END] * 16), "observe")
    barrier = threading.Barrier(4)

    def in_thread(n: int) -> None:
        with handrail.acting_for(user=f"thread{n}"):
            barrier.wait()
            agent.invoke(ASK)

    threads = [threading.Thread(target=in_thread, args=(n,)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    async def in_task(n: int) -> None:
        with handrail.acting_for(user=f"task{n}"):
            await asyncio.sleep(0)
            await agent.ainvoke(ASK)

    async def main() -> None:
        await asyncio.gather(*(in_task(n) for n in range(4)))

    asyncio.run(main())
    assert sorted(user for _, user, _, _ in _who(tmp_path)) == sorted(
        f"{kind}{n}" for kind in ("thread", "task") for n in range(4)
    )


SAID = {"tenant": "acme", "user": "eve", "session": "s", "channel": "web"}


def test_configurable_is_ignored(tmp_path: Path) -> None:
    """What a client writes into ``configurable`` names nobody, unless the file says that it may."""
    agent = _govern(tmp_path, agent_of("clerk", END, END), "observe")
    config = {"configurable": {**SAID, "thread_id": "t", "langgraph_auth_user": {"identity": "eve"}}}
    agent.invoke(ASK, config)
    agent.with_config(config).invoke(ASK)
    assert _who(tmp_path) == [("default", "anonymous", "", "")] * 2


@pytest.mark.parametrize("server", [{"identity": "root"}, SimpleNamespace(identity="root")])
def test_trusted_configurable(server: Any, tmp_path: Path) -> None:
    """Trusted, it names the principal; the server's authenticated user goes before what the client wrote."""
    text = HEAD + "trust_configurable = true\n" + ANYBODY
    agent = _govern(tmp_path, agent_of("clerk", *[END] * 4), "observe", text, principal={"user": "told"})
    agent.invoke(ASK, {"configurable": SAID})
    agent.invoke(ASK, {"configurable": {**SAID, "langgraph_auth_user": server}})
    agent.with_config(configurable={"user": "eve", "thread_id": "t"}).invoke(ASK)
    agent.invoke(ASK, {"configurable": {"thread_id": "t"}})
    assert _who(tmp_path) == [
        ("acme", "eve", "s", "web"),
        ("acme", "root", "s", "web"),
        ("default", "eve", "t", ""),
        ("default", "told", "t", ""),
    ]


class Hostile:
    """An object of a client or server library whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_hostile_configurable(tmp_path: Path) -> None:
    """An identity that cannot be read: observing goes on without it, enforcing does not run."""
    text = HEAD + "trust_configurable = true\n" + ANYBODY
    config: Any = {"configurable": {"langgraph_auth_user": SimpleNamespace(identity=Hostile())}}
    observed = _govern(tmp_path / "o", agent_of("clerk", call("work"), END), "observe", text)
    assert observed.invoke(ASK, config)["messages"][-1].content == "final answer"
    assert RAN == ["work"]
    enforced = _govern(tmp_path / "e", agent_of("clerk", call("work"), END), "enforce", text)
    with pytest.raises(RuntimeError):
        enforced.invoke(ASK, config)
    assert RAN == ["work"]


def test_batch_with_an_identity_each(tmp_path: Path) -> None:
    """Inputs of one batch that are trusted to name different users act each for its own."""
    text = HEAD + "trust_configurable = true\n" + ANYBODY
    configs: Any = [{"configurable": {"user": user}} for user in ("ana", "mallory")]
    chain = RunnableLambda(lambda x: x) | RunnableLambda(lambda x: work.invoke({}))
    governed = _govern(tmp_path, chain, "enforce", text, principal={"user": "ana"})
    governed.batch(["a", "b"], configs)
    run_async(lambda: governed.abatch(["a", "b"], configs))
    assert RAN == ["work", "work"]
    verdicts = sorted((record["chain"][0], record["verdict"]) for record in recorded(tmp_path, "tool.call"))
    assert verdicts == [("user:ana", "allow")] * 2 + [("user:mallory", "deny")] * 2


def test_nobody_is_denied(tmp_path: Path) -> None:
    """Enforce without a principal denies every call, with the reason in the record and the run going on."""
    text = HEAD + ANYBODY.replace('allow = "staff"', 'allow = "*"')
    answer = _govern(tmp_path, agent_of("clerk", call("work"), END), text=text).invoke(ASK)
    assert answer["messages"][-1].content == "final answer"
    assert RAN == []
    (record,) = recorded(tmp_path, "tool.call")
    assert (record["verdict"], record["by"], record["chain"][0]) == ("deny", "identity", "user:anonymous")


def test_name_anonymous_cannot_be_claimed(tmp_path: Path) -> None:
    """Somebody who is called ``anonymous`` is nobody."""
    text = HEAD + ANYBODY.replace('allow = "staff"', 'allow = "*"')
    agent = _govern(tmp_path, agent_of("clerk", call("work"), END), text=text, principal={"user": "anonymous"})
    agent.invoke(ASK)
    assert RAN == []


# --- inside a run ------------------------------------------------------------------------------------------


def _becoming(**said: str) -> Any:
    @tool
    def become() -> str:
        """Try to act as somebody else."""
        with handrail.acting_for(**said):
            return str(work.invoke({}))

    return become


@pytest.mark.parametrize(
    ("said", "chain", "ran"),
    [
        ({"user": "eve"}, "user:ana > agent:clerk > user:eve", False),
        ({"user": "ana"}, "user:ana > agent:clerk", True),
        ({"user": "eve", "tenant": "acme"}, "user:ana > agent:clerk > user:anonymous", False),
        ({"tenant": "acme"}, "user:ana > agent:clerk > user:anonymous", False),
        ({"session": "other"}, "user:ana > agent:clerk", True),
    ],
)
def test_inside_a_run_rights_only_narrow(said: dict[str, str], chain: str, ran: bool, tmp_path: Path) -> None:
    """``acting_for`` inside a run adds a link, and one of another tenant is nobody; tenant and session stay."""
    agent = _govern(
        tmp_path, agent_of("clerk", call("become"), END, tools=[_becoming(**said)]), principal={"user": "ana"}
    )
    agent.invoke(ASK)
    assert _chains(tmp_path, "work") == [chain]
    assert (["work"] if ran else []) == RAN
    assert {record["tenant"] for record in recorded(tmp_path, "tool.call")} == {"default"}


def test_acting_for_around_a_stream_does_not_leak(tmp_path: Path) -> None:
    """Between two items of a stream the consumer is outside the run: it can act for whom it likes."""
    agent = _govern(tmp_path, agent_of("clerk", call("work"), END), principal={"user": "ana"})
    other = _govern(tmp_path, agent_of("other", call("work"), END), principal={"user": "mallory"})
    stream = iter(agent.stream(ASK))
    next(stream)
    other.invoke(ASK)
    list(stream)
    assert _chains(tmp_path, "work") == ["user:mallory > agent:other", "user:ana > agent:clerk"]


# --- from agent to agent -----------------------------------------------------------------------------------


def _as_tool(sub: Any) -> Any:
    @tool
    def ask_sub(q: str) -> str:
        """Ask the sub-agent."""
        return str(sub.invoke({"messages": [("user", q)]})["messages"][-1].content)

    return ask_sub


def _sub(name: str | None = "researcher") -> Any:
    return agent_of(name, call("work"), Turn("sub done"))


def _tool_parent(sub: Any) -> Any:
    return agent_of("clerk", call("ask_sub", q="x"), END, tools=[_as_tool(sub)])


def _node_parent(sub: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("sub", sub)
    graph.add_edge(START, "sub")
    return graph.compile(name="clerk")


def _called_in_node(sub: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("sub", lambda state: {"messages": sub.invoke(state)["messages"][-1:]})
    graph.add_edge(START, "sub")
    return graph.compile(name="clerk")


PARENTS = {"tool": _tool_parent, "node": _node_parent, "called in a node": _called_in_node}


@pytest.mark.parametrize("entry", ["invoke", "ainvoke"])
@pytest.mark.parametrize("parent", PARENTS)
def test_sub_agent_extends_the_chain(parent: str, entry: str, tmp_path: Path) -> None:
    """A sub-agent acts for user and agent; its work needs what both may, and its own name."""
    agent = _govern(tmp_path, PARENTS[parent](_sub()), principal={"user": "ana"})
    _enter(agent, entry)
    assert _chains(tmp_path, "work") == ["user:ana > agent:clerk > agent:researcher"]
    assert RAN == ["work"]
    (start,) = recorded(tmp_path, "run.start")
    assert start["agent"] == "clerk"
    (sub,) = [record for record in recorded(tmp_path, "step.start") if record["type"] == "agent"]
    assert sub["name"] == "researcher"


def _enter(agent: Any, entry: str, ask: Any = ASK) -> Any:
    return agent.invoke(ask) if entry == "invoke" else run_async(lambda: agent.ainvoke(ask))


@pytest.mark.parametrize("parent", PARENTS)
def test_sub_agent_without_a_name_is_anonymous(parent: str, tmp_path: Path) -> None:
    """A sub-agent that nobody named is ``agent:anonymous``: denied, unless that is delegated to."""
    named = HEAD + ANYBODY.replace('to = "agent:*"', 'to = "agent:clerk"')
    _govern(tmp_path / "no", PARENTS[parent](_sub(None)), text=named, principal={"user": "ana"}).invoke(ASK)
    assert RAN == []
    chain = "user:ana > agent:clerk > agent:anonymous"
    assert _chains(tmp_path / "no", "work") == [chain]
    delegated = named + '[[delegate]]\nfrom = "agent:clerk"\nto = "agent:anonymous"\ncall = "*"\n'
    _govern(tmp_path / "yes", PARENTS[parent](_sub(None)), text=delegated, principal={"user": "ana"}).invoke(ASK)
    assert RAN == ["work"]
    assert _chains(tmp_path / "yes", "work") == [chain]


def test_deep_agent_task(tmp_path: Path) -> None:
    """Sub-agents of a deep agent act under their own names."""
    from deepagents import create_deep_agent

    model = Scripted(
        turns=(
            call("task", description="do it", subagent_type="auditor"), call("work"), Turn("sub done"),
            call("task", description="do it", subagent_type="general-purpose"), call("work"), Turn("sub done"), END,
        )
    )  # fmt: skip
    auditor: Any = {"name": "auditor", "description": "Audits.", "system_prompt": "Audit.", "tools": [work]}
    agent = create_deep_agent(model=model, tools=[work], subagents=[auditor], name="clerk")
    _govern(tmp_path, agent, principal={"user": "ana"}).invoke(ASK)
    assert _chains(tmp_path, "work") == [
        "user:ana > agent:clerk > agent:auditor",
        "user:ana > agent:clerk > agent:general-purpose",
    ]
    assert RAN == ["work", "work"]


def _handing_over(to: str) -> Any:
    @tool(f"to_{to}")
    def hand_over(runtime: ToolRuntime) -> Command[Any]:
        """Hand over."""
        done = ToolMessage("handed over", tool_call_id=runtime.tool_call_id)
        messages = [runtime.state["messages"][-1], done]
        return Command(goto=to, graph=Command.PARENT, update={"messages": messages})

    return hand_over


def _pair(first: Any, second: Any) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("alice", first, destinations=("bob",))
    graph.add_node("bob", second, destinations=("alice",))
    graph.add_edge(START, "alice")
    return graph.compile(name="office")


@pytest.mark.parametrize("entry", ["invoke", "ainvoke"])
@pytest.mark.parametrize("names", [("alice", "bob"), ("anne", "robert")])
def test_hand_over_to_the_parents_node(names: tuple[str, str], entry: str, tmp_path: Path) -> None:
    """``Command(goto, graph=PARENT)``: whoever takes over acts for whoever handed over, node name or not."""
    first = agent_of(names[0], call("to_bob"), tools=[_handing_over("bob")])
    second = agent_of(names[1], call("work"), END)
    _enter(_govern(tmp_path, _pair(first, second), principal={"user": "ana"}), entry)
    assert _chains(tmp_path, "work") == [f"user:ana > agent:office > agent:{names[0]} > agent:{names[1]}"]
    assert RAN == ["work"]
    assert {record["outcome"] for record in recorded(tmp_path, "step.end", "run.end", "tool.result")} == {"ok"}


def test_hand_back(tmp_path: Path) -> None:
    """Handing back does not shed the link of whoever had it in between."""
    first = agent_of("alice", call("to_bob"), call("work"), END, tools=[_handing_over("bob"), work])
    second = agent_of("bob", call("to_alice"), tools=[_handing_over("alice")])
    _govern(tmp_path, _pair(first, second), principal={"user": "ana"}).invoke(ASK)
    assert _chains(tmp_path, "work") == ["user:ana > agent:office > agent:alice > agent:bob"]
    agents = [record for record in recorded(tmp_path, "step.start") if record["type"] == "agent"]
    chains = [" > ".join(record["chain"]) for record in agents]
    assert len(chains) == 3
    assert chains[-1] == "user:ana > agent:office > agent:alice > agent:bob"


def test_hand_over_narrows(tmp_path: Path) -> None:
    """What the one who handed over may not do, the one who took over may not do for it."""
    text = HEAD + ANYBODY + '[[rule]]\nid = "not-alice"\ndeny = "agent:alice"\ncall = "work"\n'
    first = agent_of("alice", call("to_bob"), tools=[_handing_over("bob")])
    second = agent_of("robert", call("work"), END)
    _govern(tmp_path, _pair(first, second), text=text, principal={"user": "ana"}).invoke(ASK)
    assert RAN == []
    (record,) = [each for each in recorded(tmp_path, "tool.call") if each["tool"] == "work"]
    assert (record["verdict"], record["rule"]) == ("deny", "not-alice")


def test_every_agent_of_a_node_that_took_over(tmp_path: Path) -> None:
    """A node that took over and calls two agents: both act for whoever handed over."""
    first = agent_of("alice", call("to_bob"), tools=[_handing_over("bob")])
    one, two = agent_of("one", call("work"), END), agent_of("two", call("work"), END)

    def both(state: Any) -> Any:
        one.invoke(ASK)
        return {"messages": two.invoke(ASK)["messages"][-1:]}

    _govern(tmp_path, _pair(first, both), principal={"user": "ana"}).invoke(ASK)
    assert _chains(tmp_path, "work") == [
        "user:ana > agent:office > agent:alice > agent:one",
        "user:ana > agent:office > agent:alice > agent:two",
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_supervisor(tmp_path: Path) -> None:
    """langgraph-supervisor: the worker acts for the supervisor, which keeps its own place afterwards."""
    worker = _sub("researcher")
    model = Scripted(turns=(call("transfer_to_researcher"), call("work"), END))
    team = create_supervisor([worker], model=model, tools=[work]).compile(name="team")
    _govern(tmp_path, team, principal={"user": "ana"}).invoke(ASK)
    assert _chains(tmp_path, "work") == [
        "user:ana > agent:team > agent:supervisor > agent:researcher",
        "user:ana > agent:team > agent:supervisor",
    ]
    assert RAN == ["work", "work"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_swarm(tmp_path: Path) -> None:
    """langgraph-swarm: agents that hand over to each other act for each other, the next turn starts afresh."""
    to_bob, to_alice = create_handoff_tool(agent_name="bob"), create_handoff_tool(agent_name="alice")
    alice = agent_of("alice", call("transfer_to_bob"), call("work"), END, tools=[to_bob, work])
    bob = agent_of("bob", call("work"), call("transfer_to_alice"), tools=[to_alice, work])
    swarm = create_swarm([alice, bob], default_active_agent="alice").compile(checkpointer=InMemorySaver(), name="swarm")
    governed = _govern(tmp_path, swarm, principal={"user": "ana"})
    governed.invoke(ASK, {"configurable": {"thread_id": "1"}})
    both = "user:ana > agent:swarm > agent:alice > agent:bob"
    assert _chains(tmp_path, "work") == [both, both]
    assert RAN == ["work", "work"]


def _deny(who: str, tenant: str = "*") -> str:
    return HEAD + ANYBODY + f'[[rule]]\nid = "no-{who}"\ndeny = "{who}"\ncall = "work"\ntenant = "{tenant}"\n'


@pytest.mark.parametrize("parent", PARENTS)
@pytest.mark.parametrize(
    ("outer", "inner", "ran"),
    [("ana", "nobody", False), ("nobody", "ana", False), ("nobody", "nobody", True)],
)
def test_two_policies_must_both_allow(outer: str, inner: str, ran: bool, parent: str, tmp_path: Path) -> None:
    """A governed sub-agent with a policy of its own inside a governed agent: either policy can stop it."""
    make: Callable[[str, Any, str], Any] = lambda name, agent, who: _govern(  # noqa: E731
        tmp_path / name, agent, text=_deny(f"user:{who}"), principal={"user": "ana"}
    )
    sub = make("inner", _sub(), inner)
    make("outer", PARENTS[parent](sub), outer).invoke(ASK)
    assert (["work"] if ran else []) == RAN
    (record,) = [each for each in recorded(tmp_path / "outer", "tool.call") if each["tool"] == "work"]
    assert recorded(tmp_path / "inner", "run.start", "tool.call") == [], "a run lies in one journal"
    assert record["verdict"] == ("allow" if ran else "deny")
    assert record["chain"] == ["user:ana", "agent:clerk", "agent:researcher"]


def test_enforced_sub_agent_in_an_observed_agent(tmp_path: Path) -> None:
    """The strict policy of a sub-agent holds although the agent around it is only observed, and the reverse."""
    strict = _govern(tmp_path / "s", _sub(), text=_deny("user:ana"))
    _govern(tmp_path / "o", _tool_parent(strict), "observe", _deny("user:ana"), principal={"user": "ana"}).invoke(ASK)
    assert RAN == []
    loose = _govern(tmp_path / "l", _sub(), "observe", _deny("user:nobody"))
    _govern(tmp_path / "e", _tool_parent(loose), text=_deny("user:ana"), principal={"user": "ana"}).invoke(ASK)
    assert RAN == []
    _govern(tmp_path / "a", _tool_parent(_govern(tmp_path / "b", _sub(), "observe", _deny("user:ana"))), "observe",
            principal={"user": "ana"}).invoke(ASK)  # fmt: skip
    assert RAN == ["work"]
