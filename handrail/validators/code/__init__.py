"""Whether code would compile, and keeps to what is allowed. Nothing is ever run."""

from __future__ import annotations

from collections.abc import Mapping

VALIDATORS: Mapping[str, str] = {
    "javascript": "javascript:Javascript",
    "python": "python:Python",
    "sql": "sql:Sql",
    "sql_bounded": "sql_bounded:SqlBounded",
    "sql_read_only": "sql:SqlReadOnly",
    "sql_tables": "sql_tables:SqlTables",
    "sql_tenant": "sql_tenant:SqlTenant",
    "toml": "markup:Toml",
    "well_formed": "well_formed:WellFormed",
    "xml": "markup:Xml",
    "yaml": "yaml_text:Yaml",
}
"""Name -> ``MODULE:CLASS`` in this package."""
