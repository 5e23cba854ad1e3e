"""What is found in an agent that somebody else built."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.runnables import RunnableLambda
from langchain_core.tools import tool

import handrail
from handrail.demo import bank
from handrail.errors import NotSupported
from handrail.frameworks.discover import ToolInfo, agent_name, provider_tools, sub_agents, tools_of
from handrail.testing import ScriptedModel, chat_openai
from tests.frameworks.shapes import SHAPES, Shape


@pytest.fixture(name="model")
def _model() -> Iterator[Any]:
    with ScriptedModel([]) as server:
        yield chat_openai(server)


@tool
def look(place: str) -> str:
    """Look somewhere."""
    return place


@handrail.tool
def plain(amount: int) -> str:
    """Do something."""
    return str(amount)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_tools_of_every_shape(shape: Shape, model: Any) -> None:
    """Whatever the shape, the tools that its script calls are found, with their schemas."""
    found = {info.name: info for info in tools_of(shape.build(model, []))}
    assert "wire_money" in found
    assert "amount" in str(found["wire_money"].schema)
    if "ReAct" not in shape.name:
        assert "add" in found


def test_sub_agents_and_their_tools(model: Any) -> None:
    """A sub-agent behind a tool is found with its name, and its tools belong to the whole."""
    agent = bank.build(model, bank.Bank())
    assert agent_name(agent) == "bank-assistant"
    assert sub_agents(agent) == ["researcher"]
    names = [info.name for info in tools_of(agent)]
    assert sorted(names) == ["get_balance", "list_transactions", "pay_bill", "read_document", "research", "wire_money"]


def test_sub_agent_in_a_global_name(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that reaches its sub-agent through a global variable is followed too."""
    monkeypatch.setitem(globals(), "HELPER", create_agent(model, [look], name="helper"))

    @tool
    def ask(question: str) -> str:
        """Ask the helper."""
        return str(HELPER.invoke(question))  # type: ignore[name-defined]  # noqa: F821

    agent = create_agent(model, [ask], name="boss")
    assert sorted(info.name for info in tools_of(agent)) == ["ask", "look"]
    assert sub_agents(agent) == ["helper"]


def test_governed_agent_looks_like_the_agent(model: Any, handrail_data: Any) -> None:
    """Governing hides nothing."""
    agent = create_agent(model, [look], name="clerk")
    governed = handrail.govern(agent, mode="observe")
    assert tools_of(governed) == tools_of(agent)
    assert agent_name(governed) == "clerk"


def test_bound_model_and_chain(model: Any) -> None:
    """Tools that are only bound to a model are found in the form in which they are sent."""
    chain = RunnableLambda(str) | model.bind_tools([look])
    (info,) = tools_of(chain)
    assert (info.name, info.description) == ("look", "Look somewhere.")
    assert info.schema["required"] == ["place"]
    assert agent_name(chain) == ""


def test_provider_executed_tools(model: Any) -> None:
    """What the provider executes is no tool of ours, and is named apart."""
    agent = create_agent(model, [{"type": "web_search"}, look])
    assert [info.name for info in tools_of(agent)] == ["look"]
    assert provider_tools(agent) == ["web_search"]


def test_plain_functions() -> None:
    """Decorated functions are found in a list, a mapping and a module."""
    schema = {"type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"]}
    info = ToolInfo("plain", "Do something.", {**schema, "additionalProperties": False})
    module = ModuleType("shop")
    module.plain, module.other = plain, print  # type: ignore[attr-defined]
    for agent in ([plain, print], {"x": plain}, module, plain):
        assert tools_of(agent) == [info]
        assert (agent_name(agent), sub_agents(agent)) == ("", [])


def test_circles_and_hostile_objects_end(model: Any) -> None:
    """A structure that contains itself is walked once; a property that raises is passed over."""

    class Hostile(RunnableLambda[Any, Any]):
        @property
        def tools(self) -> Any:
            """Refuse."""
            raise RuntimeError("no")

    circle: list[Any] = [Hostile(lambda x: x), look]
    circle.append(circle)
    assert [info.name for info in tools_of(circle)] == ["look"]


@pytest.mark.parametrize("thing", [42, "agent", object(), None])
def test_anything_else_is_refused(thing: object) -> None:
    """What is no agent is said to be none, and never taken for an agent without tools."""
    with pytest.raises(NotSupported, match="no agent"):
        tools_of(thing)


def test_what_undoes_a_tool_is_found_with_it() -> None:
    """A function that `compensate=` names is called like a tool, so rules must be able to name it."""

    def take_back(args: object, result: object) -> None:
        """Take it back."""

    @handrail.tool(compensate=take_back)
    def pay(amount: int) -> str:
        return "paid"

    found = {tool.name: (tool.description, dict(tool.schema)) for tool in tools_of([pay])}
    assert set(found) == {"pay", "take_back"} and found["take_back"] == ("Take it back.", {})
