"""What an MCP server in a governed process is asked: a step for each request, below the step of the client it is from.

Nothing is decided here: what a server's tools do is governed by ``@handrail.tool`` on them, and whether they may be
called, by whoever calls. A request is a run of its own, or a step of the run that it comes from where client and server
share the process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from opentelemetry import context as otel

from handrail.audit.steps import Step
from handrail.frameworks import gates, opening
from handrail.frameworks.mcp.wire import TOOL_CALL, code_of, told, tool_failed
from handrail.frameworks.patching import Patches
from handrail.gate import gate_of, outcome_of
from handrail.tracing import context
from handrail.tracing.faults import unquoted
from handrail.tracing.propagation import origin

log = logging.getLogger(__name__)

_SESSION = "mcp-session-id"
_HANDSHAKE = frozenset({"initialize", "ping", "server/discover"})
"""Methods that ask for nothing: no run is made of them."""


def install(patches: Patches) -> None:
    """Wrap what shows a request in the SDK since 2.0: a governed one is shown by its step instead."""
    patches.wrap(import_module("mcp.server._otel").OpenTelemetryMiddleware, "__call__", _handle)


def install_before_2(patches: Patches) -> None:
    """Wrap where a server handles a request in the SDK before 2.0."""
    server = import_module("mcp.server.lowlevel.server").Server
    if hasattr(server, "_handle_request"):
        patches.wrap(server, "_handle_request", _handle_before_2)


def _handle(original: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(self: Any, ctx: Any, call_next: Any) -> Any:
        if ctx.request_id is None and _governed():
            return await call_next(ctx)  # a notification: nothing waits for it
        asked = _Asked.of(
            ctx.method, ctx.params or {}, ctx.meta or {}, ctx.request_id, ctx.request, ctx.protocol_version
        )
        if asked is None:
            return await original(self, ctx, call_next)
        try:
            with asked:
                found = await call_next(ctx)
        except BaseException as error:
            asked.failed(error)
            raise
        asked.answered(found)
        return found

    return wrapper


def _handle_before_2(original: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapper(self: Any, message: Any, req: Any, *args: Any, **kwargs: Any) -> Any:
        params = req.params.model_dump(by_alias=True, mode="json", exclude_none=True) if req.params else {}
        http = getattr(message.message_metadata, "request_context", None)
        asked = _Asked.of(req.method, params, params.get("_meta") or {}, message.request_id, http, "")
        if asked is None:
            return await original(self, message, req, *args, **kwargs)
        respond, said = message.respond, []

        async def noting(response: Any) -> None:
            said.append(response)
            await respond(response)

        message.respond = noting
        try:
            with asked:
                found = await original(self, message, req, *args, **kwargs)
        except BaseException as error:
            asked.failed(error)
            raise
        asked.answered(getattr(said[-1], "root", said[-1]) if said else None)
        return found

    return wrapper


def _governed() -> bool:
    return context.current() is not None or opening.default_gate() is not None


class _Asked:
    """One request that a server was asked; used as a context manager around what handles it."""

    def __init__(self, step: Step, call: dict[str, Any] | None) -> None:
        """``call`` has the arguments of a tool call."""
        self._step, self._call = step, call

    @classmethod
    def of(
        cls, method: str, params: Mapping[str, Any], meta: Any, number: object, http: Any, protocol: str
    ) -> _Asked | None:
        """The step of a request; None where nobody watches. A fault of ours in it is logged."""
        if not _governed():
            return None
        try:
            return cls._opened(method, params, meta, number, http, protocol)
        except Exception:
            log.warning("A request to an MCP server could not be recorded", exc_info=unquoted())
            return None

    @classmethod
    def _opened(
        cls, method: str, params: Mapping[str, Any], meta: Any, number: object, http: Any, protocol: str
    ) -> _Asked | None:
        name, facts = told(method, params.get)
        facts |= {"server": True, "request": str(number), "transport": "tcp" if http is not None else "pipe"}
        if protocol:
            facts["protocol"] = protocol
        session = http.headers.get(_SESSION) if http is not None and hasattr(http, "headers") else None
        if session:
            facts["session"] = str(session)
        source, frame = origin(meta if isinstance(meta, Mapping) else {}), context.current()
        if frame is not None and (source is None or source[1] != frame.state.trace):
            return None  # the server's task only remembers the run in which it was started
        if frame is None and method in _HANDSHAKE:
            return None
        token = otel.attach(source[0]) if source is not None else None
        try:
            if frame is not None and source is not None:
                above = replace(frame, step=source[2])
                step: Step | None = gate_of(above).steps.open(above, "mcp", name, facts)
            else:
                shape = {"type": "mcp", "name": name, **facts}
                step = gates.enter(None, "", object(), entry="mcp", shape=shape)
        finally:
            if token is not None:
                otel.detach(token)
        if step is None:
            return None
        return cls(step, {"args": params.get("arguments") or {}} if method == TOOL_CALL else None)

    def __enter__(self) -> None:
        self._standing = context.use(self._step.frame)
        self._standing.__enter__()

    def __exit__(self, *raised: object) -> None:
        self._standing.__exit__(*raised)

    def answered(self, found: Any) -> None:
        """Close the step with the answer, which may be an error."""
        code = getattr(found, "code", None)
        if isinstance(code, int):
            return self._finish("error", str(code), {"code": str(code)})
        if self._call is not None:
            dump = getattr(found, "model_dump", None)
            self._call["result"] = dump(by_alias=True, mode="json", exclude_none=True) if dump is not None else found
        failed = tool_failed(found)
        self._finish("error" if failed else "ok", "tool_error" if failed else None, {})

    def failed(self, error: BaseException) -> None:
        """Close the step with what was raised."""
        code = code_of(error)
        self._finish(outcome_of(error), error, {"code": str(code)} if code is not None else {})

    def _finish(self, outcome: Any, error: str | BaseException | None, facts: Mapping[str, Any]) -> None:
        try:
            self._step.finish(outcome, error, facts, content=self._call or {})
        except Exception:
            log.warning("The answer of an MCP server could not be recorded", exc_info=unquoted())
