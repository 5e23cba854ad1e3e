"""What the tests of the LangChain seam share: a scripted model without network, policies, outcomes to compare."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field

from handrail.testing import ToolCall, Turn
from tests.kept import kept


class Scripted(BaseChatModel):
    """A chat model that plays turns by how often it was asked, and keeps what it was asked."""

    turns: Sequence[Any] = ()
    seen: list[Any] = Field(default_factory=list)
    """One entry for each request: messages, names of the tools, other parameters."""

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], *, tool_choice: Any = None, **kwargs: Any) -> Runnable[Any, Any]:
        """Send the tools along with each request."""
        extra = {"tool_choice": tool_choice} if tool_choice is not None else {}
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools], **extra, **kwargs)

    def _next(self, messages: list[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        turn = self.turns[len(self.seen)]
        self.seen.append((plain(messages), plain(dict(kwargs))))
        if isinstance(turn, Exception):
            raise turn
        calls = [
            {"name": each.name, "args": dict(each.args), "id": each.id or f"call_{len(self.seen)}_{n}"}
            for n, each in enumerate(turn.tool_calls)
        ]
        usage: Any = {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
        return AIMessage(turn.text or "", tool_calls=calls, usage_metadata=usage)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._next(messages, kwargs))])

    def _stream(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kwargs: Any
    ) -> Iterator[ChatGenerationChunk]:
        reply = self._next(messages, kwargs)
        for word in re.findall(r"\s*\S+\s*", str(reply.content)):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=word))
            if run_manager:
                run_manager.on_llm_new_token(word, chunk=chunk)
            yield chunk
        yield ChatGenerationChunk(
            message=AIMessageChunk(content="", tool_calls=reply.tool_calls, usage_metadata=reply.usage_metadata)
        )


class ByAnswers(Scripted):
    """Plays turns by how many replies of a model are in what it is asked: a model that plans the same way again."""

    def _next(self, messages: list[BaseMessage], kwargs: Mapping[str, Any]) -> AIMessage:
        turn = self.turns[sum(isinstance(message, AIMessage) for message in messages)]
        self.seen.append((plain(messages), plain(dict(kwargs))))
        calls = [
            {"name": each.name, "args": dict(each.args), "id": each.id or f"call_{uuid4().hex}"}
            for each in turn.tool_calls
        ]
        return AIMessage(turn.text or "", tool_calls=calls)


def call(tool: str, **args: object) -> Turn:
    """A turn that calls one tool."""
    return Turn(tool_calls=(ToolCall(tool, args),))


_RANDOM_TEXT = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}|\b[0-9a-f]{32}\b| at 0x[0-9a-f]+")
_RANDOM = {"id", "ns", "checkpoint_id", "run_id", "parent_ids", "checkpoint_ns", "langgraph_checkpoint_ns", "ts"}


def plain(value: Any) -> Any:
    """``value`` in a form that compares: random ids left out, messages and objects by their content."""
    if isinstance(value, BaseMessage):
        return (type(value).__name__, plain(value.model_dump(exclude={"id"})))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items() if key not in _RANDOM or _is_ours(key, item)}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, BaseException):
        return (type(value).__name__, plain(str(value)))
    if isinstance(value, str):
        return _RANDOM_TEXT.sub("#", value)
    if value is None or isinstance(value, (int, float, bool, bytes)):
        return value
    fields = getattr(value, "__dict__", None) or {
        name: getattr(value, name) for name in getattr(value, "__slots__", ()) if hasattr(value, name)
    }
    return (type(value).__name__, {name: plain(item) for name, item in fields.items() if name not in _RANDOM})


def _is_ours(key: object, item: object) -> bool:
    """Ids that the script chose are compared, those that a library rolled are not."""
    return key == "id" and isinstance(item, str) and item.startswith("call_")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a user of an agent can see of one run."""

    value: Any
    error: Any
    """Type and text of what was raised, or None."""
    ran: Sequence[str]
    """What the tools noted, in their order."""
    asked: Sequence[Any]
    """Requests that reached the model."""


def unordered(value: Any) -> Any:
    """``value`` with every list sorted: for parallel calls, whose order of completion nobody promises."""
    if isinstance(value, dict):
        return {key: unordered(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return sorted((unordered(item) for item in value), key=repr)
    return value


async def adrain(items: AsyncIterator[Any]) -> list[Any]:
    """All items."""
    return [item async for item in items]


def observe(drive: Callable[[], Any], ran: list[str], model: Scripted) -> Outcome:
    """Run ``drive`` and put down everything visible."""
    value, error = None, None
    try:
        value = plain(drive())
    except Exception as raised:
        error = plain(raised)
    return Outcome(value, error, list(ran), list(model.seen))


POLICY = """
version = 1
mode = "{mode}"
agent = "clerk"

[principal]
user = "ana"

[users]
"ana" = ["staff"]

[[rule]]
id = "staff-work"
allow = "staff"
call = "*"

[[rule]]
id = "no-wires"
deny = "*"
call = "wire_money"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""


def policy(folder: Path, mode: str = "observe", text: str = POLICY) -> Path:
    """Write a policy that allows everything but wires; the path of its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "handrail.toml"
    path.write_text(text.replace("{mode}", mode))
    return path


def recorded(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """The records of ``folder``'s journal in the order of writing; of ``kinds`` only, where given."""
    return sorted(kept(folder, *kinds), key=lambda record: (record["t"], record["n"]))


def run_async(make: Callable[[], Any]) -> Any:
    """Run the coroutine that ``make`` makes on a loop of its own."""

    async def main() -> Any:
        return await make()

    return asyncio.run(main())
