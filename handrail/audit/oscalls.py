"""The one place for the operating system: opening, appending, locking, syncing, permissions. No format here.

Every call is bound when this module is imported, from below ``os``. An append is a few microseconds in the page
cache, and a detector that swaps out ``os.write``, perhaps before we are imported, to find blocking calls in an
event loop would flag each of them.
"""

from __future__ import annotations

import errno
import os
import stat as _stat_bits
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from typing import TYPE_CHECKING

from handrail.errors import JournalError, JournalFull, NotSupported

try:
    import fcntl
except ImportError:  # Windows has no flock
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    import os as _os
else:
    _os = sys.modules.get("posix", os)

can_lock = fcntl is not None
"""Whether this platform has ``flock``, by which a living writer is told from a dead one."""
MOUNTS = "/proc/self/mountinfo"
"""Where Linux lists the mounted file systems; other systems lack it and are trusted to be local."""
NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afs", "fuse.sshfs", "fuse.rclone"})
"""File systems on which appends and locks of several machines do not hold together."""
FILE_MODE, FOLDER_MODE = 0o600, 0o700
"""Permissions of what is made here: its owner only."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NOFOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)
_NONBLOCK: int = getattr(os, "O_NONBLOCK", 0)
_DIRECTORY: int = getattr(os, "O_DIRECTORY", 0)
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | _NOFOLLOW | _CLOEXEC
_LOCK_TRIES, _LOCK_PAUSE = 200, 0.001
_CHUNK = 1 << 20

write = _os.write
read = _os.read
close = _os.close
stat = _os.stat
_open, _mkdir, _lstat, _fstat, _scandir = _os.open, _os.mkdir, _os.lstat, _os.fstat, _os.scandir
_ftruncate, _unlink, _replace, _fsync, _sleep = _os.ftruncate, _os.unlink, _os.replace, _os.fsync, time.sleep
_geteuid, _fchmod = getattr(_os, "geteuid", int), getattr(_os, "fchmod", os.chmod)
_fchown, _sync = getattr(_os, "fchown", None), getattr(_os, "sync", int)
_lseek, _link, _access, _utime = _os.lseek, _os.link, _os.access, _os.utime
_fdatasync = getattr(_os, "fdatasync", _os.fsync)
_flock = fcntl.flock if fcntl is not None else None


def pause(seconds: float) -> None:
    """Wait a moment, also where a detector of blocking calls watches ``time.sleep``."""
    if _os is os:  # no POSIX: select takes sockets only there
        _sleep(seconds)
    else:
        select((), (), (), seconds)


def require_locks() -> None:
    """Raise NotSupported where a living writer cannot be told from a dead one."""
    if not can_lock:
        raise NotSupported(
            "This platform has no file locks (fcntl): the journal cannot be kept safely for several processes. "
            "Run on Linux or macOS, or use mode observe."
        )


def make_folder(path: Path) -> None:
    """Make ``path`` and its missing parents, for the owner only. Raises JournalError.

    A symbolic link as last component is refused: whoever planted it chooses where the records go.
    """
    try:
        _make(path)
        mode = _lstat(path).st_mode
    except OSError as error:
        raise unusable(path, error) from error
    if not _stat_bits.S_ISDIR(mode):
        what = "a symbolic link" if _stat_bits.S_ISLNK(mode) else "not a folder"
        raise JournalError(f"{path}: is {what}. Remove it, or set `data` (or HANDRAIL_DATA) to a real folder.")


def _make(path: Path) -> None:
    with suppress(FileExistsError):
        try:
            _mkdir(path, FOLDER_MODE)
        except FileNotFoundError:
            if path.parent == path:
                raise
            _make(path.parent)
            _mkdir(path, FOLDER_MODE)


def refuse_network(path: Path) -> None:
    """Raise JournalError where ``path`` lies on a network file system."""
    kind = file_system(_lstat(path).st_dev)
    if kind in NETWORK:
        raise JournalError(
            f"{path}: lies on a network file system ({kind}), where appends and locks do not hold. "
            "Set `data` (or HANDRAIL_DATA) to a folder on a local disk."
        )


def file_system(device: int) -> str:
    """Type of the mounted file system with this ``st_dev``, such as ``ext4``; empty when unknown."""
    number = f"{os.major(device)}:{os.minor(device)}".encode() if hasattr(os, "major") else b""
    try:
        mounts = read_file(Path(MOUNTS))
    except OSError:
        return ""
    for line in mounts.splitlines():
        # "36 35 98:0 /root /mount options optional... - type source options": see proc_pid_mountinfo(5)
        fields, _, rest = line.partition(b" - ")
        if fields.split()[2:3] == [number]:
            return rest.split(b" ", 1)[0].decode("ascii", "replace")
    return ""


def open_folder(path: Path) -> int:
    """A descriptor of a folder that is not a symbolic link. Raises OSError."""
    return _open(path, os.O_RDONLY | _DIRECTORY | _NOFOLLOW | _CLOEXEC)


def open_segment(folder: int, name: str) -> int:
    """Make a new file in an opened folder, to be appended to by its owner only. Raises OSError."""
    return _open(name, _APPEND, FILE_MODE, dir_fd=folder)


def open_existing(path: Path, *, writing: bool = False) -> int:
    """Open a regular file, never through a symbolic link. Raises OSError."""
    # without O_NONBLOCK a planted FIFO would hold the reader for ever
    fd = _open(path, (os.O_RDWR if writing else os.O_RDONLY) | _NOFOLLOW | _CLOEXEC | _NONBLOCK)
    if _stat_bits.S_ISREG(_fstat(fd).st_mode):
        return fd
    close(fd)
    raise OSError(errno.EINVAL, "is not a regular file", str(path))


def open_shared(path: Path) -> int:
    """Open a file that processes share for its locks, and make it where there is none. Raises OSError."""
    return _open(path, os.O_RDWR | os.O_CREAT | _NOFOLLOW | _CLOEXEC, FILE_MODE)


def append(fd: int, line: bytes, size: int, name: str) -> None:
    """Append ``line`` whole to a file of ``size`` bytes, or leave the file as it was.

    Raises JournalFull without space and JournalError for other faults. An OSError means that the file could
    not be put back either and may end in part of the line.
    """
    try:
        done = write(fd, line)
    except OSError as error:
        _ftruncate(fd, size)
        raise (full(name) if error.errno in _FULL else unusable(name, error)) from error
    if done != len(line):
        _ftruncate(fd, size)
        raise full(name)


def full(name: object) -> JournalFull:
    """The error for a disk without space."""
    return JournalFull(
        f"{name}: no space left; the record was taken back. Free some space: recording resumes by itself."
    )


def unusable(name: object, error: OSError) -> JournalError:
    """The error for a file or folder that the system refuses."""
    if error.errno in _FULL:
        return full(name)
    return JournalError(
        f"{name}: {error.strerror or error}. Make the folder writable for this user, "
        "or set `data` (or HANDRAIL_DATA) to one that is."
    )


def lock_new(fd: int, name: str) -> None:
    """Take the lock by which a new segment's writer is known to live. Raises JournalError."""
    for _ in range(_LOCK_TRIES):
        if try_lock(fd):
            return
        pause(_LOCK_PAUSE)  # a reader that looks whether we live holds it for some microseconds
    raise JournalError(f"{name}: another process holds the lock of this new segment. Look who opened it (lsof).")


def try_lock(fd: int, *, shared: bool = False) -> bool:
    """Lock an opened file without waiting; False when another holds it. True where there are no locks."""
    if _flock is None or fcntl is None:
        return True
    try:
        _flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path, *, wait: bool, shared: bool = False) -> Generator[bool, None, None]:
    """Hold the lock file ``path`` exclusively; yields False when another holds it and ``wait`` is false.

    With ``shared`` it gets the folder's permissions for its group.
    """
    fd = _open(path, os.O_RDWR | os.O_CREAT | _NOFOLLOW | _CLOEXEC, FILE_MODE)
    try:
        if shared:
            share(fd, path.parent)
        if wait and _flock is not None and fcntl is not None:
            _flock(fd, fcntl.LOCK_EX)
        yield wait or try_lock(fd)
    finally:
        close(fd)


def sync_data(fd: int) -> None:
    """Wait until the bytes of an opened file are on the disk. Raises OSError."""
    _fdatasync(fd)


def sync_all() -> None:
    """Wait until everything that was written is on the disk, whoever wrote it."""
    _sync()


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk. Raises OSError."""
    fd = open_folder(path)
    try:
        _fsync(fd)
    finally:
        close(fd)


def size_of(fd: int) -> int:
    """Bytes in an opened file."""
    return _fstat(fd).st_size


def size_at(path: Path) -> int:
    """Bytes in a file that is not opened. Raises OSError."""
    return _lstat(path).st_size


def stamp_at(path: str) -> tuple[int, int, int] | None:
    """Inode of what stands at ``path``, links not followed, and when it (ctime) and its content (mtime) last changed.

    Times are nanoseconds since 1970. None when nothing is there; any other fault raises OSError.
    """
    try:
        found = _lstat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_ctime_ns, found.st_mtime_ns


def stamp(fd: int) -> tuple[int, int, int]:
    """As `stamp_at`, of an opened file."""
    found = _fstat(fd)
    return found.st_ino, found.st_ctime_ns, found.st_mtime_ns


def touch(fd: int, at: int | None = None) -> None:
    """Give an opened file the present, or ``at`` (ns since the epoch), for the time of its last change.

    Does nothing when it is somebody else's.
    """
    with suppress(PermissionError):
        if at is None:
            _utime(fd)
        else:
            _utime(fd, ns=(at, at))


def owner(fd: int) -> int:
    """Number of the user that an opened file belongs to."""
    return _fstat(fd).st_uid


def owner_at(path: Path) -> int:
    """Number of the user that what stands at ``path`` belongs to. Raises OSError."""
    return _lstat(path).st_uid


def user() -> int:
    """Number of the user that this process acts as."""
    return int(_geteuid())


def give(fd: int, uid: int) -> None:
    """Make an opened file another user's, which only root may. Raises OSError."""
    if uid != owner(fd) and _fchown is not None:
        _fchown(fd, uid, -1)


def share(fd: int, folder: Path) -> None:
    """Give an opened file of this user the permissions that its folder has for its group: none, unless it was told."""
    allowed = _lstat(folder).st_mode & 0o060
    if allowed and owner(fd) == _geteuid():
        _fchmod(fd, FILE_MODE | allowed)


def identity(fd: int) -> tuple[int, int, int]:
    """Device, inode and size of an opened file."""
    found = _fstat(fd)
    return found.st_dev, found.st_ino, found.st_size


def is_open_to_others(fd: int) -> bool:
    """Whether the permissions of an opened file let others than its owner in."""
    return bool(_fstat(fd).st_mode & 0o077)


def is_deleted(fd: int) -> bool:
    """Whether the opened file has no name any more: what is written to it is lost."""
    return _fstat(fd).st_nlink == 0


def read_at(fd: int, length: int, offset: int) -> bytes:
    """Up to ``length`` bytes at ``offset``; fewer only at the end of the file."""
    pieces: list[bytes] = []
    _lseek(fd, offset, os.SEEK_SET)
    while length > 0:
        piece = read(fd, min(length, _CHUNK))
        if not piece:
            break
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def read_file(path: Path) -> bytes:
    """The whole of a regular file, never through a symbolic link. Raises OSError."""
    fd = open_existing(path)
    try:
        return read_at(fd, sys.maxsize, 0)
    finally:
        close(fd)


def exists(path: str) -> bool:
    """Whether there is something at ``path``; costs no exception when there is not. A bad name names nothing."""
    return "\0" not in path and _access(path, os.F_OK)


def names_in(path: Path) -> list[str]:
    """Names in a folder, sorted; none when it does not exist. Raises OSError."""
    try:
        with _scandir(path) as entries:
            return sorted(entry.name for entry in entries)
    except FileNotFoundError:
        return []


def remove(path: Path) -> None:
    """Remove a file; one that is gone already is no error. Raises OSError."""
    try:
        _unlink(path)
    except FileNotFoundError:
        return


def link(source: Path, target: Path) -> None:
    """Give a finished file a further name. Raises OSError, FileExistsError when the name is taken."""
    _link(source, target)


def rename(source: Path, target: Path) -> None:
    """Give a finished file its name, in one step. Raises OSError."""
    _replace(source, target)
