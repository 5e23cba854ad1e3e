"""Checks in a process of their own: what hangs, crashes or eats memory there is a finding here.

A worker is an interpreter of its own (spawned, never forked) that reads one JSON line and writes one. It knows the path
of modules and nothing else of the environment. It is killed where it is late, and replaced when it is needed again.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import IO, Any, ClassVar, cast

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings, Fix
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.sizes import too_large

MAX_BYTES = 1_000_000
"""Size of what is sent to a worker, and of what is read from it."""
MAX_WORKERS = 2
"""Workers of one check; a caller beyond them waits for its turn."""
START_SECONDS = 20.0
"""Time in which a worker must have started and loaded what it runs."""
HERE = False
"""Whether this process is a worker: what is isolated runs here, and not in a worker of the worker."""
_MAX_TEXT = 1_000
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class _Late(Exception):
    """A worker did not answer in time."""


class _Gone(Exception):
    """A worker ended, or answered what is no answer."""


def isolated(check: str, *, seconds: float = 1.0) -> Check:
    """``check``, as in handrail.toml, run in a process of its own and given up after ``seconds`` of the clock.

    Raises ConfigError where the check cannot be made there.
    """
    return Isolated(check, seconds)


@dataclass(frozen=True)
class Isolated(Check):
    """A check that runs in a process of its own.

    Codes: those of the check; ``unchecked.time`` (it took too long and was killed), ``unchecked.error`` (it raised,
    crashed, or ran out of memory), ``unchecked.size`` (the value is larger than a megabyte).
    """

    source: ClassVar[str] = "own: the check that it runs"
    expression: str
    """The check, as in handrail.toml."""
    seconds: float = 1.0
    """Most time that it may take, by the clock."""
    _pool: _Pool = field(init=False, repr=False, compare=False)
    _needs_run: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Start a worker and make the check there. Raises ConfigError."""
        if not (type(self.seconds) in (int, float) and 0 < self.seconds <= 60):
            raise ConfigError(f"isolated(seconds={self.seconds!r}): it is a number of seconds, up to 60.")
        object.__setattr__(self, "_pool", _Pool(self.expression, self.seconds))
        object.__setattr__(self, "_needs_run", self._pool.prove())

    @property
    def needs_run(self) -> bool:
        """Whether the check looks at the run."""
        return self._needs_run

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What the check finds there. Never raises."""
        try:
            if too_large(value):
                raise OverflowError
            said = json.dumps({"value": value, "context": _sent(context, self._needs_run)}).encode() + b"\n"
        except (OverflowError, RecursionError):
            return _unchecked("size", "The value is too large to be sent to the process that checks it.")
        except Exception as problem:
            return _unchecked("error", f"The value cannot be sent to another process ({type(problem).__name__}).")
        if len(said) > MAX_BYTES:
            return _unchecked("size", "The value is too large to be sent to the process that checks it.")
        try:
            return _read(self._pool.ask(said))
        except _Late:
            return _unchecked("time", f"The check took longer than the {self.seconds:g} s that it may, and was ended.")
        except _Gone as problem:
            return _unchecked("error", f"The value could not be checked ({problem}).")


class _Pool:
    """The workers of one check. Thread-safe; a forked child begins with none."""

    def __init__(self, expression: str, seconds: float) -> None:
        self._expression, self._seconds = expression, seconds
        self.renew()
        _pools.add(self)

    def renew(self) -> None:
        """Begin anew, leaving to the parent process what is the parent's."""
        self._free: list[_Worker] = []
        self._room = threading.BoundedSemaphore(MAX_WORKERS)

    def prove(self) -> bool:
        """Start a worker; says whether the check needs the run. Raises ConfigError."""
        with self._room:
            try:
                worker = _Worker(self._expression, self._seconds)
            except (_Gone, _Late, OSError) as problem:
                raise ConfigError(f"isolated({self._expression!r:.100}) cannot be started: {problem}.") from None
            self._free.append(worker)
        return worker.needs_run

    def ask(self, line: bytes) -> Mapping[str, Any]:
        """The answer of a worker. Raises _Late and _Gone, after which that worker is no more."""
        with self._room:
            worker = self._free.pop() if self._free else None
            try:
                if worker is None or not worker.alive:
                    worker = _Worker(self._expression, self._seconds)
                answer = worker.ask(line, self._seconds)
            except ConfigError as problem:
                raise _Gone(problem.problem) from None
            except OSError as problem:
                raise _Gone(type(problem).__name__) from None
            self._free.append(worker)
            return answer

    def close(self) -> None:
        """End all workers."""
        while self._free:
            self._free.pop().end()


class _Worker:
    """One process. Used by one thread at a time."""

    def __init__(self, expression: str, seconds: float) -> None:
        """Start it. Raises _Gone, _Late and OSError, and ConfigError where it cannot make the check."""
        command = [sys.executable, "-P", "-m", "handrail.validators.worker"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment(),
            cwd="/", start_new_session=True, bufsize=0,
        )  # fmt: skip
        for pipe in (self._in, self._out):
            os.set_blocking(pipe.fileno(), False)
        self._end = weakref.finalize(self, _kill, self._process)
        self._end.atexit = False  # at exit the pools close theirs
        first = json.dumps({"check": expression, "seconds": seconds}).encode() + b"\n"
        answer = self.ask(first, START_SECONDS)
        if "problem" in answer:
            self.end()
            raise ConfigError(str(answer["problem"])[:_MAX_TEXT], hint=str(answer.get("hint") or "") or None)
        self.needs_run = answer.get("needs_run") is True

    @property
    def _in(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdin)

    @property
    def _out(self) -> IO[bytes]:
        return cast("IO[bytes]", self._process.stdout)

    @property
    def alive(self) -> bool:
        """Whether it runs, as far as is known."""
        return self._process.poll() is None

    def ask(self, line: bytes, seconds: float) -> Mapping[str, Any]:
        """Send a line and read one. Where that fails the process is ended, and _Late or _Gone raised."""
        try:
            answer = json.loads(self._exchange(line, time.monotonic() + seconds))
            if not isinstance(answer, dict):
                raise _Gone("the process gave no answer")
            return cast("dict[str, Any]", answer)
        except (ValueError, RecursionError, OSError):
            self.end()
            raise _Gone("the process ended") from None
        except BaseException:
            self.end()
            raise

    def _exchange(self, line: bytes, deadline: float) -> bytes:
        rest, got = memoryview(line), bytearray()
        poll = select.poll()
        poll.register(self._out, select.POLLIN)
        poll.register(self._in, select.POLLOUT)
        while not got.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                raise _Late
            for descriptor, _ in poll.poll(left * 1_000):
                if descriptor == self._in.fileno():
                    rest = rest[os.write(descriptor, rest) :]
                    if not rest:
                        poll.unregister(self._in)
                elif not (read := os.read(descriptor, 65_536)) or len(got) > MAX_BYTES:
                    raise _Gone("the process ended")
                else:
                    got += read
        return bytes(got)

    def end(self) -> None:
        """Kill it and all that it started, and leave no zombie."""
        self._end()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _environment() -> dict[str, str]:
    """Where modules are, and how texts are encoded: no keys, no tokens, no proxies."""
    path = os.pathsep.join(os.path.abspath(one) for one in sys.path)  # noqa: PTH100 - an entry may be empty
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONUTF8": "1"}


def _sent(context: Context, with_run: bool) -> dict[str, object]:
    said: dict[str, object] = {
        "on": context.on, "tool": context.tool, "agent": context.agent, "tenant": context.tenant, "user": context.user,
        "now": context.now.isoformat(), "args": dict(context.args) if context.args is not None else None,
    }  # fmt: skip
    if with_run:
        said["run"] = {
            "sources": [asdict(one) for one in context.run.sources],
            "calls": [asdict(one) for one in context.run.calls],
            "complete": context.run.complete,
        }
    if too_large(said):
        raise OverflowError
    return said


def _read(answer: Mapping[str, Any]) -> Findings:
    """The findings in an answer. Raises _Gone where it is none: a worker runs what nobody here has read."""
    if "error" in answer:
        return _unchecked("error", f"The value could not be checked ({str(answer['error'])[:100]}).")
    found = answer.get("findings")
    try:
        return tuple(_finding(one) for one in cast("list[dict[str, Any]]", found)[:MAX_FINDINGS])
    except Exception:
        raise _Gone("the process gave no answer") from None


def _finding(said: dict[str, Any]) -> Finding:
    span, severity = said["span"], said["severity"]
    if severity not in ("error", "warning") or (span is not None and list(map(type, span)) != [int, int]):
        raise ValueError
    fix = Fix(said["fix"]["value"]) if said["fix"] is not None else None
    code, message, path, hint, excerpt = (str(said[key]) for key in ("code", "message", "path", "hint", "excerpt"))
    return Finding(
        code[:200], message[:_MAX_TEXT], path[:_MAX_TEXT], severity, "", hint[:_MAX_TEXT],
        tuple(span) if span is not None else None, excerpt[:200], fix,
    )  # fmt: skip


def _unchecked(problem: str, text: str) -> Findings:
    return (Finding(f"unchecked.{problem}", text),)


_pools: weakref.WeakSet[_Pool] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for pool in list(_pools):
        pool.close()


def _after_fork() -> None:
    """In a forked child: the workers are the parent's, which still talks to them."""
    for pool in list(_pools):
        for worker in pool._free:  # pyright: ignore[reportPrivateUsage]
            worker._end.detach()  # pyright: ignore[reportPrivateUsage]
            for pipe in (worker._in, worker._out):  # pyright: ignore[reportPrivateUsage]
                pipe.close()
            worker._process.returncode = 0  # pyright: ignore[reportPrivateUsage] - nothing of this process to wait for
        pool.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
