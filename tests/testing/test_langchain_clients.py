"""LangChain's real OpenAI client and agent on the scripted model server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.tools import tool

from handrail.testing import Script, ScriptedModel, ToolCall, Turn, chat_openai

Factory = Callable[[Sequence[Turn] | Script], ScriptedModel]
CALLS = (ToolCall("add", {"a": 2, "b": 3}), ToolCall("add", {"a": 4, "b": 5}))


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
async def test_four_ways_of_asking_agree(handrail_model: Factory, responses: bool) -> None:
    """invoke, stream, ainvoke and astream give one and the same text, calls and usage."""
    model = handrail_model([Turn("adding up", CALLS)] * 4)
    chat = chat_openai(model, use_responses_api=responses, stream_usage=True)
    streamed: Any = AIMessageChunk(content="")
    for chunk in chat.stream("hi"):
        streamed += chunk
    later: Any = AIMessageChunk(content="")
    async for chunk in chat.astream("hi"):
        later += chunk
    for message in (chat.invoke("hi"), await chat.ainvoke("hi"), streamed, later):
        assert message.text == "adding up"
        assert [call["args"] for call in message.tool_calls] == [dict(call.args) for call in CALLS]  # type: ignore[arg-type]
        assert message.usage_metadata is not None and message.usage_metadata["total_tokens"] == 18
    assert {request.api for request in model.requests} == {"responses" if responses else "chat"}


@pytest.mark.parametrize("responses", [False, True], ids=["chat", "responses"])
def test_an_agent_runs_to_its_answer(handrail_model: Factory, responses: bool) -> None:
    """A real create_agent makes the scripted parallel calls and reads their results."""
    model = handrail_model([Turn(tool_calls=CALLS), Turn("5 and 9")])
    agent = create_agent(chat_openai(model, use_responses_api=responses), [add], system_prompt="Be brief.")
    messages = agent.invoke({"messages": [{"role": "user", "content": "sums?"}]})["messages"]
    assert [m.content for m in messages if m.type == "tool"] == ["5", "9"]
    assert isinstance(messages[-1], AIMessage) and messages[-1].text == "5 and 9"
    second = model.requests[1]
    assert (second.answered, second.tools, second.last.text) == (1, ("add",), "9")
    assert second.messages[0].text == "Be brief."


def test_broken_arguments_reach_the_client(handrail_model: Factory) -> None:
    """Arguments that are no JSON arrive as an invalid call, as from a real model."""
    model = handrail_model([Turn(tool_calls=(ToolCall("add", '{"a": 2,'),))])
    message = chat_openai(model).invoke("hi")
    assert isinstance(message, AIMessage)
    assert (message.tool_calls, [c["args"] for c in message.invalid_tool_calls]) == ([], ['{"a": 2,'])


def test_proxies_of_the_environment_are_ignored(handrail_model: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that the environment names is not asked for loopback."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert chat_openai(handrail_model([Turn("direct")])).invoke("hi").text == "direct"


def test_gemini_speaks_through_its_own_client(handrail_model: Factory) -> None:
    """LangChain's Gemini model gets text, calls and usage of a turn over Google's own client, whole and streamed."""
    google = pytest.importorskip("langchain_google_genai", reason="langchain-google-genai is not installed.")
    model = handrail_model([Turn("adding up", CALLS), Turn("in pieces")])
    gemini = google.ChatGoogleGenerativeAI(
        model="gemini-2.5-flash", base_url=model.base_url.removesuffix("/v1"), api_key="k"
    )
    answer = gemini.invoke([("system", "Be brief."), ("user", "sums?")])
    assert (answer.text, [call["args"] for call in answer.tool_calls]) == ("adding up", [c.args for c in CALLS])
    assert answer.usage_metadata["total_tokens"] == 18
    assert "".join(chunk.text for chunk in gemini.stream("hi")) == "in pieces"
    first, second = model.requests
    assert (first.api, first.model, first.stream, second.stream) == ("gemini", "gemini-2.5-flash", False, True)
    assert [(m.role, m.text) for m in first.messages] == [("system", "Be brief."), ("user", "sums?")]
