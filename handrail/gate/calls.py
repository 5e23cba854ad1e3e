"""What a seam tells the gate of one proposed call, and what it gets back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail.effects.asks import Question
from handrail.effects.declared import Declaration
from handrail.effects.ledger import Place
from handrail.gate.judgement import Judgement
from handrail.policy.decision import Action
from handrail.rulebook import Snapshot
from handrail.tracing.context import Frame
from handrail.tracing.identity import Principal
from handrail.validators.configured import Configured
from handrail.validators.context import On


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One proposed tool call, as a seam describes it."""

    name: str
    args: Mapping[str, Any]
    """The arguments as they will reach the tool, without what the framework injects."""
    call_id: str | None = None
    """The id that the model chose: for correlation only, never a key."""
    tool: object = None
    """The tool object: key of the compiled schema."""
    schema: Callable[[], Mapping[str, Any] | None] | None = None
    """Makes the JSON Schema of the arguments; asked once per tool object."""
    description: str = ""
    known: bool = True
    """Whether the framework has a tool of this name."""
    action: Action = "call"
    """``call`` for a tool; ``read`` or ``write`` for a memory, whose conditions read ``args`` under ``memory``."""
    before: Callable[[Snapshot, Principal, Action, str], Judgement | None] | None = None
    """Has a say before the policy is asked: what it says holds, and None leaves the policy to decide."""
    pauses: tuple[type[BaseException], ...] = ()
    """Exceptions that suspend the run rather than fail it."""
    show: Callable[[Any], object] = field(default=lambda value: value)
    """Turns a result into what is recorded."""
    content: Callable[[Any], Any] = field(default=lambda value: value)
    """Takes from a result the value that validators look at; JSON text is read first."""
    checks: Mapping[On, tuple[Configured, ...]] = field(default_factory=dict[On, tuple[Configured, ...]])
    """What the tool's author has checked of ``arguments`` and ``result``, after what the rules ask for."""
    put: Callable[[Any, Any], Any] | None = None
    """Makes of a result, and of what validators made of its ``content``, the result that goes on; None: cannot."""
    library: str = ""
    """Whose tool it is, where other instrumentations may show its calls: ``langchain``."""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    """What else its record says, such as the protocol by which it is made."""
    kept: Mapping[str, object] = field(default_factory=dict[str, object])
    """What else is kept with it as payloads, by field of the record."""
    failed: Callable[[Any], bool] = field(default=lambda value: False)
    """Whether a result says that the tool failed: some frameworks turn exceptions into answers."""
    declared: Declaration | None = None
    """What the tool's author says it does to the world; handrail.toml goes before."""
    at: Callable[[], str] = field(default=lambda: "")
    """Where in checkpointed graphs the call is made: see ``handrail.effects.ledger.behind``."""
    place: Callable[[], Place] = Place
    """Where in a graph that runs the call is made."""
    began: Callable[[BaseException], bool] = field(default=lambda error: True)
    """Whether the tool itself had begun when this was raised, rather than what reads its arguments."""
    again: Callable[[Any], Any] = field(default=lambda value: value)
    """Makes of the recorded result of an earlier attempt the result of this call."""
    answer: Callable[[Any], Any] = field(default=lambda value: value)
    """Makes of what the tool's function would have returned the result of this call."""
    pause: Callable[[Question], None] | None = None
    """Suspends the run until a person answers, where the framework can; returns when it should be looked at again."""
    then: Callable[[Frame, Any], None] | None = None
    """What is put down of a good result besides, such as the plan that it is; given the tool's frame and the value."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The call did not go through; the model reads ``text`` in place of a result."""

    text: str


@dataclass(frozen=True, slots=True)
class Passed:
    """Owner of a tool's frame: which call was let through, so that the same call is not decided twice."""

    tool: object
    args: Mapping[str, Any]
    used: set[str] = field(default_factory=set[str])
    """Seams that this call has reached: a pass is good for one call in each."""
    raised: list[BaseException] = field(default_factory=list[BaseException])
    """What the call raised further in: a framework may have turned it into an answer since."""
    key: str = ""
    """The effect's key, which the tool may hand to an outside service."""
    learnt: dict[str, object] = field(default_factory=dict[str, object])
    """What whoever carries the call out has learnt of it: facts of its closing record."""
