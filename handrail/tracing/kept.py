"""What is remembered from run to run of one thread while this process lives, so that a resumed run knows its causes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

MAX_THREADS = 1_000
"""Threads that are remembered; the one that was not used for longest is forgotten first."""


class Threads:
    """The memory of the threads of one data folder. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads: OrderedDict[tuple[str, str], dict[str, Any]] = OrderedDict()

    def of(self, tenant: str, thread: str) -> dict[str, Any]:
        """What is remembered of a tenant's thread; for runs without a thread, nothing that anybody else sees."""
        if not thread:
            return {}
        key = tenant, thread
        with self._lock:
            found = self._threads.setdefault(key, {})
            self._threads.move_to_end(key)
            if len(self._threads) > MAX_THREADS:
                self._threads.popitem(last=False)
            return found
