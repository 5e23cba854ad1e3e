"""Delegation tokens: who acts for whom with which rights, signed, for another process. Pure functions, no files.

A token is ``hdt1.KEY.CLAIMS.SIGNATURE``. KEY is the id of the issuer's public key, CLAIMS base64url (RFC 4648,
section 5, without padding) of canonical JSON, SIGNATURE base64url of Ed25519 (RFC 8032) over DOMAIN followed by
``hdt1.KEY.CLAIMS``. Nothing of CLAIMS is read before the signature holds, and every token has one spelling.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256

import msgspec

from handrail.tracing.identity import ANONYMOUS, MAX_CHAIN, Principal

PREFIX = "hdt1"
"""Kind and version of the format."""
DOMAIN = b"handrail delegation token\x00"
"""What a signature begins with, so that no signature made for something else is one of a token."""
MAX_BYTES = 8 << 10
"""Longest token, in bytes."""
MAX_TTL_NS = 3_600 * 10**9
"""Longest life of a token, in nanoseconds: one hour."""
SKEW_NS = 10 * 10**9
"""Nanoseconds by which the clocks of two hosts may differ, at both ends of a token's life."""
MAX_SCOPES = 16
"""Most scopes in one token."""
KEY_BYTES = 32
_PREFIXES = ("user:", "agent:")


class BadToken(Exception):
    """A token may not be taken up; the text is a code for the journal and says nothing that the token says."""


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a token says."""

    token: str
    """Its own id, 32 hex digits: a token is good for one use."""
    audience: str
    """The service or agent that may take it up."""
    issued: int
    """Nanoseconds since the epoch, by the issuer's clock."""
    expires: int
    """Nanoseconds since the epoch."""
    tenant: str
    session: str
    channel: str
    chain: tuple[str, ...]
    """The whole chain: the user first."""
    scopes: tuple[tuple[str, ...], ...]
    """Names and patterns of calls; each scope has to cover a call."""
    run: str
    """Run, step and trace in which it was issued; empty outside a run."""
    step: str
    trace: str

    @property
    def principal(self) -> Principal:
        """Who acts with this token."""
        return Principal(
            self.tenant, self.chain[0].removeprefix("user:"), self.session, self.channel, self.chain[1:],
            self.scopes, self.expires,
        )  # fmt: skip


_encode = msgspec.json.Encoder(order="sorted").encode
_decode = msgspec.json.Decoder(Claims).decode


def key_id(public: bytes) -> str:
    """Id of a public key: 32 hex digits of its SHA-256."""
    return sha256(b"handrail delegation key\x00" + public).hexdigest()[:32]


def public_key(seed: bytes) -> bytes:
    """The public key (32 bytes) of a private one (32 bytes)."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(claims: Claims, seed: bytes) -> str:
    """The token that says ``claims``. Raises BadToken for claims that nobody would accept."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.from_private_bytes(seed)
    try:
        written = _encode(claims)
    except UnicodeEncodeError as error:
        raise BadToken("malformed") from error
    _check_form(claims)
    signed = f"{PREFIX}.{key_id(private.public_key().public_bytes_raw())}.{_text(written)}"
    token = f"{signed}.{_text(private.sign(DOMAIN + signed.encode()))}"
    if len(token) > MAX_BYTES:
        raise BadToken("oversized")
    return token


def read(token: str, public_of: Callable[[str], bytes | None]) -> tuple[Claims, str]:
    """What ``token`` says, and the id of the key that signed it. Raises BadToken.

    ``public_of`` gives the public key of an id, None for one that is not trusted.
    """
    if type(token) is not str or len(token) > MAX_BYTES or not token.isascii():
        raise BadToken("oversized" if type(token) is str and len(token) > MAX_BYTES else "malformed")
    parts = token.split(".")
    if len(parts) != 4 or parts[0] != PREFIX:
        raise BadToken("malformed")
    key, claims, signature = parts[1:]
    public = public_of(key)
    if public is None:
        raise BadToken("unknown_key")
    _verify(public, _bytes(signature), f"{PREFIX}.{key}.{claims}")
    return _parsed(_bytes(claims)), key


def check(claims: Claims, audience: str, now: int) -> None:
    """Raise BadToken unless ``claims`` are for ``audience`` at ``now`` (nanoseconds since the epoch)."""
    if claims.audience != audience:
        raise BadToken("audience")
    if claims.issued > now + SKEW_NS:
        raise BadToken("not_yet_valid")
    if claims.expires + SKEW_NS <= now:
        raise BadToken("expired")


def _verify(public: bytes, signature: bytes, signed: str) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, DOMAIN + signed.encode())
    except (InvalidSignature, ValueError) as error:
        raise BadToken("forged") from error


def _parsed(written: bytes) -> Claims:
    try:
        claims = _decode(written)
        canonical = _encode(claims) == written
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadToken("malformed") from error
    if not canonical:
        raise BadToken("malformed")
    _check_form(claims)
    return claims


def _check_form(claims: Claims) -> None:
    """A trusted key may sign nonsense too: what cannot be a chain, a scope or a life is refused."""
    if not (claims.token and claims.audience and claims.tenant):
        raise BadToken("malformed")
    if not 0 < claims.issued < claims.expires <= claims.issued + MAX_TTL_NS:
        raise BadToken("lifetime")
    _check_chain(claims.chain)
    if len(claims.scopes) > MAX_SCOPES or not all(all(scope) and scope for scope in claims.scopes):
        raise BadToken("scopes")


def _check_chain(chain: tuple[str, ...]) -> None:
    named = all(link.startswith(_PREFIXES) and link not in _PREFIXES for link in chain)
    if not chain or not named or not chain[0].startswith("user:") or f"user:{ANONYMOUS}" in chain:
        raise BadToken("chain")
    if len(set(chain)) < len(chain) or len(chain) > MAX_CHAIN:
        raise BadToken("chain")


def _text(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """The value of ``text`` if that is its one spelling. Raises BadToken."""
    try:
        value = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as error:
        raise BadToken("malformed") from error
    if _text(value) != text:
        raise BadToken("malformed")
    return value
