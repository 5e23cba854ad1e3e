"""Which effect a call is: by run, tool, arguments and occurrence; never by its position or by the model's call id.

Equal numbers are one number however they were written, since models write 5 and 5.0 for the same amount and a JSON
Schema takes both for ``number`` and for ``integer``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any

from handrail.audit.format import encode
from handrail.effects import values
from handrail.errors import NotReplayable

KEY_BYTES = 16
_type: Callable[[object], Any] = type
_CONTAINERS: frozenset[Any] = frozenset({list, tuple, set, frozenset})
_LARGEST = 1e300
"""Floats beyond it stay floats: as whole numbers they would have hundreds of digits."""


def identity(tool: str, args: Mapping[str, Any]) -> bytes | None:
    """A digest of the tool and its canonical arguments; None where an argument has no form that could be compared."""
    named = {name: _normal(value) for name, value in args.items()}
    try:
        body = encode([tool, named])
        if b"null" in body:  # also what the encoder makes of numbers that are not finite
            body = values.encode([tool, named])
    except Exception:
        try:
            body = values.encode([tool, named])
        except NotReplayable:
            return None
    return blake2b(body, digest_size=KEY_BYTES).digest()


def key(run: str, what: bytes, occurrence: int) -> str:
    """The key of an effect, 32 hex digits: the call ``what`` of the logical ``run``, the ``occurrence``-th (from 0)."""
    return blake2b(b"%s\n%s\n%d" % (run.encode(), what, occurrence), digest_size=KEY_BYTES).hexdigest()


def _normal(value: Any) -> Any:
    kind = _type(value)
    if kind is float:
        return int(value) if value.is_integer() and abs(value) < _LARGEST else value
    if kind is dict:
        return {name: _normal(item) for name, item in value.items()}
    if kind in _CONTAINERS:
        return kind(_normal(item) for item in value)
    return value
