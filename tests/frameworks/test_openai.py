"""The seam for OpenAI's client, with the real client against a scripted server: one step for each call, never two."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest
from openai._base_client import AsyncAPIClient, SyncAPIClient

import handrail
from handrail.frameworks import openai as seam
from handrail.frameworks.openai.calls import Request, described, input_messages
from handrail.testing import Script, ScriptedModel, ToolCall, Turn, chat_openai
from tests.frameworks.langchain.kit import policy, recorded
from tests.frameworks.recorded import Recorded

Factory = Callable[[Sequence[Turn] | Script], ScriptedModel]
HI: Any = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
TOOLS: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
FLAT_TOOLS: Any = [{"type": "function", "name": "add", "parameters": {"type": "object"}, "strict": False}]
USED = {"input": 11, "output": 7, "cache_read": 3, "reasoning": 2}


def _script(request: Any) -> Turn:
    return Turn("hello there", (ToolCall("add", {"a": 2}),) if request.tools else ())


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    handrail.uninstrument()
    seam.uninstall()


@pytest.fixture(name="server")
def _server(handrail_model: Factory) -> ScriptedModel:
    return handrail_model(_script)


@pytest.fixture(name="client")
def _client(server: ScriptedModel) -> Iterator[openai.OpenAI]:
    with openai.DefaultHttpxClient(trust_env=False) as http:
        yield openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0, http_client=http)


def _asynchronous(server: ScriptedModel) -> openai.AsyncOpenAI:
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    return openai.AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0, http_client=http)


def _drain(items: Any) -> None:
    for _ in items:
        pass


def _streamed_chat(client: openai.OpenAI) -> None:
    options: Any = {"include_usage": True}
    _drain(client.chat.completions.create(model="m", messages=HI, stream=True, tools=TOOLS, stream_options=options))


CHATS: dict[str, Callable[[openai.OpenAI], object]] = {
    "create": lambda c: c.chat.completions.create(model="m", messages=HI, tools=TOOLS),
    "stream": _streamed_chat,
    "raw": lambda c: c.chat.completions.with_raw_response.create(model="m", messages=HI, tools=TOOLS).parse(),
    "responses": lambda c: c.responses.create(model="m", input="hi", instructions="Be brief.", tools=FLAT_TOOLS),
}


@pytest.mark.parametrize("way", CHATS)
def test_a_call_of_a_model_is_one_step(way: str, client: openai.OpenAI, tmp_path: Path) -> None:
    """However the answer comes, the step has its text, the calls it asks for, and what it cost."""
    journal = Recorded(tmp_path / ".handrail")
    with handrail.run("clerk", config=policy(tmp_path)):
        CHATS[way](client)
    [call], [result] = recorded(tmp_path, "model.call"), recorded(tmp_path, "model.result")
    assert (call["model"], call["provider"], call["server"]) == ("m", "openai", "127.0.0.1")
    asked = [journal.value(ref) for ref in call["messages"]["add"]]
    assert [(m["role"], m["content"]) for m in asked] == [("system", "Be brief."), ("user", "hi")]
    assert (result["outcome"], result["usage"], [c["name"] for c in result["calls"]]) == ("ok", USED, ["add"])
    assert "hello there" in str(journal.value(result["output"]))
    [end] = recorded(tmp_path, "run.end")
    assert (end["model_calls"], end["input_tokens"], end["output_tokens"]) == (1, 11, 7)
    journal.check_complete()


async def test_the_async_client_is_seen_as_well(server: ScriptedModel, tmp_path: Path) -> None:
    """Whole and streamed answers, responses and embeddings of the asynchronous client."""
    client = _asynchronous(server)
    async with handrail.run("clerk", config=policy(tmp_path)), client:
        await client.chat.completions.create(model="m", messages=HI)
        async for _ in await client.chat.completions.create(model="m", messages=HI, stream=True):
            pass
        async with client.responses.stream(model="m", input="hi") as stream:
            async for _ in stream:
                pass
        await client.embeddings.create(model="e", input=["a", "b"])
    results = recorded(tmp_path, "model.result")
    assert [(r["outcome"], r["response_model"]) for r in results] == [("ok", "m")] * 3
    [embedding] = recorded(tmp_path, "step.start")
    assert (embedding["type"], embedding["count"]) == ("embedding", 2)
    Recorded(tmp_path / ".handrail").check_complete()


def test_other_operations_have_steps_of_their_own(client: openai.OpenAI, tmp_path: Path) -> None:
    """A fetched response, created agents, embeddings and a text completion; a list of models is no step."""
    with handrail.run("clerk", config=policy(tmp_path)):
        made = client.responses.create(model="m", input="hi")
        client.responses.retrieve(made.id)
        with pytest.warns(DeprecationWarning):
            client.beta.assistants.create(model="m", name="helper", instructions="SENTINEL")
        client.embeddings.create(model="e", input="x")
        client.completions.create(model="d", prompt=["a", "b"])
        client.models.list()
    fetch, create, embedding = recorded(tmp_path, "step.start")
    assert (fetch["type"], fetch["response_id"]) == ("fetch", made.id)
    assert (create["type"], create["name"], create["model"], create["agent"]) == ("create", "helper", "m", "clerk")
    assert (embedding["type"], embedding["name"]) == ("embedding", "e")
    fetched, created, embedded = recorded(tmp_path, "step.end")
    assert (fetched["status"], "usage" in fetched) == ("completed", False)
    assert created["agent_id"].startswith("asst_")
    assert (embedded["dimension"], embedded["usage"]) == (8, {"input": 1})
    assert [r.get("operation") for r in recorded(tmp_path, "model.call")] == [None, "text_completion"]
    assert "SENTINEL" not in str(recorded(tmp_path))


def test_a_client_inside_langchain_is_not_doubled(server: ScriptedModel, tmp_path: Path) -> None:
    """LangChain's own models and embeddings use the client: one step each; embeddings learn from it what they cost."""
    from langchain_openai import OpenAI, OpenAIEmbeddings

    where: Any = {"base_url": server.base_url, "api_key": "k"}
    with handrail.run("clerk", config=policy(tmp_path)):
        for responses in (False, True):
            chat = chat_openai(server, use_responses_api=responses)
            chat.invoke("hi")
            _drain(chat.stream("hi"))
        OpenAI(model="d", **where).invoke("hi")
        OpenAIEmbeddings(model="e", check_embedding_ctx_length=False, chunk_size=1, **where).embed_documents(
            ["ab", "cd"]
        )
    assert len(recorded(tmp_path, "model.call")) == 5
    assert len(recorded(tmp_path, "step.start")) == 1
    [end] = recorded(tmp_path, "step.end")
    assert (end["usage"], end["response_model"]) == ({"input": 2}, "e")


def test_a_stream_that_is_left_is_cancelled(client: openai.OpenAI, tmp_path: Path) -> None:
    """Closed or forgotten, a stream leaves no open step."""
    with handrail.run("clerk", config=policy(tmp_path)):
        with client.chat.completions.create(model="m", messages=HI, stream=True) as stream:
            next(stream)
        forgotten = client.chat.completions.create(model="m", messages=HI, stream=True)
        next(forgotten)
        forgotten.response.close()
        del forgotten, stream
        gc.collect()
    assert [r["outcome"] for r in recorded(tmp_path, "model.result")] == ["cancelled"] * 2
    Recorded(tmp_path / ".handrail").check_complete()


def test_what_the_provider_refuses_is_an_error(client: openai.OpenAI, tmp_path: Path) -> None:
    """The caller gets the very exception; the record has its class only."""
    with handrail.run("clerk", config=policy(tmp_path)), pytest.raises(openai.NotFoundError):
        client.responses.retrieve("resp_999")
    [end] = recorded(tmp_path, "step.end")
    assert (end["outcome"], end["error"]) == ("error", "NotFoundError")


def test_outside_a_run(client: openai.OpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recorded where nobody watches; in a governed process each call is a run of its own."""
    monkeypatch.chdir(tmp_path)
    seam.install()
    client.chat.completions.create(model="m", messages=HI)
    assert not (tmp_path / ".handrail").exists()
    handrail.instrument(config=policy(tmp_path))
    client.chat.completions.create(model="m", messages=HI)
    _drain(client.chat.completions.create(model="m", messages=HI, stream=True))
    assert [r["entry"] for r in recorded(tmp_path, "run.start")] == ["model", "model"]
    Recorded(tmp_path / ".handrail").check_complete()


def test_uninstall_puts_the_originals_back() -> None:
    """After uninstall both clients have the very methods they had before; installing twice changes nothing."""
    before = SyncAPIClient.__dict__["request"], AsyncAPIClient.__dict__["request"]
    seam.install()
    seam.install()
    assert list(seam.patches.state().values()) == [True, True]
    seam.uninstall()
    assert (SyncAPIClient.__dict__["request"], AsyncAPIClient.__dict__["request"]) == before


def test_items_of_the_responses_api_are_messages() -> None:
    """Instructions, texts, calls and their results come out as messages of the chat API."""
    body = {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": "sum?"},
            {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "5"},
        ],
    }
    assert [message["role"] for message in input_messages(body)] == ["system", "user", "assistant", "tool"]
    call = input_messages(body)[2]["tool_calls"][0]
    assert call == {"id": "c1", "name": "add", "args": "{}"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/chat/completions"),
        ("post", "/responses/resp_1/cancel"),
        ("get", "/models"),
        ("post", "/files"),
        ("get", "/"),
    ],
)
def test_other_requests_are_no_steps(method: str, path: str) -> None:
    """What neither asks a model nor creates an agent is left alone."""
    assert described(Request(method, path, {})) is None


def test_a_raw_loop_tells_why_a_tool_was_called(client: openai.OpenAI, tmp_path: Path) -> None:
    """The call of a governed function comes from the reply that asked for it, the next request from its result."""

    @handrail.tool
    def add(a: int) -> int:
        """Add."""
        return a

    with handrail.run("clerk", config=policy(tmp_path)):
        reply = client.chat.completions.create(model="m", messages=HI, tools=TOOLS, seed=7, n=2).choices[0].message
        assert reply.tool_calls is not None
        answer = {"role": "tool", "tool_call_id": reply.tool_calls[0].id, "content": str(add(a=2))}
        messages: Any = [*HI, reply.model_dump(exclude_none=True), answer]
        _drain(client.chat.completions.create(model="m", messages=messages, stream=True))
    first, second = recorded(tmp_path, "model.call")
    [call] = recorded(tmp_path, "tool.call")
    assert (second["messages"]["prev"], second["messages"]["keep"]) == (first["step"], len(HI))
    assert len(second["messages"]["add"]) == 2
    assert call["cause"] == first["step"]
    assert second["causes"] == [call["step"]]
    assert first["params"] == {"seed": 7, "choice.count": 2}
    assert (first.get("stream"), second["stream"]) == (None, True)
    assert recorded(tmp_path, "model.result")[1]["first_chunk"] > 0
    assert recorded(tmp_path, "tools")[0]["names"] == ["add"]


def test_a_growing_input_is_put_down_as_what_is_new(client: openai.OpenAI, tmp_path: Path) -> None:
    """The client writes every message anew for each request; a record adds only what is new."""
    said: Any = list(HI)
    with handrail.run("clerk", config=policy(tmp_path), user="ana"):
        for number in range(6):
            reply = client.chat.completions.create(model="m", messages=said)
            said += [
                {"role": "assistant", "content": reply.choices[0].message.content},
                {"role": "user", "content": f"and {number}"},
            ]
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "another"}, *said])
    inputs = [record["messages"] for record in recorded(tmp_path, "model.call")]
    assert [(found["keep"], len(found["add"])) for found in inputs] == [
        (0, 2),
        *((keep, 2) for keep in range(2, 12, 2)),
        (0, 15),
    ]
