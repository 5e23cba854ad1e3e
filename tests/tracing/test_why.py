"""The memory of causes: what is matched, what is not, and that it stays small."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handrail.tracing import why
from handrail.tracing.context import Frame, RunState
from handrail.tracing.identity import Principal
from handrail.tracing.links import Link
from handrail.tracing.why import MAX_OPEN, MAX_REPLIES, Proposed, Reason, Said, why_of


def _frame(thread: str = "", kept: dict[str, Any] | None = None, run: str = "r") -> Frame:
    who = Principal(chain=("agent:clerk",))
    state = RunState(run, f"trace-{run}", who, "clerk", thread, kept=kept if kept is not None else {})
    return Frame(state, (), f"agent-{run}", who)


def _said(message: Any) -> Said:
    kind, text = message
    return {"answer": Said(answers=text), "reply": Said(id=text)}.get(kind) or Said(text=lambda: text)


def _takes(frame: Frame, step: str, call_id: str | None, name: str = "t", args: object = None) -> str:
    memory = why_of(frame.state)
    found = memory.find(frame, call_id, name, args)
    if found is not None:
        memory.took(found, step)
    return found.reason.step if found is not None else ""


def test_what_is_kept_does_not_grow_with_the_run() -> None:
    """After a thousand turns no more is remembered of an agent than after ten."""
    frame = _frame()
    memory, messages = why_of(frame.state), [("user", "go")]
    sizes: list[tuple[int, int, int]] = []
    for turn in range(1_000):
        memory.entered(frame, messages, _said)
        memory.replied(frame, f"m{turn}", Reason(f"model-{turn}"), [Proposed(f"c{turn}", "t", {})])
        assert _takes(frame, f"tool-{turn}", f"c{turn}") == f"model-{turn}"
        why.over(replace(frame, step=f"tool-{turn}"), False)
        messages += [("reply", f"m{turn}"), ("answer", f"c{turn}")]
        agent = memory._agents[frame.step]
        sizes.append((len(agent.proposals), len(agent.shown), len(memory._reasons)))
    assert sizes[-1] == sizes[20] and max(sizes) <= (2, 16, 1)
    assert len(memory._replies) <= MAX_REPLIES
    why.over(frame, False)
    assert not memory._agents


def test_only_new_messages_are_looked_at() -> None:
    """However long the history is, a model's input is read from its end up to what was seen before."""
    frame, seen = _frame(), list[Any]()
    memory, messages = why_of(frame.state), [("user", str(number)) for number in range(5_000)]

    def said(message: Any) -> Said:
        seen.append(message)
        return _said(message)

    memory.entered(frame, messages, said)
    seen.clear()
    messages += [("answer", "x"), ("answer", "y")]
    memory.entered(frame, messages, said)
    assert seen == [("answer", "x"), ("answer", "y")]
    memory.entered(frame, [("user", "summary"), *messages[-2:], ("answer", "z")], said)
    assert seen[2:] == [("answer", "z")]


def test_calls_that_nobody_answers_are_forgotten() -> None:
    """A model that proposes without end and never reads an answer fills nothing: the oldest are forgotten."""
    frame = _frame()
    memory = why_of(frame.state)
    calls = [Proposed(f"c{number}", "t", {}) for number in range(MAX_OPEN + 10)]
    memory.replied(frame, "", Reason("model"), calls)
    assert _takes(frame, "tool", "c0") == "" and _takes(frame, "tool", f"c{MAX_OPEN + 9}") == "model"


def test_agents_of_one_run_keep_apart() -> None:
    """One id in two agents of one run names each agent's own reply."""
    frame = _frame()
    other = replace(frame, step="agent-2")
    for place, model in ((frame, "one"), (other, "two")):
        why_of(frame.state).replied(place, "", Reason(model), [Proposed("x", "t", {})])
    assert (_takes(frame, "a", "x"), _takes(other, "b", "x")) == ("one", "two")


def test_a_call_without_an_id_is_known_by_name_and_arguments() -> None:
    """Equal arguments are needed, values that cannot be compared match nothing, and each proposal serves once."""

    class Odd:
        def __eq__(self, other: object) -> bool:
            raise RuntimeError("cannot be compared")

        __hash__ = None  # type: ignore[assignment]

    frame = _frame()
    calls = [Proposed("", "t", {"a": Odd()}), Proposed("x", "t", {"a": 1})]
    why_of(frame.state).replied(frame, "", Reason("model"), calls)
    assert _takes(frame, "s", None, args={"a": 2}) == ""
    assert _takes(frame, "s", None, "other", {"a": 1}) == ""
    assert _takes(frame, "s", None, args={"a": 1}) == "model"
    assert _takes(frame, "s", None, args={"a": 1}) == ""


def _interrupted(kept: dict[str, Any], run: str, *ids: str) -> None:
    frame = _frame("thread", kept, run)
    calls = [Proposed(each, "t", {}) for each in ids]
    why_of(frame.state).replied(frame, "", Reason(f"model-{run}", 5), calls)
    assert _takes(frame, f"tool-{run}", ids[0]) == f"model-{run}"
    why.over(frame, True)


def test_an_interrupted_agent_goes_on_in_the_next_run_of_its_thread() -> None:
    """What was open is still known, with its run; an answer of that run that is read only now is linked to it."""
    kept: dict[str, Any] = {}
    _interrupted(kept, "one", "done", "open")
    frame = _frame("thread", kept, "two")
    found = why_of(frame.state).find(frame, "open", "t", {})
    assert found is not None and found.reason == Reason("model-one", 5, run="one", trace="trace-one")
    assert found.reason.links() == (Link("caused_by", "model-one", "one", "trace-one"),)
    assert found.reason.facts() == {"said": 5}
    entered = why_of(frame.state).entered(frame, [("answer", "done")], _said)
    assert entered == [Link("caused_by", "tool-one", "one", "trace-one")]


def test_of_two_interrupted_agents_that_could_be_meant_none_is() -> None:
    """Two agents of one chain that both wait for an answer to one id: nothing is guessed."""
    kept: dict[str, Any] = {}
    _interrupted(kept, "one", "a", "open")
    _interrupted(kept, "two", "a", "open")
    frame = _frame("thread", kept, "three")
    assert why_of(frame.state).find(frame, "open", "t", {}) is None


def test_what_ended_is_not_resumed() -> None:
    """An agent that ended, or that has no thread, leaves nothing to the next run."""
    for thread, interrupted in (("thread", False), ("", True)):
        kept: dict[str, Any] = {}
        frame = _frame(thread, kept, "one")
        why_of(frame.state).replied(frame, "", Reason("model"), [Proposed("x", "t", {})])
        why.over(frame, interrupted)
        after = _frame(thread, kept, "two")
        assert why_of(after.state).find(after, "x", "t", {}) is None
