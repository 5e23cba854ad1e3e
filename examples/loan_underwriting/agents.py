"""The agents, in plain LangChain: one that works on an application, and five that it asks.

Nothing in here decides what is allowed, or knows that a process can die: see handrail.toml. All that there is of
Handrail is ``idempotency_key()``, for services that want one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain.agents.middleware.types import AgentMiddleware, ToolCallRequest
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool, StructuredTool, tool
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

import handrail
from examples.loan_underwriting import world

REVIEW_ABOVE = 50_000
"""Loans of more USD are approved by a person."""

Graph = CompiledStateGraph[Any, Any, Any, Any]


@tool
def read_documents(applicant: str) -> dict[str, object]:
    """Read application form and payslip."""
    return world.read_documents(applicant)


@tool
def pull_credit(applicant: str) -> dict[str, object]:
    """Get a credit report from the bureau. It is charged, and others will see the inquiry."""
    return world.pull_credit(applicant, handrail.idempotency_key())


@tool
def check_fraud(applicant: str) -> dict[str, object]:
    """Ask the fraud register."""
    return world.screen(applicant)


@tool
def book_decision(
    applicant: str,
    decision: Literal["approved", "declined", "referred"],
    amount: float,
    months: int,
    income: float,
    debts: float,
    payment: float,
    obligations: float,
    dti: float,
    reasons: list[str],
) -> str:
    """Book the decision. Money in USD; income, debts, payment and their sum, the obligations, a month."""
    return world.book(
        {"applicant": applicant, "decision": decision, "amount": amount, "reasons": reasons}, handrail.idempotency_key()
    )


@tool
def notify_applicant(applicant: str, decision: str, text: str) -> str:
    """Send the applicant a letter."""
    return world.send({"applicant": applicant, "decision": decision, "text": text}, handrail.idempotency_key())


def _large(request: ToolCallRequest) -> bool:
    args = request.tool_call["args"]
    return args.get("decision") == "approved" and float(args.get("amount", 0)) > REVIEW_ABOVE


def _ask(model: BaseChatModel, name: str, task: str, tools: list[BaseTool], *middleware: AgentMiddleware) -> BaseTool:
    """A sub-agent, as a tool of the agent that asks it."""
    agent: Graph = create_agent(model, tools, system_prompt=task, middleware=middleware, name=name)

    def ask(applicant: str, known: str = "") -> str:
        said = agent.invoke({"messages": [("user", f"Applicant {applicant}: {name}. {known}".strip())]})
        return str(said["messages"][-1].text)

    return StructuredTool.from_function(ask, name=f"ask_{name}", description=task)


def build(model: BaseChatModel, checkpointer: BaseCheckpointSaver[Any]) -> Graph:
    """The agent that works on an application."""
    review = HumanInTheLoopMiddleware({"book_decision": {"allowed_decisions": ["approve", "reject"], "when": _large}})
    ask: Sequence[BaseTool] = [
        _ask(model, "documents", "Say what the documents of an applicant show.", [read_documents]),
        _ask(model, "bureau", "Get the credit report of an applicant.", [pull_credit]),
        _ask(model, "fraud", "Find out whether anything speaks of fraud.", [check_fraud]),
        _ask(model, "decision", "Decide on the application, and book the decision.", [book_decision], review),
        # it was given too much: the policy keeps it to its letters
        _ask(model, "letters", "Tell the applicant what was decided.", [notify_applicant, pull_credit]),
    ]
    prompt = "You underwrite loans. Have every application looked into, decided, and answered."
    return create_agent(model, ask, system_prompt=prompt, checkpointer=checkpointer, name="underwriting")
