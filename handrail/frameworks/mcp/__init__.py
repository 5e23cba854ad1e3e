"""The seam for the Model Context Protocol: what a client asks for, and what a server in a governed process is asked.

Every Python client's requests end in ``ClientSession.send_request``, and its tool calls in ``call_tool``.
"""

from __future__ import annotations

from functools import partial

from mcp.client.session import ClientSession

from handrail.frameworks.mcp import client, server
from handrail.frameworks.patching import Patches, WhenImported

patches = Patches()
_hooks = WhenImported()


def install() -> None:
    """Wrap the seam. Twice changes nothing."""
    patches.wrap(ClientSession, "call_tool", client.call_tool)
    patches.wrap(ClientSession, "list_tools", client.list_tools)
    patches.wrap(ClientSession, "send_request", client.send_request)
    # the SDK since 2.0 makes spans of its own, in these modules
    _hooks.add("mcp.shared.jsonrpc_dispatcher", partial(client.install, patches))
    _hooks.add("mcp.server._otel", partial(server.install, patches))
    _hooks.add("mcp.server.lowlevel.server", partial(server.install_before_2, patches))


def uninstall() -> None:
    """Put the originals back."""
    _hooks.clear()
    patches.undo()
