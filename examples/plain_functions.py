"""Code without a framework, through the same gate: ``@handrail.tool`` on functions, ``handrail.run`` around a loop.

python examples/plain_functions.py
"""

from __future__ import annotations

from pathlib import Path

import handrail


@handrail.tool
def order_status(order: str) -> str:
    """Where an order is."""
    return f"order {order} left the warehouse this morning"


@handrail.tool
def refund(order: str, amount: float) -> str:
    """Give money back. The amount is in EUR."""
    return f"{amount:.2f} EUR for order {order} are on their way"


def main() -> None:
    """Make three calls on behalf of one user; the last one asks for too much."""
    config = Path(__file__).with_name("handrail.toml")
    with handrail.acting_for(tenant="acme", user="ana"), handrail.run(agent="helpdesk", config=config):
        print(order_status("A-17"))
        print(refund("A-17", 20.0))
        print(refund("A-17", 900.0))


if __name__ == "__main__":
    main()
