"""What a value is made of: schemas, models, patterns, lengths, languages, encodings, strict JSON."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "encoding": "encoding:Encoding",
    "language": "language:LanguageOf",
    "length": "length:Length",
    "matches": "matches:Matches",
    "model": "models:Model",
    "schema": "json_schema:Schema",
    "strict_json": "strict_json:StrictJson",
}
"""Name -> ``MODULE:CLASS`` in this package."""
