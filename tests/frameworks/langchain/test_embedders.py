"""Embeddings: each call is one step, whatever class makes it and whenever that class was made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import OpenAIEmbeddings

import handrail
from handrail.frameworks import langchain as seam
from handrail.testing import Script, ScriptedModel, Turn
from tests.frameworks.langchain.kit import policy, recorded
from tests.frameworks.recorded import Recorded

Factory = Callable[[Sequence[Turn] | Script], ScriptedModel]


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    handrail.uninstrument()
    seam.uninstall()


def _client(model: ScriptedModel) -> OpenAIEmbeddings:
    return OpenAIEmbeddings(
        model="text-embedding-3-small", base_url=model.base_url, api_key="k", check_embedding_ctx_length=False  # type: ignore[arg-type]
    )  # fmt: skip


def _embedded(folder: Path) -> list[dict[str, Any]]:
    return [record for record in recorded(folder, "step.start") if record["type"] == "embedding"]


async def test_every_way_in_is_one_step(handrail_model: Factory, tmp_path: Path) -> None:
    """Four methods, one step each, with the model, how many texts, and how long the vectors are; no vector is kept."""
    client = _client(handrail_model([]))
    journal = Recorded(tmp_path / ".handrail")
    with handrail.run("clerk", config=policy(tmp_path)):
        found = [client.embed_query("a"), *client.embed_documents(["a", "b"])]
        found += [await client.aembed_query("a"), *await client.aembed_documents(["a", "b"])]
    assert [len(vector) for vector in found] == [8] * 6
    starts = _embedded(tmp_path)
    assert [(r["name"], r["provider"], r["count"], r["server"]) for r in starts] == [
        ("text-embedding-3-small", "openai", count, "127.0.0.1") for count in (1, 2, 1, 2)
    ]
    assert journal.value(starts[1]["input"]) == ["a", "b"]
    assert [r["dimension"] for r in recorded(tmp_path, "step.end")] == [8] * 4
    journal.check_complete()


def test_a_class_made_later_is_seen(tmp_path: Path) -> None:
    """A class of embeddings that is defined after the seam was installed is wrapped as well; it keeps its own hook."""
    made: list[str] = []
    with handrail.run("clerk", config=policy(tmp_path)):

        class Base(Embeddings):
            def __init_subclass__(cls, **kwargs: Any) -> None:
                made.append(cls.__name__)
                super().__init_subclass__(**kwargs)

        class Later(Base):
            def embed_documents(self, texts: list[str]) -> list[list[float]]:
                return [self.embed_query(text) for text in texts]

            def embed_query(self, text: str) -> list[float]:
                return [1.0]

        Later().embed_documents(["a", "b"])
    assert made == ["Later"]
    assert [(r["name"], r["provider"], r["count"]) for r in _embedded(tmp_path)] == [("Later", "later", 2)]


def test_a_cache_and_what_it_asks_are_one_step(handrail_model: Factory, tmp_path: Path) -> None:
    """Embeddings that serve others belong to the others' call, which has the name of the model that answers."""
    caches = pytest.importorskip("langchain_classic.embeddings", reason="langchain-classic is not installed.")
    from langchain_core.stores import InMemoryByteStore

    cached = caches.CacheBackedEmbeddings.from_bytes_store(
        _client(handrail_model([])), InMemoryByteStore(), key_encoder="sha256"
    )
    with handrail.run("clerk", config=policy(tmp_path)):
        cached.embed_documents(["a", "b"])
    assert [(r["name"], r["count"]) for r in _embedded(tmp_path)] == [("text-embedding-3-small", 2)]


def test_a_retriever_embeds_below_its_own_step(tmp_path: Path) -> None:
    """The embedding of a query is a child of the search that needs it."""
    store = InMemoryVectorStore(DeterministicFakeEmbedding(size=4))
    store.add_texts(["a", "b"])
    with handrail.run("clerk", config=policy(tmp_path)):
        store.as_retriever().invoke("a")
    search, embedding = recorded(tmp_path, "step.start")
    assert (search["type"], embedding["type"], embedding["parent"]) == ("retrieval", "embedding", search["step"])


def test_what_is_raised_reaches_the_caller(tmp_path: Path) -> None:
    """An exception goes on as it is; the record has its class only."""

    class Failing(DeterministicFakeEmbedding):
        def embed_query(self, text: str) -> list[float]:
            raise LookupError("SENTINEL")

    with handrail.run("clerk", config=policy(tmp_path)), pytest.raises(LookupError, match="SENTINEL"):
        Failing(size=4).embed_query("a")
    [end] = recorded(tmp_path, "step.end")
    assert (end["outcome"], end["error"]) == ("error", "LookupError")
    assert "SENTINEL" not in str(recorded(tmp_path))


def test_uninstall_leaves_no_trace(tmp_path: Path) -> None:
    """Methods and the hook for new classes are those from before; a class made then is bare."""
    seam.uninstall()
    before = dict(OpenAIEmbeddings.__dict__)
    seam.install()
    assert OpenAIEmbeddings.__dict__["embed_query"] is not before["embed_query"]
    seam.uninstall()
    assert OpenAIEmbeddings.__dict__["embed_query"] is before["embed_query"]
    assert "__init_subclass__" not in Embeddings.__dict__
