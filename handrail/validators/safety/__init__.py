"""What must not be in a text: secrets, personal data, hidden characters, ways out."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "secrets": "secrets:Secrets",
    "path": "file_path:FilePath",
    "shell": "shell:Shell",
    "spreadsheet_formula": "cells:SpreadsheetFormula",
    "public_url": "public_url:PublicUrl",
    "hidden_characters": "hidden:HiddenCharacters",
}
"""Name -> ``MODULE:CLASS`` in this package."""
