"""Messages, tool definitions, documents and memory records in the JSON form that the GenAI conventions give them.

What comes in is the JSON that a framework's seam put down; forms that are not known pass through as they are. Source:
the JSON schemas beside the conventions (input and output messages, system instructions, tool definitions, retrieval
documents, memory records).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec

JSON = Mapping[str, Any]
_ROLES = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant", "function": "tool", "developer": "system"}
_MODALITIES = {"image", "audio", "video", "document"}


def message(shown: object) -> dict[str, Any]:
    """One message: ``{"role", "parts"}``."""
    if not isinstance(shown, Mapping):
        return {"role": "user", "parts": _parts(shown)}
    given = cast("JSON", shown)
    role = str(given.get("role") or given.get("type") or "user")
    role = _ROLES.get(role, role)
    named = {"name": given["name"]} if role != "tool" and isinstance(given.get("name"), str) else {}
    if isinstance(given.get("parts"), list):
        return {"role": role, "parts": _parts(given["parts"]), **named}
    if role == "tool":
        answered = given.get("tool_call_id") or given.get("id")
        return {"role": role, "parts": [_response(answered, given.get("content"))]}
    calls = [_call(call) for call in _dicts(given.get("tool_calls"))]
    parts = [part for part in _parts(given.get("content")) if not (calls and part["type"] == "tool_call")]
    return {"role": role, "parts": [*parts, *calls], **named}


def answer(shown: object, finish: Sequence[str]) -> dict[str, Any]:
    """A message that a model gave, with why it ended."""
    found = message(shown)
    return {**found, "role": "assistant", "finish_reason": finish[0] if finish else "unknown"}


def instructions(shown: object) -> list[dict[str, Any]]:
    """The parts of a system message."""
    return cast("list[dict[str, Any]]", message(shown)["parts"])


def is_instruction(shown: object) -> bool:
    """Whether a message is one of the system's."""
    return isinstance(shown, Mapping) and message(cast("JSON", shown))["role"] == "system"


def tool_definition(shown: object) -> dict[str, Any]:
    """One tool definition, from a provider's own form of it."""
    given: JSON = cast("JSON", shown) if isinstance(shown, Mapping) else dict[str, Any]()
    inner = given.get("function")
    said: JSON = cast("JSON", inner) if isinstance(inner, Mapping) else given
    kind = str(given.get("type") or "function")
    found: dict[str, Any] = {"type": kind, "name": str(said.get("name") or kind)}
    parameters = next((said[key] for key in ("parameters", "input_schema", "args_schema") if key in said), None)
    extra = {"description": said.get("description"), "parameters": parameters}
    return found | {key: value for key, value in extra.items() if value is not None}


def document(shown: object) -> dict[str, Any]:
    """One document that was found: its id is text, or left out."""
    found: dict[str, Any] = dict(cast("JSON", shown)) if isinstance(shown, Mapping) else {"content": shown}
    name = found.pop("id", None)
    return found if name is None else {"id": str(name), **found}


def memory_record(shown: object) -> dict[str, Any]:
    """One record of a memory."""
    if isinstance(shown, Mapping) and "content" in shown:
        return document(cast("JSON", shown))
    return {"content": shown}


def decoded(body: bytes) -> Any:
    """The value of a payload; None where it is empty."""
    return msgspec.json.decode(body) if body else None


def encoded(value: object) -> str:
    """``value`` as JSON text; what is no JSON is told by its type."""
    return msgspec.json.encode(value, enc_hook=_type).decode()


def text(body: bytes) -> str:
    """A payload as text: a string as it is, anything else as JSON."""
    return str(decoded(body)) if body.startswith(b'"') else body.decode()


def text_of(parts: Iterable[JSON]) -> str:
    """The texts of a message's parts, one after the other."""
    return "".join(str(part.get("content", "")) for part in parts if part.get("type") == "text")


def _type(value: object) -> str:
    return type(value).__name__


def _parts(content: object) -> list[dict[str, Any]]:
    if content is None or content == "":
        return []
    if isinstance(content, list):
        return [_part(block) for block in cast("list[object]", content)]
    return [_part(content)]


def _part(block: object) -> dict[str, Any]:
    if not isinstance(block, Mapping):
        return {"type": "text", "content": block if isinstance(block, str) else encoded(block)}
    given: dict[str, Any] = dict(cast("JSON", block))
    kind = str(given.get("type") or "text")
    if kind in ("text", "input_text", "output_text") and "content" not in given:
        return {"type": "text", "content": str(given.get("text", ""))}
    if kind in ("thinking", "reasoning"):
        said = given.get("content") or given.get(kind) or given.get("text") or given.get("summary") or ""
        return {"type": "reasoning", "content": said if isinstance(said, str) else encoded(said)}
    if kind in ("tool_use", "tool_call"):
        return _call(given)
    return _media(kind, given) or {**given, "type": kind}


def _media(kind: str, given: JSON) -> dict[str, Any] | None:
    if kind in ("image_url", "input_image"):
        where = given.get("image_url")
        return _reference("image", str(cast("JSON", where).get("url") if isinstance(where, Mapping) else where))
    if kind not in _MODALITIES:
        return None
    mime = {"mime_type": given["mime_type"]} if isinstance(given.get("mime_type"), str) else {}
    if given.get("url"):
        return _reference(kind, str(given["url"])) | mime
    data = given.get("base64") or given.get("data")
    return {"type": "blob", "modality": kind, "content": str(data), **mime} if data else None


def _reference(modality: str, url: str) -> dict[str, Any]:
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:"):
        mime = head.removeprefix("data:").partition(";")[0]
        return {"type": "blob", "modality": modality, "mime_type": mime, "content": data}
    return {"type": "uri", "modality": modality, "uri": url}


def _call(given: JSON) -> dict[str, Any]:
    inner = given.get("function")
    said: JSON = cast("JSON", inner) if isinstance(inner, Mapping) else given
    arguments = next((said[key] for key in ("args", "arguments", "input") if key in said), None)
    name = str(given["id"]) if given.get("id") else None
    return {"type": "tool_call", "id": name, "name": str(said.get("name") or ""), "arguments": arguments}


def _response(call: object, content: object) -> dict[str, Any]:
    return {"type": "tool_call_response", "id": str(call) if call else None, "response": content}


def _dicts(value: object) -> list[JSON]:
    items = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("JSON", item) for item in items if isinstance(item, Mapping)]
