"""The rows of a Casbin adapter, as the text of a policy file: read aside, through Casbin's own loader."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

from handrail.config.settings import CasbinSettings, Settings
from handrail.errors import PolicyError
from handrail.policy.casbin.model import Model


def with_rows(settings: Settings, rows: str | None = None) -> Settings:
    """``settings`` with the rows of their adapter, read now unless they are given; others stay as they are.

    Raises PolicyError where they cannot be read.
    """
    casbin = settings.casbin
    if casbin is None or not casbin.adapter or casbin.texts is not None:
        return settings
    content = settings.sources.get(casbin.model)
    model = content.decode() if content is not None else casbin.model.read_text("utf-8")
    text = read(casbin, model) if rows is None else rows
    digest = hashlib.sha256(f"{settings.digest}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
    return replace(settings, casbin=replace(casbin, texts=(model, text)), digest=digest)


def read(casbin: CasbinSettings, model: str) -> str:
    """The rows of the adapter now, one per line. Raises PolicyError."""
    made = Model(model)
    try:
        _factory(casbin)().load_policy(made.raw)
    except PolicyError:
        raise
    except Exception as error:  # whatever the team's store and its driver may raise
        # its text may hold a password of the store
        raise _error(casbin, f"The adapter {casbin.adapter} could not be read: {type(error).__name__}.") from error
    return "\n".join(
        _line(casbin, (key, *row))
        for section in "pg"
        for key in _keys(made, section)
        for row in made.raw[section][key].policy
    )


def _keys(model: Model, section: str) -> list[str]:
    return sorted(model.keys(section)) if section in model.sections() else []


def _factory(casbin: CasbinSettings) -> Callable[[], Any]:
    module, _, name = casbin.adapter.partition(":")
    try:
        found: Callable[[], Any] = getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise _error(casbin, f"The adapter {casbin.adapter} cannot be imported: {error}.") from error
    return found


def _line(casbin: CasbinSettings, row: tuple[str, ...]) -> str:
    line = ", ".join(row)
    if "\n" in line or "\r" in line or not _reads(line, row):
        raise _error(casbin, f"The adapter {casbin.adapter} has a row that no policy file can have: {row!r:.200}.")
    return line


def _reads(line: str, row: tuple[str, ...]) -> bool:
    try:
        return Model.read_line(line) == row
    except IndexError:
        return False


def _error(casbin: CasbinSettings, problem: str) -> PolicyError:
    hint = "Correct the adapter or its store."
    return PolicyError(problem, file=casbin.place.file, line=casbin.place.line, hint=hint)
