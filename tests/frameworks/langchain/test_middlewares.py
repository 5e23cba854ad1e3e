"""What limits, validators and people said, as records: LangChain's own middleware, LangGraph's limit, a team's code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    ModelCallLimitMiddleware,
    PIIMiddleware,
    SummarizationMiddleware,
    ToolCallLimitMiddleware,
)
from langchain.agents.middleware.model_call_limit import ModelCallLimitExceededError
from langchain.agents.middleware.tool_call_limit import ToolCallLimitExceededError
from langchain.agents.structured_output import StructuredOutputValidationError, ToolStrategy
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.types import Command
from pydantic import BaseModel

import handrail
from handrail.audit.reader import payload
from tests.frameworks.langchain.asked import Asked
from tests.frameworks.langchain.episode import drive
from tests.frameworks.langchain.kit import policy
from tests.frameworks.langchain.test_proposed import ASK, CASES, Saying, _tools, calls, play

LIMITS = "SELECT what, per, limit_value, used, remaining, hit, consequence FROM limits ORDER BY noted_at"


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _run(
    folder: Path, turns: Sequence[Any], *middleware: Any, raises: type[Exception] | None = None, **options: Any
) -> Asked:
    made = create_agent(Saying(turns=turns), _tools([]), name="clerk", middleware=list(middleware), **options)
    agent = handrail.govern(made, config=policy(folder))
    if raises is None:
        drive(agent, ASK)
    else:
        with pytest.raises(raises):
            drive(agent, ASK)
    return Asked(folder)


@pytest.mark.parametrize(("then", "raises"), [("end", None), ("error", ModelCallLimitExceededError)])
def test_model_call_limit(then: Any, raises: Any, tmp_path: Path) -> None:
    """Each counted call says what is left of each limit; the hit says what it led to."""
    limit = ModelCallLimitMiddleware(run_limit=1, thread_limit=5, exit_behavior=then)
    asked = _run(tmp_path, [calls("add")], limit, raises=raises)
    assert asked.rows(LIMITS) == [
        ("model_calls", "run", 1, 1, 0, False, None),
        ("model_calls", "thread", 5, 1, 4, False, None),
        ("model_calls", "run", 1, 1, 0, True, then),
    ]


@pytest.mark.parametrize(("then", "raises"), [("continue", None), ("end", None), ("error", ToolCallLimitExceededError)])
def test_tool_call_limit(then: Any, raises: Any, tmp_path: Path) -> None:
    """The reply that asks for too much hits the limit; a tool's own limit names the tool."""
    limit = ToolCallLimitMiddleware(tool_name="add", run_limit=1, exit_behavior=then)
    asked = _run(tmp_path, [calls("add", "add"), "end"], limit, raises=raises)
    assert asked.rows(LIMITS) == [("tool_calls", "run", 1, 1, 0, True, then)]
    assert asked.one("SELECT tool FROM limits") == "add"


def test_the_limit_of_a_graph(tmp_path: Path) -> None:
    """A graph that uses up its steps says so by name, beside the error of the run."""
    agent = create_agent(Saying(turns=[calls("add")] * 9), _tools([]), name="clerk")
    governed = handrail.govern(agent, config=policy(tmp_path))
    with pytest.raises(GraphRecursionError):
        governed.invoke(ASK, {"recursion_limit": 4})
    asked = Asked(tmp_path)
    assert asked.rows(LIMITS) == [("graph_steps", "run", 4, 4, 0, True, "error")]
    assert asked.one("SELECT error FROM runs") == "GraphRecursionError"


@pytest.mark.parametrize("strategy", ["redact", "mask", "hash"])
def test_personal_data(strategy: Any, tmp_path: Path) -> None:
    """A message that was rewritten is a validation with its kind and place, without the text."""
    made = create_agent(
        Saying(turns=["end"]), _tools([]), middleware=[PIIMiddleware("email", strategy=strategy)], name="clerk"
    )
    governed = handrail.govern(made, config=policy(tmp_path))
    governed.invoke({"messages": [HumanMessage("write to eve@example.org")]})
    asked = Asked(tmp_path)
    found = asked.rows("SELECT validator, code, verdict, path, messages FROM validations")
    assert found == [("langchain.PIIMiddleware", "email", strategy, "input", 1)]
    assert "eve@" not in str(asked.rows("SELECT body FROM notes"))


def test_personal_data_that_is_blocked(tmp_path: Path) -> None:
    """A message that was refused is one too, and the error of the run."""
    made = create_agent(
        Saying(turns=["end"]), _tools([]), middleware=[PIIMiddleware("email", strategy="block")], name="clerk"
    )
    governed = handrail.govern(made, config=policy(tmp_path))
    with pytest.raises(Exception, match="email"):
        governed.invoke({"messages": [HumanMessage("write to eve@example.org")]})
    assert Asked(tmp_path).rows("SELECT code, verdict, path FROM validations") == [("email", "block", "input")]


class Sum(BaseModel):
    """An answer of a given form."""

    total: int


@pytest.mark.parametrize("handled", [True, False])
def test_an_answer_of_a_given_form(handled: bool, tmp_path: Path) -> None:
    """An answer that is not of the form is a failed validation: tried again, or the error of the run."""
    wrong = {"content": "", "tool_calls": [{"name": "Sum", "args": {"total": "many"}, "id": "1"}]}
    right = {"content": "", "tool_calls": [{"name": "Sum", "args": {"total": 3}, "id": "2"}]}
    form: Any = ToolStrategy(Sum, handle_errors=handled)
    raises = None if handled else StructuredOutputValidationError
    asked = _run(tmp_path, [wrong, right], response_format=form, raises=raises)
    found = asked.rows("SELECT verdict, code, path FROM validations ORDER BY noted_at")
    failed = ("retry", "structure", "Sum") if handled else ("error", "StructuredOutputValidationError", "Sum")
    assert found == ([failed, ("pass", "structure", "Sum")] if handled else [failed])
    assert asked.rows("SELECT call_id FROM proposals WHERE decisions <> proposed") == []


def test_a_history_that_was_replaced(tmp_path: Path) -> None:
    """A summary in place of messages is an intervention: by whom, how many came and went."""
    summing: Any = SummarizationMiddleware(Saying(turns=["short"]), trigger=("messages", 4), keep=("messages", 1))
    asked = _run(tmp_path, [calls("add"), calls("add"), "end"], summing)
    found = asked.rows("SELECT source, hook, removed, messages > 0 AS some FROM interventions")
    assert found == [("langchain.SummarizationMiddleware", "before_model", 1, True)]


APPROVALS = "SELECT event, tool, call_id, allowed, decision, changed FROM approvals ORDER BY noted_at"
ALL = '["approve","edit","reject","respond"]'


@pytest.mark.parametrize(
    ("case", "decision", "changed"),
    [("approve", "approve", None), ("edit", "edit", True), ("reject", "reject", None), ("respond", "respond", None)],
)
def test_what_a_person_was_asked_and_answered(case: str, decision: str, changed: Any, tmp_path: Path) -> None:
    """Question and answer name the call; an edit says that the arguments were changed."""
    play(CASES[case], tmp_path, "invoke")
    assert Asked(tmp_path).rows(APPROVALS) == [
        ("asked", "add", "add_0", ALL, None, None),
        ("answered", "add", "add_0", None, decision, changed),
    ]


def test_a_question_is_bound_to_its_arguments(tmp_path: Path) -> None:
    """The record of a question commits to the very arguments; content is in the payload only."""
    play(CASES["edit"], tmp_path, "invoke")
    asked = Asked(tmp_path)
    ((args, answer),) = asked.rows(
        "SELECT q.args, a.answer FROM approvals q JOIN approvals a ON a.id = q.id AND a.event = 'answered' "
        "WHERE q.event = 'asked'"
    )
    data = tmp_path / ".handrail"
    assert json.loads(payload(data, json.loads(args)) or b"") == {"a": 0}
    assert json.loads(payload(data, json.loads(answer)) or b"")["edited_action"]["args"] == {"a": 9}


def test_a_question_in_a_tool_names_the_call(tmp_path: Path) -> None:
    """An ``interrupt()`` inside a tool is bound to the call; the pause is no error, and no step failed."""
    play(CASES["interrupted_in_tool"], tmp_path, "invoke")
    asked = Asked(tmp_path)
    assert asked.rows("SELECT event, tool, call_id, source FROM approvals ORDER BY noted_at") == [
        ("asked", "ask", "ask_0", "langgraph.interrupt"),
        ("answered", "ask", "ask_0", "langgraph.interrupt"),
    ]
    outcomes = asked.rows("SELECT outcome FROM steps WHERE type = 'tool' ORDER BY started_at")
    assert outcomes == [("interrupted",), ("ok",)]
    again = (
        "SELECT count(*) FROM links l JOIN steps s USING (run, step) WHERE s.type = 'tool' AND l.type = 'resumed_from'"
    )
    assert asked.one(again) == 1


def test_two_questions_two_answers(tmp_path: Path) -> None:
    """Several calls of one reply are several questions of one interrupt, each with its own answer."""
    from langchain.agents.middleware import HumanInTheLoopMiddleware

    hitl = HumanInTheLoopMiddleware({"add": {"allowed_decisions": ["approve", "reject"]}})
    made = create_agent(
        Saying(turns=[calls("add", "add"), "end"]), _tools([]), middleware=[hitl], name="clerk",
        checkpointer=InMemorySaver(),
    )  # fmt: skip
    agent = handrail.govern(made, config=policy(tmp_path))
    drive(agent, ASK)
    answer: Any = Command(resume={"decisions": [{"type": "approve"}, {"type": "reject"}]})
    drive(agent, answer)
    found = Asked(tmp_path).rows("SELECT n, call_id, decision FROM approvals WHERE event = 'answered' ORDER BY n")
    assert found == [(0, "add_0", "approve"), (1, "add_1", "reject")]
