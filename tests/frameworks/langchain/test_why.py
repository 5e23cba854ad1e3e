"""Why a tool was called and what a model's input came from, of agents that nobody changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

import handrail
from handrail.testing import ToolCall, Turn
from tests.frameworks.langchain.kit import Scripted, call, policy, recorded

Record = dict[str, Any]


@tool
def look_up(order: str) -> str:
    """Look an order up."""
    return f"order {order}: one kettle"


@tool
def mail(to: str) -> str:
    """Write to somebody."""
    return "sent"


def _agent(*turns: Any, tools: Sequence[Any] = (look_up, mail), name: str = "clerk", **more: Any) -> Any:
    return create_agent(Scripted(turns=turns), list(tools), name=name, **more)


def _run(folder: Path, agent: Any, text: str = "go", config: Any = None) -> list[Record]:
    governed = handrail.govern(agent, config=policy(folder))
    governed.invoke({"messages": [("user", text)]}, config)
    return recorded(folder)


def _of(records: Sequence[Record], kind: str) -> list[Record]:
    return [record for record in records if record["k"] == kind]


def _two(*ids: str) -> Turn:
    calls = [ToolCall("look_up", {"order": f"A-{number}"}, id=each) for number, each in enumerate(ids)]
    return Turn("Both orders first.", tool_calls=tuple(calls))


def test_a_call_names_the_reply_that_proposed_it(tmp_path: Path) -> None:
    """Each tool call has as its cause the model step whose reply it stands in, and how much was said beside it."""
    records = _run(tmp_path, _agent(_two("a", "b"), call("mail", to="ana"), Turn("done")))
    first, second, _ = _of(records, "model.call")
    calls = _of(records, "tool.call")
    assert [each["cause"] for each in calls] == [first["step"], first["step"], second["step"]]
    assert [each.get("said") for each in calls] == [18, 18, None]
    assert [each.get("said") for each in _of(records, "model.result")] == [18, None, 4]


def test_an_input_names_the_steps_whose_outputs_are_new_in_it(tmp_path: Path) -> None:
    """The first input has no cause, the one after two parallel calls has both, and none is named twice."""
    records = _run(tmp_path, _agent(_two("a", "b"), call("mail", to="ana"), Turn("done")))
    one, two, three = [each["step"] for each in _of(records, "tool.call")]
    assert [set(each.get("causes", ())) for each in _of(records, "model.call")] == [set(), {one, two}, {three}]


def test_the_alternatives_are_put_down_once(tmp_path: Path) -> None:
    """The names of the tools that a model could choose from are recorded once for a run, under their digest."""
    records = _run(tmp_path, _agent(_two("a", "b"), call("mail", to="ana"), Turn("done")))
    (offered,) = _of(records, "tools")
    assert offered["names"] == ["look_up", "mail"]
    assert {each["tools"] for each in _of(records, "model.call")} == {offered["digest"]}


def test_a_denied_call_is_a_cause_like_any_other(tmp_path: Path) -> None:
    """What a model reads in place of a result comes from the call that was denied."""
    governed = handrail.govern(
        _agent(call("wire_money", amount=1), Turn("no"), tools=[look_up, wire_money]),
        config=policy(tmp_path, mode="enforce"),
    )
    governed.invoke({"messages": [("user", "go")]})
    records = recorded(tmp_path)
    (denied,) = _of(records, "tool.call")
    first, second = _of(records, "model.call")
    assert (denied["verdict"], denied["cause"], second["causes"]) == ("deny", first["step"], [denied["step"]])


@tool
def wire_money(amount: int) -> str:
    """Wire money."""
    return "wired"


class Nameless(Scripted):
    """A model that gives no call an id."""

    def _next(self, messages: Any, kwargs: Any) -> AIMessage:
        reply = super()._next(messages, kwargs)
        return AIMessage(reply.content, tool_calls=[{**each, "id": ""} for each in reply.tool_calls])


def _named_twice() -> Scripted:
    return Scripted(turns=(_two("same", "same"), Turn("done")))


@pytest.mark.parametrize("model", [_named_twice(), Nameless(turns=(_two("a", "b"), Turn("done")))])
def test_ids_that_come_twice_or_not_at_all_still_name_the_reply(tmp_path: Path, model: Scripted) -> None:
    """A model that gives one id to two calls, or none: both calls come from that reply, and no other reply does."""
    governed: Any = handrail.govern(create_agent(model, [look_up, mail], name="clerk"), config=policy(tmp_path))
    governed.invoke({"messages": [("user", "go")]})
    records = recorded(tmp_path)
    first, _ = _of(records, "model.call")
    assert [each.get("cause") for each in _of(records, "tool.call")] == [first["step"]] * 2


def test_an_id_that_is_used_again_belongs_to_the_later_reply(tmp_path: Path) -> None:
    """A model that calls every call "x" is told apart by its turns."""
    turns = [Turn(tool_calls=(ToolCall("look_up", {"order": str(number)}, id="x"),)) for number in range(3)]
    records = _run(tmp_path, _agent(*turns, Turn("done")))
    asked = [each["step"] for each in _of(records, "model.call")]
    calls = _of(records, "tool.call")
    assert [each["cause"] for each in calls] == asked[:3]
    assert [each.get("causes", []) for each in _of(records, "model.call")] == [[], *([each["step"]] for each in calls)]


def test_a_call_that_the_program_makes_has_no_cause(tmp_path: Path) -> None:
    """A tool that is called by code, with an id that a model once used or none, is not laid at the model's door."""
    governed = handrail.govern(_agent(call("look_up", order="1"), Turn("done")), config=policy(tmp_path))
    with handrail.run("clerk", config=tmp_path / "handrail.toml"):
        governed.invoke({"messages": [("user", "go")]})
        look_up.invoke({"name": "look_up", "args": {"order": "1"}, "id": "call_1_0", "type": "tool_call"})
        look_up.invoke({"order": "1"})
    assert ["cause" in each for each in _of(recorded(tmp_path), "tool.call")] == [True, False, False]


def test_another_runs_ids_are_nobody_s_business(tmp_path: Path) -> None:
    """The next run of the same agent, with the same ids, names steps of its own only."""
    folder = tmp_path
    for _ in range(2):
        governed = handrail.govern(_agent(_two("a", "b"), Turn("done")), config=policy(folder))
        governed.invoke({"messages": [("user", "go")]})
    by_run: dict[str, set[str]] = {}
    for record in recorded(folder):
        if "run" in record:
            by_run.setdefault(record["run"], set()).add(record["step"])
    for record in recorded(folder, "tool.call", "model.call"):
        named = {*record.get("causes", ()), *([record["cause"]] if "cause" in record else ())}
        assert named <= by_run[record["run"]]


def test_an_old_answer_in_a_new_input_is_no_cause(tmp_path: Path) -> None:
    """A history that is passed in, with ids that were never proposed here, has no cause."""
    history = [
        HumanMessage("hi"), AIMessage("", tool_calls=[{"name": "look_up", "args": {}, "id": "a"}]),
        ToolMessage("one kettle", tool_call_id="a"),
    ]  # fmt: skip
    governed = handrail.govern(_agent(Turn("done")), config=policy(tmp_path))
    governed.invoke({"messages": history})
    (asked,) = _of(recorded(tmp_path), "model.call")
    assert "causes" not in asked


def _drives() -> list[Any]:
    inputs = {"messages": [("user", "go")]}

    async def streamed(agent: Any) -> None:
        async for _ in agent.astream(inputs):
            pass

    return [
        pytest.param(lambda agent: agent.invoke(inputs), id="invoke"),
        pytest.param(lambda agent: list(agent.stream(inputs, stream_mode="messages")), id="stream"),
        pytest.param(lambda agent: asyncio.run(agent.ainvoke(inputs)), id="ainvoke"),
        pytest.param(lambda agent: asyncio.run(streamed(agent)), id="astream"),
    ]


@pytest.mark.parametrize("drive", _drives())
def test_every_way_of_calling_tells_the_same(tmp_path: Path, drive: Callable[[Any], Any]) -> None:
    """Invoked or streamed, with or without an event loop: the same causes."""
    drive(handrail.govern(_agent(_two("a", "b"), Turn("done")), config=policy(tmp_path)))
    records = recorded(tmp_path)
    first, second = _of(records, "model.call")
    calls = _of(records, "tool.call")
    assert {each["cause"] for each in calls} == {first["step"]}
    assert set(second["causes"]) == {each["step"] for each in calls}


def test_parallel_sub_agents_of_one_name_and_with_one_id_keep_apart(tmp_path: Path) -> None:
    """Sub-agents that run at once, are called alike and use the same ids name their own steps only."""

    @tool
    def ask(about: str) -> str:
        """Ask a researcher."""
        agent = _agent(Turn(tool_calls=(ToolCall("look_up", {"order": about}, id="x"),)), Turn("found"), name="helper")
        return str(agent.invoke({"messages": [("user", about)]})["messages"][-1].content)

    calls = tuple(ToolCall("ask", {"about": str(number)}, id=f"c{number}") for number in range(6))
    records = _run(tmp_path, _agent(Turn(tool_calls=calls), Turn("done"), tools=[ask]))
    parent = {each["step"]: each["parent"] for each in records if "step" in each and "parent" in each}
    below = [each for each in _of(records, "tool.call") if each["tool"] == "look_up"]
    assert len(below) == 6
    for each in below:
        assert parent[each["cause"]] == each["parent"]
    for each in _of(records, "model.call"):
        assert {parent[cause] for cause in each.get("causes", ())} <= {each["parent"]}


def test_what_a_model_writes_is_in_no_record(tmp_path: Path) -> None:
    """A rationale is a payload; in the records there is only how long it is."""
    _run(tmp_path, _agent(Turn("SECRET-REASON", tool_calls=(ToolCall("mail", {"to": "x"}),)), Turn("done")))
    assert "SECRET-REASON" not in json.dumps(recorded(tmp_path))
