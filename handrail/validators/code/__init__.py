"""Whether code would compile, and keeps to what is allowed. Nothing is ever run."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "python": "python:Python",
    "toml": "markup:Toml",
    "well_formed": "well_formed:WellFormed",
    "xml": "markup:Xml",
    "yaml": "yaml_text:Yaml",
}
"""Name -> ``MODULE:CLASS`` in this package."""
