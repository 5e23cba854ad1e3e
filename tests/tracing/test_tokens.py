"""Delegation tokens: what was signed is what is read, and nothing else is."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.tracing import tokens
from handrail.tracing.identity import MAX_CHAIN, Principal
from handrail.tracing.tokens import MAX_BYTES, MAX_TTL_NS, SKEW_NS, BadToken, Claims

SEED, OTHER = bytes(range(32)), bytes(range(1, 33))
PUBLIC = tokens.public_key(SEED)
KEY = tokens.key_id(PUBLIC)
NOW = 1_800_000_000 * 10**9
SECOND = 10**9


def claims(**changed: Any) -> Claims:
    """Sound claims, but for what is changed."""
    sound: dict[str, Any] = {
        "token": "ab" * 16, "audience": "billing", "issued": NOW, "expires": NOW + 300 * SECOND, "tenant": "acme",
        "session": "s", "channel": "web", "chain": ("user:ana", "agent:helpdesk"), "scopes": (("read_*", "refund"),),
        "run": "0" * 32, "step": "1" * 16, "trace": "2" * 32,
    }  # fmt: skip
    return Claims(**(sound | changed))


def read(token: Any) -> tuple[Claims, str]:
    """Read with one trusted key."""
    return tokens.read(token, {KEY: PUBLIC}.get)


def signed(written: bytes, *, seed: bytes = SEED, domain: bytes = tokens.DOMAIN, prefix: str = tokens.PREFIX) -> str:
    """Any bytes as claims, signed by hand."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = f"{prefix}.{tokens.key_id(tokens.public_key(seed))}.{_b64(written)}"
    return f"{text}.{_b64(Ed25519PrivateKey.from_private_bytes(seed).sign(domain + text.encode()))}"


def _b64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def refused(token: Any) -> str:
    """The code with which a token is refused."""
    with pytest.raises(BadToken) as caught:
        read(token)
    return str(caught.value)


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
CLAIMS = st.builds(
    claims,
    audience=_NAMES,
    tenant=_NAMES,
    session=st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    chain=st.lists(_NAMES.map("agent:{}".format), max_size=MAX_CHAIN - 1, unique=True).map(
        lambda links: ("user:ana", *links)
    ),
    scopes=st.lists(st.lists(_NAMES, min_size=1, max_size=3).map(tuple), max_size=3).map(tuple),
)


@given(CLAIMS)
def test_what_is_signed_is_read(said: Claims) -> None:
    """Whatever names are in it, a token says what was signed, under its key, and becomes that principal."""
    assert read(tokens.sign(said, SEED)) == (said, KEY)
    chain = said.chain[1:]
    expected = Principal(said.tenant, "ana", said.session, "web", chain, said.scopes, said.expires)
    assert said.principal == expected
    assert said.principal.links == said.chain


def test_every_flipped_bit_is_refused() -> None:
    """Each of the bits of a token, flipped alone, makes it nobody's: there is one spelling, and it is signed whole."""
    token = tokens.sign(claims(), SEED).encode()
    assert read(token.decode())[0] == claims()
    for place in range(len(token) * 8):
        changed = bytearray(token)
        changed[place // 8] ^= 1 << place % 8
        assert refused(changed.decode("latin-1")) in {"malformed", "unknown_key", "forged"}, place


@settings(max_examples=300)
@given(st.data())
def test_every_edit_is_refused(data: st.DataObject) -> None:
    """A token with a piece cut out, put in, repeated or replaced is refused, and raises nothing but BadToken."""
    token = tokens.sign(claims(), SEED)
    start = data.draw(st.integers(0, len(token)))
    end = data.draw(st.integers(start, len(token)))
    piece = data.draw(st.one_of(st.text(max_size=5), st.just(token[start:end] * 2), st.just(token[end:])))
    changed = token[:start] + piece + token[end:]
    if changed != token:
        refused(changed)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "malformed"),
        ("hdt1", "malformed"),
        ("hdt1...", "unknown_key"),
        ("hdt1." + KEY + "..", "forged"),
        ("." * 4, "malformed"),
        ("a" * (MAX_BYTES + 1), "oversized"),
        ("é" * 10, "malformed"),
        ("\ud800", "malformed"),
        (None, "malformed"),
        (b"hdt1", "malformed"),
        (["hdt1"], "malformed"),
        (tokens.sign(claims(), SEED) + "\n", "malformed"),
        (tokens.sign(claims(), SEED) + "=", "malformed"),
        (" " + tokens.sign(claims(), SEED), "malformed"),
        (tokens.sign(claims(), OTHER), "unknown_key"),
        (tokens.sign(claims(), OTHER).replace(tokens.key_id(tokens.public_key(OTHER)), KEY), "forged"),
        (signed(b"{}"), "malformed"),
        (signed(b""), "malformed"),
        (signed(b"null"), "malformed"),
        (signed(b"[" * 5_000), "malformed"),
        (signed(b"\xff"), "malformed"),
        (signed(msgspec.json.encode(claims())), "malformed"),  # another order of the keys
        (signed(msgspec.json.encode(claims(), order="sorted") + b" "), "malformed"),
        (signed(msgspec.json.encode(claims(), order="sorted")[:-1] + b',"x":1}'), "malformed"),
        (signed(msgspec.json.encode(claims(), order="sorted"), domain=b""), "forged"),
        (signed(msgspec.json.encode(claims(), order="sorted"), prefix="hdt2"), "malformed"),
    ],
)
def test_refused_as_it_stands(token: Any, code: str) -> None:
    """Garbage, other formats, other keys, signatures for other purposes, and second spellings: each by its reason."""
    assert refused(token) == code


def test_the_same_claims_signed_by_hand_are_read() -> None:
    """The format is what its description says: the hand-made token of the tests above is good when nothing is wrong."""
    by_hand = signed(msgspec.json.encode(claims(), order="sorted"))
    assert by_hand == tokens.sign(claims(), SEED)
    assert read(by_hand)[0] == claims()


WRONG = [
    ("lifetime", {"expires": NOW}),
    ("lifetime", {"expires": NOW - 1}),
    ("lifetime", {"expires": NOW + MAX_TTL_NS + 1}),
    ("lifetime", {"issued": 0}),
    ("lifetime", {"issued": -5, "expires": 5}),
    ("chain", {"chain": ()}),
    ("chain", {"chain": ("agent:helpdesk",)}),
    ("chain", {"chain": ("ana",)}),
    ("chain", {"chain": ("user:",)}),
    ("chain", {"chain": ("user:ana", "helpdesk")}),
    ("chain", {"chain": ("user:ana", "role:admin")}),
    ("chain", {"chain": ("user:anonymous",)}),
    ("chain", {"chain": ("user:ana", "agent:x", "agent:y", "agent:x")}),
    ("chain", {"chain": ("user:ana", "user:ana")}),
    ("chain", {"chain": ("user:ana", *(f"agent:{n}" for n in range(MAX_CHAIN)))}),
    ("scopes", {"scopes": ((),)}),
    ("scopes", {"scopes": (("",),)}),
    ("scopes", {"scopes": (("read_*",), ("x", ""))}),
    ("scopes", {"scopes": tuple((f"t{n}",) for n in range(17))}),
    ("malformed", {"audience": ""}),
    ("malformed", {"tenant": ""}),
    ("malformed", {"token": ""}),
]


@pytest.mark.parametrize(("code", "changed"), WRONG)
def test_nonsense_is_neither_signed_nor_read(code: str, changed: dict[str, Any]) -> None:
    """Chains that are cyclic, too deep or nobody's, empty scopes, long lives: not even a trusted key can say them."""
    with pytest.raises(BadToken) as caught:
        tokens.sign(claims(**changed), SEED)
    assert str(caught.value) == code
    assert refused(signed(msgspec.json.encode(claims(**changed), order="sorted"))) == code


def test_too_long_is_not_signed() -> None:
    """What would be refused for its size is not issued; just below, it is."""
    with pytest.raises(BadToken, match="oversized"):
        tokens.sign(claims(scopes=(("x" * MAX_BYTES,),)), SEED)
    most = tokens.sign(claims(scopes=(("x" * 5_500,),)), SEED)
    assert 7_500 < len(most) <= MAX_BYTES
    read(most)


def test_a_lone_surrogate_is_not_signed() -> None:
    """A name that has no UTF-8 is refused in the token's own way."""
    with pytest.raises(BadToken, match="malformed"):
        tokens.sign(claims(tenant="\ud800"), SEED)


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW, None),
        (NOW - SKEW_NS, None),
        (NOW - SKEW_NS - 1, "not_yet_valid"),
        (NOW + 300 * SECOND + SKEW_NS - 1, None),
        (NOW + 300 * SECOND + SKEW_NS, "expired"),
        (NOW + 10**18, "expired"),
    ],
)
def test_a_token_lives_between_its_times(now: int, code: str | None) -> None:
    """From issue to expiry, ten seconds of difference between clocks allowed at both ends, and not a moment more."""
    if code is None:
        tokens.check(claims(), "billing", now)
        return
    with pytest.raises(BadToken, match=code):
        tokens.check(claims(), "billing", now)


@pytest.mark.parametrize("audience", ["", "Billing", "billing ", "billin", "billing2", "*"])
def test_only_the_audience_may_take_it_up(audience: str) -> None:
    """The name is compared whole and as it is written; nothing is a pattern."""
    with pytest.raises(BadToken, match="audience"):
        tokens.check(claims(), audience, NOW)
