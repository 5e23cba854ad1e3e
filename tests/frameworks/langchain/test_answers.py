"""What counts as an agent's answer, in the shapes that people build: the model is told, or the end of the run is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain_classic.agents import AgentExecutor, create_tool_calling_agent
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langgraph.func import entrypoint
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, create_react_agent, tools_condition
from langgraph_supervisor import create_supervisor
from langgraph_swarm import create_swarm

import handrail
from handrail.errors import AnswerRejected
from handrail.testing import Turn
from tests.frameworks.langchain.kit import Scripted, call, policy, recorded
from tests.frameworks.langchain.test_rounds import ASK, BAD, CATS, GOOD, POLICY, add
from tests.frameworks.recorded import Recorded

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
_CHAT = ChatPromptTemplate.from_messages([("human", "{input}"), ("placeholder", "{agent_scratchpad}")])


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _graph(node: Any, *more: tuple[str, str]) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("bot", node)
    graph.add_edge(START, "bot")
    for start, end in more:
        graph.add_edge(start, end)
    return graph.compile(name="clerk")


def _chatbot(model: Any) -> Any:
    return _graph(lambda state: {"messages": [model.invoke([("system", "s"), *state["messages"]])]}, ("bot", END))


def _react(model: Any) -> Any:
    bound = model.bind_tools([add])
    graph = StateGraph(MessagesState)
    graph.add_node("llm", lambda state: {"messages": [bound.invoke(state["messages"])]})
    graph.add_node("tools", ToolNode([add]))
    graph.add_edge(START, "llm")
    graph.add_conditional_edges("llm", tools_condition)
    graph.add_edge("tools", "llm")
    return graph.compile(name="clerk")


def _executor(model: Any) -> Any:
    return AgentExecutor(agent=create_tool_calling_agent(model, [add], _CHAT), tools=[add])


LOOPS: dict[str, tuple[Callable[[Any], Any], Sequence[Turn], int]] = {
    "chatbot": (_chatbot, (BAD, GOOD), 2),
    "react": (_react, (BAD, GOOD), 2),
    "prebuilt": (lambda model: create_react_agent(model, [add], name="clerk"), (BAD, GOOD), 2),
    "no tools": (lambda model: create_agent(model, [], name="clerk"), (BAD, GOOD), 2),
    "deep": (lambda model: create_deep_agent(model=model, tools=[add], name="clerk"), (BAD, GOOD), 2),
    "deep sub-agent": (
        lambda model: create_deep_agent(model=model, tools=[add], name="clerk"),
        (call("task", description="x", subagent_type="general-purpose"), BAD, GOOD, BAD, GOOD),
        5,
    ),
    "supervisor": (
        lambda model: create_supervisor(
            [create_react_agent(model, [add], name="worker")], model=model, supervisor_name="boss"
        ).compile(name="clerk"),
        (BAD, GOOD),
        2,
    ),
    "swarm": (
        lambda model: create_swarm([create_agent(model, [add], name="ann")], default_active_agent="ann").compile(
            name="clerk"
        ),
        (BAD, GOOD),
        2,
    ),
    "executor": (_executor, (BAD, GOOD), 2),
    "chain": (lambda model: ChatPromptTemplate.from_template("{input}") | model | StrOutputParser(), (BAD, GOOD), 2),
}


@pytest.mark.parametrize("shape", LOOPS)
def test_the_model_is_told_in_every_shape(shape: str, tmp_path: Path) -> None:
    """Where the answer is a model's reply, it is told, and the caller gets what it said then."""
    build, turns, asked = LOOPS[shape]
    model = Scripted(turns=turns)
    agent = handrail.govern(build(model), config=policy(tmp_path, "enforce", POLICY + CATS), name="clerk")
    out = agent.invoke({**ASK, "input": "hi"} if shape in ("executor", "chain") else ASK)
    assert "dog" in repr(out)
    assert "cat" not in repr(out)
    assert len(model.seen) == asked
    assert {record["action"] for record in recorded(tmp_path, "validation")} == {"rejected"}
    Recorded(tmp_path / ".handrail").check_complete()


def _own_words(model: Any) -> Any:
    return _graph(lambda state: {"messages": [model.invoke("x"), AIMessage("the cat says")]})


def _question(model: Any) -> Any:
    return _graph(lambda state: {"messages": [AIMessage(f"so: {model.invoke('which pet?').content}")]})


def _functional(model: Any) -> Any:
    @entrypoint()
    def clerk(text: str) -> str:
        """Answer in a text of its own."""
        return f"so: {model.invoke(text).content}"

    return clerk


ENDS: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "own words": (_own_words, ASK),
    "question": (_question, ASK),
    "functional": (_functional, "hi"),
}


@pytest.mark.parametrize("shape", ENDS)
def test_an_answer_of_the_authors_own_is_checked_in_the_end(shape: str, tmp_path: Path) -> None:
    """Where a node writes the answer, the model is not blamed for it: a wrong one ends the run."""
    build, ask = ENDS[shape]
    model = Scripted(turns=(GOOD if shape == "own words" else BAD,))
    agent = handrail.govern(build(model), config=policy(tmp_path, "enforce", POLICY + CATS), name="clerk")
    with pytest.raises(AnswerRejected, match="'cats'"):
        agent.invoke(ask)
    assert len(model.seen) == 1
    (said,) = recorded(tmp_path, "validation")
    assert said["step"] == recorded(tmp_path, "run.start")[0]["step"]


def test_a_question_of_a_nodes_own_is_not_an_answer(tmp_path: Path) -> None:
    """A helper's reply is not held to what an answer must be, where the answer is another one."""

    def node(state: Any) -> Any:
        model.invoke("is it a cat?")
        return {"messages": [model.invoke(state["messages"])]}

    model = Scripted(turns=(BAD, GOOD))
    agent = handrail.govern(_graph(node), config=policy(tmp_path, "enforce", POLICY + CATS))
    assert agent.invoke(ASK)["messages"][-1].content == "a dog sat"
    assert recorded(tmp_path, "validation") == []


def test_another_agents_check_does_not_stand_for_this_one(tmp_path: Path) -> None:
    """What an inner agent's validators accepted is checked again where the outer agent has validators of its own."""
    own = CATS.replace('"answer"', '"clerk.answer"')
    other = CATS.replace('"answer"', '"boss.answer"').replace('id = "cats"', 'id = "other"').replace('"cat"', '"zebra"')
    build, _, _ = LOOPS["supervisor"]
    model = Scripted(turns=(BAD, GOOD))
    agent = handrail.govern(build(model), config=policy(tmp_path, "enforce", POLICY + own + other))
    with pytest.raises(AnswerRejected, match="'cats'"):
        agent.invoke(ASK)


def test_an_answer_that_a_tool_gives_is_checked(tmp_path: Path) -> None:
    """A tool whose result is the answer (``return_direct``) is no way around the check of answers."""
    from langchain_core.tools import tool

    @tool(return_direct=True)
    def speak(word: str) -> str:
        """Say it."""
        return f"a {word}"

    model = Scripted(turns=(call("speak", word="cat"),))
    agent = handrail.govern(
        create_agent(model, [speak], name="clerk"), config=policy(tmp_path, "enforce", POLICY + CATS)
    )
    with pytest.raises(AnswerRejected):
        agent.invoke(ASK)
