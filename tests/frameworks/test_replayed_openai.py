"""A plain loop around OpenAI's client that goes on: what the models answered is given back, the rest is asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openai
import pytest

import handrail
from handrail.frameworks import openai as seam
from handrail.testing import Script, ScriptedModel, ToolCall, Turn
from tests.effects.crashing import POLICY, World, run_of
from tests.frameworks.langchain.kit import recorded

Factory = Callable[[Sequence[Turn] | Script], ScriptedModel]
TOOLS: Any = [{"type": "function", "function": {"name": "book", "parameters": {"type": "object"}}}]
HI: Any = [{"role": "user", "content": "Book a, b and c."}]


class Crash(Exception):
    """What a life ends with here."""


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    handrail.uninstrument()
    seam.uninstall()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy that lets the clerk do everything."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    return tmp_path


def _script(request: Any) -> Turn:
    """Books one after the other, by how many answers it reads."""
    done = sum(message.role == "tool" for message in request.messages)
    return Turn("Now this.", (ToolCall("book", {"what": "abc"[done]}),)) if done < 3 else Turn("All is booked.")


@pytest.fixture(name="server")
def _server(handrail_model: Factory) -> ScriptedModel:
    return handrail_model(_script)


def _client(server: ScriptedModel) -> openai.OpenAI:
    http = openai.DefaultHttpxClient(trust_env=False)
    return openai.OpenAI(base_url=server.base_url, api_key="k", max_retries=0, http_client=http)


def _book(folder: Path) -> Callable[..., str]:
    @handrail.tool(effect="write")
    def book(what: str) -> str:
        World(folder).do(what)
        return f"booked {what}"

    return book


def _whole(client: openai.OpenAI, messages: Any) -> Any:
    return client.chat.completions.create(model="m", messages=messages, tools=TOOLS).choices[0].message


def _raw(client: openai.OpenAI, messages: Any) -> Any:
    answer = client.chat.completions.with_raw_response.create(model="m", messages=messages, tools=TOOLS)
    return answer.parse().choices[0].message


def _streamed(client: openai.OpenAI, messages: Any) -> Any:
    with client.chat.completions.stream(model="m", messages=messages, tools=TOOLS) as stream:
        return stream.get_final_completion().choices[0].message


CHATS = {"whole": _whole, "raw": _raw, "streamed": _streamed}


def _loop(folder: Path, server: ScriptedModel, ask: Any, messages: list[Any], *, dies_at: int = 9) -> str:
    """The agent: asks, books what it is told to, and asks again."""
    book = _book(folder)
    with _client(server) as client:
        for turn in range(9):
            if turn == dies_at:
                raise Crash
            reply = ask(client, messages)
            if not reply.tool_calls:
                return str(reply.content)
            messages.append(reply.to_dict())
            for call in reply.tool_calls:
                said = book(**json.loads(call.function.arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": said})
    raise AssertionError("it never came to an end")


def _life(folder: Path, work: Callable[[], Any], run: str = "") -> Any:
    def begin() -> Any:
        with handrail.run("clerk", config=folder / "handrail.toml", user="ana"):
            return work()

    if not run:
        return begin()
    with handrail.resuming(run):
        return begin()


@pytest.mark.parametrize("way", CHATS)
def test_a_plain_loop_goes_on_without_asking_again(way: str, server: ScriptedModel, folder: Path) -> None:
    """Dead before its third request and begun again: the server gets the requests that it had not had, no other."""
    with pytest.raises(Crash):
        _life(folder, lambda: _loop(folder, server, CHATS[way], [*HI], dies_at=2))
    asked, run = len(server.requests), run_of(folder)
    assert _life(folder, lambda: _loop(folder, server, CHATS[way], [*HI]), run) == "All is booked."
    assert (asked, len(server.requests)) == (2, 4)
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
    again = [one for one in recorded(folder, "model.result") if one.get("replayed")]
    assert [one["usage"] for one in again] == [{}, {}]
    assert [one["calls"][0]["name"] for one in again] == ["book", "book"]


def test_a_loop_that_kept_its_messages_goes_on_behind_them(server: ScriptedModel, folder: Path) -> None:
    """Answers among the messages that it kept are not asked for again: nothing is left over, and nothing repeated."""
    messages = [*HI]
    with pytest.raises(Crash):
        _life(folder, lambda: _loop(folder, server, _whole, messages, dies_at=2))
    run = run_of(folder)
    assert _life(folder, lambda: _loop(folder, server, _whole, messages), run) == "All is booked."
    assert len(server.requests) == 4
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
    assert recorded(folder, "effect.orphan") == []


def _texts(events: Any) -> str:
    return "".join(event.delta for event in events if event.type == "response.output_text.delta")


RESPONSES: dict[str, Callable[[Any, str], Any]] = {
    "whole": lambda client, text: client.responses.create(model="m", input=text).output_text,
    "streamed": lambda client, text: _texts(client.responses.create(model="m", input=text, stream=True)),
    "completion": lambda client, text: client.completions.create(model="m", prompt=text).choices[0].text,
}


@pytest.mark.parametrize("way", RESPONSES)
def test_responses_and_completions(way: str, handrail_model: Factory, folder: Path) -> None:
    """The same for the responses API and for completions; another question is sent."""
    server = handrail_model(lambda request: Turn(f"answer {len(server.requests)}"))
    with _client(server) as client:

        def work() -> list[str]:
            return [RESPONSES[way](client, text) for text in ("one", "one", "two")]

        first = _life(folder, work)
        assert len(set(first)) == 3
        assert _life(folder, work, run_of(folder)) == first
        assert len(server.requests) == 3
        assert _life(folder, lambda: RESPONSES[way](client, "three"), run_of(folder)) not in first
        assert len(server.requests) == 4


@pytest.mark.parametrize("streamed", [False, True])
def test_the_asynchronous_client(streamed: bool, server: ScriptedModel, folder: Path) -> None:
    """The asynchronous client is given what it got, whole and in pieces."""

    async def ask() -> str:
        http = openai.DefaultAsyncHttpxClient(trust_env=False)
        async with openai.AsyncOpenAI(base_url=server.base_url, api_key="k", max_retries=0, http_client=http) as client:
            if not streamed:
                return repr((await client.chat.completions.create(model="m", messages=HI)).choices)
            stream = await client.chat.completions.create(model="m", messages=HI, stream=True)
            return "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])

    first = _life(folder, lambda: asyncio.run(ask()))
    assert _life(folder, lambda: asyncio.run(ask()), run_of(folder)) == first
    assert "Now this." in first
    assert len(server.requests) == 1
