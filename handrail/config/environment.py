"""The environment variables that Handrail's settings read, in one table, and where files are looked for.

Precedence everywhere: argument > environment > file > default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from handrail.errors import ConfigError

FILE_NAME = "handrail.toml"
"""Name of the file that is looked for."""


@dataclass(frozen=True, slots=True)
class Source:
    """One setting that something besides handrail.toml decides."""

    argument: str
    """Keyword of ``handrail.config.load``; empty when there is none."""
    variable: str
    """Environment variable; an empty value counts as not set."""
    key: str
    """Key in handrail.toml; empty when the file cannot decide it."""
    default: str
    meaning: str


SOURCES = (
    Source(
        "path",
        "HANDRAIL_CONFIG",
        "",
        f"`{FILE_NAME}` in the working directory or the nearest folder above it",
        "Which file is read; a relative path starts at the working directory.",
    ),
    Source("mode", "HANDRAIL_MODE", "mode", "`observe`", "`observe` or `enforce`."),
    Source(
        "",
        "HANDRAIL_DATA",
        "data",
        "`.handrail`",
        "Folder of journal and index; a relative path starts at the folder of handrail.toml, "
        "or at the working directory where there is none.",
    ),
)
"""Every setting that the environment can decide."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One place where handrail.toml was looked for, for ``handrail doctor``."""

    path: Path
    because: str
    """Why this place, in a few words."""
    exists: bool
    chosen: bool
    """Whether this is the file that is used."""


def find(cwd: Path | None = None, *, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The handrail.toml to read: ``HANDRAIL_CONFIG``, else the nearest one in ``cwd`` or above; None without one.

    Raises ConfigError when ``HANDRAIL_CONFIG`` names no file.
    """
    here = (cwd or Path.cwd()).absolute()
    if named := environ.get("HANDRAIL_CONFIG"):
        return _named(here / named)
    return next((path for path in _upwards(here) if _is_file(path)), None)


def _named(path: Path) -> Path:
    path = Path(os.path.normpath(path))
    if not _is_file(path):
        raise ConfigError(
            f"The environment variable HANDRAIL_CONFIG names {path}, which is not a file.",
            hint="Correct the variable or unset it.",
        )
    return path


def _is_file(path: Path) -> bool:
    """Whether a file can be seen there; a folder that may not be searched shows none."""
    try:
        return path.is_file()
    except OSError:
        return False


def _upwards(here: Path) -> list[Path]:
    return [folder / FILE_NAME for folder in (here, *here.parents)]


def places(
    path: Path | str | None = None, *, environ: Mapping[str, str] = os.environ, cwd: Path | None = None
) -> tuple[Candidate, ...]:
    """Every place where the config file was looked for, in order, nearest first. Raises nothing."""
    here = (cwd or Path.cwd()).absolute()
    named = environ.get("HANDRAIL_CONFIG")
    if path is not None:
        looked = [(Path(os.path.normpath(here / path)), "argument")]
    elif named:
        looked = [(Path(os.path.normpath(here / named)), "HANDRAIL_CONFIG")]
    else:
        looked = [(file, "working directory and above") for file in _upwards(here)]
    first = next((file for file, _ in looked if _is_file(file)), None)
    return tuple(Candidate(file, why, _is_file(file), file == first) for file, why in looked)


def data_folder(written: str, *, base: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """The data folder, absolute: ``HANDRAIL_DATA``, else what is ``written`` in the file; relative to ``base``."""
    return Path(os.path.normpath(base.absolute() / (environ.get("HANDRAIL_DATA") or written)))
