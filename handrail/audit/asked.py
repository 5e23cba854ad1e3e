"""What a model was asked, as a digest: two requests have the same one only if everything that they say is equal.

Each message is digested together with the digest of those before it, so that a request costs what it adds to the
request before. All of it is keyed with the data folder's own secret: nobody without it can guess at content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

_BYTES = 16
_BEGIN, _UNKNOWN = bytes(_BYTES), b""


class Asked:
    """The digest of one request."""

    __slots__ = ("_exact", "_key", "_last", "_terms")

    def __init__(self, key: bytes, terms: bytes, exact: Callable[[Any], bytes]) -> None:
        """``terms`` is everything but the messages, of which ``exact`` tells one in full, or raises."""
        self._key, self._terms, self._exact = key, terms, exact
        self._last = _UNKNOWN

    def follow(self, known: list[bytes], keep: int, messages: Sequence[Any], *, made_again: bool) -> None:
        """Digest ``messages``. ``known`` has digests of the request before, of whose messages ``keep`` lead this one.

        ``made_again`` says that the first of them is another object, which only looks the same.
        """
        if made_again and known and keep and known[0] != self._after(_BEGIN, messages[0]):
            keep = 0
        del known[keep:]
        for message in messages[len(known) :]:
            known.append(self._after(known[-1] if known else _BEGIN, message))
        self._last = known[-1] if known else _BEGIN

    def _after(self, before: bytes, message: Any) -> bytes:
        if before == _UNKNOWN:
            return _UNKNOWN
        try:
            return blake2b(before + self._exact(message), key=self._key, digest_size=_BYTES).digest()
        except Exception:  # an object of the program's own in it: such requests cannot be compared
            return _UNKNOWN

    @property
    def digest(self) -> str:
        """32 hex digits; empty where the messages have no exact form."""
        if self._last == _UNKNOWN:
            return ""
        return blake2b(self._last + self._terms, key=self._key, digest_size=_BYTES).hexdigest()
