"""Every ``CASES`` below tests/validators: validator name -> its cases."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.validators.cases import Cases

_HERE = Path(__file__).parent


def collected() -> dict[str, list[Cases]]:
    """Name -> cases, from every ``cases*.py`` in the rooms' folders."""
    found: dict[str, list[Cases]] = {}
    for file in sorted(_HERE.glob("*/cases*.py")):
        module = import_module(f"tests.validators.{file.parent.name}.{file.stem}")
        for name, cases in module.CASES.items():
            found.setdefault(name, []).extend([cases] if isinstance(cases, Cases) else cases)
    return found
