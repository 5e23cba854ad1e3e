"""The options by which commands find configuration, journal and index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

_Command = TypeVar("_Command", bound=Callable[..., object])


def config_option(function: _Command) -> _Command:
    """``--config FILE``"""
    return click.option(
        "--config", "path", type=click.Path(path_type=Path), help="A handrail.toml [default: the nearest one]."
    )(function)


def data_option(function: _Command) -> _Command:
    """``--data FOLDER``"""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the journal [default: `data` of handrail.toml, or HANDRAIL_DATA].",
    )(function)


def index_option(function: _Command) -> _Command:
    """``--index FOLDER``"""
    return click.option(
        "--index",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder of the index [default: HANDRAIL_INDEX, or `index` beside the journal].",
    )(function)


def folder_of(data: Path | None, config: Path | None = None) -> Path:
    """The data folder: ``data``, else what ``config`` or the nearest configuration says. Raises ConfigError."""
    if data is not None:
        return data.absolute()
    from handrail.config import load

    return load(config).data


def journal_of(data: Path | None, config: Path | None = None) -> Path:
    """The data folder, like :func:`folder_of`, of a journal that is there. Raises JournalError where it is not."""
    from handrail.audit.format import JOURNAL
    from handrail.errors import JournalError

    folder = folder_of(data, config)
    if not (folder / JOURNAL).is_dir():
        raise JournalError(
            f"{folder}: there is no journal here. Name its folder with --data, or record something first: "
            "handrail demo, or handrail run APP.PY."
        )
    return folder
