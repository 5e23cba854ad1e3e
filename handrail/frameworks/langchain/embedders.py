"""The embedding seam: ``embed_documents`` and ``embed_query`` of every class of embeddings, and their twins.

The methods are abstract, so each class has its own: classes that exist are wrapped one by one, those to come when they
are made. One that serves another, such as a cache, belongs to the other's call.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from langchain_core.embeddings import Embeddings

from handrail.audit.steps import Step
from handrail.frameworks import executables, gates
from handrail.frameworks.langchain import agents
from handrail.frameworks.langchain import messages as show
from handrail.frameworks.langchain.asking import server_of
from handrail.frameworks.patching import Patches
from handrail.frameworks.serving import Serving
from handrail.gate import gate_of, outcome_of
from handrail.tracing import context
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted

log = logging.getLogger(__name__)

_MODELS = ("model", "model_name", "model_id", "deployment")
"""Attributes in which classes keep the name of their model."""
_INNER = ("underlying_embeddings", "base_embeddings", "embeddings")
"""Attributes in which classes keep the embeddings that they ask."""
_MAX_INNER = 4


class Embedding(Serving):
    """Owner of the frame of one call of embeddings."""


def _describe(embeddings: Embeddings, count: int) -> tuple[str, dict[str, object]]:
    """Name of the model, and the facts known before the call."""
    found: Any = embeddings
    for _ in range(_MAX_INNER):
        inner = next(
            (getattr(found, name) for name in _INNER if isinstance(getattr(found, name, None), Embeddings)), None
        )
        if inner is None:
            break
        found = inner
    model = next((str(getattr(found, name)) for name in _MODELS if getattr(found, name, None)), type(found).__name__)
    host, port = server_of(found)
    server = {"server": host, "port": port} if host else {}
    return model, {"provider": _provider(found), "model": model, "count": count, **server}


def _provider(embeddings: Embeddings) -> str:
    """The provider's name, from the package that its class comes from: ``langchain_openai`` makes ``openai``."""
    package = type(embeddings).__module__.partition(".")[0]
    if not package.startswith("langchain_") or package in (
        "langchain_core",
        "langchain_classic",
        "langchain_community",
    ):
        return type(embeddings).__name__.removesuffix("Embeddings").removesuffix("Embedding").lower() or "unknown"
    azure = type(embeddings).__name__.startswith("Azure")
    return show.provider_of("azure_openai" if azure else package.removeprefix("langchain_"))


class _Call:
    """One observed call; whatever fails in observing it is logged and never reaches the caller."""

    def __init__(self, above: Frame, embeddings: Embeddings, given: Any) -> None:
        self._step: Step | None = None
        try:
            texts = [given] if isinstance(given, str) else list(given)
            model, facts = _describe(embeddings, len(texts))
            self._step = gate_of(above).steps.open(above, "embedding", model, facts, content={"input": texts})
        except Exception:
            log.warning("An embedding call could not be recorded", exc_info=unquoted())
        self._owner = Embedding(self._step)
        self.frame = replace(self._step.frame if self._step else above, owner=self._owner)

    def answered(self, found: Any) -> None:
        """Close the step; vectors are not kept."""
        if self._step is not None:
            facts = {**_measured(found), **self._owner.learnt}
            self._step.finish("ok", None, facts)

    def failed(self, error: BaseException) -> None:
        """Close the step with what was raised."""
        if self._step is not None:
            self._step.finish(outcome_of(error), error)


def _measured(found: Any) -> Mapping[str, object]:
    """How long the vectors are, where they are what they should be."""
    first = found[0] if isinstance(found, Sequence) and found else None
    vector: Any = first if isinstance(first, Sequence) else found
    return {"dimension": len(vector)} if isinstance(vector, Sequence) and vector else {}


def _frame(embeddings: Embeddings) -> AbstractContextManager[Frame | None]:
    return gates.standing(lambda: agents.enter(embeddings, None, "embedding", name=""))


def _watched(frame: Frame | None) -> bool:
    """Whether nobody watches, or the call belongs to one that is watched."""
    return frame is None or isinstance(frame.owner, Embedding)


def embed(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``embed_documents`` or ``embed_query``."""

    def wrapper(self: Embeddings, given: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None or _watched(frame):
                return original(self, given, *args, **kwargs)
            call = _Call(frame, self, given)
            try:
                with context.use(call.frame):
                    found = original(self, given, *args, **kwargs)
            except BaseException as error:
                call.failed(error)
                raise
            call.answered(found)
            return found

    return wrapper


def aembed(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``aembed_documents`` or ``aembed_query``."""

    async def wrapper(self: Embeddings, given: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None or _watched(frame):
                return await original(self, given, *args, **kwargs)
            call = _Call(frame, self, given)
            try:
                with context.use(call.frame):
                    found = await original(self, given, *args, **kwargs)
            except BaseException as error:
                call.failed(error)
                raise
            call.answered(found)
            return found

    return wrapper


WRAPPERS = {"embed_documents": embed, "embed_query": embed, "aembed_documents": aembed, "aembed_query": aembed}
"""Method of embeddings -> its wrapper."""


def install(patches: Patches) -> None:
    """Wrap every class of embeddings, those that are made later included."""
    for kind in (Embeddings, *executables.below(Embeddings)):
        _wrap(patches, kind)

    patches.put(Embeddings, "__init_subclass__", classmethod(_born(patches)))


def _born(patches: Patches) -> Callable[..., None]:
    """What is called for each class that is made below ``Embeddings``."""
    own = Embeddings.__dict__.get("__init_subclass__")

    def hook(cls: type[Embeddings], **kwargs: Any) -> None:
        if own is not None:
            own.__get__(None, cls)(**kwargs)
        else:
            super(Embeddings, cls).__init_subclass__(**kwargs)
        _wrap(patches, cls)

    return hook


def _wrap(patches: Patches, kind: type) -> None:
    for name, wrapper in WRAPPERS.items():
        method = kind.__dict__.get(name)
        if method is not None and not getattr(method, "__isabstractmethod__", False):
            patches.wrap(kind, name, wrapper)
