"""An existing LangChain agent with one more line. Runs without a key: the model is scripted.

    python examples/langchain_agent.py

With a real model, replace ``chat_openai(...)`` by your own.
"""

from __future__ import annotations

from pathlib import Path

from langchain.agents import create_agent
from langchain_core.tools import tool

import handrail
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai


@tool
def order_status(order: str) -> str:
    """Where an order is."""
    return f"order {order} left the warehouse this morning"


@tool
def refund(order: str, amount: float) -> str:
    """Give money back. The amount is in EUR."""
    return f"{amount:.2f} EUR for order {order} are on their way"


TURNS = [
    Turn(tool_calls=(ToolCall("order_status", {"order": "A-17"}),)),
    Turn(tool_calls=(ToolCall("refund", {"order": "A-17", "amount": 900.0}),)),
    Turn("Your order left the warehouse this morning. I cannot give the money back myself."),
]


def main() -> None:
    """Ask one question on behalf of one user, and print the answer."""
    with ScriptedModel(TURNS) as model:
        agent = create_agent(chat_openai(model), [order_status, refund], name="helpdesk")
        agent = handrail.govern(agent, config=Path(__file__).with_name("handrail.toml"))  # the line
        with handrail.acting_for(tenant="acme", user="ana", session="ticket-4"):
            said = agent.invoke({"messages": [{"role": "user", "content": "Where is A-17? I want my money back."}]})
    for message in said["messages"]:
        print(f"{message.type:6} {message.text}")


if __name__ == "__main__":
    main()
