"""What a live agent's validators said is what they say of its record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.tools import tool

import handrail
from handrail.testing import ScriptedModel, ToolCall, Turn, chat_openai, validate_runs

CONFIG = """
version = 1
mode = "{mode}"
[principal]
tenant = "acme"
user = "ana"
[users]
"acme/ana" = ["support"]
[[rule]]
id = "support-refunds"
allow = "support"
call = "refund"
[[delegate]]
from = "support"
to = "agent:helpdesk"
call = "refund"
[[validate]]
id = "amount"
on = "refund.arguments"
check = "at('$.amount', range(max=500))"
[[validate]]
id = "state"
on = "refund.result"
check = "at('$.state', one_of(['booked', 'refused']))"
then = "record"
[[validate]]
id = "steps"
on = "answer"
check = "required_steps(['refund'])"
then = "record"
[[validate]]
id = "polite"
on = "output"
check = "length(max=40)"
[[validate]]
id = "asked"
on = "input"
check = "length(max=10)"
then = "record"
"""


@tool
def refund(order: str, amount: float) -> dict[str, object]:
    """Give money back."""
    return {"state": "lost" if amount > 100 else "booked", "order": order}


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_the_same_validators_find_nothing_new_in_the_record(tmp_path: Path, mode: str) -> None:
    """Arguments, results, outputs, answers and inputs, with what the run had seen: all was said, nothing is gone."""
    config = tmp_path / "handrail.toml"
    config.write_text(CONFIG.format(mode=mode))
    turns = [
        Turn(tool_calls=(ToolCall("refund", {"order": "A", "amount": 900.0}),)),
        Turn(tool_calls=(ToolCall("refund", {"order": "A", "amount": 200.0}),)),
        Turn("x" * 41),
        Turn("Your refund is on its way."),
    ]
    with ScriptedModel(turns) as model:
        agent: Any = handrail.govern(create_agent(chat_openai(model), [refund], name="helpdesk"), config=config)
        agent.invoke({"messages": [("user", "Refund order A, please")]})
    found = validate_runs(tmp_path / ".handrail", config)
    tallies = {id: (tally.found, tally.new) for id, tally in found.tallies.items()}
    assert (tallies["amount"], tallies["asked"], tallies["polite"]) == ((1, 0), (1, 0), (1, 0))
    assert tallies["state"] == ((1, 0) if mode == "enforce" else (2, 0))
    assert found.new == 0 and not found.passed, found.lines(content=True)
    assert tallies["steps"] == (0, 0) and not any(tally.unchecked for tally in found.tallies.values())
