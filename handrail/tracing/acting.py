"""On whose behalf the next runs act: what the caller says (``acting_for``), and what a delegation token proves."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import Context, ContextVar, Token
from dataclasses import dataclass, replace

from opentelemetry import context as otel

from handrail.tracing import context, spans
from handrail.tracing.identity import ANONYMOUS, DEFAULT_TENANT, Principal

FIELDS = ("tenant", "user", "session", "channel")
"""What a caller may say about who is acting."""

_acting: ContextVar[Mapping[str, str]] = ContextVar("handrail_acting", default={})  # noqa: B039 - never mutated


@dataclass(frozen=True, slots=True)
class Accepted:
    """A delegation token that was taken up."""

    principal: Principal
    """Who acts with it."""
    token: str
    """Id of the token."""
    run: str
    """Run, trace and step in which it was issued; empty where it was issued outside a run."""
    trace: str
    step: str


_accepted: ContextVar[Accepted | None] = ContextVar("handrail_accepted", default=None)


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
    that a call needs the rights of all of them. A user of another tenant is added as ``anonymous``. The same holds
    where a delegation token was taken up.
    """
    said = {"tenant": tenant, "user": user, "session": session, "channel": channel}
    given = {name: value for name, value in said.items() if value is not None}
    frame = context.current()
    if frame is not None:
        with context.use(replace(frame, principal=_extended(frame.principal, given))):
            yield
        return
    taken = _accepted.get()
    if taken is not None:
        with with_token(replace(taken, principal=_extended(taken.principal, given))):
            yield
        return
    token = _acting.set({**_acting.get(), **given})
    try:
        yield
    finally:
        _acting.reset(token)


def _extended(principal: Principal, given: Mapping[str, str]) -> Principal:
    known = given.get("tenant", principal.tenant) == principal.tenant
    user = given.get("user", ANONYMOUS) if known else ANONYMOUS
    if "user" not in given and known:
        return principal
    return principal.extended(f"user:{user}")


def accepted() -> Accepted | None:
    """The delegation token that was taken up here; None without one."""
    return _accepted.get()


def token_carried_by(copied: Context) -> Accepted | None:
    """The token that a copied context brings along; None where it was copied outside ``accept``."""
    return copied.get(_accepted)


@contextmanager
def with_token(taken: Accepted) -> Generator[None]:
    """Runs started in this block act by ``taken``, and belong to the trace in which the token was issued."""
    token = _accepted.set(taken)
    remote = spans.remote(taken.trace, taken.step)
    attached = otel.attach(remote) if remote is not None else None
    try:
        yield
    finally:
        _leave(token, attached)


def _leave(token: Token[Accepted | None], attached: Token[otel.Context] | None) -> None:
    try:
        _accepted.reset(token)
    except ValueError:  # a coroutine or generator that is thrown away elsewhere: nothing of ours is set there
        return
    if attached is not None:
        otel.detach(attached)


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
