"""``acting_for``: the caller says on whose behalf the next runs act."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace

from handrail.tracing import context
from handrail.tracing.identity import ANONYMOUS, DEFAULT_TENANT, Principal

FIELDS = ("tenant", "user", "session", "channel")
"""What a caller may say about who is acting."""

_acting: ContextVar[Mapping[str, str]] = ContextVar("handrail_acting", default={})  # noqa: B039 - never mutated


@contextmanager
def acting_for(
    *,
    tenant: str | None = None,
    user: str | None = None,
    session: str | None = None,
    channel: str | None = None,
) -> Generator[None]:
    """Say on whose behalf the runs started in this block act; what is left out keeps its outer value.

    Inside a run nobody can become somebody else: there the named user is added to the delegation chain, so
    that a call needs the rights of all of them. A user of another tenant is added as ``anonymous``.
    """
    said = {"tenant": tenant, "user": user, "session": session, "channel": channel}
    given = {name: value for name, value in said.items() if value is not None}
    frame = context.current()
    if frame is not None:
        with context.use(_extended(frame, given)):
            yield
        return
    token = _acting.set({**_acting.get(), **given})
    try:
        yield
    finally:
        _acting.reset(token)


def _extended(frame: context.Frame, given: Mapping[str, str]) -> context.Frame:
    known = given.get("tenant", frame.principal.tenant) == frame.principal.tenant
    user = given.get("user", ANONYMOUS) if known else ANONYMOUS
    if "user" not in given and known:
        return frame
    return replace(frame, principal=frame.principal.extended(f"user:{user}"))


def acting() -> Mapping[str, str]:
    """What the enclosing ``acting_for`` blocks say, by field name."""
    return _acting.get()


def principal(*layers: Mapping[str, str]) -> Principal:
    """The principal that ``layers`` describe, later ones over earlier ones; empty values say nothing."""
    said = {name: layer[name] for layer in layers for name in FIELDS if layer.get(name)}
    return Principal(
        said.get("tenant", DEFAULT_TENANT),
        said.get("user", ANONYMOUS),
        said.get("session", ""),
        said.get("channel", ""),
    )
