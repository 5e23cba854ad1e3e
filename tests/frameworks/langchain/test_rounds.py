"""A rejected answer: the model is told and corrects itself; whoever asked sees the accepted one, the record both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph

import handrail
from handrail.errors import AnswerRejected, ValidationFailed
from handrail.frameworks.rounds import WITHHELD
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai
from tests.frameworks.langchain.kit import Scripted, adrain, call, policy, recorded, run_async
from tests.frameworks.recorded import Recorded

POLICY = """
version = 1
mode = "{mode}"
agent = "clerk"

[principal]
user = "ana"

[users]
"ana" = ["staff"]

[[rule]]
id = "staff-work"
allow = "staff"
call = "*"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"

"""
CATS = """
[[validate]]
id = "cats"
on = "answer"
schema = {not = {pattern = "cat"}}
rounds = 2
"""
BAD, GOOD = Turn("a cat sat"), Turn("a dog sat")
ASK: Any = {"messages": [("user", "hi")]}
AND: Any = {"messages": [("user", "and?")]}


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _config(folder: Path, validate: str = CATS, mode: str = "enforce") -> Path:
    return policy(folder, mode, POLICY + validate)


def _agent(folder: Path, turns: Sequence[Any], validate: str = CATS, mode: str = "enforce", **options: Any) -> Any:
    model = Scripted(turns=turns)
    made = create_agent(model, [add], name="clerk", **options)
    return handrail.govern(made, config=_config(folder, validate, mode)), model


def _said(state: Any) -> list[str]:
    return [str(message.content) for message in state["messages"]]


def _stream(mode: str) -> Callable[[Any], Any]:
    return lambda agent: list(agent.stream(ASK, stream_mode=mode))


def _astream(mode: str) -> Callable[[Any], Any]:
    return lambda agent: run_async(lambda: adrain(agent.astream(ASK, stream_mode=mode)))


def _events(version: Any) -> Callable[[Any], Any]:
    return lambda agent: run_async(lambda: adrain(agent.astream_events(ASK, version=version)))


ENTRIES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda agent: agent.invoke(ASK),
    "ainvoke": lambda agent: run_async(lambda: agent.ainvoke(ASK)),
    "batch": lambda agent: agent.batch([ASK]),
    "abatch": lambda agent: run_async(lambda: agent.abatch([ASK])),
    **{f"stream {mode}": _stream(mode) for mode in ("values", "updates", "messages", "debug", "tasks")},
    **{f"astream {mode}": _astream(mode) for mode in ("values", "messages")},
    "events v2": _events("v2"),
    "events v3": lambda agent: agent.stream_events(ASK, version="v3").output,
}


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("entry", ENTRIES)
def test_the_model_corrects_itself_and_nobody_sees_the_first_try(entry: str, tmp_path: Path) -> None:
    """By every entry and every stream, what the user gets has the accepted answer and nothing of the rejected one."""
    agent, model = _agent(tmp_path, (BAD, GOOD))
    seen = repr(ENTRIES[entry](agent))
    assert "dog" in seen
    assert "cat" not in seen
    told = model.seen[1][0]
    assert [kind for kind, _ in told] == ["HumanMessage", "AIMessage", "HumanMessage"]
    assert "not valid" in told[-1][1]["content"]


def test_the_record_has_both_tries(tmp_path: Path) -> None:
    """Each try is a model step with its outcome; the second says that it is the first one made again."""
    agent, _ = _agent(tmp_path, (BAD, GOOD))
    agent.invoke(ASK)
    first, second = recorded(tmp_path, "model.call")
    assert second["links"] == [{"type": "retry_of", "step": first["step"]}]
    ended = {record["step"]: record for record in recorded(tmp_path, "model.result")}
    assert ended[first["step"]]["outcome"] == "rejected"
    assert [one["code"] for one in ended[first["step"]]["findings"]] == ["schema.not"]
    assert ended[second["step"]]["outcome"] == "ok"
    (said,) = recorded(tmp_path, "validation")
    assert (said["step"], said["action"], said["round"], said["rounds"]) == (first["step"], "rejected", 1, 2)
    (end,) = recorded(tmp_path, "run.end")
    assert (end["outcome"], end["model_calls"], end["output_tokens"]) == ("ok", 2, 14)
    kept = Recorded(tmp_path / ".handrail")
    assert kept.value(ended[first["step"]]["output"])["content"] == "a cat sat"
    kept.check_complete()


LAST = {"refuse": None, "escalate": None, "fail": AnswerRejected}


@pytest.mark.parametrize("last", LAST)
def test_after_the_last_round(last: str, tmp_path: Path) -> None:
    """After two rounds the third wrong answer is refused, escalated or ends the run, as the file says."""
    agent, model = _agent(tmp_path, (BAD, BAD, BAD, GOOD), CATS + f'last = "{last}"\n')
    if LAST[last] is not None:
        with pytest.raises(AnswerRejected, match="'cats'"):
            agent.invoke(ASK)
    else:
        assert _said(agent.invoke(ASK)) == ["hi", WITHHELD]
    assert len(model.seen) == 3
    actions = [record["action"] for record in recorded(tmp_path, "validation")]
    done = {"refuse": "refused", "escalate": "escalated", "fail": "failed"}[last]
    assert actions == ["rejected", "rejected", done]
    assert [record["outcome"] for record in recorded(tmp_path, "model.result")] == ["rejected"] * 3
    Recorded(tmp_path / ".handrail").check_complete()


def test_observe_mode_tells_nobody_and_holds_nothing_back(tmp_path: Path) -> None:
    """In observe mode the first answer goes on, piece by piece, and what would have been done is put down."""
    agent, model = _agent(tmp_path, (BAD, GOOD), mode="observe")
    pieces = [chunk.content for chunk, _ in agent.stream(ASK, stream_mode="messages")]
    assert len(model.seen) == 1
    assert pieces[:3] == ["a ", "cat ", "sat"]
    assert [record["action"] for record in recorded(tmp_path, "validation")] == ["would_be_rejected"]
    assert [record["outcome"] for record in recorded(tmp_path, "model.result")] == ["ok"]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_redaction_reaches_every_entry(entry: str, tmp_path: Path) -> None:
    """What is taken out of an answer is in nothing that the user gets, by whatever entry; the model is asked once."""
    redact = '[[validate]]\nid = "word"\non = "answer"\ncheck = "matches(\'[^c]*|.*REDACTED.*\')"\nthen = "redact"\n'
    agent, model = _agent(tmp_path, (BAD,), redact)
    seen = repr(ENTRIES[entry](agent))
    assert "REDACTED" in seen
    assert "cat" not in seen
    assert len(model.seen) == 1
    assert [record["action"] for record in recorded(tmp_path, "validation")] == ["redacted"]


class Listener(BaseCallbackHandler):
    """Writes down every piece and every end that it is told of."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """A piece."""
        self.told.append(str(token))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        """A whole reply."""
        self.told.append(response.generations[0][0].text)


@pytest.mark.parametrize("drive", ["invoke", "stream", "astream", "ainvoke", "abandoned"])
def test_callbacks_and_direct_streams_see_accepted_pieces_only(drive: str, tmp_path: Path) -> None:
    """A model that is governed alone: its streams and everybody's callbacks have nothing of a rejected reply."""
    heard = Listener()
    model = Scripted(turns=(BAD, GOOD), callbacks=[heard])
    governed = handrail.govern(model, config=_config(tmp_path), name="clerk")
    drives: dict[str, Callable[[], Any]] = {
        "invoke": lambda: governed.invoke("hi"),
        "stream": lambda: list(governed.stream("hi")),
        "ainvoke": lambda: run_async(lambda: governed.ainvoke("hi")),
        "astream": lambda: run_async(lambda: adrain(governed.astream("hi"))),
        "abandoned": lambda: next(governed.stream("hi")),
    }
    assert "dog" in repr(drives[drive]())
    assert "cat" not in "".join(heard.told)
    assert "dog" in "".join(heard.told)


def test_the_conversation_that_is_kept_has_the_accepted_answer_only(tmp_path: Path) -> None:
    """A checkpointer keeps nothing of a rejected reply, and the next turn goes on with the accepted one."""
    agent, model = _agent(tmp_path, (BAD, GOOD, Turn("fine")), checkpointer=InMemorySaver())
    config: Any = {"configurable": {"thread_id": "t"}}
    agent.invoke(ASK, config)
    assert _said(agent.get_state(config).values) == ["hi", "a dog sat"]
    assert _said(agent.invoke(AND, config)) == ["hi", "a dog sat", "and?", "fine"]
    assert "cat" not in repr(model.seen[2])


OUTPUT = """
[[validate]]
id = "cats"
on = "output"
schema = {not = {pattern = "cat"}}
rounds = 2
"""


def test_an_output_with_calls_is_rejected_whole(tmp_path: Path) -> None:
    """Calls beside a rejected text are not made, each is answered where the model is told, and each has a decision."""
    calls = (ToolCall("add", {"a": 1, "b": 1}, "one"), ToolCall("add", {"a": 2, "b": 2}, "two"))
    agent, model = _agent(tmp_path, (Turn("my cat says", tool_calls=calls), GOOD), OUTPUT)
    assert _said(agent.invoke(ASK)) == ["hi", "a dog sat"]
    told = model.seen[1][0]
    assert [kind for kind, _ in told] == ["HumanMessage", "AIMessage", "ToolMessage", "ToolMessage"]
    assert [body["tool_call_id"] for kind, body in told if kind == "ToolMessage"] == ["one", "two"]
    decided = recorded(tmp_path, "tool.call")
    assert [(one["verdict"], one["by"], one["ran"]) for one in decided] == [("stopped", "validator", False)] * 2
    Recorded(tmp_path / ".handrail").check_complete()


def test_an_answer_that_was_accepted_is_not_checked_again(tmp_path: Path) -> None:
    """The end of the run does not count a second time what the model seam looked at."""
    agent, _ = _agent(tmp_path, (GOOD,), CATS.replace("{not = {pattern", "{type = 'string', not = {pattern"))
    agent.invoke(ASK)
    agent, _ = _agent(
        tmp_path, (GOOD,), '[[validate]]\nid = "all"\non = "answer"\nschema = {not = {}}\nthen = "record"\n'
    )
    agent.invoke(ASK)
    assert len(recorded(tmp_path, "validation")) == 1


def test_the_rounds_of_a_sub_agent_are_its_own(tmp_path: Path) -> None:
    """A sub-agent's answer is checked when it gives it, by name, and its tries do not use up those of its caller."""
    inner_model = Scripted(turns=(BAD, BAD, GOOD))
    inner = create_agent(inner_model, [add], name="finder")

    @tool
    def find(q: str) -> str:
        """Ask the finder."""
        return str(inner.invoke(ASK)["messages"][-1].content)

    model = Scripted(turns=(call("find", q="x"), BAD, BAD, Turn("the dog again")))
    agent = handrail.govern(create_agent(model, [find], name="clerk"), config=_config(tmp_path))
    assert _said(agent.invoke(ASK))[-1] == "the dog again"
    assert len(inner_model.seen) == 3
    assert [record["round"] for record in recorded(tmp_path, "validation")] == [1, 2, 1, 2]


def test_parallel_runs_count_by_themselves(tmp_path: Path) -> None:
    """Two runs at once of one agent each have their own rounds."""
    config = _config(tmp_path)
    agents = [handrail.govern(create_agent(Scripted(turns=(BAD, BAD, GOOD)), [add], name="clerk"), config=config)] * 1
    agents += [handrail.govern(create_agent(Scripted(turns=(BAD, BAD, GOOD)), [add], name="clerk"), config=config)]

    async def both() -> Any:
        return await asyncio.gather(*(agent.ainvoke(ASK) for agent in agents))

    assert [_said(state)[-1] for state in asyncio.run(both())] == ["a dog sat"] * 2


class Empty(Scripted):
    """Answers with messages that the test wrote."""

    replies: Sequence[Any] = ()

    def _next(self, messages: Any, kwargs: Any) -> AIMessage:
        self.seen.append((messages, dict(kwargs)))
        found: AIMessage = self.replies[len(self.seen) - 1]
        return found


NOT_EMPTY = CATS.replace('schema = {not = {pattern = "cat"}}', "schema = {minLength = 1, not = {pattern = 'cat'}}")


@pytest.mark.parametrize(
    "reply",
    [
        AIMessage(""),
        AIMessage([]),
        AIMessage([{"type": "text", "text": "a c"}, {"type": "text", "text": "at"}]),
        AIMessage([{"type": "refusal", "refusal": "no cat"}]),
        AIMessage("", additional_kwargs={"refusal": "no cat"}),
        AIMessage(["a cat"]),
        AIMessage(
            "a cat",
            invalid_tool_calls=[{"name": "add", "args": "{", "id": "x", "error": "", "type": "invalid_tool_call"}],
        ),
    ],
)
def test_forms_of_replies_that_might_slip_through(reply: AIMessage, tmp_path: Path) -> None:
    """Empty replies, blocks, refusals and broken calls are looked at, and are told in a form that an API takes."""
    model = Empty(replies=(reply, AIMessage("a dog")))
    agent = handrail.govern(create_agent(model, [add], name="clerk"), config=_config(tmp_path, NOT_EMPTY))
    assert _said(agent.invoke(ASK))[-1] == "a dog"
    told = model.seen[1][0]
    assert all(message.content for message in told)
    answered = {message.tool_call_id for message in told if message.type == "tool"}
    assert answered == {each["id"] for each in reply.invalid_tool_calls}


def test_a_failure_in_the_middle_of_a_row_is_an_ordinary_error(tmp_path: Path) -> None:
    """Where the model fails when it is asked again, its error comes through, and the record is whole."""
    agent, _ = _agent(tmp_path, (BAD, ValueError("no model")))
    with pytest.raises(ValueError, match="no model"):
        agent.invoke(ASK)
    assert [record["outcome"] for record in recorded(tmp_path, "model.result")] == ["rejected", "error"]
    Recorded(tmp_path / ".handrail").check_complete()


def test_a_graph_whose_answer_is_not_known_before_the_end_is_checked_there(tmp_path: Path) -> None:
    """A chain whose last step is somebody's own: nobody can ask the model again, so a wrong answer is an error."""
    chain = Scripted(turns=(BAD,)) | (lambda message: message.content)
    governed = handrail.govern(chain, config=_config(tmp_path), name="clerk")
    with pytest.raises(ValidationFailed):
        governed.invoke("hi")


def _streaming_node(model: Any, direct: Callable[[Any, Any], Any]) -> Any:
    graph = StateGraph(MessagesState)
    node: Any = lambda state: {"messages": [direct(model, state["messages"])]}  # noqa: E731
    graph.add_node("bot", node)
    graph.add_edge(START, "bot")
    return graph.compile(name="clerk")


def _sum(pieces: Any) -> Any:
    whole, *more = pieces
    for piece in more:
        whole += piece
    return whole


@pytest.mark.parametrize("mode", ["messages", "values", "updates", "custom"])
def test_a_node_that_streams_its_model_leaks_nothing(mode: str, tmp_path: Path) -> None:
    """``model.stream`` in a node, in every mode of the graph's stream: pieces come from the accepted reply only."""
    model = Scripted(turns=(BAD, GOOD))
    graph = _streaming_node(model, lambda model, messages: _sum(model.stream(messages)))
    out = repr(list(handrail.govern(graph, config=_config(tmp_path)).stream(ASK, stream_mode=mode)))
    assert "cat" not in out
    assert ("dog" in out) == (mode != "custom")
    assert len(model.seen) == 2


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
@pytest.mark.parametrize("waits", [False, True])
def test_the_content_block_protocol_leaks_nothing(waits: bool, tmp_path: Path) -> None:
    """``stream_events(version="v3")`` of a model: its lazy stream is made of the accepted reply."""
    heard = Listener()
    model = Scripted(turns=(BAD, GOOD), callbacks=[heard])
    with handrail.run("clerk", config=_config(tmp_path, OUTPUT), user="ana"):
        found = run_async(lambda: _output(model)) if waits else model.stream_events("hi", version="v3").output
    assert found.text == "a dog sat"
    assert "cat" not in "".join(heard.told)
    Recorded(tmp_path / ".handrail").check_complete()


async def _output(model: Any) -> Any:
    return await (await model.astream_events("hi", version="v3"))


def test_several_candidates_are_no_way_around(tmp_path: Path) -> None:
    """Of several candidates the first is checked, and the others, which nobody looked at, do not come out."""

    class Several(Scripted):
        def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> ChatResult:
            self.seen.append((messages, kwargs))
            return ChatResult(generations=[ChatGeneration(message=AIMessage(text)) for text in ("dog", "cat")])

    with handrail.run("clerk", config=_config(tmp_path, OUTPUT), user="ana"):
        found = Several().generate([[HumanMessage("hi")]])
    assert [[each.text for each in candidates] for candidates in found.generations] == [["dog"]]


def test_a_cache_of_replies_gives_out_checked_ones_only(tmp_path: Path) -> None:
    """A wrong reply that LangChain's cache gives out is rejected like one of the model."""
    cache = InMemoryCache()
    Scripted(turns=(BAD,), cache=cache).invoke("hi")
    model = Scripted(turns=(GOOD,), cache=cache)
    governed = handrail.govern(model, config=_config(tmp_path), name="clerk")
    assert governed.invoke("hi").content == "a dog sat"
    assert len(model.seen) == 1


def test_what_only_a_stream_takes_is_not_sent_without_one(tmp_path: Path) -> None:
    """A stream that is held back asks for the whole reply, without parameters that only streams have."""
    with ScriptedModel([BAD, GOOD]) as server:
        model: Any = handrail.govern(chat_openai(server), config=_config(tmp_path), name="clerk")
        assert "".join(piece.text for piece in model.stream("hi", stream_usage=True)) == "a dog sat"
        assert len(server.requests) == 2


def test_an_answer_for_a_person_to_see_is_withheld(tmp_path: Path) -> None:
    """With ``then = "ask"`` the model is not asked again, and nobody gets the answer yet."""
    agent, model = _agent(tmp_path, (BAD, GOOD), CATS + 'then = "ask"\n')
    assert _said(agent.invoke(ASK)) == ["hi", WITHHELD]
    assert len(model.seen) == 1
    assert [record["action"] for record in recorded(tmp_path, "validation")] == ["asked"]
