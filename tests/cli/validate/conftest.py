"""The command, called in this process."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from handrail.cli import main


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        return dict(json.loads(self.out))


class Command:
    """Calls ``handrail validate`` and reads what it prints."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> Done:
        """Run it with ``words``; exit code and output."""
        code: object = 0
        try:
            main(["validate", *words])
        except SystemExit as left:
            code = left.code
        out, err = self._capsys.readouterr()
        return Done(int(str(code or 0)), out, err)


@pytest.fixture(name="validate")
def _validate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """``validate("FILE", "--check", "iban()")``."""
    monkeypatch.setenv("NO_COLOR", "1")
    return Command(capsys)
