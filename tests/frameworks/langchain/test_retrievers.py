"""What retrievers give out: the documents that the principals who act here may read, and no trace of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.tools import create_retriever_tool
from langchain_core.vectorstores import InMemoryVectorStore

import handrail
from tests.frameworks.langchain.kit import Scripted, adrain, call, plain, policy, recorded
from tests.frameworks.langchain.scenarios import ASK, END
from tests.frameworks.recorded import Recorded

POLICY = """
version = 1
mode = "{mode}"
agent = "clerk"

[users]
"ana" = ["support"]
"acme/ana" = ["boss"]

[[rule]]
id = "support-reads"
allow = "support"
read = "handbook"
when = "doc.metadata.department == 'support'"

[[rule]]
id = "boss-reads"
allow = "boss"
read = "*"

[[rule]]
id = "work"
allow = "support"
call = "*"

[[delegate]]
from = "*"
to = "agent:*"
call = "*"
read = "*"
"""
DEPARTMENTS = ["support", "legal", "support", None, "Support", ["support"]]


class Lying(str):
    """A text that equals every other."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Listed(BaseRetriever):
    """Gives out a list."""

    documents: list[Any]

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> Any:
        return self.documents


class Asking(BaseRetriever):
    """Asks another retriever, and adds a document of its own."""

    inner: Any
    own: list[Any] = []  # noqa: RUF012

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> Any:
        return [*self.inner.invoke(query), *self.own]


class OwnEntry(Listed):
    """A retriever class that overrides the public entry points."""

    def invoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        """Skip what BaseRetriever does."""
        return self.documents

    async def ainvoke(self, input: Any, config: Any = None, **kwargs: Any) -> Any:
        """Skip what BaseRetriever does."""
        return self.documents


def _documents() -> list[Document]:
    return [
        Document(f"text {place}", metadata={"department": department} if department else {}, id=str(place))
        for place, department in enumerate(DEPARTMENTS)
    ]


def _handbook(kind: type[Listed] = Listed) -> Any:
    return kind(name="handbook", documents=_documents())


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> Path:
    return policy(tmp_path, "enforce", POLICY)


def _ids(documents: Any) -> list[Any]:
    return [document.id for document in documents]


DRIVES: dict[str, Callable[[Any], Any]] = {
    "invoke": lambda retriever: retriever.invoke("q"),
    "ainvoke": lambda retriever: asyncio.run(retriever.ainvoke("q")),
    "batch": lambda retriever: retriever.batch(["q"])[0],
    "abatch": lambda retriever: asyncio.run(retriever.abatch(["q"]))[0],
    "stream": lambda retriever: next(iter(retriever.stream("q"))),
    "astream": lambda retriever: asyncio.run(adrain(retriever.astream("q")))[0],
    "with_config": lambda retriever: retriever.with_config(tags=["x"]).invoke("q"),
    "with_retry": lambda retriever: retriever.with_retry().invoke("q"),
}


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("kind", [Listed, OwnEntry])
def test_only_what_may_be_read_comes_out(kind: type[Listed], drive: str, config: Path, tmp_path: Path) -> None:
    """By every entry the agent gets the readable documents, unchanged and in order; the audit has both counts."""
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)  # brings the seam up
        found = DRIVES[drive](_handbook(kind))
    assert found == [_documents()[0], _documents()[2]]
    assert type(found) is list
    [ended] = [record for record in recorded(tmp_path, "step.end") if "returned" in record]
    assert (ended["returned"], ended["removed"]) == (6, 4)
    [started] = [record for record in recorded(tmp_path, "step.start") if record["type"] == "retrieval"]
    assert (started["name"], started["chain"]) == ("handbook", ["user:ana", "agent:clerk"])


@pytest.mark.parametrize("drive", DRIVES)
def test_observing_only_counts(drive: str, tmp_path: Path) -> None:
    """In observe mode every document comes out, as the very same list, and what would be removed is counted."""
    config = policy(tmp_path, "observe", POLICY)
    handbook = _handbook()
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        found = DRIVES[drive](handbook)
    assert found == handbook.documents
    [ended] = [record for record in recorded(tmp_path, "step.end") if "returned" in record]
    assert (ended["removed"], ended["would_remove"]) == (0, 4)


@pytest.mark.parametrize("who", ["mallory", "anonymous"])
def test_who_may_not_read_gets_nothing(who: str, config: Path) -> None:
    """Default deny holds for documents too."""
    with handrail.run("clerk", config=config, user=who):
        handrail.govern(RunnableLambda(str), config=config)
        assert _handbook().invoke("q") == []


def test_tenants_are_apart(config: Path) -> None:
    """The user of the same name in another tenant reads by that tenant's roles."""
    with handrail.run("clerk", config=config, tenant="acme", user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        assert len(_handbook().invoke("q")) == 6


def test_the_name_is_the_retrievers_or_its_classs(config: Path) -> None:
    """Without a name of its own a retriever goes by its class in snake case, for which no rule speaks here."""
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        assert Listed(documents=_documents()).invoke("q") == []


ODD: dict[str, Any] = {
    "a lying text": {"department": Lying("legal")},
    "a lying mapping": type("Liar", (dict,), {"__getitem__": lambda self, key: "support"})({"department": "legal"}),
    "a number": {"department": 7},
    "not a number": {"department": float("nan")},
    "bytes": {"department": b"support"},
    "an object": {"department": object()},
    "deep": {"department": {"department": "support"}},
    "an odd key": {b"department": "support"},
    "another case": {"DEPARTMENT": "support"},
    "nothing": None,
}


@pytest.mark.parametrize("odd", ODD)
def test_metadata_that_is_no_plain_json_opens_nothing(odd: str, config: Path) -> None:
    """Whatever a document brings along, it cannot answer for itself: what cannot be evaluated is not given out."""
    document = Document.model_construct(page_content="x", metadata=ODD[odd], id="odd")
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        assert Listed(name="handbook", documents=[document, _documents()[0]]).invoke("q") == [_documents()[0]]


def test_a_result_that_is_no_list_of_documents_gives_nothing(config: Path, tmp_path: Path) -> None:
    """What cannot be filtered is not given out in enforce mode, and is passed on untouched in observe mode."""
    observing = policy(tmp_path / "observe", "observe", POLICY)
    for each, expected in ((config, []), (observing, 7)):
        with handrail.run("clerk", config=each, user="ana"):
            handrail.govern(RunnableLambda(str), config=each)
            retriever = Listed.model_construct(name="handbook", documents=7, tags=None, metadata=None)
            assert retriever.invoke("q") == expected


def test_a_retriever_that_asks_another_decides_each_document_once(config: Path, tmp_path: Path) -> None:
    """What the inner one let through passes the outer one; what that adds is decided under its own name."""
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        own = [Document("own", metadata={"department": "support"}, id="own")]
        assert _ids(Asking(name="outer", inner=_handbook(), own=own).invoke("q")) == ["0", "2"]
        assert _ids(Asking(name="handbook", inner=_handbook(), own=own).invoke("q")) == ["0", "2", "own"]
    counts = [(record["returned"], record["removed"]) for record in recorded(tmp_path, "step.end")]
    assert counts == [(6, 4), (3, 1), (6, 4), (3, 0)]


def test_an_ensemble_filters_once(config: Path, tmp_path: Path) -> None:
    """LangChain's ensemble has entry points of its own: its members' documents are not decided on twice."""
    from langchain_classic.retrievers import EnsembleRetriever

    ensemble = EnsembleRetriever(retrievers=[_handbook(), _handbook()], weights=[0.5, 0.5])
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        assert sorted(_ids(ensemble.invoke("q"))) == ["0", "2"]
    removed = [record["removed"] for record in recorded(tmp_path, "step.end")]
    assert removed == [4, 4, 0]


def test_multi_query_asks_several_times(config: Path) -> None:
    """A retriever that asks its inner one for several questions gives out what each may give out."""
    from langchain_classic.retrievers import MultiQueryRetriever

    made = MultiQueryRetriever(
        retriever=_handbook(), llm_chain=RunnableLambda(lambda given: ["one", "two"]), include_original=False
    )
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        assert set(_ids(made.invoke("q"))) == {"0", "2"}


def test_a_vector_store(config: Path) -> None:
    """A real vector store's retriever is filtered under the name that it was given."""
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=8))
    store.add_documents(_documents())
    retriever = store.as_retriever(name="handbook", search_kwargs={"k": 6})
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        assert sorted(_ids(retriever.invoke("q"))) == ["0", "2"]


def _joined(documents: list[Document]) -> str:
    return "\n".join(document.page_content for document in documents)


def test_a_chain_over_documents(config: Path, tmp_path: Path) -> None:
    """The model of a retrieval chain reads only what may be read: the removed texts are nowhere in its messages."""
    model = Scripted(turns=(END,))
    prompt = ChatPromptTemplate.from_messages([("human", "{context}\n{question}")])
    join: Any = RunnableLambda(_joined)
    chain: Any = {"context": _handbook() | join, "question": RunnablePassthrough()} | prompt | model | StrOutputParser()
    assert handrail.govern(chain, config=config, principal={"user": "ana"}).invoke("hm") == "final answer"
    [(messages, _)] = model.seen
    assert messages[0][1]["content"] == "text 0\ntext 2\nhm"


@pytest.mark.parametrize("drive", ["invoke", "ainvoke"])
def test_a_retriever_tool_tells_nothing_of_what_was_removed(drive: str, config: Path, tmp_path: Path) -> None:
    """What an agent's model is told is the same, byte for byte, as if the other documents had never been there."""
    seen: list[Any] = []
    for documents in (_documents(), [_documents()[0], _documents()[2]]):
        retriever = Listed(name="handbook", documents=documents)
        search = create_retriever_tool(retriever, "search", "Search.", response_format="content_and_artifact")
        model = Scripted(turns=(call("search", query="q"), END))
        bare: Any = create_agent(model, [search], name="clerk")
        agent = handrail.govern(bare, config=config, principal={"user": "ana"})
        agent.invoke(ASK) if drive == "invoke" else asyncio.run(agent.ainvoke(ASK))
        seen.append(plain(model.seen))
    assert seen[0] == seen[1]


def test_a_retriever_that_fails_fails_as_before(config: Path, tmp_path: Path) -> None:
    """An exception of the retriever reaches the caller, and the step is closed with its kind."""

    class Broken(Listed):
        def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> Any:
            raise LookupError("no index")

    with handrail.run("clerk", config=config, user="ana"), pytest.raises(LookupError, match="no index"):
        handrail.govern(RunnableLambda(str), config=config)
        Broken(name="handbook", documents=[]).invoke("q")
    ended = [(record["outcome"], record["error"]) for record in recorded(tmp_path, "step.end")]
    assert ended == [("error", "LookupError")]


def test_without_governance_nothing_changes(tmp_path: Path) -> None:
    """Outside every run and without instrument(), a retriever gives out its own list."""
    handrail.govern(RunnableLambda(str), config=policy(tmp_path, "enforce", POLICY))
    handbook = _handbook()
    assert handbook.invoke("q") is handbook.documents


def test_a_governed_process_filters_bare_calls(config: Path) -> None:
    """After instrument() a retriever that no agent asks is a run of its own, and filtered too."""
    handrail.instrument(config=config)
    with handrail.acting_for(user="ana"):
        assert _ids(_handbook().invoke("q")) == ["0", "2"]


def test_rights_that_change_meanwhile_count(config: Path) -> None:
    """A file that is edited inside a run holds for the next search."""
    with handrail.run("clerk", config=config, user="ana"):
        handrail.govern(RunnableLambda(str), config=config)
        handbook = _handbook()
        assert len(handbook.invoke("q")) == 2
        config.write_text(config.read_text().replace("'support'", "'legal'"))
        assert _ids(handbook.invoke("q")) == ["1"]


async def _events(retriever: Any) -> list[Any]:
    events = [event async for event in retriever.astream_events("q", version="v2")]
    return next(event["data"]["output"] for event in events if event["event"] == "on_retriever_end")


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_events_and_callbacks_tell_of_what_is_given_out(mode: str, tmp_path: Path) -> None:
    """Whoever shows a user the events of a run shows no documents that the user may not read."""
    config = policy(tmp_path, mode, POLICY)
    handrail.govern(RunnableLambda(str), config=config)
    told: list[Any] = []

    class Told(BaseCallbackHandler):
        def on_retriever_end(self, documents: Any, **kwargs: Any) -> None:
            told.extend(_ids(documents))

    with handrail.run("clerk", config=config, user="ana"):
        given = _ids(_handbook().invoke("q", {"callbacks": [Told()]}))
        assert _ids(asyncio.run(_events(_handbook()))) == given == told
    assert (given == _ids(_documents())) == (mode == "observe")


class Once(Listed):
    """Gives out what can be looked at once only."""

    def _get_relevant_documents(self, query: str, *, run_manager: Any = None) -> Any:
        return iter(self.documents)


def test_observing_reads_nothing_away(tmp_path: Path) -> None:
    """An iterator in place of a list reaches the agent whole in observe mode; enforced, nothing of it is given out."""
    for mode, count in (("observe", len(DEPARTMENTS)), ("enforce", 0)):
        config = policy(tmp_path / mode, mode, POLICY)
        handrail.govern(RunnableLambda(str), config=config)
        with handrail.run("clerk", config=config, user="ana"):
            assert len(list(_handbook(Once).invoke("q"))) == count


def test_what_was_asked_and_given_is_kept(tmp_path: Path) -> None:
    """The step says how many documents were asked for; the query and what the agent got lie in payloads."""
    config = policy(tmp_path, "enforce", POLICY)
    handrail.govern(RunnableLambda(str), config=config)
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=4))
    store.add_documents([Document(f"SENTINEL {n}", id=str(n), metadata={"department": "support"}) for n in range(3)])
    with handrail.run("clerk", config=config, user="ana"):
        store.as_retriever(search_kwargs={"k": 2}, name="handbook").invoke("SENTINEL")
    kept = Recorded(tmp_path / ".handrail")
    [start] = [record for record in recorded(tmp_path, "step.start") if record["type"] == "retrieval"]
    [end] = [record for record in recorded(tmp_path, "step.end") if "documents" in record]
    assert (start["top_k"], kept.value(start["query"])) == (2, "SENTINEL")
    given = kept.value(end["documents"])
    assert [sorted(document) for document in given] == [["content", "id"]] * 2
    assert "SENTINEL" not in str(recorded(tmp_path))
