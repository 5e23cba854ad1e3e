"""Retrieved documents are checked before an agent, a callback or a stream has them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_classic.retrievers import EnsembleRetriever
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import create_retriever_tool

import handrail
from handrail.errors import ValidationFailed
from tests.frameworks.langchain.kit import Scripted, adrain, call, policy, recorded
from tests.frameworks.langchain.scenarios import ASK, END

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
read = "*"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
read = "*"

[[validate]]
id = "clean"
on = "handbook.documents"
"""
REJECT = 'schema = {properties = {content = {not = {pattern = "cat"}}}}\n'
REDACT = "check = \"at('$.content', matches('[^c]*|.*REDACTED.*'))\"\nthen = \"redact\"\n"


class Listed(BaseRetriever):
    """Gives out a list."""

    documents: list[Any]

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> Any:
        return self.documents


class Heard(BaseCallbackHandler):
    """Writes down what it is told that was found."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_retriever_end(self, documents: Any, **kwargs: Any) -> None:
        """What was found."""
        self.told += [each.page_content for each in documents]


def _handbook() -> Any:
    texts = ("a dog", "a cat", "a mouse")
    return Listed(name="handbook", documents=[Document(text, id=text, metadata={"n": 1}) for text in texts])


def _config(folder: Path, what: str, mode: str = "enforce") -> Path:
    return policy(folder, mode, POLICY + what)


DRIVES: dict[str, Callable[[Any, Any], Any]] = {
    "invoke": lambda found, config: found.invoke("q", config),
    "ainvoke": lambda found, config: asyncio.run(found.ainvoke("q", config)),
    "batch": lambda found, config: found.batch(["q"], config)[0],
    "stream": lambda found, config: next(found.stream("q", config)),
}


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("what", [REJECT, REDACT])
def test_a_wrong_document_reaches_nobody(drive: str, what: str, tmp_path: Path) -> None:
    """A rejected document is left out, a redacted one has nothing of it, for callers and callbacks alike."""
    heard = Heard()
    governed = handrail.govern(_handbook(), config=_config(tmp_path, what), name="clerk")
    found = [each.page_content for each in DRIVES[drive](governed, {"callbacks": [heard]})]
    middle = [] if what is REJECT else [found[1]]
    assert found == ["a dog", *middle, "a mouse"]
    assert heard.told == found
    assert "cat" not in repr(found)


def test_the_record_says_what_was_found_and_removed(tmp_path: Path) -> None:
    """The retrieval's record has the findings and how many documents are gone; each is put down once."""
    handrail.govern(_handbook(), config=_config(tmp_path, REJECT), name="clerk").invoke("q")
    (said,) = recorded(tmp_path, "validation")
    assert (said["validator"], said["on"], said["action"]) == ("clean", "documents", "rejected")
    (end,) = [record for record in recorded(tmp_path, "step.end") if "returned" in record]
    assert (end["returned"], end["removed"], len(end["findings"])) == (3, 1, 1)


def test_observe_mode_gives_out_the_very_list(tmp_path: Path) -> None:
    """In observe mode nothing is left out, and the record says what would have been."""
    handbook = _handbook()
    found = handrail.govern(handbook, config=_config(tmp_path, REJECT, "observe"), name="clerk").invoke("q")
    assert found is handbook.documents
    assert [record["action"] for record in recorded(tmp_path, "validation")] == ["would_be_rejected"]


def test_the_run_ends_where_the_file_says_so(tmp_path: Path) -> None:
    """With no rounds and ``last = "fail"`` a wrong document is an error for whoever asked."""
    config = _config(tmp_path, REJECT + 'rounds = 0\nlast = "fail"\n')
    with pytest.raises(ValidationFailed, match="'clean'"):
        handrail.govern(_handbook(), config=config, name="clerk").invoke("q")
    ended = [record["outcome"] for record in recorded(tmp_path, "step.end")]
    assert "rejected" in ended


def test_an_agent_and_its_event_stream_never_see_it(tmp_path: Path) -> None:
    """A retriever as a tool, inside another retriever: neither the model nor a stream of events has the document."""
    many = EnsembleRetriever(retrievers=[_handbook()], weights=[1.0])
    tool = create_retriever_tool(many, "search", "Search.")
    model = Scripted(turns=(call("search", query="pets"), END))
    agent = handrail.govern(create_agent(model, [tool], name="clerk"), config=_config(tmp_path, REJECT))
    events = asyncio.run(adrain(agent.astream_events(ASK, version="v2")))
    assert "mouse" in repr(model.seen[1])
    assert "a cat" not in repr(model.seen) + repr(events)
