"""What a live run remembers, asked by validators: an identity check before a refund, citations, branches that agree."""

from __future__ import annotations

import json
import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.documents import Document
from langchain_core.messages import HumanMessage
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import create_retriever_tool, tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.store.memory import InMemoryStore
from langgraph.types import Command, interrupt

import handrail
from handrail.errors import AnswerRejected
from handrail.gate import seen
from handrail.testing import ScriptedModel, Turn
from handrail.tracing import context
from tests.frameworks.langchain.kit import Scripted, call, policy, recorded, run_async
from tests.frameworks.langchain.test_rounds import POLICY

IDENTITY = """
[[validate]]
id = "identity-first"
on = "refund.arguments"
check = "after('check_identity', same=['customer_id'], result={'$.verified': true})"
"""
CITED = """
[[validate]]
id = "cited"
on = "answer"
check = "has_citations() & citations_resolve()"
"""
NUMBERS = """
[[validate]]
id = "numbers"
on = "answer"
check = "numbers_grounded(derive=[])"
rounds = 1
last = "fail"
"""
MEMORY = """
[[rule]]
id = "staff-remembers"
allow = "staff"
read = "facts"

[[delegate]]
from = "*"
to = "agent:*"
read = "*"
"""
AGREE = """
[[validate]]
id = "agree"
on = "decide.arguments"
check = "agree(path='$.score', tool='score', key=['applicant'])"
"""
ASK: Any = {"messages": [HumanMessage("Refund 20 EUR to c1, please.")]}
CHECK, REFUND = call("check_identity", customer_id="c1"), call("refund", customer_id="c1", amount=20)
refunded: list[str] = []


@tool
def check_identity(customer_id: str) -> str:
    """Check who it is."""
    return json.dumps({"verified": customer_id != "c3"})


@tool
def refund(customer_id: str, amount: int) -> str:
    """Pay money back."""
    refunded.append(customer_id)
    return "paid"


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    refunded.clear()
    yield
    seen.always(False)
    handrail.uninstrument()


def _agent(
    folder: Path, turns: Sequence[Any], validate: str, tools: Any = (check_identity, refund), **more: Any
) -> Any:
    model = Scripted(turns=turns)
    made = create_agent(model, list(tools), name="clerk", **more)
    return handrail.govern(made, config=policy(folder, "enforce", POLICY + validate)), model


def _told(model: Scripted) -> str:
    """What the model read last."""
    return str(model.seen[-1][0][-1][1]["content"])


@pytest.mark.parametrize("way", ["invoke", "ainvoke"])
def test_a_refund_waits_for_the_identity_check(way: str, tmp_path: Path) -> None:
    """Without the check a refund is denied and the model told why; after the check the same call passes."""
    agent, model = _agent(tmp_path, (REFUND, CHECK, REFUND, Turn("done")), IDENTITY)
    agent.invoke(ASK) if way == "invoke" else run_async(lambda: agent.ainvoke(ASK))
    assert refunded == ["c1"]
    assert "Call 'check_identity' first" in str(model.seen[1][0][-1][1]["content"])
    assert _told(model) == "paid"


@pytest.mark.parametrize(
    ("checked", "problem"), [("c2", "but not for this 'customer_id'"), ("c3", "and did not succeed")]
)
def test_the_check_must_be_of_this_customer_and_hold(checked: str, problem: str, tmp_path: Path) -> None:
    """An identity check of somebody else, or one whose result says no, opens no refund."""
    turns = (call("check_identity", customer_id=checked), REFUND, Turn("sorry"))
    agent, model = _agent(tmp_path, turns, IDENTITY)
    agent.invoke(ASK)
    assert refunded == []
    assert problem in _told(model)


def test_over_the_wire(tmp_path: Path) -> None:
    """Likewise with a model that is asked over HTTP."""
    openai = pytest.importorskip("langchain_openai", reason="langchain-openai is not installed")
    with ScriptedModel([REFUND, CHECK, REFUND, Turn("done")]) as server:
        model = openai.ChatOpenAI(model="gpt-test", base_url=server.base_url, api_key="k")
        agent = create_agent(model, [check_identity, refund], name="clerk")
        handrail.govern(agent, config=policy(tmp_path, "enforce", POLICY + IDENTITY)).invoke(ASK)
    assert refunded == ["c1"]


def test_a_resumed_run_knows_its_identity_check(tmp_path: Path) -> None:
    """What an interrupted run did counts where it goes on; a new question in the thread starts anew."""

    @tool
    def confirm() -> str:
        """Ask a person."""
        return str(interrupt("sure?"))

    turns = (CHECK, call("confirm"), REFUND, Turn("done"), REFUND, Turn("sorry"))
    agent, model = _agent(tmp_path, turns, IDENTITY, (check_identity, refund, confirm), checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "t1"}}
    agent.invoke(ASK, thread)
    assert refunded == []
    agent.invoke(Command(resume="yes"), thread)
    assert refunded == ["c1"]
    agent.invoke(ASK, thread)
    assert refunded == ["c1"]
    assert "Call 'check_identity' first" in _told(model)


class _Handbook(BaseRetriever):
    documents: list[Document]

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> Any:
        return self.documents


def _retriever(*documents: Document) -> Any:
    """The retriever as a tool that any of its readers may use."""
    return create_retriever_tool(_Handbook(name="handbook", documents=list(documents)), "search", "Search.")


READ = """
[[rule]]
id = "staff-reads"
allow = "staff"
read = "*"

[[delegate]]
from = "*"
to = "agent:*"
read = "*"
"""
DOCUMENTS = (
    Document("Refunds take 14 days.", metadata={"source": "kb-1"}),
    Document("The fee is 7.50 EUR.", id="kb-2"),
)


def test_a_wrong_citation_is_found_and_mended(tmp_path: Path) -> None:
    """An answer that cites what was never retrieved goes back to the model, with the documents that there are."""
    turns = (call("search", query="refunds"), Turn("It takes 14 days [kb-7]."), Turn("It takes 14 days [kb-1] [2]."))
    agent, model = _agent(tmp_path, turns, READ + CITED, (_retriever(*DOCUMENTS),))
    found = agent.invoke(ASK)
    assert found["messages"][-1].content == "It takes 14 days [kb-1] [2]."
    assert "kb-7 is no document that was retrieved: there are [1] kb-1, [2] kb-2." in _told(model)
    (said,) = recorded(tmp_path, "validation")
    assert (said["code"], said["action"]) == ("citations_resolve.unknown", "rejected")


def test_numbers_come_from_the_question_the_prompt_and_the_tools(tmp_path: Path) -> None:
    """What the user said, what the instructions say and what tools gave back are sources."""
    answer = Turn("You get 20 EUR less 7.50 EUR within 14 days; call 0800 1234.")
    turns = (call("search", query="refunds"), answer)
    agent, _ = _agent(
        tmp_path, turns, READ + NUMBERS, (_retriever(*DOCUMENTS),), system_prompt="Our number is 0800 1234."
    )
    assert agent.invoke(ASK)["messages"][-1].content == answer.text


def test_what_was_rejected_is_no_source(tmp_path: Path) -> None:
    """A number that was made up does not become a source by being rejected, nor by being said again."""
    agent, model = _agent(tmp_path, (Turn("You get 777 EUR."), Turn("You get 777 EUR.")), NUMBERS)
    with pytest.raises(AnswerRejected):
        agent.invoke(ASK)
    assert len(model.seen) == 2


class _State(TypedDict):
    said: Annotated[list[str], operator.add]


@pytest.mark.parametrize(("other", "refused"), [(720, True), (610, False)])
def test_branches_that_contradict_each_other_are_found(other: int, refused: bool, tmp_path: Path) -> None:
    """Two sub-agents work side by side on one applicant: a decision on contradicting scores is stopped, and told."""

    def branch(name: str, score: int) -> Any:
        @tool("score")
        def scored(applicant: int) -> str:
            """Score an applicant."""
            return json.dumps({"score": score})

        made = create_agent(Scripted(turns=[call("score", applicant=7), Turn("scored")]), [scored], name=name)
        return lambda state: {"said": [str(made.invoke(ASK)["messages"][-1].content)]}

    decided: list[int] = []

    @tool
    def decide(applicant: int) -> str:
        """Decide."""
        decided.append(applicant)
        return "decided"

    model = Scripted(turns=[call("decide", applicant=7), Turn("done")])
    last = create_agent(model, [decide], name="judge")
    graph = StateGraph(_State)
    graph.add_node("north", branch("north", 610))
    graph.add_node("south", branch("south", other))
    graph.add_node("judge", lambda state: {"said": [str(last.invoke(ASK)["messages"][-1].content)]})
    for name in ("north", "south"):
        graph.add_edge(START, name)
    graph.add_edge(["north", "south"], "judge")
    graph.add_edge("judge", END)
    config = policy(tmp_path, "enforce", POLICY + AGREE)
    handrail.govern(graph.compile(name="clerk"), config=config).invoke({"said": []})
    assert decided == ([] if refused else [7])
    if refused:
        assert "north said 610; south said 720" in _told(model)


@pytest.mark.parametrize(("check", "kept"), [("has_citations()", False), ("citations_resolve()", True)])
def test_nothing_is_kept_where_nobody_asks(check: str, kept: bool, tmp_path: Path) -> None:
    """A configuration without a check of the run keeps no ledger of it."""
    found: list[bool] = []

    @tool
    def look() -> str:
        """Look at the run."""
        frame = context.current()
        assert frame is not None
        found.append("seen" in frame.state.notes)
        return "x"

    validate = f'\n[[validate]]\nid = "x"\non = "answer"\ncheck = "{check}"\nthen = "record"\n'
    agent, _ = _agent(tmp_path, (call("look"), Turn("done")), validate, (look,))
    agent.invoke(ASK)
    assert found == [kept]


def test_a_check_in_a_chain_sees_the_run(tmp_path: Path) -> None:
    """``| handrail.validate(...)`` in a run looks at what that run did; outside every run it says it cannot know."""
    check = handrail.validate("required_steps(['check_identity'])", id="steps")
    (unknown,) = check.check("x")
    assert unknown.code == "unchecked.run"

    @tool
    def conclude() -> str:
        """Say how it went."""
        return ", ".join(one.code for one in check.check("x")) or "fine"

    turns = (call("conclude"), CHECK, call("conclude"), Turn("done"))
    agent, model = _agent(tmp_path, turns, "", (check_identity, conclude))
    agent.invoke(ASK)
    assert str(model.seen[1][0][-1][1]["content"]) == "required_steps.missing"
    assert _told(model) == "fine"


def test_what_a_memory_gives_out_is_a_source(tmp_path: Path) -> None:
    """Records that a tool reads from a store, by key or by search, are known; the reads are no calls of tools."""
    store = InMemoryStore()
    store.put(("facts",), "fee", {"text": "The fee is 7.50 EUR."})
    store.put(("facts",), "days", {"text": "Refunds take 14 days."})
    run: list[Any] = []

    @tool
    def remember() -> str:
        """Look things up, and keep them to oneself."""
        frame = context.current()
        assert frame is not None
        assert store.get(("facts",), "fee") is not None
        assert len(store.search(("facts",), query=None, limit=5)) == 2
        run.append(seen.run_of(frame))
        return "ok"

    agent, _ = _agent(tmp_path, (call("remember"), Turn("It is 7.50 EUR, in 14 days.")), MEMORY + NUMBERS, (remember,))
    agent.invoke(ASK)
    (known,) = run
    assert known.calls == ()
    assert [one.origin for one in known.sources if one.kind == "result"] == ["facts", "facts"]


@pytest.mark.parametrize("given", [ASK, {"messages": [("user", "Refund 20 EUR to c1, please.")], "extra": {"n": 1}}])
def test_what_the_user_asks_is_a_source_where_only_sub_agents_read_it(given: Any, tmp_path: Path) -> None:
    """The input of a run is known although no model of the outermost agent ever reads it; what agents tell is not."""
    run: list[Any] = []

    def look(state: Any) -> Any:
        frame = context.current()
        assert frame is not None
        run.append(seen.run_of(frame))
        return {}

    helper = create_agent(Scripted(turns=[Turn("done")]), [check_identity], name="helper")
    graph = StateGraph(MessagesState)
    graph.add_node(
        "helper", lambda state: {"messages": helper.invoke({"messages": [HumanMessage("I made up 777.")]})["messages"]}
    )
    graph.add_node("look", look)
    graph.add_edge(START, "helper")
    graph.add_edge("helper", "look")
    config = policy(tmp_path, "enforce", POLICY + NUMBERS)
    handrail.govern(graph.compile(name="clerk"), config=config).invoke(given)
    texts = [one.text for one in run[0].sources]
    assert "Refund 20 EUR to c1, please." in texts
    assert not any("777" in text for text in texts)
    assert run[0].complete
