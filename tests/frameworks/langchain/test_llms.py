"""Models that complete text: every way into them is one step, with what the provider said of the call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseLLM
from langchain_core.outputs import Generation, LLMResult
from langchain_openai import OpenAI

import handrail
from handrail.testing import Script, ScriptedModel, Turn
from tests.frameworks.langchain.kit import adrain, policy, recorded
from tests.frameworks.recorded import Recorded

Factory = Callable[[Sequence[Turn] | Script], ScriptedModel]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _client(model: ScriptedModel) -> OpenAI:
    return OpenAI(model="davinci", base_url=model.base_url, api_key="k", max_retries=0)  # type: ignore[arg-type]


class Broken(BaseLLM):
    """Fails."""

    @property
    def _llm_type(self) -> str:
        return "broken"

    def _generate(self, prompts: list[str], *args: Any, **kwargs: Any) -> LLMResult:
        raise ValueError("SENTINEL")


class Whole(BaseLLM):
    """Cannot stream: its stream ends in its invoke."""

    @property
    def _llm_type(self) -> str:
        return "whole"

    def _generate(self, prompts: list[str], *args: Any, **kwargs: Any) -> LLMResult:
        return LLMResult(generations=[[Generation(text=f"to {prompt}")] for prompt in prompts])


async def test_every_way_in_is_one_step(handrail_model: Factory, tmp_path: Path) -> None:
    """invoke, batch and stream and their twins: one text_completion step each, closed with the text."""
    llm = _client(handrail_model(lambda request: Turn("hello there")))
    journal = Recorded(tmp_path / ".handrail")
    with handrail.run("clerk", config=policy(tmp_path)):
        texts = [
            llm.invoke("a"),
            "".join(llm.stream("a")),
            await llm.ainvoke("a"),
            "".join(await adrain(llm.astream("a"))),
        ]
        many = [llm.batch(["a", "b"]), await llm.abatch(["a", "b"])]
    assert texts == ["hello there"] * 4
    assert many == [["hello there"] * 2] * 2
    calls = recorded(tmp_path, "model.call")
    assert [(r["operation"], r["provider"], r["model"], r["server"]) for r in calls] == [
        ("text_completion", "openai", "davinci", "127.0.0.1")
    ] * 6
    assert [r["messages"]["keep"] + len(r["messages"]["add"]) for r in calls] == [1, 1, 1, 1, 2, 2]
    assert journal.value(calls[4]["messages"]["add"][-1])["content"] == "b"
    results = recorded(tmp_path, "model.result")
    assert [journal.value(r["output"])["content"] for r in results[:4]] == ["hello there"] * 4
    assert (results[0]["usage"], results[0]["finish"]) == ({"input": 11, "output": 7}, ["stop"])
    assert recorded(tmp_path, "run.end")[0]["model_calls"] == 6
    journal.check_complete()


def test_a_stream_that_ends_in_invoke_is_one_step(tmp_path: Path) -> None:
    """Where a model streams by asking itself for the whole, the call is not counted twice."""
    with handrail.run("clerk", config=policy(tmp_path)):
        assert list(Whole().stream("you")) == ["to you"]
    assert len(recorded(tmp_path, "model.call")) == 1


def test_a_model_that_asks_a_chat_model_is_one_step(handrail_model: Factory, tmp_path: Path) -> None:
    """Google's text model asks its chat model: one call, of the API that is really used."""
    google = pytest.importorskip("langchain_google_genai", reason="langchain-google-genai is not installed.")
    server = handrail_model(lambda request: Turn("hi"))
    address = {"base_url": server.base_url.removesuffix("/v1"), "api_key": "k"}
    with handrail.run("clerk", config=policy(tmp_path)):
        assert google.GoogleGenerativeAI(model="gemini-2.5-flash", **address).invoke("a") == "hi"
        assert google.ChatGoogleGenerativeAI(model="gemini-2.5-flash", **address).invoke("a").text == "hi"
    calls = recorded(tmp_path, "model.call")
    assert [(r["operation"], r["provider"]) for r in calls] == [("generate_content", "gcp.gemini")] * 2


def test_what_a_model_raises_closes_its_step(tmp_path: Path) -> None:
    """The caller gets the very exception; the record has its class and no text of it."""
    with handrail.run("clerk", config=policy(tmp_path)), pytest.raises(ValueError, match="SENTINEL"):
        Broken().invoke("a")
    [result] = recorded(tmp_path, "model.result")
    assert (result["outcome"], result["error"]) == ("error", "ValueError")
    assert "SENTINEL" not in str(recorded(tmp_path))


def test_an_abandoned_stream_is_cancelled(handrail_model: Factory, tmp_path: Path) -> None:
    """A consumer that goes away leaves a closed step behind."""
    llm = _client(handrail_model([Turn("one two three")]))
    with handrail.run("clerk", config=policy(tmp_path)):
        pieces = llm.stream("a")
        assert next(iter(pieces)) == "one "
        pieces.close()  # type: ignore[attr-defined]
    assert [r["outcome"] for r in recorded(tmp_path, "model.result")] == ["cancelled"]
    Recorded(tmp_path / ".handrail").check_complete()


def test_uninstall_puts_the_originals_back(tmp_path: Path) -> None:
    """After uninstrument the methods are those from before."""
    from handrail.frameworks import langchain as seam

    seam.uninstall()
    before = {name: BaseLLM.__dict__[name] for name in ("generate", "agenerate", "stream", "astream")}
    seam.install()
    seam.install()
    assert all(BaseLLM.__dict__[name] is not original for name, original in before.items())
    seam.uninstall()
    assert {name: BaseLLM.__dict__[name] for name in before} == before


CHECKED = """
[users]
"ana" = ["staff"]

[[rule]]
id = "staff-work"
allow = "staff"
call = "*"

[[validate]]
id = "cats"
on = "answer"
schema = {not = {pattern = "cat"}}
rounds = 1
"""
_ENFORCED = 'version = 1\nmode = "enforce"\nagent = "clerk"\n[principal]\nuser = "ana"\n' + CHECKED

DRIVES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda llm: llm.invoke("a pet"),
    "stream": lambda llm: list(llm.stream("a pet")),
    "batch": lambda llm: llm.batch(["a pet", "a pet"]),
    "generate": lambda llm: llm.generate(["a pet", "a pet"]).generations,
}


@pytest.mark.parametrize("drive", DRIVES)
def test_a_wrong_completion_is_asked_for_again(drive: str, handrail_model: Factory, tmp_path: Path) -> None:
    """A completion that is rejected is told with its prompt, and only the accepted one comes out."""
    model = handrail_model(lambda request: Turn("a dog" if "not valid" in request.last.text else "a cat"))
    governed = handrail.govern(_client(model), config=policy(tmp_path, text=_ENFORCED), name="clerk")
    out = repr(DRIVES[drive](governed))
    assert "dog" in out
    assert "cat" not in out
    assert {record["action"] for record in recorded(tmp_path, "validation")} == {"rejected"}
    assert any("retry_of" in str(record.get("links")) for record in recorded(tmp_path, "model.call"))
    Recorded(tmp_path / ".handrail").check_complete()


async def test_a_completion_that_stays_wrong_is_withheld(handrail_model: Factory, tmp_path: Path) -> None:
    """After the last round nothing of it comes out, asynchronously and streamed as well."""
    model = handrail_model(lambda request: Turn("a cat"))
    governed: Any = handrail.govern(_client(model), config=policy(tmp_path, text=_ENFORCED), name="clerk")
    assert "cat" not in await governed.ainvoke("a pet")
    assert "cat" not in "".join(await adrain(governed.astream("a pet")))
    assert len(model.requests) == 4
