"""How to test an agent of your own with Handrail's pytest plugin: no key, no network.

pytest examples/test_my_agent.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool

import handrail
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai

paid: list[float] = []


@tool
def refund(order: str, amount: float) -> str:
    """Give money back. The amount is in EUR."""
    paid.append(amount)
    return "done"


@pytest.mark.parametrize(("amount", "happens"), [(20.0, True), (900.0, False)])
def test_refunds_stop_at_500(
    handrail_model: Callable[[Sequence[Turn]], ScriptedModel], handrail_data: Path, amount: float, happens: bool
) -> None:
    """A refund runs up to the limit of the rule, and not above it."""
    paid.clear()
    model = handrail_model([Turn(tool_calls=(ToolCall("refund", {"order": "A-17", "amount": amount}),)), Turn("ok")])
    agent = handrail.govern(
        create_agent(chat_openai(model), [refund], name="helpdesk"),
        config=Path(__file__).with_name("handrail.toml"),
    )
    with handrail.acting_for(tenant="acme", user="ana"):
        agent.invoke({"messages": [{"role": "user", "content": "money, please"}]})
    assert paid == ([amount] if happens else [])
