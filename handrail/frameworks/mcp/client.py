"""What an MCP client asks for: tool calls are decided, everything else is a step; the server learns where it is from.

A tool call is one span. Called directly it is the client's; below the tool of a framework, which has a span already,
that one is told of the session.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from mcp.client.session import ClientSession
from mcp.types import CallToolResult
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan

from handrail.frameworks import definitions, gates
from handrail.frameworks.mcp.wire import TOOL_CALL, about, carrying, code_of, method_of, tool_failed
from handrail.frameworks.patching import Patches
from handrail.gate import Passed, Refusal, ToolCall, arenew, enforces, gate_of, hides, outcome_of
from handrail.tracing import context
from handrail.tracing.context import Frame

_MISSING = {-32002}
"""JSON-RPC codes that say that there is no such thing: the resource of a ``resources/read``."""

_protocols: WeakKeyDictionary[Any, str] = WeakKeyDictionary()
"""Session -> the version of the protocol that was agreed on, where the session itself does not tell."""


def call_tool(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ClientSession.call_tool``."""

    async def wrapper(
        self: ClientSession, name: str, arguments: dict[str, Any] | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        given = arguments or {}
        with gates.standing(lambda: gates.enter(None, "", self, entry="tool")) as frame:
            if frame is None or gates.already_passed(frame, name, given):
                return await original(self, name, arguments, *args, **kwargs)
            found = await gate_of(frame).atool(
                frame,
                ToolCall(
                    name,
                    given,
                    show=_shown,
                    content=_shown,
                    put=_placed,
                    failed=tool_failed,
                    facts={"method": TOOL_CALL, **_session(self)},
                ),
                lambda final: original(self, name, arguments if final is given else final, *args, **kwargs),
            )
            return _denied(found.text) if isinstance(found, Refusal) else found

    return wrapper


def list_tools(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ClientSession.list_tools``."""

    async def wrapper(self: ClientSession, *args: Any, **kwargs: Any) -> Any:
        found = await original(self, *args, **kwargs)
        frame = context.current()
        if frame is None or not enforces(frame):
            return found  # outside every run nobody is named whose rights would count
        await arenew(frame)
        kept, hidden = definitions.shown(found.tools, lambda name: hides(frame, name, runs=True))
        return found.model_copy(update={"tools": kept}) if hidden else found

    return wrapper


def send_request(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ClientSession.send_request``, where every request ends."""

    async def wrapper(self: ClientSession, request: Any, *args: Any, **kwargs: Any) -> Any:
        frame = context.current()
        if frame is None:
            found = await original(self, request, *args, **kwargs)
            _agreed(self, found)
            return found
        sending = _Sending(self, frame, request)
        try:
            with sending.standing():
                found = await original(self, carrying(request, sending.frame), *args, **kwargs)
        except BaseException as error:
            sending.failed(error)
            raise
        sending.answered(found)
        return found

    return wrapper


class _Sending:
    """One request on its way: a step of its own, or part of the tool call that it is made for."""

    def __init__(self, session: Any, frame: Frame, request: Any) -> None:
        self._session, self._method = session, method_of(request)
        self.learnt: dict[str, object] = {}
        """What the transport tells of it: facts of a closing record."""
        number = getattr(session, "_request_id", None)  # of the SDK before 2.0, which makes no span that says it
        if isinstance(number, int):
            self.learnt["request"] = str(number)
        passed = frame.owner
        if self._method == TOOL_CALL and isinstance(passed, Passed):
            self._step, self.frame = None, frame
            passed.learnt.update(_session(session))
            self._learnt_by: dict[str, object] | None = passed.learnt
        else:
            name, facts = about(request)
            self._step = gate_of(frame).steps.open(frame, "mcp", name, {**facts, **_session(session)})
            self.frame, self._learnt_by = self._step.frame, None

    @contextmanager
    def standing(self) -> Generator[None]:
        """Stand in the step; what the SDK would make a span of is told to it."""
        token = _sending.set(self)
        try:
            with context.use(self.frame):
                yield
        finally:
            _sending.reset(token)

    def answered(self, found: Any) -> None:
        """Close the step."""
        version = _agreed(self._session, found)
        if version is not None:
            self.learnt["protocol"] = version
        self._close("ok", None)

    def failed(self, error: BaseException) -> None:
        """Close the step with what was raised."""
        code = code_of(error)
        if code is not None:
            self.learnt["code"] = str(code)
        missing = self._method == "resources/read" and code in _MISSING
        self._close("not_found" if missing else outcome_of(error), error)

    def _close(self, outcome: Any, error: BaseException | None) -> None:
        if self._learnt_by is not None:
            self._learnt_by.update(self.learnt)
        elif self._step is not None:
            self._step.finish(outcome, error, self.learnt)


def _agreed(session: Any, found: Any) -> str | None:
    """The version of the protocol that an answer to ``initialize`` settles; None for any other answer."""
    version = getattr(found, "protocol_version", None) or getattr(found, "protocolVersion", None)
    if not isinstance(version, str):
        return None
    _protocols[session] = version
    return version


_sending: ContextVar[_Sending | None] = ContextVar("handrail_mcp_sending", default=None)


class _Told(NonRecordingSpan):
    """Stands in for the span that the SDK makes of a request: ours is there already, and learns what it would say."""

    def __init__(self, sending: _Sending) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self._sending = sending

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Take the number of the request, and the code of an error."""
        for name, ours in (("jsonrpc.request.id", "request"), ("rpc.response.status_code", "code")):
            if name in attributes:
                self._sending.learnt[ours] = str(attributes[name])


def install(patches: Patches) -> None:
    """Have requests that are steps not shown a second time by the SDK since 2.0."""
    patches.wrap(import_module("mcp.shared.jsonrpc_dispatcher"), "otel_span", _span)


def _span(original: Callable[..., Any]) -> Callable[..., Any]:
    @contextmanager
    def told(sending: _Sending, attributes: Mapping[str, Any]) -> Generator[Any]:
        span = _Told(sending)
        span.set_attributes(attributes)
        yield span

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        sending = _sending.get()
        if sending is None:
            return original(*args, **kwargs)
        return told(sending, kwargs.get("attributes") or {})

    return wrapper


def _session(session: Any) -> dict[str, object]:
    """What is known of a session."""
    version = getattr(session, "protocol_version", None) or _protocols.get(session)
    return {"protocol": version} if isinstance(version, str) else {}


def _shown(result: Any) -> object:
    """A result as it came over the wire; errors that the server reported are part of it."""
    return result.model_dump(mode="json", by_alias=True, exclude_none=True)


def _placed(result: Any, shown: Any) -> Any:
    """A result that says what validators made of it."""
    return type(result).model_validate(shown)


def _denied(text: str) -> CallToolResult:
    # by the names of the wire, which are the same in every release of the SDK
    return CallToolResult.model_validate({"content": [{"type": "text", "text": text}], "isError": True})
