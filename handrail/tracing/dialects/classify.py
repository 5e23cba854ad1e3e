"""From a span to what is understood of it: which instrumentation, which step, which facts. Pure; never raises."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from handrail.tracing.dialects import (
    generic,
    langchain,
    langfuse,
    langsmith,
    logfire,
    microsoft,
    mlflow,
    openinference,
    openlit,
    openllmetry,
    otel_genai,
    ours,
    spring,
    vercel,
)
from handrail.tracing.dialects.dialect import Attributes, Dialect
from handrail.tracing.dialects.observed import Observed, StepKind
from handrail.tracing.dialects.outcomes import outcome_of
from handrail.tracing.dialects.proposals import proposed
from handrail.tracing.dialects.values import count, first, text, texts
from handrail.tracing.dialects.words import FACTS, FINISH, INPUT_TOKENS, OUTPUT_TOKENS
from handrail.tracing.otlp.span import OtlpSpan

DIALECTS: tuple[Dialect, ...] = (
    ours.DIALECT, openinference.DIALECT, langfuse.DIALECT, mlflow.DIALECT, langsmith.DIALECT, otel_genai.DIALECT,
    openllmetry.DIALECT, openlit.DIALECT, vercel.DIALECT, spring.DIALECT, microsoft.DIALECT, logfire.DIALECT,
)  # fmt: skip
"""In the order in which their marks count: a span converted for somebody has his mark."""
_MARKS = tuple((mark, dialect) for dialect in DIALECTS for mark in dialect.marks)
_NAMED_BY: dict[str, tuple[str, ...]] = {"tool": ("tool",), "mcp": ("tool",), "retrieval": ("source",)}
_PREFIXES = (
    "execute_tool ", "invoke_agent ", "create_agent ", "invoke_workflow ", "running tool: ", "tool_call ", "chat ",
    "plan ", "retrieval ",
)  # fmt: skip
_SUFFIXES = (".workflow", ".task", ".tool", ".agent", ".chat")
_FRAMEWORKS = (
    "langchain", "langgraph", "llama_index", "llamaindex", "crewai", "openai_agents", "openai-agents", "pydantic",
    "autogen", "haystack", "dspy", "smolagents", "agno", "strands", "semantic_kernel", "SemanticKernel", "google_adk",
    "openai", "anthropic", "bedrock", "litellm", "vertexai", "mistralai", "groq", "cohere", "mcp",
)  # fmt: skip
_LLM_STEPS = frozenset({"model", "embedding", "fetch"})


def classify(span: OtlpSpan) -> Observed:
    """What is understood of ``span``."""
    dialect = dialect_of(span)
    more = dialect.more(span)
    step = _step(span, dialect, more)
    facts = _Facts(span, dialect, more)
    outcome, error = outcome_of(span)
    is_model = step in _LLM_STEPS
    asked, answered = (facts.text("model"), facts.text("response_model")) if is_model else ("", "")
    agent = "" if "not_an_agent" in more else facts.text("agent")
    return Observed(
        trace=span.trace_id, span=span.span_id, parent=span.parent_id,
        dialect=dialect.name, scope=text(span.scope), step=step,
        name=_name(span, step, facts, agent, asked, answered),
        start_ns=span.start_ns, end_ns=span.end_ns, outcome=outcome, error=error,
        framework=_framework(span.scope) or ("langchain" if facts.of_langchain() else ""),
        agent=agent, node=facts.text("node"), model=asked, response_model=answered,
        provider=facts.text("provider") if is_model else "",
        call_id=facts.text("call_id") if step in ("tool", "mcp") else "",
        response_id=facts.text("response_id") if is_model else "",
        input_tokens=facts.tokens(dialect.input_tokens, INPUT_TOKENS) if is_model else None,
        output_tokens=facts.tokens(dialect.output_tokens, OUTPUT_TOKENS) if is_model else None,
        finish=facts.finish() if is_model else (),
        proposed=proposed(span.attributes) if step == "model" else (),
        session=facts.text("session"), user=facts.text("user"),
        service=_service(span.resource.get("service.name")),
    )  # fmt: skip


def _service(name: object) -> str:
    found = text(name)
    return "" if found.startswith("unknown_service") else found


def dialect_of(span: OtlpSpan) -> Dialect:
    """Which instrumentation made a span: by an attribute that only it sets, else by its scope."""
    attributes = span.attributes
    for mark, dialect in _MARKS:
        if mark in attributes:
            return dialect
    return _by_scope(span.scope[:128])


@lru_cache(maxsize=1024)
def _by_scope(scope: str) -> Dialect:
    for dialect in DIALECTS:
        if any(_begins(scope, prefix) for prefix in dialect.scopes):
            return dialect
    return generic.DIALECT


def _begins(scope: str, prefix: str) -> bool:
    # `ai` is Vercel's scope, `airflow` is not
    return scope == prefix or (scope.startswith(prefix) and (len(prefix) > 3 or not scope[len(prefix)].isalnum()))


@lru_cache(maxsize=1024)
def _framework(scope: str) -> str:
    found = next((name for name in _FRAMEWORKS if name in scope[:128]), "")
    return "langchain" if found == "langgraph" else found


def _step(span: OtlpSpan, dialect: Dialect, more: Attributes) -> StepKind:
    found = dialect.step(span, more)
    if found is not None:
        return found
    if dialect is not generic.DIALECT:
        guessed = generic.step(span, more)
        if guessed is not None and guessed != "other":
            return guessed
    return dialect.fallback


class _Facts:
    """Looks facts up for one span: the dialect's attributes first, then the shared ones."""

    __slots__ = ("_attributes", "_dialect", "_more")

    def __init__(self, span: OtlpSpan, dialect: Dialect, more: Attributes) -> None:
        self._attributes, self._dialect, self._more = span.attributes, dialect, more

    def text(self, fact: str) -> str:
        """A fact as text; empty when nobody told it."""
        own = self._dialect.facts.get(fact)
        if own is not None:
            found = first(self._attributes, own) or (first(self._more, own) if self._more else "")
            if found or fact in ("call_id",):
                return found
        return first(self._attributes, FACTS[fact])

    def tokens(self, own: tuple[str, ...], shared: Iterable[str]) -> int | None:
        """A number of tokens; None when nobody told it."""
        found = count(self._more, own) if own else None
        return count(self._attributes, shared) if found is None else found

    def finish(self) -> tuple[str, ...]:
        """Why the model stopped."""
        return next((found for name in FINISH if (found := texts(self._attributes.get(name)))), ())

    def of_langchain(self) -> bool:
        """Whether LangChain's metadata is on the span."""
        if self._more and langchain.watches(self._more):
            return True
        return any(
            langchain.watches(self._attributes, prefix) for prefix in _LANGCHAIN_PREFIXES.get(self._dialect.name, ())
        )


_LANGCHAIN_PREFIXES = {
    "langfuse": ("langfuse.observation.metadata.",),
    "langsmith": ("langsmith.metadata.",),
}


def _name(span: OtlpSpan, step: StepKind, facts: _Facts, agent: str, asked: str, answered: str) -> str:
    if step in _LLM_STEPS:
        known = answered if asked.lower() in ("", "unknown", "none") else asked
        return known or _plain(span.name)
    if step in ("agent", "create"):
        return agent or _plain(span.name)
    if step == "workflow":
        return facts.text("workflow") or _plain(span.name)
    for fact in _NAMED_BY.get(step, ()):
        found = facts.text(fact)
        if found:
            return found
    return _plain(span.name)


def _plain(name: str) -> str:
    """A span's name without the operation around it."""
    found = text(name)
    for prefix in _PREFIXES:
        if found.startswith(prefix):
            return found[len(prefix) :].strip() or found
    for suffix in _SUFFIXES:
        if found.endswith(suffix):
            return found[: -len(suffix)] or found
    return found
