"""Results of the family kept for replay: equal, of the same type, and fit to go on with."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from langchain_core import messages
from langchain_core.documents import Document
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import MessagesState
from langgraph.types import Command, Send
from pydantic import BaseModel

from handrail.effects.values import decode, encode
from handrail.errors import NotReplayable
from handrail.frameworks import langchain
from handrail.frameworks.langchain import values


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    langchain.install()
    yield
    langchain.uninstall()


class Receipt(BaseModel):
    """What a tool keeps beside what the model reads."""

    number: int
    at: datetime


class Flagged(ToolMessage):
    """A message of the program's own."""

    flag: bool = False


BLOCKS: list[Any] = [
    {"type": "text", "text": "paid", "annotations": []},
    {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
    {"type": "reasoning", "reasoning": "since \ud83d\ude00 it was due"},
]
CALLS: list[Any] = [{"name": "pay", "args": {"to": "ana", "parts": [1, 2.5]}, "id": "c1", "type": "tool_call"}]
BAD: list[Any] = [{"name": "pay", "args": "{", "id": "c2", "error": "no JSON", "type": "invalid_tool_call"}]
USED: Any = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7, "input_token_details": {"cache_read": 1}}
RECEIPT = Receipt(number=7, at=datetime(2024, 5, 1, tzinfo=UTC))
ANSWER = AIMessage(
    BLOCKS,
    tool_calls=CALLS,
    invalid_tool_calls=BAD,
    usage_metadata=USED,
    response_metadata={"model_name": "m", "finish_reason": "tool_calls", "logprobs": None},
    additional_kwargs={"refusal": None},
    id="run-1",
    name="clerk",
)
PAID = ToolMessage(BLOCKS[:1], tool_call_id="c1", name="pay", artifact={"receipt": RECEIPT, "pair": (1, b"x")})
KEPT: dict[str, Any] = {
    "answer": ANSWER,
    "chunk": AIMessageChunk(content="pa", id="run-1", usage_metadata=USED, chunk_position="last"),
    "chunks": AIMessageChunk(content="pa") + AIMessageChunk(content="id"),
    "person": HumanMessage("pay", example=True),
    "paid": PAID,
    "failed": ToolMessage("no", tool_call_id="c1", status="error"),
    "own": Flagged(content="x", tool_call_id="c1", flag=True),
    "document": Document("text", id="d1", metadata={"source": "a", "pages": (1, 2)}),
    "result": ChatResult(generations=[ChatGeneration(message=ANSWER)], llm_output={"token_usage": {"total": 7}}),
    "update": Command(update={"messages": [PAID]}, goto="next", graph=Command.PARENT),
    "pairs": Command(update=[("messages", PAID)], goto=[Send("pay", {"order": (1,)}), "next"]),
    "resume": Command(resume={"i1": {"approved": True}}, goto=Send("pay", ANSWER)),
    "several": [PAID, Command(update={"n": 1})],
}


@pytest.mark.parametrize("name", KEPT)
def test_what_the_family_hands_on_comes_back(name: str) -> None:
    """Messages with blocks, calls, usage and artifacts, documents, model results and commands come back equal."""
    kept = KEPT[name]
    found = decode(encode(kept))
    assert type(found) is type(kept)
    assert found == kept
    assert repr(found) == repr(kept)


def _message_classes() -> list[str]:
    found = [name for name in messages.__all__ if isinstance(getattr(messages, name), type)]
    return [name for name in found if issubclass(getattr(messages, name), BaseMessage)]


@pytest.mark.parametrize("name", sorted(set(_message_classes()) - {"BaseMessage", "BaseMessageChunk"}))
def test_every_kind_of_message_has_a_name_of_its_own(name: str) -> None:
    """Each message class that LangChain exports is kept under its own name, whatever module it lies in."""
    fields: dict[str, Any] = {"content": "x", "role": "r", "tool_call_id": "c", "name": "n", "id": "i"}
    kind = getattr(messages, name)
    message = kind(
        **{field: value for field, value in fields.items() if field in kind.model_fields and name != "RemoveMessage"}
        or {"id": "i"}
    )
    body = encode(message)
    assert body.startswith(b'{"$":"langchain.%b"' % name.encode())
    found = decode(body)
    assert type(found) is kind and found == message and found.model_fields_set == message.model_fields_set


def test_what_came_back_shares_nothing_and_can_be_worked_with() -> None:
    """A message that came back is a full one: copies and merges like the first, which it leaves alone."""
    found = decode(encode(ANSWER))
    assert found.content_blocks == ANSWER.content_blocks
    assert found.model_copy(update={"id": "run-2"}).id == "run-2"
    found.tool_calls[0]["args"]["to"] = "eve"
    assert ANSWER.tool_calls[0]["args"]["to"] == "ana"
    chunk = decode(encode(AIMessageChunk(content="pa")))
    assert (chunk + AIMessageChunk(content="id")).content == "paid"


def test_a_graph_goes_where_a_command_that_came_back_tells_it() -> None:
    """LangGraph takes a command that came back as it takes the first: updates the state and goes on where it says."""

    def first(state: MessagesState) -> Any:
        told: Command[Any] = Command(update={"messages": [PAID]}, goto=Send("second", {"messages": [ANSWER]}))
        return decode(encode(told))

    graph = StateGraph(MessagesState)
    graph.add_node("first", first, destinations=("second",))
    graph.add_node("second", lambda state: {"messages": [HumanMessage(f"saw {state['messages'][0].id}")]})
    graph.add_edge(START, "first")
    graph.add_edge("second", END)
    done = graph.compile().invoke({"messages": []})
    assert [message.content for message in done["messages"]] == [PAID.content, "saw run-1"]


def test_an_artifact_that_is_no_value_is_refused() -> None:
    """A message whose artifact is an open resource, a function or an object of a plain class cannot be kept."""
    for artifact in (sys.stdout, print, object(), [lambda: None]):
        with pytest.raises(NotReplayable):
            encode(ToolMessage("x", tool_call_id="c", artifact=artifact))


def test_registering_twice_changes_nothing() -> None:
    """Installing again, as every governed agent does, is no error."""
    before = encode(KEPT["pairs"])
    values.install()
    values.install_graphs()
    assert encode(KEPT["pairs"]) == before


def test_langchain_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are registered where LangGraph is not installed."""
    for name in [name for name in sys.modules if name.split(".")[0] == "langgraph"]:
        monkeypatch.setitem(sys.modules, name, None)
    values.install()
    assert decode(encode(ANSWER)) == ANSWER
