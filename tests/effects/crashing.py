"""An agent that is killed at chosen points, and the world that it acts on: what the crash tests share.

Everything runs in a child that is forked from this process, so that imports are paid for once. The world is a file to
which each effect appends one line and waits for the disk: what is in it was done, whatever the agent remembers.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from handrail.audit import reader

_FORKS, _HANGS_SECONDS = 3, 90
POLICY = """
version = 1
mode = "enforce"
agent = "clerk"
[users]
"ana" = ["staff"]
[[rule]]
id = "staff"
allow = "staff"
call = "*"
[[delegate]]
from = "staff"
to = "agent:clerk"
call = "*"
"""


class World:
    """The outside: a file of what was done, one line for each effect."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "world"

    def do(self, what: str, key: str = "") -> None:
        """Do it, for good."""
        fd = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, f"{what} {key}\n".encode())
            os.fsync(fd)
        finally:
            os.close(fd)

    def done(self) -> Counter[str]:
        """How often each thing was done."""
        return Counter(line.split(" ")[0] for line in self._lines())

    def keys(self) -> set[str]:
        """The keys with which something was done."""
        return {line.split(" ")[1] for line in self._lines()}

    def _lines(self) -> list[str]:
        return self.file.read_text().splitlines() if self.file.exists() else []


def child(work: Callable[[], object], *, killed_after: float | None = None) -> int:
    """Run ``work`` in a forked process; its exit code, or minus the number of the signal that killed it.

    ``killed_after`` so many seconds it is killed, unless it has ended by then. A child that hangs from its start, since
    a library's own lock was held by another thread when it was forked, is ended and forked anew.
    """
    for _ in range(_FORKS):
        code = _child(work, killed_after)
        if code != -signal.SIGALRM:
            break
    return code


def _child(work: Callable[[], object], killed_after: float | None) -> int:
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_HANGS_SECONDS)
        code = 1
        try:
            work()
            code = 0
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if killed_after is not None:
        time.sleep(killed_after)
        os.kill(pid, signal.SIGKILL)  # one that has ended is still there to be waited for, and so is its number
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def die() -> None:
    """Be killed, as by a power cut or an out-of-memory killer: nothing is cleaned up."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies_at(number: int, points: Iterable[tuple[object, str]], *, after: bool) -> None:
    """Have this process be killed before (or ``after``) the ``number``-th (from 0) call of any of ``points``.

    A point is an object and the name of its method. Meant for a child: nothing is put back.
    """
    left = [number]
    for owner, name in points:
        original = getattr(owner, name)

        def wrapped(*args: object, _original: Callable[..., object] = original, **kwargs: object) -> object:
            mine, left[0] = left[0], left[0] - 1
            if mine == 0 and not after:
                die()
            found = _original(*args, **kwargs)
            if mine == 0 and after:
                die()
            return found

        setattr(owner, name, wrapped)


def run_of(folder: Path) -> str:
    """The logical run that was begun last on the data folder in ``folder``."""
    starts = [
        record.fields
        for part in reader.parts(folder / ".handrail")
        for record in reader.records(part)
        if record.fields["k"] == "run.start" and not record.fields.get("logical")
    ]
    return str(max(starts, key=lambda one: int(one["t"]))["run"])
