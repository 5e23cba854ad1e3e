"""The seam for the Model Context Protocol: ``ClientSession.call_tool`` and ``list_tools``, where every Python client's
calls end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.client.session import ClientSession
from mcp.types import CallToolResult

from handrail.frameworks import definitions, gates
from handrail.frameworks.patching import Patches
from handrail.gate import Refusal, ToolCall, arenew, enforces, gate_of, hides
from handrail.tracing import context

patches = Patches()


def install() -> None:
    """Wrap the seam. Twice changes nothing."""
    patches.wrap(ClientSession, "call_tool", _call_tool)
    patches.wrap(ClientSession, "list_tools", _list_tools)


def uninstall() -> None:
    """Put the original back."""
    patches.undo()


def _call_tool(original: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(
        self: ClientSession, name: str, arguments: dict[str, Any] | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        given = arguments or {}
        with gates.standing(lambda: gates.enter(None, "", self, entry="tool")) as frame:
            if frame is None or gates.already_passed(frame, name, given):
                return await original(self, name, arguments, *args, **kwargs)
            found = await gate_of(frame).atool(
                frame,
                ToolCall(name, given, show=_shown, failed=_failed),
                lambda final: original(self, name, arguments if final is given else final, *args, **kwargs),
            )
            return _denied(found.text) if isinstance(found, Refusal) else found

    return wrapper


def _list_tools(original: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(self: ClientSession, *args: Any, **kwargs: Any) -> Any:
        found = await original(self, *args, **kwargs)
        frame = context.current()
        if frame is None or not enforces(frame):
            return found  # outside every run nobody is named whose rights would count
        await arenew(frame)
        kept, hidden = definitions.shown(found.tools, lambda name: hides(frame, name, runs=True))
        return found.model_copy(update={"tools": kept}) if hidden else found

    return wrapper


def _shown(result: Any) -> object:
    """A result as it came over the wire; errors that the server reported are part of it."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


def _failed(result: Any) -> bool:
    # the field has one name in each line of the SDK
    return bool(getattr(result, "is_error", None) or getattr(result, "isError", None))


def _denied(text: str) -> CallToolResult:
    # by the names of the wire, which are the same in every release of the SDK
    return CallToolResult.model_validate({"content": [{"type": "text", "text": text}], "isError": True})
