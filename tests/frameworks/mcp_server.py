"""A real MCP server on stdio, or in memory, that notes in the file WIRE_FILE that its dangerous tool ran.

As a process of its own it is governed by the handrail.toml that GOVERNED_BY names, and appends its spans to the file
SPANS.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any


def server() -> Any:
    """The server, made with whichever release of the SDK is installed."""
    try:
        made: Any = import_module("mcp.server.mcpserver").MCPServer("clerk")
    except ImportError:  # the SDK before 2.0
        made = import_module("mcp.server.fastmcp").FastMCP("clerk")

    @made.tool()  # type: ignore[untyped-decorator]
    def add(a: int, b: int) -> int:
        """Add two numbers."""
        return a + b

    @made.tool()  # type: ignore[untyped-decorator]
    def wire_money(amount: int) -> str:
        """Wire money."""
        Path(os.environ["WIRE_FILE"]).write_text(f"wired {amount}")
        return "sent"

    @made.resource("note://one")  # type: ignore[untyped-decorator]
    def one() -> str:
        """A note."""
        return "text of the note"

    @made.prompt()  # type: ignore[untyped-decorator]
    def ask(topic: str) -> str:
        """Ask about a topic."""
        return f"What about {topic}?"

    return made


if __name__ == "__main__":
    if "GOVERNED_BY" in os.environ:
        import handrail

        if "SPANS" in os.environ:
            from tests.frameworks.span_lines import export_to

            export_to(Path(os.environ["SPANS"]))
        handrail.instrument(config=os.environ["GOVERNED_BY"])
    server().run()
