"""Delegation to another process: ``delegate`` issues a signed token, ``accept`` takes one up. Every use is recorded."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from handrail.audit.delegation_keys import DelegationKeys
from handrail.audit.spent import SpentTokens
from handrail.config import Settings
from handrail.errors import DelegationRefused, HandrailError
from handrail.frameworks import gates, opening
from handrail.frameworks.plain import own_gate
from handrail.gate import Gate, gate_of
from handrail.policy.patterns import Pattern, expand
from handrail.tracing import context, ids, tokens
from handrail.tracing.acting import Accepted, accepted, with_token
from handrail.tracing.identity import ANONYMOUS, Principal
from handrail.tracing.tokens import BadToken, Claims

Source = str | Path | Settings | None

_ISSUING = {
    "chain": "This chain cannot be handed on: it has nobody's name in it, or more than 8 principals.",
    "lifetime": "The token by which this run acts has expired, so its rights cannot be handed on.",
    "scopes": f"More than {tokens.MAX_SCOPES} scopes limit this run already.",
    "oversized": f"The token would be longer than {tokens.MAX_BYTES} bytes: name fewer calls, or use patterns.",
    "malformed": "The tenant, or a name in the chain, cannot be written in a token.",
}
"""Code -> what the issuer reads."""


def delegate(
    audience: str,
    *,
    call: str | Sequence[str] | None = None,
    ttl: float = 300,
    to: str | None = None,
    config: Source = None,
) -> str:
    """A signed token with which ``audience``, a service in another process, may act for whoever acts here.

    It carries tenant, session, channel and the whole chain. ``call`` narrows it to these tools, groups or patterns;
    what limits this run already stays in force. ``ttl`` is its life in seconds, an hour at most and never longer than
    that of the token by which this run acts. ``to`` names the agent that is to act with it: it becomes the next link
    of the chain. ``config`` is a handrail.toml (default: that of the run) whose data folder has the signing key.

    Raises ValueError for arguments that mean nothing, DelegationRefused where the rights here cannot be handed
    on, and JournalError where the key cannot be read or, in enforce mode, the token cannot be recorded.
    """
    if not audience:
        raise ValueError("delegate() needs the name of the service that may use the token.")
    if not (math.isfinite(ttl) and ttl > 0):
        raise ValueError(f"ttl must be a number of seconds above 0, not {ttl!r}.")
    gate = _gate(config)
    acting_as, origin = _who_delegates(gate, to), _origin()
    claims = _claims(acting_as, audience, _scope(gate, call), ttl, origin)
    try:
        token = tokens.sign(claims, DelegationKeys(gate.rulebook.now.settings.data).signing())
    except BadToken as problem:
        raise DelegationRefused(_ISSUING.get(str(problem), "This cannot be handed on.")) from None
    _record(gate, "issued", {**_said(claims), "key": token.split(".")[1]})
    return token


def _gate(config: Source) -> Gate:
    """The gate to ask and to record with: the one named, else that of the run, else that of the process."""
    frame = context.current()
    gate = opening.open_gate(config) if config is not None else gate_of(frame) if frame is not None else own_gate()
    opening.renewed(gate.rulebook)
    return gate


def _who_delegates(gate: Gate, to: str | None) -> Principal:
    frame, taken = context.current(), accepted()
    if frame is not None:
        found = frame.principal
    elif taken is not None:
        found = taken.principal
    else:
        found = gates.identify(gate.rulebook.now.settings, {}, {})
    if found.user == ANONYMOUS:
        raise DelegationRefused("Nobody is named on whose behalf to delegate. Name a user with handrail.acting_for.")
    return found.extended(f"agent:{to.removeprefix('agent:')}") if to else found


def _origin() -> dict[str, str]:
    """Run, trace and step of the running code; nothing outside every run."""
    frame = context.current()
    if frame is None:
        return {}
    return {"run": frame.state.run, "trace": frame.state.trace, "step": frame.step}


def _scope(gate: Gate, call: str | Sequence[str] | None) -> tuple[tuple[str, ...], ...]:
    if call is None:
        return ()
    names = (call,) if isinstance(call, str) else tuple(call)
    if not names or not all(names):
        raise ValueError("call must name at least one tool, group or pattern. Leave it out to narrow nothing.")
    return (_patterns(names, gate.rulebook.now.settings),)


def _patterns(names: tuple[str, ...], settings: Settings) -> tuple[str, ...]:
    return tuple(pattern.text for pattern in expand(names, dict(settings.groups)))


def _claims(
    acting_as: Principal, audience: str, scope: tuple[tuple[str, ...], ...], ttl: float, origin: Mapping[str, str]
) -> Claims:
    now = ids.now_ns()
    expires = now + min(int(ttl * 1e9), tokens.MAX_TTL_NS)
    return Claims(
        token=ids.new_trace(),
        audience=audience,
        issued=now,
        expires=min(expires, acting_as.until) if acting_as.until else expires,
        tenant=acting_as.tenant,
        session=acting_as.session,
        channel=acting_as.channel,
        chain=acting_as.links,
        scopes=(*acting_as.scopes, *(one for one in scope if one not in acting_as.scopes)),
        run=origin.get("run", ""),
        trace=origin.get("trace", ""),
        step=origin.get("step", ""),
    )


class Accept:
    """A token that is taken up for the length of a block; made by :func:`accept`."""

    def __init__(self, token: str, audience: str, config: Source) -> None:
        self._token, self._audience, self._config = token, audience, config
        self._stack: ExitStack | None = None

    def __enter__(self) -> Self:
        """Check and use up the token. Raises DelegationRefused."""
        return self._stand(self._checked())

    async def __aenter__(self) -> Self:
        """Check and use up the token off the event loop. Raises DelegationRefused."""
        return self._stand(await asyncio.to_thread(self._checked))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        """Runs started from here on act for whom they acted before."""
        stack, self._stack = self._stack, None
        if stack is not None:
            stack.__exit__(kind, error, trace)
        return False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        """Runs started from here on act for whom they acted before."""
        return self.__exit__(kind, error, trace)

    def _stand(self, taken: Accepted) -> Self:
        frame = context.current()
        with ExitStack() as stack:
            if frame is not None:
                stack.enter_context(context.use(replace(frame, principal=frame.principal.joined(taken.principal))))
            else:
                before = accepted()
                whole = before.principal.joined(taken.principal) if before is not None else taken.principal
                stack.enter_context(with_token(replace(taken, principal=whole)))
            self._stack = stack.pop_all()
        return self

    def _checked(self) -> Accepted:
        gate = _gate(self._config)
        check = _Check(gate, self._audience)
        try:
            claims, key = check.token(self._token)
        except (BadToken, HandrailError, OSError) as problem:
            reason = str(problem) if isinstance(problem, BadToken) else f"unusable ({type(problem).__name__})"
            _record(gate, "refused", {"reason": reason, "expected": self._audience, **check.seen(self._token)})
            raise DelegationRefused from None
        _record(gate, "accepted", check.seen(self._token))
        return Accepted(check.capped(claims, key), claims.token, claims.run, claims.trace, claims.step)


class _Check:
    """One look at one token, and how far it got."""

    def __init__(self, gate: Gate, audience: str) -> None:
        self._settings = gate.rulebook.now.settings
        self._audience = audience
        self._trusts = {tokens.key_id(trust.key): trust for trust in self._settings.trusts}
        self._claims: Claims | None = None
        self._key = ""

    def token(self, token: str) -> tuple[Claims, str]:
        """Check everything, then use the token up. Raises BadToken, JournalError or OSError."""
        claims, key = self._claims, self._key = tokens.read(token, self._public)
        now = ids.now_ns()
        tokens.check(claims, self._audience, now)
        trust = self._trusts.get(key)
        if trust is not None and not any(Pattern(tenant).covers(claims.tenant) for tenant in trust.tenants):
            raise BadToken("tenant")
        if _tenant_here() not in (None, claims.tenant):
            raise BadToken("tenant")
        if not _spent(self._settings.data).spend(key, claims.token, claims.expires, now):
            raise BadToken("replayed")
        return claims, key

    def capped(self, claims: Claims, key: str) -> Principal:
        """Who acts with the token: with the calls that its key can speak of at all."""
        trust = self._trusts.get(key)
        if trust is None or trust.call == ("*",):
            return claims.principal
        return claims.principal.joined(replace(claims.principal, scopes=(_patterns(trust.call, self._settings),)))

    def seen(self, token: object) -> dict[str, object]:
        """What the record says: of a token whose signature did not hold only which one it was."""
        if self._claims is None:
            return {"digest": sha256(str(token).encode("utf-8", "replace")).hexdigest()[:32]}
        claims, trust = self._claims, self._trusts.get(self._key)
        issuer = {"run": claims.run, "trace": claims.trace, "step": claims.step}
        return {**_said(claims), "key": self._key, "trust": trust.id if trust is not None else None, "issuer": issuer}

    def _public(self, key: str) -> bytes | None:
        trust = self._trusts.get(key)
        if trust is not None:
            return trust.key
        return DelegationKeys(self._settings.data).trusted().get(key)


def accept(token: str, *, audience: str, config: Source = None) -> Accept:
    """A block whose runs act by ``token``: ``with handrail.accept(token, audience="billing"):``, or ``async with``.

    They act for the token's principal, with its chain and scopes; each receiving agent is added to the chain, so that
    its call needs a ``[[delegate]]`` from the agent before it. An ``acting_for`` or another ``accept`` inside, and a
    token that is taken up inside a run, can only narrow. ``audience`` is the name under which tokens are issued to this
    service; ``config`` a handrail.toml (default: that of ``instrument()``, else the one found).

    A token is used up by entering, once per data folder. Entering raises DelegationRefused for a token that is
    forged, changed, expired, used, for somebody else or from nobody known, in both modes: a record that names
    somebody who did not ask for it would be false. The text never says why; the journal does. Raises JournalError
    in enforce mode where the acceptance cannot be recorded.
    """
    return Accept(token, audience, config)


def _tenant_here() -> str | None:
    """The tenant that cannot be left here: that of the run, or of a token taken up before."""
    frame, taken = context.current(), accepted()
    if frame is not None:
        return frame.principal.tenant
    return taken.principal.tenant if taken is not None else None


_spent_tokens: dict[Path, SpentTokens] = {}


def _spent(data: Path) -> SpentTokens:
    return _spent_tokens.setdefault(data, SpentTokens(data))


def _said(claims: Claims) -> dict[str, object]:
    """What a token says, as records keep it."""
    return {
        "token": claims.token, "audience": claims.audience, "tenant": claims.tenant, "chain": claims.chain,
        "scopes": claims.scopes, "expires": claims.expires,
    }  # fmt: skip


def _record(gate: Gate, event: str, facts: Mapping[str, Any]) -> None:
    """Write the record; in enforce mode nothing is issued or taken up without one."""
    must = gate.rulebook.enforces and event != "refused"
    gate.steps.recorder.write({"k": "delegation", "event": event, **facts, **_origin()}, must=must)
