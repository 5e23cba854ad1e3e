"""A run that goes on is given what its models answered before it died: nobody pays for that twice."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models.fake import FakeListLLM
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command, interrupt
from pydantic import BaseModel

import handrail
from handrail.effects.vault import vault_for
from handrail.errors import NotResumable
from handrail.frameworks.langchain import asking
from handrail.testing import ScriptedModel, Turn, chat_openai
from tests.effects.crashing import POLICY, World, child, dies_at, run_of
from tests.frameworks.langchain.kit import ByAnswers, Scripted, adrain, call, recorded, run_async

pytestmark = pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")

ASK: Any = {"messages": [HumanMessage("Book a, b and c.")]}
BOOKINGS = (call("book", what="a"), call("book", what="b"), call("book", what="c"), Turn(text="All is booked."))


class Crash(Exception):
    """What a life ends with here."""


class Planned(ByAnswers):
    """Plans the same way again, until it ends the life."""

    def _next(self, messages: Any, kwargs: Any) -> AIMessage:
        turn = self.turns[sum(isinstance(message, AIMessage) for message in messages)]
        if isinstance(turn, Exception):
            raise turn
        return super()._next(messages, kwargs)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a policy that lets the clerk do everything."""
    (tmp_path / "handrail.toml").write_text(POLICY)
    return tmp_path


def _agent(folder: Path, *, dies: bool = False, turns: Any = BOOKINGS, **more: Any) -> tuple[Any, Scripted]:
    """An agent that books; it ``dies`` after the second booking, whose result it has."""
    world, model = World(folder), Planned(turns=turns)

    @tool
    def book(what: str) -> str:
        """Book it."""
        world.do(what)
        return f"booked {what}"

    if dies:
        model.turns = (*turns[:2], Crash())
    made = create_agent(model, [book], name="clerk", **more)
    return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"}), model


def _dead(folder: Path, **more: Any) -> str:
    agent, _ = _agent(folder, dies=True, **more)
    with pytest.raises(Crash):
        agent.invoke(ASK)
    return run_of(folder)


def _run(run: str, drive: Callable[[], Any]) -> Any:
    with handrail.resuming(run):
        return drive()


ENTRIES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda agent: agent.invoke(ASK),
    "ainvoke": lambda agent: run_async(lambda: agent.ainvoke(ASK)),
    "batch": lambda agent: agent.batch([ASK]),
    "stream": lambda agent: list(agent.stream(ASK, stream_mode="updates")),
    "messages": lambda agent: list(agent.stream(ASK, stream_mode="messages")),
    "astream": lambda agent: run_async(lambda: adrain(agent.astream(ASK, stream_mode="messages"))),
    "events v2": lambda agent: run_async(lambda: adrain(agent.astream_events(ASK, version="v2"))),
    "events v3": lambda agent: agent.stream_events(ASK, version="v3").output,
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_agent_goes_on_without_asking_again(entry: str, folder: Path) -> None:
    """By every entry: the replies of then are given back and what was booked stays; the model is asked for the rest."""
    run = _dead(folder)
    agent, model = _agent(folder)
    found = repr(_run(run, lambda: ENTRIES[entry](agent)))
    assert "All" in found and "booked" in found
    assert len(model.seen) == 2
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}
    results = [one for one in recorded(folder, "model.result") if one["run"] != run]
    assert [one.get("replayed", False) for one in results] == [True, True, False, False]


def test_nothing_is_counted_twice(folder: Path) -> None:
    """Tokens of a reply that is given back are those of the life that paid for them."""
    run = _dead(folder, turns=tuple(BOOKINGS))
    agent, _ = _agent(folder)
    _run(run, lambda: agent.invoke(ASK))
    replayed = [one for one in recorded(folder, "model.result") if one.get("replayed")]
    assert [one["usage"] for one in replayed] == [{}, {}]
    assert all(one["asked"] and one["value"] for one in replayed)


def test_a_changed_prompt_asks_the_model(folder: Path) -> None:
    """Another question is another request: nothing of the earlier answers is given to it."""
    run = _dead(folder)
    agent, model = _agent(folder, system_prompt="You are careful now.")
    _run(run, lambda: agent.invoke(ASK))
    assert len(model.seen) == 4
    assert not any(one.get("replayed") for one in recorded(folder, "model.result"))


def test_a_third_life_has_the_answers_of_both(folder: Path) -> None:
    """Answers given back in one life are given back in the next one too, each once."""
    run = _dead(folder)
    agent, model = _agent(folder)
    model.turns = (*BOOKINGS[:3], Crash())
    with pytest.raises(Crash):
        _run(run, lambda: agent.invoke(ASK))
    agent, model = _agent(folder)
    _run(run, lambda: agent.invoke(ASK))
    assert len(model.seen) == 1
    assert World(folder).done() == {"a": 1, "b": 1, "c": 1}


# models that are asked in a program's own loop, by every entry of theirs


@tool
def nothing() -> None:
    """Do nothing."""


def _life(folder: Path, work: Callable[[], Any], run: str = "") -> Any:
    def begin() -> Any:
        with handrail.run("clerk", config=folder / "handrail.toml", user="ana"):
            return work()

    return _run(run, begin) if run else begin()


class Listener(BaseCallbackHandler):
    """Writes down every piece and every end that it is told of."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self.ends: list[str] = []

    def on_llm_new_token(self, token: Any, **kwargs: Any) -> None:
        """A piece."""
        self.pieces.append(str(token))

    def on_llm_end(self, response: Any, **kwargs: Any) -> None:
        """A whole reply."""
        self.ends.append(response.generations[0][0].text)


def _text(pieces: Any) -> str:
    return "".join(str(getattr(piece, "content", piece)) for piece in pieces)


def _asked(model: Any, heard: list[Any]) -> dict[str, Callable[[], str]]:
    config: Any = {"callbacks": heard}
    return {
        "invoke": lambda: _text([model.invoke("hi", config)]),
        "ainvoke": lambda: _text([run_async(lambda: model.ainvoke("hi", config))]),
        "batch": lambda: _text(model.batch(["hi"], config)),
        "stream": lambda: _text(model.stream("hi", config)),
        "astream": lambda: _text(run_async(lambda: adrain(model.astream("hi", config)))),
    }


WAYS = ("invoke", "ainvoke", "batch", "stream", "astream")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", ["chat", "text"])
def test_every_entry_of_a_model(kind: str, way: str, folder: Path) -> None:
    """A chat model and one that completes text: the answer of then, and callbacks are told of it like of any."""
    replies = [f"answer {number}" for number in range(9)]
    model: Any = (
        Scripted(turns=[Turn(reply) for reply in replies]) if kind == "chat" else FakeListLLM(responses=replies)
    )
    first = _life(folder, _asked(model, [Listener()])[way])
    heard = Listener()
    again = _life(folder, _asked(model, [heard])[way], run_of(folder))
    assert again == first == "answer 0"
    assert heard.ends == [first]
    assert "".join(heard.pieces) == (first if kind == "chat" and "stream" in way else "")
    assert [one.get("replayed", False) for one in recorded(folder, "model.result")] == [False, True]
    assert _life(folder, lambda: _text([model.invoke("something else")]), run_of(folder)) != first


def test_the_protocol_of_content_blocks(folder: Path) -> None:
    """A lazy stream is made of the reply of then, event by event."""
    model = Scripted(turns=[Turn("answer 0"), Turn("answer 1")])

    def asked() -> str:
        return str(model.stream_events("hi", version="v3").output.content)

    assert "answer 0" in _life(folder, asked)
    assert "answer 0" in _life(folder, asked, run_of(folder))
    assert len(model.seen) == 1


class Booking(BaseModel):
    """What a booking is."""

    what: str


def test_structured_output_of_a_real_client(folder: Path, handrail_model: Any) -> None:
    """A class that is asked for comes back as that class, of what the server said in the first life; one request."""
    server: ScriptedModel = handrail_model(lambda request: Turn('{"what": "a"}'))

    class Local(Booking):
        """A class that nobody could find by its name."""

    for schema in (Booking, Local):
        model = chat_openai(server).with_structured_output(schema, method="json_schema")
        before = len(server.requests)
        ask = partial(model.invoke, "Book a.")
        first = _life(folder, ask)
        assert _life(folder, ask, run_of(folder)) == first == schema(what="a")
        assert len(server.requests) == before + 1


def test_the_nth_equal_request_has_the_nth_answer(folder: Path) -> None:
    """Equal requests of one life had different answers: each is given back once, then the model is asked."""
    model = Scripted(turns=[Turn(f"answer {number}") for number in range(9)])
    first = _life(folder, lambda: [model.invoke("hi").content for _ in range(3)])
    again = _life(folder, lambda: [model.invoke("hi").content for _ in range(4)], run_of(folder))
    assert again == [*first, "answer 3"]


def test_parallel_agents_with_equal_prompts(folder: Path) -> None:
    """Equal requests made side by side have one answer each: none is given out twice, none is lost."""
    model = Scripted(turns=[Turn(f"answer {number}") for number in range(9)])

    def side_by_side() -> set[str]:
        return {str(reply.content) for reply in model.batch(["hi"] * 4)}

    assert _life(folder, side_by_side) == _life(folder, side_by_side, run_of(folder))
    assert len(model.seen) == 4


@pytest.mark.parametrize(
    "other",
    [
        lambda model: model.invoke("hi!"),
        lambda model: model.invoke("hi", stop=["x"]),
        lambda model: model.bind(temperature=1).invoke("hi"),
        lambda model: model.bind_tools([nothing]).invoke("hi"),
        lambda model: model.invoke([HumanMessage("hi", name="eve")]),
        lambda model: model.invoke([HumanMessage("hi"), AIMessage("hm"), HumanMessage("hi")]),
    ],
)
def test_another_request_is_never_given_it(other: Callable[[Any], Any], folder: Path) -> None:
    """A word, a parameter, a tool, a name or a message more makes another request of it."""
    model = Scripted(turns=[Turn("one"), Turn("two")])
    _life(folder, lambda: model.invoke("hi"))
    assert _life(folder, lambda: other(model), run_of(folder)).content == "two"


def test_ids_that_are_rolled_anew_make_no_difference(folder: Path) -> None:
    """Messages with other random ids are equal; the ids of calls are part of what was said."""
    model = Scripted(turns=[Turn("one"), Turn("two")])
    calls: Any = [{"name": "book", "args": {"what": "a"}, "id": "c1"}]

    def asked(id: str, call: str = "c1") -> Any:
        called = AIMessage("", id=id, tool_calls=[{**calls[0], "id": call}])
        return [HumanMessage("hi", id=f"h{id}"), called, ToolMessage("ok", tool_call_id=call, id=f"t{id}")]

    _life(folder, lambda: model.invoke(asked("1")))
    assert _life(folder, lambda: model.invoke(asked("2")), run_of(folder)).content == "one"
    assert _life(folder, lambda: model.invoke(asked("3", "c2")), run_of(folder)).content == "two"


def test_a_rejected_reply_costs_nothing_again(folder: Path) -> None:
    """What the model said after it was corrected is the answer to what the agent asked: no round is made again."""
    check = '[[validate]]\nid = "cats"\non = "output"\nschema = {not = {pattern = "cat"}}\nrounds = 2\n'
    (folder / "handrail.toml").write_text(POLICY + check)
    model = Scripted(turns=[Turn("a cat"), Turn("a dog"), Turn("a cow")])
    assert _life(folder, lambda: model.invoke("hi")).content == "a dog"
    assert _life(folder, lambda: model.invoke("hi"), run_of(folder)).content == "a dog"
    assert len(model.seen) == 2


def test_validators_see_a_reply_that_is_given_back(folder: Path) -> None:
    """A reply of then that is not valid now is rejected like any reply, and the model is asked again."""
    model = Scripted(turns=[Turn("a cat"), Turn("a dog")])
    assert _life(folder, lambda: model.invoke("hi")).content == "a cat"
    check = '[[validate]]\nid = "cats"\non = "output"\nschema = {not = {pattern = "cat"}}\nrounds = 2\n'
    (folder / "handrail.toml").write_text(POLICY + check)
    assert _life(folder, lambda: model.invoke("hi"), run_of(folder)).content == "a dog"


def test_an_erased_run_does_not_go_on(folder: Path) -> None:
    """Its values are gone, so it says so; nothing is asked of the model in its name."""
    model = Scripted(turns=[Turn("one"), Turn("two")])
    _life(folder, lambda: model.invoke("hi"))
    run = run_of(folder)
    assert vault_for(folder / ".handrail").forget(run)
    with pytest.raises(NotResumable, match="erased"):
        _life(folder, lambda: model.invoke("hi"), run)
    assert len(model.seen) == 1


def test_what_cannot_be_read_is_asked_for(folder: Path) -> None:
    """A value that was damaged on the disk is passed over: the model is asked, and the run goes on."""
    model = Scripted(turns=[Turn("one"), Turn("two")])
    _life(folder, lambda: model.invoke("hi"))
    (values,) = (folder / ".handrail" / "replay").glob("*.values")
    body = bytearray(values.read_bytes())
    body[-1] ^= 1
    values.write_bytes(body)
    assert _life(folder, lambda: model.invoke("hi"), run_of(folder)).content == "two"


def test_a_first_life_and_observe_mode_always_ask(folder: Path) -> None:
    """Equal requests in one life are asked each time; in observe mode nothing is kept at all."""
    model = Scripted(turns=[Turn("one"), Turn("two"), Turn("three")])
    assert [_life(folder, lambda: model.invoke("hi").content) for _ in range(2)] == ["one", "two"]
    (folder / "handrail.toml").write_text(POLICY.replace('mode = "enforce"', 'mode = "observe"'))
    _life(folder, lambda: model.invoke("hi"))
    assert "asked" not in recorded(folder, "model.result")[-1]


def test_answers_of_models_can_be_left_out(folder: Path) -> None:
    """With ``models = false`` nothing of an answer is kept, and the model is asked again."""
    (folder / "handrail.toml").write_text(POLICY + "[resume]\nmodels = false\n")
    run = _dead(folder)
    agent, model = _agent(folder)
    _run(run, lambda: agent.invoke(ASK))
    assert len(model.seen) == 4
    assert not any("asked" in one for one in recorded(folder, "model.result"))


def test_no_hash_of_content_reaches_the_disk_unkeyed(folder: Path) -> None:
    """The same question has other digests in another data folder: nobody can guess at what was asked."""
    found = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "handrail.toml").write_text(POLICY)
        model = Scripted(turns=[Turn("secret words")])
        _life(folder / name, partial(model.invoke, "secret words"))
        found.append(recorded(folder / name, "model.result")[0]["asked"])
        (values,) = (folder / name / ".handrail" / "replay").glob("*.values")
        assert b"secret" not in values.read_bytes()
    assert found[0] != found[1]
    assert [len(each) for each in found] == [32, 32]


# agents inside agents, graphs that keep where they are, processes that are killed


def _team(folder: Path, model: Scripted, *, dies: bool) -> Any:
    """Two equal sub-agents, asked side by side with the same words; each books what its model says."""
    world = World(folder)

    @tool
    def book(what: str) -> str:
        """Book it."""
        world.do(what)
        return f"booked {what}"

    helper = create_agent(model, [book], name="helper")

    def ask(state: Any) -> Any:
        found = helper.invoke({"messages": [HumanMessage("Book something.")]})
        return {"messages": [AIMessage(str(found["messages"][-1].content))]}

    def last(state: Any) -> Any:
        if dies:
            raise Crash
        return {"messages": [AIMessage("Done.")]}

    graph = StateGraph(MessagesState)
    for name in ("one", "two"):
        graph.add_node(name, ask)
        graph.add_edge(START, name)
    graph.add_node("last", last)
    graph.add_edge(["one", "two"], "last")
    return handrail.govern(graph.compile(name="clerk"), config=folder / "handrail.toml", principal={"user": "ana"})


class Counted(ByAnswers):
    """Books another thing each time it is asked anew, and says so when it was done."""

    def _next(self, messages: Any, kwargs: Any) -> AIMessage:
        self.seen.append(len(messages))
        if len(messages) > 1:
            return AIMessage(f"I {messages[-1].content}.")
        number = len([one for one in self.seen if one == 1])
        return AIMessage("", tool_calls=[{"name": "book", "args": {"what": f"b{number}"}, "id": f"call_{number}"}])


def test_sub_agents_with_equal_prompts(folder: Path) -> None:
    """Two sub-agents were asked the same and did different things: each is given one of the two answers, once."""
    helpers = '[[delegate]]\nfrom = "agent:clerk"\nto = "agent:helper"\ncall = "*"\n'
    (folder / "handrail.toml").write_text(POLICY + helpers)
    with pytest.raises(Crash):
        _team(folder, Counted(), dies=True).invoke(ASK)
    model = Counted()
    found = _run(run_of(folder), lambda: _team(folder, model, dies=False).invoke(ASK))
    said = {message.content for message in found["messages"]}
    assert {"I booked b1.", "I booked b2.", "Done."} <= said
    assert model.seen == []
    assert World(folder).done() == {"b1": 1, "b2": 1}


def test_a_checkpointed_agent_asks_only_for_what_lies_ahead(folder: Path) -> None:
    """What the checkpoint has is not given out again: an equal question that comes later is asked, not answered."""
    saver = InMemorySaver()
    model = Scripted(turns=[Turn("one"), Turn("two"), Turn("three")])

    def ask(state: Any) -> Any:
        return {"messages": [AIMessage(str(model.invoke("How many?").content))]}

    def build(dies: bool) -> Any:
        def stop(state: Any) -> Any:
            if dies:
                raise Crash
            return {}

        graph = StateGraph(MessagesState)
        graph.add_sequence([("first", ask), ("stop", stop), ("second", ask)])
        graph.add_edge(START, "first")
        made = graph.compile(name="clerk", checkpointer=saver)
        return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"})

    thread: Any = {"configurable": {"thread_id": "t"}}
    with pytest.raises(Crash):
        build(dies=True).invoke(ASK, thread)
    found = build(dies=False).invoke(None, thread)
    assert [message.content for message in found["messages"][1:]] == ["one", "two"]
    assert len(model.seen) == 2


def test_a_paused_node_is_given_what_it_was_told(folder: Path) -> None:
    """A node that asked a model and then waited for a person runs from its start: the model is not asked again."""
    model = Scripted(turns=[Turn("yes"), Turn("no")])

    def ask(state: Any) -> Any:
        advice = str(model.invoke("Shall I?").content)
        return {"messages": [AIMessage(f"{advice}, {interrupt(advice)}")]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    made = graph.compile(name="clerk", checkpointer=InMemorySaver())
    agent = handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"})
    thread: Any = {"configurable": {"thread_id": "t"}}
    assert agent.invoke(ASK, thread)["__interrupt__"][0].value == "yes"
    assert agent.invoke(Command(resume="approved"), thread)["messages"][-1].content == "yes, approved"
    assert len(model.seen) == 1


@pytest.mark.parametrize("after", [False, True])
def test_killed_between_the_reply_and_its_record(after: bool, folder: Path) -> None:
    """A reply counts once its record is written: killed before, the model is asked again; after, it is not."""
    asked = folder / "asked"

    class Marked(Planned):
        def _next(self, messages: Any, kwargs: Any) -> AIMessage:
            asked.write_text(asked.read_text() + "x" if asked.exists() else "x")
            return super()._next(messages, kwargs)

    def work() -> Any:
        model = Marked(turns=BOOKINGS[3:])
        made = create_agent(model, [], name="clerk")
        return handrail.govern(made, config=folder / "handrail.toml", principal={"user": "ana"}).invoke(ASK)

    def first() -> None:
        dies_at(0, [(asking, "_close")], after=after)
        work()

    assert child(first) == -9
    found = _run(run_of(folder), work)
    assert found["messages"][-1].content == "All is booked."
    assert asked.read_text() == ("x" if after else "xx")
