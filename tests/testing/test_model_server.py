"""The scripted model server, driven by the clients that people really use."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseFunctionToolCall

from handrail.testing import Script, ScriptedModel, ToolCall, Turn, Usage, keyed
from handrail.testing.chat_wire import fragments, words

Factory = Callable[[Sequence[Turn] | Script], ScriptedModel]
PAIR = (ToolCall("add", {"a": 2, "b": 3}), ToolCall("say", {"text": 'quo"te \u00e9 \U0001f600'}, id="mine"))


@contextmanager
def client(model: ScriptedModel, retries: int = 0) -> Iterator[openai.OpenAI]:
    """A real OpenAI client that ignores proxies."""
    with openai.DefaultHttpxClient(trust_env=False) as http:
        yield openai.OpenAI(base_url=model.base_url, api_key="k", max_retries=retries, http_client=http)


@asynccontextmanager
async def async_client(model: ScriptedModel) -> AsyncIterator[openai.AsyncOpenAI]:
    """Its async twin."""
    async with openai.DefaultAsyncHttpxClient(trust_env=False) as http:
        yield openai.AsyncOpenAI(base_url=model.base_url, api_key="k", max_retries=0, http_client=http)


def ask(model: ScriptedModel, **more: Any) -> Any:
    """One chat completion for the user message ``hi``."""
    with client(model) as c:
        return c.chat.completions.create(model="m-1", messages=[{"role": "user", "content": "hi"}], **more)


def test_chat_answer_carries_text_calls_usage_and_finish(handrail_model: Factory) -> None:
    """A whole chat completion has exactly what the turn says."""
    usage = Usage(input=100, cached=40, output=20, reasoning=5)
    answer = ask(handrail_model([Turn("Hello there", PAIR, usage)]))
    choice = answer.choices[0]
    assert (choice.message.content, choice.finish_reason, answer.model) == (
        "Hello there",
        "tool_calls",
        "m-1",
    )
    calls = [(c.id, c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls]
    assert calls == [("call_1", "add", PAIR[0].args), ("mine", "say", PAIR[1].args)]
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (100, 20)
    assert answer.usage.prompt_tokens_details.cached_tokens == 40
    assert answer.usage.completion_tokens_details.reasoning_tokens == 5


def test_chat_stream_joins_to_the_same_answer(handrail_model: Factory) -> None:
    """Parallel calls arrive in fragments that join to the scripted arguments; usage only on request."""
    model = handrail_model([Turn("Hello  there ", PAIR)] * 2)
    with client(model) as c:
        messages: Any = [{"role": "user", "content": "hi"}]
        with c.chat.completions.stream(model="m", messages=messages, stream_options={"include_usage": True}) as stream:
            final = stream.get_final_completion()
        chunks = list(c.chat.completions.create(model="m", messages=messages, stream=True))
    message = final.choices[0].message
    assert message.content == "Hello  there "
    assert [json.loads(c.function.arguments) for c in message.tool_calls or []] == [c.args for c in PAIR]
    assert final.usage is not None and final.usage.prompt_tokens == 11
    assert all(chunk.usage is None for chunk in chunks)
    deltas = [c for chunk in chunks for c in chunk.choices[0].delta.tool_calls or []]
    assert len(deltas) == 2 * 4  # a head and three fragments for each call


def test_responses_whole_and_streamed_agree(handrail_model: Factory) -> None:
    """Both forms of the responses API give the same text, calls and usage."""
    model = handrail_model([Turn("Hello there", PAIR)] * 2)
    with client(model) as c:
        whole = c.responses.create(model="m", input="hi")
        with c.responses.stream(model="m", input="hi") as stream:
            streamed = stream.get_final_response()
    for response in (whole, streamed):
        assert isinstance(response, Response)
        calls = [item for item in response.output if isinstance(item, ResponseFunctionToolCall)]
        assert response.output_text == "Hello there"
        assert [json.loads(call.arguments) for call in calls] == [c.args for c in PAIR]
        assert response.usage is not None and response.usage.input_tokens_details.cached_tokens == 3


async def test_async_clients_of_both_apis(handrail_model: Factory) -> None:
    """The async client gets whole and streamed answers from both APIs."""
    model = handrail_model([Turn("one two")] * 3)
    async with async_client(model) as c:
        messages: Any = [{"role": "user", "content": "hi"}]
        whole = await c.chat.completions.create(model="m", messages=messages)
        stream = await c.chat.completions.create(model="m", messages=messages, stream=True)
        texts = [chunk.choices[0].delta.content or "" async for chunk in stream]
        response = await c.responses.create(model="m", input="hi")
    assert (
        whole.choices[0].message.content,
        "".join(texts),
        response.output_text,
    ) == (("one two",) * 3)


def test_cut_off_answers_say_so(handrail_model: Factory) -> None:
    """A scripted finish reason reaches the client in each API's own words."""
    model = handrail_model([Turn("cut", finish="length")] * 2)
    assert ask(model).choices[0].finish_reason == "length"
    with client(model) as c:
        response = c.responses.create(model="m", input="hi")
    assert response.status == "incomplete" and response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


def test_scripted_errors_and_the_retry(handrail_model: Factory) -> None:
    """A 500 and a 429 raise the client's own errors; a client that retries gets the next turn."""
    model = handrail_model([Turn(status=500), Turn(status=429, retry_after_s=0.01), Turn("at last")])
    with pytest.raises(openai.InternalServerError, match="scripted failure"):
        ask(model)
    with client(model, retries=2) as c:
        answer = c.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert answer.choices[0].message.content == "at last"
    assert len(model.requests) == 3


def test_retry_after_is_a_header(handrail_model: Factory) -> None:
    """A 429 tells the client how long to wait."""
    model = handrail_model([Turn(status=429, retry_after_s=7)])
    with pytest.raises(openai.RateLimitError) as error:
        ask(model)
    assert error.value.response.headers["retry-after"] == "7"


def test_end_of_script_and_broken_script_are_plain(handrail_model: Factory) -> None:
    """A request that the script cannot answer fails at once and says why."""
    with pytest.raises(openai.BadRequestError, match="all 0 turns were played"):
        ask(handrail_model([]))
    with pytest.raises(openai.BadRequestError, match="LookupError: no conversation is scripted"):
        ask(handrail_model(keyed({"something else": [Turn("x")]})))


def test_requests_are_kept_and_read(handrail_model: Factory) -> None:
    """What was asked can be looked at in one shape for both APIs."""
    model = handrail_model([Turn("a"), Turn("b")])
    tool = {"type": "function", "name": "add", "parameters": {"type": "object"}}
    ask(model, tools=[{"type": "function", "function": {"name": "add"}}])
    items: Any = [
        {"role": "user", "content": [{"type": "input_text", "text": "sum"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
        {"type": "function_call", "name": "add", "arguments": "{}", "call_id": "c1"},
        {"type": "function_call_output", "call_id": "c1", "output": "5"},
    ]
    with client(model) as c:
        c.responses.create(model="m", input=items, instructions="be kind", tools=[tool])  # type: ignore[list-item]
    chat, responses = model.requests
    assert (chat.api, chat.user, chat.tools, chat.answered) == ("chat", "hi", ("add",), 0)
    assert [m.role for m in responses.messages] == ["system", "user", "assistant", "tool"]
    assert (responses.tools, responses.answered, responses.last.text) == (("add",), 1, "5")
    assert responses.messages[2].calls == ("add",) and responses.last.call_id == "c1"


def test_held_answer_waits_for_its_event(handrail_model: Factory) -> None:
    """Nothing comes back before the event is set, and the request is seen before that."""
    gate = threading.Event()
    model = handrail_model([Turn("late", hold=gate)])
    got: list[str] = []
    thread = threading.Thread(target=lambda: got.append(ask(model).choices[0].message.content))
    thread.start()
    model.wait_for_requests(1)
    assert got == []
    gate.set()
    thread.join()
    assert got == ["late"]


def test_stream_held_in_the_middle_can_be_abandoned(handrail_model: Factory) -> None:
    """A client reads what was sent before the hold and goes away; the server serves the next one."""
    model = handrail_model([Turn("one two three", hold=threading.Event(), hold_after=3), Turn("next")])
    with client(model) as c:
        messages: Any = [{"role": "user", "content": "hi"}]
        stream = c.chat.completions.create(model="m", messages=messages, stream=True)
        seen = [next(stream).choices[0].delta.content for _ in range(3)]
        stream.close()
    assert seen == ["", "one ", "two "]
    assert ask(model).choices[0].message.content == "next"


async def test_cancelled_task_leaves_a_held_request(handrail_model: Factory) -> None:
    """Cancelling while the model thinks raises CancelledError in the client."""
    model = handrail_model([Turn("never", hold=threading.Event())])
    async with async_client(model) as c:
        task = asyncio.create_task(c.responses.create(model="m", input="hi"))
        await asyncio.to_thread(model.wait_for_requests, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def test_close_releases_held_answers() -> None:
    """Closing the server does not hang on an answer that nobody released."""
    model = ScriptedModel([Turn("late", hold=threading.Event())]).start()
    thread = threading.Thread(target=lambda: ask(model))
    thread.start()
    model.wait_for_requests(1)
    model.close()
    model.close()
    thread.join()
    assert len(model.requests) == 1


def test_conversations_share_a_server(handrail_model: Factory) -> None:
    """``keyed`` tells conversations apart by content, in any interleaving, and repeats a turn on retry."""
    model = handrail_model(keyed({"bill": [Turn("bill 0"), Turn("bill 1")], "rent": [Turn("rent 0")]}))
    bill: Any = [{"role": "user", "content": "pay the bill"}]
    later: Any = [*bill, {"role": "assistant", "content": "bill 0"}, {"role": "tool", "content": "x"}]
    rent: Any = [*later, {"role": "user", "content": "and the rent"}]
    with client(model) as c:
        said = [
            c.chat.completions.create(model="m", messages=m).choices[0].message.content
            for m in (later, rent, bill, bill)
        ]
    assert said == ["bill 1", "rent 0", "bill 0", "bill 0"]


def test_in_order_turns_are_played_once_each_under_threads(handrail_model: Factory) -> None:
    """Racing clients get every turn exactly once."""
    model = handrail_model([Turn(str(n)) for n in range(24)])
    said: list[str] = []

    def worker() -> None:
        for _ in range(6):
            said.append(ask(model).choices[0].message.content)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(said, key=int) == [str(n) for n in range(24)]


def test_models_and_unknown_paths(handrail_model: Factory) -> None:
    """The model list is served; anything else is a plain 404; broken JSON is a 400."""
    model = handrail_model([])
    with client(model) as c:
        assert [m.id for m in c.models.list()] == ["scripted"]
        with pytest.raises(openai.NotFoundError, match="has no /v1/moderations"):
            c.moderations.create(input="x")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(urllib.error.HTTPError) as error:
        opener.open(model.base_url + "/responses", data=b"{nope", timeout=5)
    with error.value as response:
        assert response.code == 400 and b"not JSON" in response.read()


def test_only_loopback(handrail_model: Factory) -> None:
    """The server is bound to 127.0.0.1 and closes each connection after its answer."""
    model = handrail_model([Turn("x")])
    assert model.base_url.startswith("http://127.0.0.1:")
    with client(model) as c:
        raw = c.chat.completions.with_raw_response.create(model="m", messages=[{"role": "user", "content": "hi"}])
    assert raw.headers["connection"] == "close"


@given(st.text())
def test_pieces_join_to_the_whole(text: str) -> None:
    """Cutting text for a stream loses and adds nothing."""
    assert "".join(fragments(text)) == text
    assert "".join(words(text.replace("\0", ""))) == text.replace("\0", "")


def test_a_whole_response_can_be_fetched_by_its_id(handrail_model: Factory) -> None:
    """What the responses API gave is fetched again by its id; one that it never gave is not found."""
    with client(handrail_model([Turn("Hello")])) as c:
        made = c.responses.create(model="m-1", input="hi")
        assert c.responses.retrieve(made.id).output_text == "Hello"
        with pytest.raises(openai.NotFoundError):
            c.responses.retrieve("resp_999")


def test_completions_answer_each_prompt(handrail_model: Factory) -> None:
    """The older completions API gives a choice for each prompt, and a stream that joins to the same text."""
    model = handrail_model([Turn("one two")] * 2)
    with client(model) as c:
        whole = c.completions.create(model="m-1", prompt=["a", "b"])
        streamed = "".join(
            chunk.choices[0].text for chunk in c.completions.create(model="m-1", prompt="a", stream=True)
        )
    assert [choice.text for choice in whole.choices] == ["one two", "one two"]
    assert whole.usage is not None and whole.usage.total_tokens == 18
    assert streamed == "one two"
    assert [m.text for m in model.requests[0].messages] == ["a", "b"]


def test_embeddings_are_the_same_for_the_same_text(handrail_model: Factory) -> None:
    """Vectors need no script: equal texts have equal ones, of the length asked for."""
    with client(handrail_model([])) as c:
        first, again, other = c.embeddings.create(model="e-1", input=["x", "x", "y"], dimensions=40).data
        short = c.embeddings.create(model="e-1", input="x", encoding_format="float").data[0]
    assert first.embedding == again.embedding != other.embedding
    assert (len(first.embedding), len(short.embedding)) == (40, 8)


def test_agents_are_created_with_an_id(handrail_model: Factory) -> None:
    """An assistant comes back as it was asked for, with an id of its own."""
    with client(handrail_model([])) as c, pytest.warns(DeprecationWarning):
        made = c.beta.assistants.create(model="m-1", name="helper", instructions="Be brief.")
    assert made.id.startswith("asst_")
    assert (made.name, made.model, made.instructions) == ("helper", "m-1", "Be brief.")
