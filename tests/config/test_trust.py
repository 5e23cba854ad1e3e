"""``[[trust]]``: other hosts' keys."""

from __future__ import annotations

from base64 import b64encode

import pytest

from handrail.config.names import WEAK_Y
from handrail.errors import ConfigError
from handrail.tracing.tokens import public_key
from tests.config.conftest import Load

KEY = b64encode(public_key(bytes(32))).decode()
ENTRY = f'[[trust]]\nid = "other"\nkey = "{KEY}"\n'


def test_an_entry_is_read(written: Load) -> None:
    """Without more an entry is for every tenant and call; a string or a list stands behind `call`."""
    (one,) = written(ENTRY).trusts
    assert (one.id, one.key, one.tenants, one.call) == ("other", public_key(bytes(32)), ("*",), ("*",))
    assert one.place.line == 2
    (one,) = written(ENTRY + 'tenants = ["acme", "u*"]\ncall = "read_*"\n').trusts
    assert (one.tenants, one.call) == (("acme", "u*"), ("read_*",))


def _weak(y: int) -> str:
    return b64encode(y.to_bytes(32, "little")).decode()


NO_KEYS = [
    "x", KEY[:-1], KEY + "=", KEY[:-2] + "/=", " " + KEY, KEY[:-4], "A" * 88, "é" * 10,
    *(_weak(y) for y in WEAK_Y), *(_weak(y + 2**255) for y in WEAK_Y),
    _weak(2**255 - 19), _weak(2**255 - 18), _weak(2**256 - 19),
]  # fmt: skip
"""Not base64, not 32 bytes, another spelling, and keys of small order, written in each way."""


@pytest.mark.parametrize("key", NO_KEYS)
def test_what_is_no_key_is_refused(key: str, written: Load) -> None:
    """The line of the key, and where to get a right one; a key for which anybody could sign is none."""
    with pytest.raises(ConfigError, match="handrail policy key") as caught:
        written(ENTRY.replace(KEY, key))
    assert caught.value.line == 4
    assert "`key` in [[trust]] number 1 is no public key." in str(caught.value)


def test_small_order_is_what_it_says() -> None:
    """Every listed key, added to itself eight times on the curve, is the neutral point."""
    p = 2**255 - 19
    d = -121665 * pow(121666, -1, p) % p

    def doubled(point: tuple[int, int]) -> tuple[int, int]:
        x, y = point
        bend = d * x * x * y * y % p
        return 2 * x * y * pow(1 + bend, -1, p) % p, (y * y + x * x) * pow(1 - bend, -1, p) % p

    for y in WEAK_Y:
        square = (y * y - 1) * pow(d * y * y + 1, -1, p) % p
        root = pow(square, (p + 3) // 8, p)
        x = root if root * root % p == square else root * pow(2, (p - 1) // 4, p) % p
        assert x * x % p == square
        assert doubled(doubled(doubled((x, y)))) == (0, 1)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ENTRY + ENTRY, 'The id "other" of [[trust]] number 2 is taken by [[trust]] number 1'),
        (ENTRY + ENTRY.replace("other", "another"), "[[trust]] number 2 has the key of [[trust]] number 1."),
        ('[[trust]]\nid = "x"\n', "[[trust]] number 1 needs `key`."),
        (ENTRY + "tenants = []\n", "`tenants` in [[trust]] number 1 must not be empty."),
        (ENTRY + "call = []\n", "`call` in [[trust]] number 1 must not be empty."),
        (ENTRY + 'tenant = "acme"\n', 'Unknown key "tenant" in [[trust]] number 1. Did you mean "tenants"?'),
        (f'[trust]\nid = "x"\nkey = "{KEY}"\n', "Use two brackets."),
    ],
)
def test_mistakes(text: str, said: str, written: Load) -> None:
    """Each mistake is named with its place."""
    with pytest.raises(ConfigError) as caught:
        written(text)
    assert said in str(caught.value)
