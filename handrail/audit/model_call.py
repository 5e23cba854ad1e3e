"""One call of a model, as a seam describes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from handrail.tracing.why import Said


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One call of a model."""

    provider: str
    """Well-known provider name of the GenAI conventions, such as ``openai``."""
    model: str
    """The model that was asked for."""
    messages: Sequence[Any]
    """The whole input, oldest first, as the framework's own objects."""
    show: Callable[[Any], object]
    """Turns one of ``messages`` into JSON types."""
    system: Callable[[Any], str | None]
    """Text of a message that belongs to the prompt template, or None."""
    said: Callable[[Any], Said] = lambda message: Said()
    """Tells what of a message's origin can be known."""
    offered: Callable[[], Iterable[str]] = tuple[str, ...]
    """Names of ``tools``."""
    operation: str = "chat"
    """Name of the operation in the GenAI conventions: chat, text_completion or generate_content."""
    tools: Sequence[Any] = ()
    """Tool definitions sent along, in the provider's JSON form."""
    hidden: tuple[str, ...] = ()
    """Names of the tools that were not sent along, because they may not be called."""
    stream: bool = False
    """Whether the answer was asked for piece by piece."""
    output_type: str = ""
    """What kind of answer was asked for, as the GenAI conventions call it: ``json``; empty for any."""
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    """Request parameters: temperature, max_tokens and the like."""
    server: str = ""
    """Host name of the service; empty when unknown."""
    port: int | None = None
    terms: Callable[[], bytes] | None = None
    """Everything but ``messages`` that the answer depends on; None where answers are not kept for replay."""
    exact: Callable[[Any], bytes] = bytes
    """One of ``messages`` in full, but for ids that are rolled anew each time. Raises where it has no exact form."""

    def prompt(self) -> str:
        """The leading messages that make up the prompt template."""
        texts: list[str] = []
        for message in self.messages:
            text = self.system(message)
            if text is None:
                break
            texts.append(text)
        return "\n".join(texts)

    def facts(self) -> dict[str, object]:
        """What is known of the call before it is made, its content left out."""
        found: dict[str, object] = {"provider": self.provider, "params": dict(self.params)}
        if self.operation != "chat":
            found["operation"] = self.operation
        if self.stream:
            found["stream"] = True
        if self.output_type:
            found["output_type"] = self.output_type
        if self.server:
            found |= {"server": self.server, "port": self.port}
        if self.hidden:
            found["hidden"] = list(self.hidden)
        return found
