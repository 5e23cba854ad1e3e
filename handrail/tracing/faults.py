"""Our own faults in the log: where they happened, never what the exception says, which may quote content."""

from __future__ import annotations

import sys
from types import TracebackType


def unquoted() -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """``exc_info`` for a log line about the exception that is being handled: its class and its traceback alone."""
    kind, _, places = sys.exc_info()
    return RuntimeError, RuntimeError(kind.__name__ if kind is not None else "no exception"), places
