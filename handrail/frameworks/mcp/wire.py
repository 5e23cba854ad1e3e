"""Requests of the Model Context Protocol, read and written without knowing the release of the SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

from pydantic import BaseModel

from handrail.tracing.context import Frame
from handrail.tracing.propagation import carried

TOOL_CALL = "tools/call"
_NAMED = frozenset({TOOL_CALL, "prompts/get"})
"""Methods with a parameter that says of which name."""
_RESOURCES = "resources/"


def method_of(request: Any) -> str:
    """The method of a request, such as ``tools/call``."""
    return str(_whole(request).method)


def about(request: Any) -> tuple[str, dict[str, object]]:
    """The name of a request's step (what it is about, else its method), and what its record says of it."""
    whole = _whole(request)
    return told(str(whole.method), lambda name: getattr(whole.params, name, None))


def told(method: str, parameter: Callable[[str], Any]) -> tuple[str, dict[str, object]]:
    """Likewise, of a method and a function that gives its parameters by name."""
    facts: dict[str, object] = {"method": method}
    if method in _NAMED and parameter("name") is not None:
        return str(parameter("name")), facts
    if method.startswith(_RESOURCES) and parameter("uri") is not None:
        facts["uri"] = str(parameter("uri"))
    return method, facts


def carrying(request: Any, frame: Frame) -> Any:
    """A copy of ``request`` whose ``_meta`` says that it comes from the open step of ``frame``.

    The caller's own entries stay as they are. Source: SEP-414.
    """
    whole = _whole(request)
    params = whole.params if whole.params is not None else _empty(whole)
    if params is None or "meta" not in type(params).model_fields:
        return request
    made = _with_meta(params, {**carried(frame), **_entries(params.meta)})
    copy = whole.model_copy(update={"params": made})
    return copy if whole is request else request.model_copy(update={"root": copy})


def _whole(request: Any) -> Any:
    """The request itself: before 2.0 it comes in a wrapper."""
    return getattr(request, "root", request)


def _empty(request: BaseModel) -> Any:
    """Parameters of a request that has none, where it may have some."""
    declared = type(request).model_fields["params"].annotation
    kinds = [declared, *get_args(declared)]
    return next((kind() for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _entries(meta: Any) -> Mapping[str, Any]:
    if isinstance(meta, BaseModel):
        return meta.model_dump(by_alias=True, exclude_none=True)
    return dict(meta) if meta else {}


def _with_meta(params: Any, entries: Mapping[str, Any]) -> Any:
    declared = type(params).model_fields["meta"].annotation
    kinds = [declared, *get_args(declared)]
    model = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    meta = model.model_validate(entries) if model is not None else dict(entries)
    return params.model_copy(update={"meta": meta})


def code_of(error: BaseException) -> int | None:
    """The JSON-RPC code of an error that the other side sent; None for any other exception."""
    code = getattr(getattr(error, "error", None), "code", None)
    return code if isinstance(code, int) else None


def tool_failed(result: Any) -> bool:
    """Whether a tool's result says that it failed."""
    # the field has one name in each line of the SDK
    found = result.get("isError") if isinstance(result, Mapping) else None
    return bool(found or getattr(result, "is_error", None) or getattr(result, "isError", None))
