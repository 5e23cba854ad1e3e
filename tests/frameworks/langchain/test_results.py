"""What tools give back in other forms than a text: content blocks, commands, objects; and calls beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import InjectedToolCallId, StructuredTool, tool
from langgraph.types import Command

import handrail
from handrail.testing import ToolCall, Turn
from handrail.validators import Finding, Fix, registry
from tests.frameworks.langchain.kit import Scripted, call, policy, recorded
from tests.frameworks.langchain.test_rounds import ASK, POLICY

SMALL = "at('$.n', range(max=5))"


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


@tool
def blocks() -> Any:
    """Give a number, as tools of an MCP server do."""
    return [{"type": "text", "text": '{"n": 99, '}, {"type": "text", "text": '"name": "x"}'}]


@tool
def command(tool_call_id: Annotated[str, InjectedToolCallId]) -> Any:
    """Change the state."""
    return Command(update={"messages": [ToolMessage("SENTINEL", tool_call_id=tool_call_id)]})


@tool
def commands(tool_call_id: Annotated[str, InjectedToolCallId]) -> Any:
    """Change the state twice."""
    return [Command(update={"messages": [ToolMessage("SENTINEL", tool_call_id=tool_call_id)]})]


@tool
def pay(n: int) -> str:
    """Pay."""
    return f"paid {n}"


def _answers(folder: Path, validate: str, tools: list[Any], *turns: Turn) -> tuple[list[Any], Any]:
    """Messages after the question, and the model that was asked."""
    model = Scripted(turns=(*turns, Turn("fine")))
    text = "".join(f"{line}\n" for line in ("[[validate]]", 'id = "v"', *validate.split("; ")))
    agent = handrail.govern(create_agent(model, tools, name="clerk"), config=policy(folder, "enforce", POLICY + text))
    return agent.invoke(ASK)["messages"][1:], model


def test_content_blocks_of_text_are_that_text(tmp_path: Path) -> None:
    """A result in blocks of text is read like the text that a model reads, and stays blocks where it is changed."""
    config = f'on = "blocks.result"; check = "{SMALL}"'
    found, _ = _answers(tmp_path, config, [blocks], call("blocks"))
    assert "withheld" in found[1].content
    found, _ = _answers(tmp_path, f'{config}; then = "redact"', [blocks], call("blocks"))
    assert found[1].content == [{"type": "text", "text": '{"n": "[REDACTED:range.max]", "name": "x"}'}]


@pytest.mark.parametrize("made", [command, commands])
def test_a_command_is_not_replaced_by_what_is_left_of_it(made: StructuredTool, tmp_path: Path) -> None:
    """Something in a command of LangGraph cannot be taken out: the command is withheld, and the run goes on."""
    place = "$" if made is command else "$[0]"
    config = f"""on = "{made.name}.result"; check = "at('{place}.update.messages[0].content', one_of(['x']))\""""
    found, model = _answers(tmp_path, f'{config}; then = "redact"', [made], call(made.name))
    assert isinstance(found[1], ToolMessage)
    assert found[1].status == "error"
    assert isinstance(found[-1], AIMessage)
    assert "SENTINEL" not in repr(model.seen)
    assert [record["outcome"] for record in recorded(tmp_path, "tool.result")] == ["rejected"]


def test_calls_of_one_reply_are_one_round(tmp_path: Path) -> None:
    """A model that asks for four wrong calls at once was told nothing between them, and still has its next try."""
    four = Turn(tool_calls=tuple(ToolCall("pay", {"n": 99}) for _ in range(4)))
    config = f'on = "pay.arguments"; check = "{SMALL}"; rounds = 1; last = "fail"'
    found, _ = _answers(tmp_path, config, [pay], four, call("pay", n=1))
    assert [one.status for one in found if isinstance(one, ToolMessage)] == ["error"] * 4 + ["success"]
    assert {one["round"] for one in recorded(tmp_path, "validation")} == {1}
    with pytest.raises(handrail.ValidationFailed):
        _answers(tmp_path / "again", config, [pay], four, call("pay", n=99))


def test_what_an_answer_says_aloud_is_a_text(tmp_path: Path) -> None:
    """The transcript of spoken words is looked at like a text: the model is told, and gives another answer."""
    aloud = AIMessage("", additional_kwargs={"audio": {"id": "a", "data": "UklGRg==", "transcript": "SENTINEL"}})

    class Speaks(Scripted):
        def _next(self, messages: Any, kwargs: Any) -> AIMessage:
            return super()._next(messages, kwargs) if self.seen else self._aloud(messages)

        def _aloud(self, messages: Any) -> AIMessage:
            self.seen.append(messages)
            return aloud

    text = POLICY + '[[validate]]\nid = "v"\non = "answer"\ncheck = "matches(\'[a-z]*\')"\n'
    model = Speaks(turns=(Turn("never"), Turn("fine")))
    agent = handrail.govern(create_agent(model, [], name="clerk"), config=policy(tmp_path, "enforce", text))
    assert agent.invoke(ASK)["messages"][-1].content == "fine"


@tool
def transfer(iban: str, note: str = "") -> str:
    """Transfer money."""
    return f"{iban} {note}"


ACCOUNT = "at('$.iban', iban())"


def test_a_repaired_call_is_made_once_and_decided_once(tmp_path: Path) -> None:
    """What was put right at the ToolNode is what the tool below it gets, and is no other call there."""
    config = f'on = "transfer.arguments"; check = "{ACCOUNT}"; then = "repair"'
    found, _ = _answers(tmp_path, config, [transfer], call("transfer", iban="de89 3704 0044 0532 0130 00", note="x"))
    assert found[1].content == "DE89370400440532013000 x"
    assert [one["action"] for one in recorded(tmp_path, "validation")] == ["repaired"]
    assert [one["verdict"] for one in recorded(tmp_path, "tool.call")] == ["allow"]


def test_a_bare_text_is_put_right_too(tmp_path: Path) -> None:
    """A tool that is called with a text in place of a table of arguments gets the text that was put right."""
    text = POLICY + f'[[validate]]\nid = "v"\non = "transfer.arguments"\ncheck = "{ACCOUNT}"\nthen = "repair"\n'
    handrail.instrument(config=policy(tmp_path, "enforce", text))
    assert transfer.run("de89 3704 0044 0532 0130 00") == "DE89370400440532013000 "


def _without_note(args: Any) -> Any:
    return Finding("note.there", "No note.", fix=Fix({"iban": args["iban"]})) if "note" in args else None


def test_an_argument_that_was_taken_away_does_not_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a repair leaves an argument out, neither seam of LangChain puts it in again."""
    entry = registry.Entry("without_note", f"{__name__}:no_note", "", "elsewhere")
    monkeypatch.setattr(registry, "_others", lambda: {"without_note": entry})
    config = 'on = "transfer.arguments"; check = "without_note()"; then = "repair"'
    found, _ = _answers(tmp_path, config, [transfer], call("transfer", iban="x", note="SENTINEL"))
    assert found[1].content == "x "


def no_note() -> Any:
    """Make the check."""
    return _without_note
