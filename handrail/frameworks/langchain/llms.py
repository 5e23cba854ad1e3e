"""The seam for models that complete text: ``BaseLLM.generate``, where invoke and batch end, and ``stream``.

Some of them ask a chat model in turn. That is the same call, and is put down once.

A rejected answer is asked for again, like a chat model's. Callbacks of LangChain are told of each try: its class tells
them before anything can be looked at.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from typing import Any

from langchain_core.callbacks import BaseCallbackManager
from langchain_core.language_models import BaseLLM
from langchain_core.messages import AIMessage
from langchain_core.outputs import LLMResult

from handrail.audit.model_call import ModelCall
from handrail.audit.recorder import findings_of
from handrail.audit.steps import Outcome, Step
from handrail.frameworks import flow, gates, rounds
from handrail.frameworks.langchain import again, agents, repeats, replies
from handrail.frameworks.langchain import messages as show
from handrail.frameworks.langchain.asking import server_of
from handrail.frameworks.rounds import Verdict
from handrail.frameworks.viewing import View
from handrail.gate import answers, gate_of, outcome_of, seen
from handrail.tracing import context
from handrail.tracing.context import Frame
from handrail.tracing.faults import unquoted
from handrail.tracing.links import Link

log = logging.getLogger(__name__)

_COUNTS = {
    "input": ("input_tokens", "prompt_tokens"),
    "output": ("output_tokens", "completion_tokens"),
}
"""Our names of token counts -> those of LangChain and of OpenAI."""


def _describe(
    model: BaseLLM, prompts: Sequence[str], stop: list[str] | None, kwargs: Mapping[str, Any], *, keeps: bool
) -> ModelCall:
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
        terms=(lambda: again.terms(model, provider, said, {**kwargs, "stop": stop})) if keeps else None,
        exact=lambda prompt: str(prompt).encode("utf-8", "surrogatepass"),
    )


class _Call:
    """One observed call; whatever fails in observing it is logged and never reaches the caller."""

    def __init__(
        self,
        above: Frame,
        model: BaseLLM,
        prompts: Sequence[str],
        stop: list[str] | None,
        kwargs: Mapping[str, Any],
        rejected: _Call | None = None,
    ) -> None:
        """``kwargs`` is what is sent besides; ``rejected`` is the call before, of whose answers one was rejected."""
        if rejected is None:  # what tells a model that its answer was wrong is no source
            seen.heard(above, map(seen.Heard, prompts))
        links = [Link("retry_of", rejected.step.frame.step)] if rejected is not None and rejected.step else []
        self._above = above
        keeps = rejected is None and answers.keeps(above) and not flow.is_alone(above.state)
        self._at = repeats.at() if keeps else ""
        self._replayed: answers.Recorded | None = None
        self.step: Step | None = _opened(above, lambda: _describe(model, prompts, stop, kwargs, keeps=keeps), links)
        self._row: str = rejected._row if rejected is not None else self.step.frame.step if self.step else ""
        self._owner = agents.Asked(model, self.step, whole=True)
        self.frame = replace(self.step.frame if self.step else above, owner=self._owner)

    def hands_out(self) -> bool:
        """Whether these prompts were answered in an earlier life of the run; asking the model hands that out."""
        self._replayed = answers.recorded(self.step, self._at) if self.step is not None else None
        self._owner.given = self._replayed.value if self._replayed is not None else None
        return self._replayed is not None

    def answered(
        self, texts: Sequence[str], facts: Callable[[], Mapping[str, Any]] = dict, numbers: Sequence[int] = (0,)
    ) -> list[Verdict[str]]:
        """Close the step with what was written for the prompts; what the validators say of each, where any look.

        ``numbers`` are those of the prompts in the whole call.
        """
        said = [self._judged(*each) for each in zip(texts, numbers, strict=True)] if rounds.looks(self._above) else []
        outcome: Outcome = "ok" if all(verdict.accepted for verdict in said) else "rejected"
        if self.step is None:
            return said
        try:
            for verdict in said:
                verdict.record(self.step)
            given = texts if outcome != "ok" or not said else [verdict.reply for verdict in said]
            kept = self._kept(self.step, given) if outcome == "ok" else {}
            self._close(outcome, given, {**facts(), **_found(said), **kept})
        except Exception:
            log.warning("A model's answer could not be recorded", exc_info=unquoted())
            self.step.finish(outcome)
        return said

    def _kept(self, step: Step, texts: Sequence[str]) -> dict[str, object]:
        if self._replayed is not None:
            return answers.replayed(step.asked, self._replayed, self._at)
        return answers.kept(step, step.asked, lambda: list(texts), self._at)

    def _judged(self, text: str, number: int) -> Verdict[str]:
        answer = replies.is_answer(self._above, {}, AIMessage(text), ())
        verdict = rounds.judge(
            self._above, text, View(text, str), answer=answer, strict=False, row=f"{self._row}.{number}"
        )
        if verdict.withheld:
            verdict.reply = rounds.WITHHELD
        if verdict.withheld or verdict.accepted:
            rounds.remember(self._above, verdict.reply, verdict.answered)
        return verdict

    def _close(self, outcome: Outcome, texts: Sequence[str], facts: Mapping[str, Any]) -> None:
        assert self.step is not None
        state, used = self._above.state, facts.get("usage") or {}
        for name in ("input", "output"):
            state.counters.add(f"{name}_tokens", used.get(name, 0))
        written: Any = texts[0] if len(texts) == 1 else [{"type": "text", "text": text} for text in texts]
        self.step.finish(outcome, None, facts, content={"output": {"role": "ai", "content": written}})

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


def _found(said: Sequence[Verdict[str]]) -> dict[str, object]:
    """Facts of the closing record: what was found in any of the answers."""
    found = [finding for verdict in said for checked in verdict.checks for finding in checked.findings]
    return {"findings": findings_of(found)} if found else {}


def _opened(frame: Frame, describe: Callable[[], ModelCall], links: Sequence[Link]) -> Step | None:
    try:
        return gate_of(frame).steps.model(frame, describe(), None, links)
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
    return [str(candidates[0].text) if candidates else "" for candidates in found.generations]


@contextmanager
def _frame(model: BaseLLM) -> Generator[Frame | None]:
    """The frame to observe a call of ``model`` in; None when it is already observed, or nobody watches."""
    with gates.standing(lambda: agents.enter(model, None, "model", name="")) as frame:
        yield None if frame is not None and agents.asks(frame, model) else frame


_FOR_EACH: Mapping[str, tuple[type, ...]] = {
    "callbacks": (list, BaseCallbackManager, type(None)),
    "tags": (list,),
    "metadata": (dict,),
    "run_name": (str,),
}
"""Parameters that LangChain takes once for all prompts, or in a list: of what, where it has one for each."""


class _Rounds:
    """Prompts of which each is completed again, with what was wrong, until its answer is accepted."""

    def __init__(self, frame: Frame, prompts: Sequence[str], kwargs: Mapping[str, Any]) -> None:
        """``kwargs`` is what the call was made with besides."""
        self._changes, self._count, self._kwargs = rounds.holds(frame), len(prompts), kwargs
        self.left = dict(enumerate(prompts))
        """Prompts that have no accepted answer yet, by their number."""
        self.rejected: _Call | None = None
        self._whole: LLMResult | None = None

    def take(self, call: _Call, found: LLMResult) -> None:
        """What was written for the prompts that were left. Raises what a last rejection raises."""
        numbers, before = list(self.left), dict(self.left)
        said = call.answered(_texts(found), lambda: _facts(found), numbers)
        whole = self._whole = self._whole or found
        self.left, self.rejected = {}, call
        for verdict, number, each in zip(said, numbers, found.generations, strict=False):
            if verdict.failure is not None:
                raise verdict.failure
            if verdict.told:
                self.left[number] = f"{before[number]}\n\n{verdict.reply}\n\n{verdict.told}\n\n"
            elif self._changes and each:
                whole.generations[number] = [each[0].model_copy(update={"text": verdict.reply})]

    @property
    def kwargs(self) -> dict[str, Any]:
        """What to make the call with: of lists with something for each prompt, what is for those that are left."""
        if self.rejected is None:
            return dict(self._kwargs)
        found = {name: value for name, value in self._kwargs.items() if name != "run_id"}
        for name, kinds in _FOR_EACH.items():
            value: Any = found.get(name)
            if isinstance(value, list) and len(value) == self._count and isinstance(value[0], kinds):  # pyright: ignore[reportUnknownArgumentType]
                found[name] = [value[number] for number in self.left]
        return found

    @property
    def result(self) -> LLMResult:
        """What goes on: of each prompt its first answer."""
        assert self._whole is not None
        return self._whole


def generate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``generate``."""

    def wrapper(self: BaseLLM, prompts: list[str], stop: list[str] | None = None, *args: Any, **kwargs: Any) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return original(self, prompts, stop, *args, **kwargs)
            row = _Rounds(frame, prompts, kwargs)
            while row.left:
                call = _Call(frame, self, list(row.left.values()), stop, row.kwargs, row.rejected)
                call.hands_out()
                with call.watched():
                    found = original(self, list(row.left.values()), stop, *args, **row.kwargs)
                row.take(call, found)
            return row.result

    return wrapper


def agenerate(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``agenerate``."""

    async def wrapper(
        self: BaseLLM, prompts: list[str], stop: list[str] | None = None, *args: Any, **kwargs: Any
    ) -> Any:
        with _frame(self) as frame:
            if frame is None:
                return await original(self, prompts, stop, *args, **kwargs)
            row = _Rounds(frame, prompts, kwargs)
            while row.left:
                call = _Call(frame, self, list(row.left.values()), stop, row.kwargs, row.rejected)
                call.hands_out()
                with call.watched():
                    found = await original(self, list(row.left.values()), stop, *args, **row.kwargs)
                row.take(call, found)
            return row.result

    return wrapper


def stream(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``stream``: pieces of text, without anything else that the provider said."""

    def wrapper(self: BaseLLM, input: Any, *args: Any, **kwargs: Any) -> Iterator[Any]:
        with _frame(self) as frame:
            if frame is None:
                yield from original(self, input, *args, **kwargs)
                return
            if rounds.holds(frame):
                with context.use(frame):
                    whole = self.invoke(input, *args, **kwargs)
                yield whole
                return
            call = _Call(frame, self, _prompt(self, input), kwargs.get("stop"), kwargs)
            if call.hands_out():
                with call.watched():
                    whole = self.invoke(input, *args, **kwargs)
                call.answered([whole])
                yield whole
                return
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
            if rounds.holds(frame):
                with context.use(frame):
                    whole = await self.ainvoke(input, *args, **kwargs)
                yield whole
                return
            call = _Call(frame, self, _prompt(self, input), kwargs.get("stop"), kwargs)
            if call.hands_out():
                with call.watched():
                    whole = await self.ainvoke(input, *args, **kwargs)
                call.answered([whole])
                yield whole
                return
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
    "_generate_helper": again.helper,
    "_agenerate_helper": again.ahelper,
}
"""Method of a model -> its wrapper."""
