"""A folder with a handrail.toml in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from handrail.config import Mode, Settings, load

Load = Callable[..., Settings]


@pytest.fixture
def written(tmp_path: Path) -> Load:
    """Write a text as handrail.toml and load it; ``version = 1`` is its first line unless the text has its own."""

    def write_and_load(
        text: str, *, mode: Mode | None = None, environ: Mapping[str, str] | None = None, version: bool = True
    ) -> Settings:
        head = "version = 1\n" if version else ""
        (tmp_path / "handrail.toml").write_text(head + text, encoding="utf-8")
        return load(tmp_path / "handrail.toml", mode=mode, environ=environ or {})

    return write_and_load
