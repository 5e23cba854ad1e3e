"""Content on a span, after the GenAI semantic conventions: asked for only where content is switched on.

Pure functions of payloads in JSON types. A model's span carries what is new since the agent's previous call and a
reference to the rest, never the whole history: over a run each message is there once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from handrail.tracing import messages
from handrail.tracing.genai import Facts


def content(kind: str, field: str, body: bytes, facts: Facts) -> dict[str, Any]:
    """Attributes for the payload ``field``, which is ``body`` in JSON; ``facts`` are those known so far."""
    name = _CONTENT.get((kind, field), f"handrail.{kind}.{field}")
    shape = _SHAPES.get(name)
    return {name: messages.encoded(shape(messages.decoded(body), facts)) if shape else messages.text(body)}


def asked(added: Sequence[bytes], facts: Facts, tools: Sequence[Any] = ()) -> dict[str, Any]:
    """Attributes for a model's input: the messages ``added`` to those of the agent's previous call, each in JSON.

    ``facts`` are ``prev`` and ``keep`` of the record. System messages and tool definitions stand where they are new.
    """
    read = [messages.decoded(body) for body in added]
    system = [part for one in read if messages.is_instruction(one) for part in messages.instructions(one)]
    shown = [messages.message(one) for one in read if not messages.is_instruction(one)]
    found: dict[str, Any] = {}
    if system:
        found["gen_ai.system_instructions"] = messages.encoded(system)
    if shown:
        found["gen_ai.input.messages"] = messages.encoded(shown)
    if tools:
        found["gen_ai.tool.definitions"] = messages.encoded([messages.tool_definition(one) for one in tools])
    if facts.get("prev"):
        found |= {"handrail.messages.prev": facts["prev"], "handrail.messages.keep": facts["keep"]}
    return found


def _many(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else [value]


def _documents(value: object, facts: Facts) -> Any:
    return [messages.document(one) for one in _many(value)]


def _records(value: object, facts: Facts) -> Any:
    many = _many(value)
    return [messages.memory_record(one) for one in many]


def _input(value: object, facts: Facts) -> Any:
    many = _many(value)
    return [messages.message(one) for one in many]


def _output(value: object, facts: Facts) -> Any:
    many = _many(value)
    return [messages.answer(one, facts.get("finish") or ()) for one in many]


_CONTENT = {
    ("agent", "description"): "gen_ai.agent.description",
    ("create", "description"): "gen_ai.agent.description",
    ("create", "instructions"): "gen_ai.system_instructions",
    ("fetch", "output"): "gen_ai.output.messages",
    ("mcp", "args"): "gen_ai.tool.call.arguments",
    ("mcp", "result"): "gen_ai.tool.call.result",
    ("memory", "query"): "gen_ai.memory.query.text",
    ("memory", "records"): "gen_ai.memory.records",
    ("memory", "result"): "gen_ai.memory.records",
    ("memory", "value"): "gen_ai.memory.records",
    ("model", "output"): "gen_ai.output.messages",
    ("plan", "plan"): "handrail.plan.text",
    ("retrieval", "documents"): "gen_ai.retrieval.documents",
    ("retrieval", "query"): "gen_ai.retrieval.query.text",
    ("run", "description"): "gen_ai.agent.description",
    ("tool", "args"): "gen_ai.tool.call.arguments",
    ("tool", "description"): "gen_ai.tool.description",
    ("tool", "rationale"): "handrail.rationale.text",
    ("tool", "result"): "gen_ai.tool.call.result",
    ("workflow", "input"): "gen_ai.input.messages",
    ("workflow", "output"): "gen_ai.output.messages",
}
"""Kind of step and payload -> the attribute that shows it; any other is ``handrail.KIND.FIELD``."""
_SHAPES: Mapping[str, Callable[[Any, Facts], Any]] = {
    "gen_ai.input.messages": _input,
    "gen_ai.output.messages": _output,
    "gen_ai.system_instructions": lambda value, facts: messages.instructions(value),
    "gen_ai.retrieval.documents": _documents,
    "gen_ai.memory.records": _records,
}
