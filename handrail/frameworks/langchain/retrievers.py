"""The retrieval seam: ``BaseRetriever.invoke`` and ``ainvoke``, and those of classes that have their own.

In enforce mode an agent gets the documents that the principals who act here may read, in their order, and nothing
tells it that there were others. Where a retriever asks other retrievers, each document is decided on once, where it
first came up.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from langchain_core.retrievers import BaseRetriever

from handrail.audit.steps import Step
from handrail.errors import ValidationFailed
from handrail.frameworks import gates
from handrail.frameworks.langchain import agents
from handrail.frameworks.langchain.documents import Looks
from handrail.gate import arenew, enforces, gate_of, outcome_of, renew, seen
from handrail.gate.documents import readable
from handrail.tracing import context
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.tracing.why import why_of

log = logging.getLogger(__name__)

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Retrieving:
    """Owner of a retriever's frame: what other retrievers, which it asked, have let through."""

    def __init__(self, retriever: object) -> None:
        self.retriever = retriever
        self.passed: dict[int, object] = {}
        """Documents by identity, kept alive so that it stays theirs."""
        self.shown: Callable[[Any], Any] = lambda documents: documents
        """What callbacks may see of the documents found."""


def name_of(retriever: BaseRetriever) -> str:
    """The name that rules know a retriever by: its own, else that of its class in snake case."""
    return retriever.name or _HUMP.sub("_", type(retriever).__name__).lower()


class _Search:
    """One call of a retriever."""

    def __init__(self, frame: Frame, retriever: BaseRetriever, query: object) -> None:
        self._above, self._name = frame, name_of(retriever)
        self._owner = Retrieving(retriever)
        self._owner.shown = self._shown
        self._looks = Looks(frame, self._name)
        self.step: Step | None = None
        try:
            self.step = gate_of(frame).steps.open(
                frame, "retrieval", self._name, _asked(retriever), content={"query": query}
            )
        except Exception:
            log.warning("A retrieval could not be recorded", exc_info=unquoted())
        self.frame = replace(self.step.frame if self.step else frame, owner=self._owner)

    def found(self, result: Any) -> Any:
        """What the agent gets of ``result``."""
        try:
            return self._filtered(result)
        except ValidationFailed as error:
            self._finish("rejected", {}, error=error)
            raise
        except Exception as error:  # whatever was returned in place of documents, or a fault of ours
            log.warning("The documents of %r could not be filtered: %s", self._name, type(error).__name__)
            self._finish("error", {})
            return [] if enforces(self._above) else result

    def _filtered(self, result: Any) -> Any:
        left, would = self._left(result)
        said = self._looks.record(self.step)
        self._looks.require()
        self._hand_up(left)
        if self.step is not None and left:
            texts = [text for text in (getattr(each, "page_content", "") for each in left) if isinstance(text, str)]
            why_of(self._above.state).searched(self._above, self.step.frame.step, texts)
        if not isinstance(self._above.owner, Retrieving):  # else the one around it says what is given out
            seen.retrieved(self._above, self._name, map(_whole, left))
        held = {"would_remove": would} if would else {}
        facts = {"returned": len(result), "removed": len(result) - len(left), **held, **said}
        self._finish("ok", facts, {"documents": [_given(document) for document in left]})
        return _like(result, left)

    def _left(self, result: Any) -> tuple[list[Any], int]:
        if not isinstance(result, Sequence):  # what can be looked at once only must reach the agent unread
            raise TypeError
        documents: list[Any] = list(result)  # pyright: ignore[reportUnknownArgumentType]
        mine = [document for document in documents if id(document) not in self._owner.passed]
        keep, would = readable(self._above, self._name, [_described(document) for document in mine])
        gone = {id(document) for document, kept in zip(mine, keep, strict=True) if not kept}
        return self._looks.left([document for document in documents if id(document) not in gone]), would

    def _shown(self, documents: Any) -> Any:
        try:
            return _like(documents, self._left(documents)[0])
        except Exception:
            return [] if enforces(self._above) else documents

    def _hand_up(self, left: list[Any]) -> None:
        above = self._above.owner
        if isinstance(above, Retrieving):
            above.passed.update((id(document), document) for document in left)

    def failed(self, error: BaseException) -> None:
        """Close the step with what the retriever raised."""
        if self.step is not None:
            self.step.finish(outcome_of(error), error)

    def _finish(
        self,
        outcome: Any,
        facts: dict[str, Any],
        content: Mapping[str, Any] = _NOTHING,
        error: BaseException | None = None,
    ) -> None:
        if self.step is not None:
            self.step.finish(outcome, error, facts, content=content)


def _asked(retriever: BaseRetriever) -> dict[str, object]:
    """How many documents are asked for, where the retriever says it."""
    said: Any = getattr(retriever, "search_kwargs", None) or {}
    found = said.get("k") if isinstance(said, Mapping) else None
    most = found if found is not None else getattr(retriever, "k", None)
    return {"top_k": most} if isinstance(most, int) else {}


def _given(document: Any) -> dict[str, Any]:
    """One document as the GenAI conventions describe it; its metadata are what rules look at, and not kept again."""
    return {"id": getattr(document, "id", None), "content": getattr(document, "page_content", None)}


def _whole(document: Any) -> dict[str, Any]:
    return {**_given(document), "metadata": getattr(document, "metadata", None)}


def _described(document: Any) -> dict[str, Any]:
    return {"metadata": getattr(document, "metadata", None), "id": getattr(document, "id", None)}


def _like(result: Any, left: list[Any]) -> Any:
    """``left`` in a list of the kind that the retriever gave; that very list where nothing is gone."""
    if len(left) == len(result) and all(one is other for one, other in zip(left, result, strict=True)):
        return result
    return left if type(result) is list else type(result)(left)


def _frame(retriever: BaseRetriever) -> AbstractContextManager[Frame | None]:
    return gates.standing(lambda: agents.enter(retriever, None, "retriever", name=""))


def _watched(frame: Frame | None, retriever: BaseRetriever) -> bool:
    """Whether this very retriever is at work already: an ``invoke`` of its own that ends in the general one."""
    return frame is None or (isinstance(frame.owner, Retrieving) and frame.owner.retriever is retriever)


def invoke(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``invoke``."""

    def wrapper(self: BaseRetriever, input: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None or _watched(frame, self):
                return original(self, input, *args, **kwargs)
            search = _Search(frame, self, input)
            try:
                with context.use(search.frame):
                    found = original(self, input, *args, **kwargs)
            except BaseException as error:
                search.failed(error)
                raise
            renew(frame)
            return search.found(found)

    return wrapper


def ainvoke(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``ainvoke``."""

    async def wrapper(self: BaseRetriever, input: Any, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None or _watched(frame, self):
                return await original(self, input, *args, **kwargs)
            search = _Search(frame, self, input)
            try:
                with context.use(search.frame):
                    found = await original(self, input, *args, **kwargs)
            except BaseException as error:
                search.failed(error)
                raise
            await arenew(frame)
            return search.found(found)

    return wrapper


def told(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``on_retriever_end``: callbacks and streams of events are told of what is given out only."""

    def wrapper(self: Any, documents: Any, *args: Any, **kwargs: Any) -> Any:
        frame = context.current()
        owner = frame.owner if frame is not None else None
        return original(self, owner.shown(documents) if isinstance(owner, Retrieving) else documents, *args, **kwargs)

    return wrapper


WRAPPERS = {"invoke": invoke, "ainvoke": ainvoke}
"""Entry method -> its wrapper."""
