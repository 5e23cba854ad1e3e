"""Tools as agents have them, with the schemas of their arguments, for the cases of the corpus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
FLAG = {"type": "boolean"}


def tool(*needed: str, **properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments; ``needed`` may not be left out."""
    return {"type": "object", "properties": properties, "required": list(needed)}


CURRENCY = {"type": "string", "enum": ["EUR", "CHF", "USD"]}
ADDRESS = {
    "type": "object",
    "properties": {"street": TEXT, "zip": TEXT, "country": {"enum": ["DE", "CH", "AT"]}},
    "required": ["country"],
}

TOOLS: Mapping[str, dict[str, Any] | None] = {
    "refund": tool(
        "order", "amount", "currency",
        order=TEXT, amount={"type": "number", "minimum": 0, "maximum": 10_000}, currency=CURRENCY, reason=TEXT,
        express=FLAG,
    ),
    "wire_money": tool("iban", "amount", iban=TEXT, amount={"type": "number", "exclusiveMinimum": 0}, memo=TEXT),
    "pay_invoice": tool("invoice", "total", invoice=TEXT, total=NUMBER, currency=CURRENCY),
    "read_order": tool("order", order=TEXT),
    "search_orders": tool("query", query=TEXT, limit={"type": "integer", "minimum": 1, "maximum": 100}),
    "send_mail": tool(
        "to", "subject", to={"type": "array", "items": TEXT, "minItems": 1}, subject=TEXT, body=TEXT,
        attachments={"type": "array", "items": {"type": "object", "properties": {"name": TEXT, "bytes": NUMBER}}},
    ),
    "update_address": tool("customer", "address", customer=TEXT, address=ADDRESS),
    "read_file": tool("path", path=TEXT, encoding={"enum": ["utf-8", "latin-1"]}),
    "run_command": tool("command", command=TEXT, timeout={"type": "integer", "minimum": 1, "maximum": 3_600}),
    "deploy": tool(
        "service", "environment", service=TEXT, environment={"enum": ["dev", "staging", "production"]},
        replicas={"type": "integer", "minimum": 1, "maximum": 50}, dry_run=FLAG, version={"const": "latest"},
    ),
    "set_salary": tool("employee", "salary", employee=TEXT, salary={"type": "integer", "minimum": 0}),
    "export_customers": tool(format={"enum": ["csv", "json"]}, fields={"type": "array", "items": TEXT}),
    "set_note": tool("note", note={"anyOf": [TEXT, {"type": "null"}]}, level={"anyOf": [{"type": "integer"}, TEXT]}),
    "call_api": {"type": "object", "properties": {"method": TEXT, "url": TEXT}, "additionalProperties": True},
    "ping": {"type": "object", "properties": {}},
    "undocumented": None,
}  # fmt: skip
"""Name -> JSON Schema of the arguments, None where nobody wrote one."""


def some(*names: str) -> dict[str, dict[str, Any] | None]:
    """These tools only."""
    return {name: TOOLS[name] for name in names}
