"""What stands around a value that is checked: where it goes, and what its run has seen and done so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Literal

On = Literal["arguments", "result", "output", "answer", "documents", "input", ""]
"""A tool's arguments or result, a model's output, an agent's final answer, retrieved documents, an agent's input."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Source:
    """A text that entered the run from outside: a retrieved document, a tool's result, what the user said."""

    id: str
    """How a citation refers to it: the document's id or name, or the call's id."""
    text: str
    kind: Literal["document", "result", "input"] = "document"
    origin: str = ""
    """The retriever or the tool that it came from."""
    metadata: Mapping[str, object] = field(default_factory=dict[str, object])
    """What else a document says of itself, such as ``url``."""


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Call:
    """A tool call that the run has made, or was refused."""

    tool: str
    args: Mapping[str, object] = field(default_factory=dict[str, object])
    outcome: str = "ok"
    """``ok``, ``error``, ``rejected``, ``not_found``, ``cancelled``, ``interrupted``."""
    result: object = None
    """Its result as validators see it; None where it has none."""
    agent: str = ""
    """Who made it."""
    branch: str = ""
    """The step of the agent that made it: calls of parallel sub-agents differ in it."""


@dataclass(frozen=True, slots=True)
class Run:
    """What the run has seen and done so far, oldest first."""

    sources: Sequence[Source] = ()
    calls: Sequence[Call] = ()
    complete: bool = True
    """False where the run had more than is remembered, so that nothing can be said to be missing from it."""


@dataclass(frozen=True, slots=True)
class Context:
    """Where a value stands."""

    on: On = ""
    tool: str = ""
    """The tool, or the retriever."""
    agent: str = ""
    tenant: str = ""
    user: str = ""
    args: Mapping[str, object] | None = None
    """Arguments of the call, where its arguments or its result are checked."""
    run: Run = field(default_factory=Run)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When the value was there: a recorded value is checked as of its own time. Aware."""

    @property
    def today(self) -> date:
        """The day (UTC) of ``now``."""
        return self.now.astimezone(UTC).date()
