"""What must not be in a text: secrets, personal data, hidden characters, ways out."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "default": "defaults:Default",
    "secrets": "secrets:Secrets",
    "path": "file_path:FilePath",
    "shell": "shell:Shell",
    "spreadsheet_formula": "cells:SpreadsheetFormula",
    "outside_links": "outside_links:OutsideLinks",
    "html_free": "html_free:HtmlFree",
    "injection_markers": "injection:InjectionMarkers",
    "personal_data": "personal:PersonalData",
    "presidio": "presidio:Presidio",
    "public_url": "public_url:PublicUrl",
    "hidden_characters": "hidden:HiddenCharacters",
}
"""Name -> ``MODULE:CLASS`` in this package."""
