"""The seam for models that complete text: ``BaseLLM.generate``, where invoke and batch end, and ``stream``.

Some of them ask a chat model in turn. That is the same call, and is put down once.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

from langchain_core.language_models import BaseLLM
from langchain_core.outputs import LLMResult

from handrail.audit.model_call import ModelCall
from handrail.audit.steps import Step
from handrail.frameworks import gates
from handrail.frameworks.langchain import agents
from handrail.frameworks.langchain import messages as show
from handrail.frameworks.langchain.asking import server_of
from handrail.gate import gate_of, outcome_of, seen
from handrail.tracing import context
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted

log = logging.getLogger(__name__)

_COUNTS = {
    "input": ("input_tokens", "prompt_tokens"),
    "output": ("output_tokens", "completion_tokens"),
}
"""Our names of token counts -> those of LangChain and of OpenAI."""


def _describe(model: BaseLLM, prompts: Sequence[str], stop: list[str] | None) -> ModelCall:
    said = model._get_ls_params(stop=stop)  # pyright: ignore[reportPrivateUsage]
    provider = show.provider_of(said.get("ls_provider") or model._llm_type)  # pyright: ignore[reportPrivateUsage]
    host, port = server_of(model)
    return ModelCall(
        provider=provider,
        model=str(said.get("ls_model_name") or type(model).__name__),
        messages=prompts,
        show=lambda prompt: {"role": "human", "content": prompt},
        system=lambda prompt: None,
        operation=show.operation_of(provider, "text_completion"),
        params=show.params(model, said, {}),
        server=host,
        port=port,
    )


class _Call:
    """One observed call; whatever fails in observing it is logged and never reaches the caller."""

    def __init__(self, above: Frame, model: BaseLLM, prompts: Sequence[str], stop: list[str] | None) -> None:
        seen.heard(above, map(seen.Heard, prompts))
        self._above, self.step = above, _opened(above, lambda: _describe(model, prompts, stop))
        owner = agents.Asked(model, self.step, whole=True)
        self.frame = replace(self.step.frame if self.step else above, owner=owner)

    def answered(self, texts: Sequence[str], facts: Callable[[], Mapping[str, Any]] = dict) -> None:
        """Close the step with what was written for the prompts."""
        if self.step is None:
            return
        try:
            self._close(texts, facts())
        except Exception:
            log.warning("A model's answer could not be recorded", exc_info=unquoted())
            self.step.finish("ok")

    def _close(self, texts: Sequence[str], facts: Mapping[str, Any]) -> None:
        assert self.step is not None
        state, used = self._above.state, facts.get("usage") or {}
        for name in ("input", "output"):
            state.counters.add(f"{name}_tokens", used.get(name, 0))
        if len(texts) == 1 and self._above.principal.chain == state.principal.chain:
            state.notes["answer"] = texts[0]
        written: Any = texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]
        self.step.finish("ok", None, facts, content={"output": {"role": "ai", "content": written}})

    def failed(self, error: BaseException) -> None:
        """Close the step with what the model raised."""
        if self.step is not None:
            self.step.finish(outcome_of(error), error)

    @contextmanager
    def watched(self) -> Generator[None]:
        """Stand in the step, and close it if the block raises."""
        try:
            with context.use(self.frame):
                yield
        except BaseException as error:
            self.failed(error)
            raise


def _opened(frame: Frame, describe: Callable[[], ModelCall]) -> Step | None:
    try:
        return gate_of(frame).steps.model(frame, describe())
    except Exception:
        log.warning("A model call could not be recorded", exc_info=unquoted())
        return None


def _facts(found: LLMResult) -> dict[str, Any]:
    """What an answer says of itself, under the names that a record has."""
    said: Mapping[str, Any] = found.llm_output or {}
    each = [(first.generation_info or {}) for first in _firsts(found)]
    totals = [said.get("token_usage") or said.get("usage_metadata") or {}]
    used = totals if totals[0] else [info.get("usage_metadata") or {} for info in each]
    reasons = [str(info["finish_reason"]) for info in each if info.get("finish_reason")]
    return {
        "response_model": said.get("model_name") or said.get("model"),
        "response_id": said.get("id"),
        "finish": reasons,
        "usage": {name: count for name in _COUNTS if (count := sum(_count(one, name) for one in used))},
    }


def _firsts(found: LLMResult) -> list[Any]:
    return [candidates[0] for candidates in found.generations if candidates]


def _count(said: Mapping[str, Any], name: str) -> int:
    return next((int(said[key]) for key in _COUNTS[name] if said.get(key)), 0)


def _texts(found: LLMResult) -> list[str]:
    return [str(first.text) for first in _firsts(found)]


@contextmanager
def _frame(model: BaseLLM) -> Generator[Frame | None]:
    """The frame to observe a call of ``model`` in; None when it is already observed, or nobody watches."""
    with gates.standing(lambda: agents.enter(model, None, "model", name="")) as frame:
        yield None if frame is not None and agents.asks(frame, model) else frame


def generate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``generate``."""

    def wrapper(self: BaseLLM, prompts: list[str], stop: list[str] | None = None, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return original(self, prompts, stop, *args, **kwargs)
            call = _Call(frame, self, prompts, stop)
            with call.watched():
                found = original(self, prompts, stop, *args, **kwargs)
            call.answered(_texts(found), lambda: _facts(found))
            return found

    return wrapper


def agenerate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``agenerate``."""

    async def wrapper(
        self: BaseLLM, prompts: list[str], stop: list[str] | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return await original(self, prompts, stop, *args, **kwargs)
            call = _Call(frame, self, prompts, stop)
            with call.watched():
                found = await original(self, prompts, stop, *args, **kwargs)
            call.answered(_texts(found), lambda: _facts(found))
            return found

    return wrapper


def stream(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``stream``: pieces of text, without anything else that the provider said."""

    def wrapper(self: BaseLLM, input: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _frame(self) as frame:
            if frame is None:
                yield from original(self, input, *args, **kwargs)
                return
            call = _Call(frame, self, _prompt(self, input), kwargs.get("stop"))
            pieces: list[str] = []
            try:
                for piece in context.iterate(call.frame, original(self, input, *args, **kwargs)):
                    pieces.append(piece)
                    yield piece
            except BaseException as error:
                call.failed(error)
                raise
            call.answered(["".join(pieces)])

    return wrapper


def astream(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``astream``."""

    async def wrapper(self: BaseLLM, input: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any]:
        with _frame(self) as frame:
            if frame is None:
                async with aclosing(original(self, input, *args, **kwargs)) as bare:
                    async for piece in bare:
                        yield piece
                return
            call = _Call(frame, self, _prompt(self, input), kwargs.get("stop"))
            pieces: list[str] = []
            source = context.aiterate(call.frame, original(self, input, *args, **kwargs))
            try:
                async for piece in source:
                    pieces.append(piece)
                    yield piece
            except BaseException as error:
                try:
                    await source.aclose()
                finally:  # a loop that is being torn down never comes back from the await
                    call.failed(error)
                raise
            call.answered(["".join(pieces)])

    return wrapper


def _prompt(model: BaseLLM, input: Any) -> list[str]:
    try:
        return [model._convert_input(input).to_string()]  # pyright: ignore[reportPrivateUsage]
    except Exception:
        return []  # the model itself will say what is wrong with its input


METHODS: Mapping[str, Callable[[Callable[..., Any]], Callable[..., Any]]] = {
    "generate": generate,
    "agenerate": agenerate,
    "stream": stream,
    "astream": astream,
}
"""Method of a model -> its wrapper."""
