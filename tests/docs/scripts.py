"""What the model behind the documentation's examples says: the pages name a real provider, and this answers for it."""

from __future__ import annotations

from handrail.testing import Request, ToolCall, Turn

_CALLS = ("read_order", "refund")


def play(request: Request) -> Turn:
    """Read the order, ask for the refund that the customer wants, then say how it went.

    Tools that the agent does not have are left out; the amount is the number in the question.
    """
    numbers = [word for word in request.user.split() if word.isdigit()]
    amount = float(numbers[0]) if numbers else 20.0
    wanted = [name for name in _CALLS if name in request.tools]
    if request.answered < len(wanted):
        name = wanted[request.answered]
        args: dict[str, object] = {"order": "A-17"} | ({"amount": amount} if name == "refund" else {})
        return Turn(tool_calls=(ToolCall(name, args),))
    done = request.last.role != "tool" or "Not available" not in request.last.text
    return Turn("That is done." if done else "I cannot do that myself.")
