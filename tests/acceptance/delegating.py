"""Two processes, each with an agent of its own: one delegates to the other over HTTP.

``serve CONFIG`` is the service ``billing`` on a port that it prints; ``ask CONFIG PORT SCOPE`` an agent that asks it,
with a token that covers SCOPE.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from langchain.agents import create_agent
from langchain_core.messages import ToolMessage
from langchain_core.tools import tool

import handrail
from handrail.testing import Turn
from tests.frameworks.langchain.kit import Scripted, call

ASK = {"messages": [{"role": "user", "content": "How much is invoice 7? Pay it."}]}


@tool
def read_invoice(number: str) -> str:
    """Look an invoice up."""
    return f"invoice {number}: 40 EUR"


@tool
def pay_invoice(number: str) -> str:
    """Pay an invoice."""
    return f"invoice {number} is paid"


class Billing(BaseHTTPRequestHandler):
    """Runs the service's own agent for whoever proves to act for somebody."""

    config: Path

    def do_POST(self) -> None:
        """Answer with what the agent's tools said."""
        token = self.headers["Authorization"].removeprefix("Bearer ")
        try:
            with handrail.accept(token, audience="billing", config=self.config):
                turns = (call("read_invoice", number="7"), call("pay_invoice", number="7"), Turn("done"))
                clerk: Any = create_agent(Scripted(turns=turns), [read_invoice, pay_invoice], name="clerk")
                messages = handrail.govern(clerk, config=self.config).invoke(ASK)["messages"]
            said = [message.content for message in messages if isinstance(message, ToolMessage)]
            self._answer(200, json.dumps(said))
        except handrail.DelegationRefused as refused:
            self._answer(403, json.dumps(str(refused)))

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Keep standard error for what goes wrong."""


def serve(config: Path) -> None:
    """Serve until the process is ended."""
    Billing.config = config
    with ThreadingHTTPServer(("127.0.0.1", 0), Billing) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def ask(config: Path, port: int, scope: str) -> None:
    """Run an agent whose tool asks the service; print what it was told."""

    @tool
    def ask_billing() -> str:
        """Ask the department that has the invoices."""
        token = handrail.delegate("billing", call=scope, ttl=60)
        request = Request(f"http://127.0.0.1:{port}/", b"", {"Authorization": f"Bearer {token}"})
        with urlopen(request, timeout=30) as answer:
            return str(answer.read().decode())

    desk: Any = create_agent(Scripted(turns=(call("ask_billing"), Turn("done"))), [ask_billing], name="desk")
    with handrail.acting_for(tenant="acme", user="ana", session="ticket-4"):
        messages = handrail.govern(desk, config=config).invoke(ASK)["messages"]
    print(next(message.content for message in messages if isinstance(message, ToolMessage)))


def main(what: str, config: str, *more: str) -> None:
    """One of the two roles."""
    if what == "serve":
        serve(Path(config))
    else:
        ask(Path(config), int(more[0]), more[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
