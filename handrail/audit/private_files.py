"""Files for their owner's eyes: copies, scratch folders, and output that appears whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from handrail.audit import oscalls
from handrail.errors import IndexFailure

_SCRATCH = ".handrail-scratch-"
_STALE_SECONDS = 24 * 3600
"""Age at which a scratch folder belongs to a process that was killed."""


def copy_private(source: Path, target: Path) -> None:
    """Copy a regular file to a new one that only its owner can read; no symbolic link is followed.

    Raises OSError, also when ``target`` is there.
    """
    with open(oscalls.open_existing(source), "rb") as old:
        folder = oscalls.open_folder(target.parent)
        try:
            made = oscalls.open_segment(folder, target.name)
        finally:
            oscalls.close(folder)
        with open(made, "wb") as new:
            shutil.copyfileobj(old, new, 1 << 20)


@contextmanager
def scratch(folder: Path) -> Generator[Path]:
    """A private folder inside ``folder`` that is gone afterwards. Raises OSError.

    Sweeps away what killed processes left behind.
    """
    for old in folder.glob(f"{_SCRATCH}*"):
        with suppress(OSError):
            if old.lstat().st_mtime < time.time() - _STALE_SECONDS:
                shutil.rmtree(old)
    with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as made:
        yield Path(made)


def deliver(target: Path, write: Callable[[Path], None], *, force: bool) -> None:
    """Give ``target`` what ``write`` puts into a new file. A symbolic link at ``target`` is never followed.

    Raises IndexFailure when the file is there and ``force`` is false, or when the folder cannot be written.
    """
    try:
        with scratch(target.parent) as folder:
            draft, finished = folder / "draft", folder / "finished"
            write(draft)
            copy_private(draft, finished)
            if force:
                oscalls.rename(finished, target)
            else:
                target.hardlink_to(finished)
    except FileExistsError as error:
        raise IndexFailure(f"{target} is there already. Use --force to replace it, or choose another name.") from error
    except OSError as error:
        raise IndexFailure(f"{target} cannot be written: {error.strerror}. Choose a folder that can be.") from error
