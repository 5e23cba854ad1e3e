"""Recorded runs held against validators, in tests: what the test itself recorded, or a recording in the repository."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from handrail.audit.revalidate import Revalidated, past
from handrail.validators.choosing import chosen

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def validate_runs(
    data: Path | str | None = None, config: Path | str | None = None, *, check: str | Sequence[str] = (),
    on: str | None = None, run: str | None = None, since: datetime | None = None,
) -> Revalidated:  # fmt: skip
    """What the checks of ``config``, a handrail.toml, say of the runs that are recorded in ``data``.

    ``data`` is a data folder; by default that of the nearest configuration, or of HANDRAIL_DATA. ``check`` adds
    expressions such as ``iban()``; where there is neither, the nearest handrail.toml counts. ``on`` leaves out all but
    such values (``refund.arguments``, ``answer``), ``run`` all but one run (an id, the beginning of one, or ``last``),
    ``since`` (aware) all that began before. Nothing is recorded.

    Raises ConfigError, and JournalError where nothing was recorded.
    """
    from handrail.config import load

    texts = (check,) if isinstance(check, str) else tuple(check)
    file = Path(config) if config is not None else None
    checks = chosen(file, texts, on)
    folder = Path(data) if data is not None else load(file).data
    return past(folder.absolute(), checks, since=since or _BEGINNING, run=run, replaces=file is not None or not texts)
