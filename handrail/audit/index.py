"""The DuckDB index: derived from the journal, made again when lost. Agents never open it; what is in it: fold.py.

Whoever reads takes the file lock ``index.lock``: exclusively to fold new records, shared for a short query.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from handrail.audit import oscalls
from handrail.audit.fold import CHUNK_BYTES, Folded, fold
from handrail.audit.private_files import copy_private, scratch
from handrail.audit.schema import OtherFormat, make, require_format
from handrail.errors import IndexFailure, JournalError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

log = logging.getLogger(__name__)

_T = TypeVar("_T")
_Config = dict[str, str | bool | int | float | list[str]]
Params = Sequence[object] | Mapping[str, object]
ENVIRONMENT = "HANDRAIL_INDEX"
"""Names the folder of the index where it is not to lie beside the journal."""
MEMORY = "1GB"
"""Most memory that one fold or query takes; what needs more goes to files beside the index."""
_LIMITS: _Config = {
    "threads": 2,
    "memory_limit": MEMORY,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_SEALED = _LIMITS | {"enable_external_access": False}
_WRITING = _SEALED | {"storage_compatibility_version": "v1.5.0"}
"""Both duckdb 1.5 and 2.x read what is written so."""
_LOCK = "index.lock"
_TURN = "turn.lock"
"""Held while one waits for the index lock: a stream of readers cannot keep a fold waiting for ever."""
_POLL_SECONDS = 0.002
_REST_SECONDS = 0.01
"""Pause between two chunks of a fold, in which waiting readers get their turn."""
_BATCH_ROWS = 10_000
_NOT_DAMAGE = ("Could not set lock", "No space left", "Permission denied", "Read-only file system")


class Queries(Protocol):
    """Anything that answers static queries: the index, an open connection to it, a copy."""

    def query(self, sql: str, params: Params = ()) -> list[dict[str, object]]:
        """The rows of a static statement, as column -> value."""
        ...


class Index:
    """The index of one data folder. Safe for threads and processes: each call opens and closes what it needs.

    ``data`` is the folder that holds ``journal``; the index lies in ``folder``, else in the folder that
    HANDRAIL_INDEX names, else in ``data/index``. In a folder that others can enter it gets a private one of
    its own, ``handrail-index``.
    """

    def __init__(self, data: Path, *, folder: Path | None = None) -> None:
        self.data = data
        named = os.environ.get(ENVIRONMENT)
        self.folder = _private(folder or (Path(named) if named else data / "index"))

    @property
    def path(self) -> Path:
        """The index file."""
        return self.folder / "index.duckdb"

    def refresh(self, *, block: bool = False) -> int:
        """Fold what the journal has gained; the number of records folded.

        Returns 0 without waiting while another process folds, unless ``block`` is set. An index that is
        damaged or of another format is made again. Raises IndexFailure when it cannot be written.
        """
        self._make_folder()
        total = 0
        while True:
            with self._exclusive(wait=block) as ours:
                if not ours:
                    return total
                folded = self._attempt(lambda: self._fold(self.path), self._discard)
            total += folded.records
            if not folded.more:
                return total
            time.sleep(_REST_SECONDS)

    def query(self, sql: str, params: Params = ()) -> list[dict[str, object]]:
        """The rows of a static statement, as column -> value; values only through ``params`` (``?`` or ``$name``).

        Raises IndexFailure when the statement is wrong or the index can neither be read nor made again.
        """
        return self._reading(lambda: _rows(self.path, sql, params))

    def read(self, work: Callable[[Queries], _T]) -> _T:
        """What ``work`` makes of several queries through one short connection; it may be called twice.

        Whoever folds waits meanwhile. Raises IndexFailure as ``query`` does.
        """

        def attempt() -> _T:
            with _connection(self.path, _SEALED, read_only=True) as con:
                require_format(con)
                return work(_Open(con))

        return self._reading(attempt)

    def rebuild(self, progress: Callable[[int, int], None] | None = None) -> int:
        """Make the index again from the journal, beside the old one, which stays readable until the end.

        ``progress`` is called with the bytes folded and the bytes there are. Returns the records folded.
        Raises IndexFailure when the folder cannot be written.
        """
        import duckdb

        self._make_folder()
        try:
            with oscalls.locked(self.folder / "rebuild.lock", wait=True), scratch(self.folder) as room:
                fresh = room / "fresh.duckdb"
                records = self._fold_all(fresh, progress or _quiet)
                with self._exclusive(wait=True):
                    records += self._fold_all(fresh, _quiet)
                    # a write-ahead log of the old file would be replayed into the new one
                    oscalls.remove(_wal(self.path))
                    oscalls.rename(fresh, self.path)
                return records
        except duckdb.Error as error:
            raise IndexFailure(f"{self.folder}: the index cannot be made: {_first_line(error)}") from error
        except OSError as error:
            raise self._unwritable(error) from error

    @contextmanager
    def snapshot(self) -> Generator[Snapshot]:
        """A private copy of the index as it is now, for long reads that nobody shall wait for."""
        self._make_folder()
        with ExitStack() as stack:
            try:
                room = stack.enter_context(scratch(self.folder))
            except OSError as error:
                raise self._unwritable(error) from error
            yield self._reading(lambda: stack.enter_context(_copied(self.path, room)))

    @contextmanager
    def copy(self) -> Generator[Path]:
        """The file of a private copy of the index as it is now, gone afterwards: for another process to read.

        Raises IndexFailure where the index can neither be read nor made again.
        """
        self._make_folder()
        with ExitStack() as stack:
            try:
                room = stack.enter_context(scratch(self.folder))
            except OSError as error:
                raise self._unwritable(error) from error
            yield self._reading(lambda: _copy(self.path, room))

    def _fold_all(self, fresh: Path, progress: Callable[[int, int], None]) -> int:
        records, done = 0, 0
        while True:
            folded = self._fold(fresh)
            records += folded.records
            done += folded.bytes
            progress(done, done + folded.left)
            if not folded.more:
                return records

    def _fold(self, path: Path) -> Folded:
        if not path.exists():
            self._create(path)
        with _connection(path, _WRITING) as con:
            require_format(con)
            return fold(con, self.data, CHUNK_BYTES)

    def _create(self, path: Path) -> None:
        oscalls.remove(_wal(path))
        with scratch(self.folder) as room:
            with _connection(room / "empty.duckdb", _WRITING) as con:
                make(con)
            # DuckDB makes files by the umask; a file that is there keeps its permissions
            copy_private(room / "empty.duckdb", room / "private.duckdb")
            oscalls.rename(room / "private.duckdb", path)

    def _discard(self, error: Exception) -> None:
        log.warning("%s is not usable (%s); it is made again from the journal.", self.path, _first_line(error))
        oscalls.remove(_wal(self.path))
        oscalls.remove(self.path)

    def _attempt(self, work: Callable[[], _T], repair: Callable[[Exception], None]) -> _T:
        """``work()``; where the index is missing, damaged or outdated, once more after ``repair``."""
        import duckdb

        try:
            try:
                return work()
            except (duckdb.Error, OtherFormat, FileNotFoundError) as error:
                if not _is_unusable(error):
                    raise
                repair(error)
            return work()
        except (duckdb.Error, OtherFormat) as error:
            raise IndexFailure(f"{self.path}: {_first_line(error)}") from error
        except OSError as error:
            raise self._unwritable(error) from error

    def _reading(self, read: Callable[[], _T]) -> _T:
        return self._attempt(lambda: self._read_shared(read), self._repair)

    def _read_shared(self, read: Callable[[], _T]) -> _T:
        with self._shared():
            before = _identity(self.path)
            try:
                return read()
            except Exception as error:
                error.__dict__["handrail_index"] = before
                raise

    def _repair(self, error: Exception) -> None:
        """Fold anew, unless another process has replaced the file that caused ``error`` meanwhile."""
        self._make_folder()
        with self._exclusive(wait=True):
            if self.path.exists() and _identity(self.path) == error.__dict__.get("handrail_index"):
                self._discard(error)
        self.refresh(block=True)

    def _make_folder(self) -> None:
        try:
            oscalls.make_folder(self.folder)
        except JournalError as error:
            raise IndexFailure(f"{error} For the index alone: set {ENVIRONMENT}.") from error

    def _unwritable(self, error: OSError) -> IndexFailure:
        return IndexFailure(
            f"{error.filename or self.folder}: {error.strerror or error}. "
            f"Name a folder that this user can write to with --index or {ENVIRONMENT}."
        )

    @contextmanager
    def _exclusive(self, *, wait: bool) -> Generator[bool]:
        with ExitStack() as stack:
            try:
                with oscalls.locked(self.folder / _TURN, wait=wait) as turn:
                    ours = turn and stack.enter_context(oscalls.locked(self.folder / _LOCK, wait=wait))
            except OSError as error:
                raise self._unwritable(error) from error
            yield ours

    @contextmanager
    def _shared(self) -> Generator[None]:
        with ExitStack() as stack, ExitStack() as turn:
            try:
                turn.enter_context(oscalls.locked(self.folder / _TURN, wait=True))
            except OSError as error:
                # in a folder that is read-only nobody folds, and nobody has to take turns
                if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
                    raise
            fd = oscalls.open_existing(self.folder / _LOCK)
            stack.callback(oscalls.close, fd)
            while not oscalls.try_lock(fd, shared=True):
                time.sleep(_POLL_SECONDS)
            turn.close()
            yield


class _Open:
    """An open connection for several queries."""

    def __init__(self, con: DuckDBPyConnection) -> None:
        self._con = con

    def query(self, sql: str, params: Params = ()) -> list[dict[str, object]]:
        return _fetch(self._con, sql, params)


class Snapshot:
    """A private copy of the index. Its reads hold no lock; it is gone when its context ends."""

    def __init__(self, con: DuckDBPyConnection) -> None:
        self._con = con

    def query(self, sql: str, params: Params = ()) -> list[dict[str, object]]:
        """The rows of a static statement, as column -> value. Raises IndexFailure."""
        with _told():
            return _fetch(self._con, sql, params)

    def stream(self, sql: str, params: Params = ()) -> Iterator[tuple[object, ...]]:
        """The names of a statement's columns, then its rows, a batch at a time. Raises IndexFailure."""
        with _told():
            self._con.execute(sql, params)
            yield tuple(column[0] for column in self._con.description or ())
            while rows := self._con.fetchmany(_BATCH_ROWS):
                yield from rows

    def write_parquet(self, sql: str, params: Params, target: Path) -> None:
        """The rows of a static statement as one Parquet file. Raises IndexFailure."""
        with _told():
            self._con.sql(sql, params=params).write_parquet(str(target), compression="zstd")


@contextmanager
def _told() -> Generator[None]:
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise IndexFailure(f"The copy of the index cannot be read: {_first_line(error)}") from error


@contextmanager
def _connection(path: Path, config: _Config, *, read_only: bool = False) -> Generator[DuckDBPyConnection]:
    import duckdb

    con = duckdb.connect(path, read_only=read_only, config=config)
    try:
        yield con
    finally:
        con.close()


@contextmanager
def _copied(path: Path, room: Path) -> Generator[Snapshot]:
    copy = _copy(path, room)
    with _connection(copy, _LIMITS, read_only=True) as con:
        require_format(con)
        con.execute("SELECT * FROM checksum").fetchall()  # a damaged block shows now, not in the middle of a long read
        # the open file stays readable; what a killed process leaves behind is an empty folder
        oscalls.remove(copy)
        oscalls.remove(_wal(copy))
        yield Snapshot(con)


def _copy(path: Path, room: Path) -> Path:
    copy = room / "copy.duckdb"
    for left in (copy, _wal(copy)):  # of an attempt that met a damaged file
        oscalls.remove(left)
    copy_private(path, copy)
    if _wal(path).exists():
        copy_private(_wal(path), _wal(copy))
    return copy


def _rows(path: Path, sql: str, params: Params) -> list[dict[str, object]]:
    with _connection(path, _SEALED, read_only=True) as con:
        require_format(con)
        return _fetch(con, sql, params)


def _fetch(con: DuckDBPyConnection, sql: str, params: Params) -> list[dict[str, object]]:
    con.execute(sql, params)
    names = [column[0] for column in con.description or ()]
    return [dict(zip(names, row, strict=True)) for row in con.fetchall()]


def _quiet(done: int, total: int) -> None:
    """Where nobody watches."""


def _private(folder: Path) -> Path:
    # DuckDB makes its write-ahead log by the umask, so the folder has to keep others out
    shared = folder.is_dir() and folder.stat().st_mode & 0o077
    return folder / "handrail-index" if shared else folder


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}.wal")


def _identity(path: Path) -> int:
    try:
        return path.lstat().st_ino
    except FileNotFoundError:
        return 0


def _is_unusable(error: Exception) -> bool:
    """Whether ``error`` says that the file is damaged, missing or of another format, not that a caller erred."""
    import duckdb

    if not isinstance(error, duckdb.Error):
        return True
    # DuckDB raises the base class itself for a failed checksum
    damage = type(error) is duckdb.Error or isinstance(
        error, (duckdb.IOException, duckdb.InternalException, duckdb.SerializationException, duckdb.FatalException)
    )
    return damage and not any(text in str(error) for text in _NOT_DAMAGE)


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0]
