"""Memory: writes are governed calls, and a namespace belongs to whoever wrote to it first, unless a rule names it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.store.base import GetOp, ListNamespacesOp, PutOp, SearchOp
from langgraph.store.memory import InMemoryStore

import handrail
import handrail.frameworks.langchain as seam
from handrail.audit.index import Index
from handrail.errors import NotAvailable
from tests.frameworks.langchain.kit import policy, recorded
from tests.frameworks.recorded import Recorded

POLICY = """
version = 1
mode = "{mode}"
agent = "clerk"

[users]
"ana" = ["staff"]
"bob" = ["staff"]
"eve" = ["guest"]

[[rule]]
id = "shared-notes"
allow = "staff"
read = "shared/*"
write = "shared/*"
when = "memory.key != 'sealed'"

[[delegate]]
from = "*"
to = "agent:*"
read = "*"
write = "*"
"""
MINE, SHARED = ("memories", "ana"), ("shared", "team")


@pytest.fixture(autouse=True)
def _undone() -> Iterator[None]:
    yield
    handrail.uninstrument()


def _as(folder: Path, user: str, do: Callable[[], Any], mode: str = "enforce") -> Any:
    config = policy(folder, mode, POLICY)
    handrail.govern(RunnableLambda(str), config=config)  # brings the seam up
    with handrail.run("clerk", config=config, user=user):
        return do()


def _filled(folder: Path) -> InMemoryStore:
    """A store in which ana wrote into a namespace of her own."""
    store = InMemoryStore()
    _as(folder, "ana", lambda: store.put(MINE, "k", {"a": 1}))
    return store


READS: dict[str, tuple[Callable[[InMemoryStore], Any], Any]] = {
    "get": (lambda store: store.get(MINE, "k"), None),
    "aget": (lambda store: asyncio.run(store.aget(MINE, "k")), None),
    "search": (lambda store: store.search(("memories",)), []),
    "asearch": (lambda store: asyncio.run(store.asearch(MINE)), []),
    "list_namespaces": (lambda store: store.list_namespaces(), []),
    "alist_namespaces": (lambda store: asyncio.run(store.alist_namespaces()), []),
    "batch": (lambda store: store.batch([GetOp(MINE, "k"), SearchOp(("memories",))]), [None, []]),
    "abatch": (lambda store: asyncio.run(store.abatch([GetOp(MINE, "k")])), [None]),
}
LISTS: dict[str, Callable[[InMemoryStore], Any]] = {
    "cut short": lambda store: store.list_namespaces(max_depth=1),
    "first page": lambda store: store.list_namespaces(limit=1),
    "second page": lambda store: store.list_namespaces(limit=1, offset=1),
    "cut short, async": lambda store: asyncio.run(store.alist_namespaces(max_depth=1)),
    "batch": lambda store: store.batch([ListNamespacesOp(max_depth=2, limit=1)])[0],
    "abatch": lambda store: asyncio.run(store.abatch([ListNamespacesOp(max_depth=1)]))[0],
}
WRITES: dict[str, Callable[[InMemoryStore], Any]] = {
    "put": lambda store: store.put(MINE, "k", {"a": 2}),
    "aput": lambda store: asyncio.run(store.aput(MINE, "k", {"a": 2})),
    "delete": lambda store: store.delete(MINE, "k"),
    "adelete": lambda store: asyncio.run(store.adelete(MINE, "k")),
    "batch": lambda store: store.batch([GetOp(SHARED, "k"), PutOp(MINE, "k", {"a": 2})]),
    "abatch": lambda store: asyncio.run(store.abatch([PutOp(MINE, "k", None)])),
}


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("who", ["bob", "eve", "anonymous"])
def test_somebody_elses_memory_reads_as_empty(read: str, who: str, tmp_path: Path) -> None:
    """Another principal gets what an empty store gives; the owner gets what is there."""
    store = _filled(tmp_path)
    look, nothing = READS[read]
    assert _as(tmp_path, who, lambda: look(store)) == nothing == look(InMemoryStore())
    assert _as(tmp_path, "ana", lambda: look(store)) == look(store)


@pytest.mark.parametrize("way", LISTS)
def test_a_list_is_cut_after_what_is_not_theirs_is_left_out(way: str, tmp_path: Path) -> None:
    """Neither a shortened name nor a page tells of namespaces of others: the list is that of a store without them."""
    store, alone = _filled(tmp_path), InMemoryStore()
    for name in ("w", "z"):
        _as(tmp_path, "bob", lambda name=name: store.put((name, "bob", "notes"), "k", {}))  # type: ignore[misc]
        alone.put((name, "bob", "notes"), "k", {})
    assert _as(tmp_path, "bob", lambda: LISTS[way](store)) == LISTS[way](alone)


@pytest.mark.parametrize("spelled", [("memories.ana",), ("shared", "a.b")])
def test_a_namespace_with_a_period_is_nobodys(spelled: tuple[str, ...], tmp_path: Path) -> None:
    """Stores that join a namespace with periods take ``a.b`` for ``a``, ``b``: such a name reads as if not there."""
    store = InMemoryStore()
    store.batch([PutOp(spelled, "k", {"a": 1})])
    assert _as(tmp_path, "bob", lambda: store.get(spelled, "k")) is None
    with pytest.raises(NotAvailable):
        _as(tmp_path, "bob", lambda: store.batch([PutOp(spelled, "k", None)]))


class _Through(InMemoryStore):
    """A store that passes on whatever it is given."""

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return super().get(*args, **kwargs)

    def put(self, *args: Any, **kwargs: Any) -> None:
        super().put(*args, **kwargs)


@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_a_store_may_name_its_parameters_as_it_likes(mode: str, tmp_path: Path) -> None:
    """What is touched is known by LangGraph's own parameters."""
    store = _Through()
    _as(tmp_path, "ana", lambda: store.put(MINE, key="k", value={"a": 1}), mode)
    assert _as(tmp_path, "ana", lambda: store.get(MINE, "k"), mode).value == {"a": 1}
    assert (_as(tmp_path, "bob", lambda: store.get(namespace=MINE, key="k"), mode) is None) == (mode == "enforce")


@pytest.mark.parametrize("write", WRITES)
def test_somebody_elses_memory_cannot_be_written(write: str, tmp_path: Path) -> None:
    """Another principal's write is refused in the neutral words, and nothing of it is done."""
    store = _filled(tmp_path)
    with pytest.raises(NotAvailable):
        _as(tmp_path, "bob", lambda: WRITES[write](store))
    assert [(item.namespace, item.value) for item in store.search(())] == [(MINE, {"a": 1})]
    refused = [call for call in recorded(tmp_path, "tool.call") if call["verdict"] == "deny"]
    assert [(call["tool"], call["action"], call["by"]) for call in refused] == [("memories/ana", "write", "owner")]
    _as(tmp_path, "ana", lambda: WRITES[write](store))


def test_a_named_namespace_is_the_rules(tmp_path: Path) -> None:
    """A namespace that a rule names is shared as the rule says, on each key, whoever wrote first."""
    store = InMemoryStore()
    _as(tmp_path, "ana", lambda: store.put(SHARED, "k", {"a": 1}))
    assert _as(tmp_path, "bob", lambda: store.get(SHARED, "k")).value == {"a": 1}
    assert _as(tmp_path, "eve", lambda: store.get(SHARED, "k")) is None
    with pytest.raises(NotAvailable):
        _as(tmp_path, "bob", lambda: store.put(SHARED, "sealed", {}))


@pytest.mark.parametrize("write", WRITES)
def test_observing_marks_and_lets_through(write: str, tmp_path: Path) -> None:
    """In observe mode everything works as in an ungoverned store, and what would be refused is marked."""
    store = InMemoryStore()
    _as(tmp_path, "ana", lambda: store.put(MINE, "k", {"a": 1}), mode="observe")
    _as(tmp_path, "bob", lambda: WRITES[write](store), mode="observe")
    assert "would_deny" in [call["verdict"] for call in recorded(tmp_path, "tool.call")]


def test_without_a_run_nothing_changes(tmp_path: Path) -> None:
    """Outside every run a store is its own."""
    store = _filled(tmp_path)
    assert store.get(MINE, "k") is not None
    store.put(MINE, "k", {"a": 5})
    assert store.search(("memories",))[0].value == {"a": 5}


async def test_operations_are_named_by_the_conventions(tmp_path: Path) -> None:
    """What is read, written, deleted and searched, alone, in a batch and asynchronously: one memory step each."""
    store = InMemoryStore()
    seam.install()
    with handrail.run("clerk", config=policy(tmp_path, "observe", POLICY), user="ana", tenant="acme"):
        store.put(MINE, "k", {"a": "SENTINEL"})
        store.get(MINE, "k")
        await store.aget(MINE, "none")
        await store.asearch(MINE, query="SENTINEL")
        store.batch([PutOp(MINE, "k", None), SearchOp(("memories",)), GetOp(MINE, "k")])
        store.list_namespaces()
    opened = recorded(tmp_path, "tool.call", "step.start")
    assert [(r["type"], r["operation"], r["store"], r.get("record")) for r in opened] == [
        ("memory", "upsert_memory", "memories/ana", "k"),
        ("memory", "search_memory", "memories/ana", "k"),
        ("memory", "search_memory", "memories/ana", "none"),
        ("memory", "search_memory", "memories/ana", None),
        ("memory", "delete_memory", "memories/ana", "k"),
        ("memory", "search_memory", "memories/ana", "k"),
        ("memory", "search_memory", "memories", None),
    ]
    closed = {record["step"]: record for record in recorded(tmp_path, "tool.result", "step.end")}
    assert [closed[r["step"]].get("records") for r in opened] == [None, 1, 0, 1, None, None, 1]
    kept = Recorded(tmp_path / ".handrail")
    assert kept.value(opened[0]["value"]) == {"id": "k", "content": {"a": "SENTINEL"}}
    assert kept.value(closed[opened[1]["step"]]["result"]) == [{"id": "k", "content": {"a": "SENTINEL"}}]
    assert kept.value(opened[3]["query"]) == "SENTINEL"
    assert "SENTINEL" not in str(recorded(tmp_path))
    kept.check_complete()


def test_what_a_store_raises_closes_its_step(tmp_path: Path) -> None:
    """The caller gets the very exception, from one operation and from a search."""

    class Failing(InMemoryStore):
        def batch(self, ops: Any) -> Any:
            raise OSError("SENTINEL")

    with handrail.run("clerk", config=policy(tmp_path, "observe", POLICY), user="ana"):
        with pytest.raises(OSError, match="SENTINEL"):
            Failing().get(MINE, "k")
        with pytest.raises(OSError, match="SENTINEL"):
            Failing().search(MINE)
    assert [r["error"] for r in recorded(tmp_path, "tool.result", "step.end")] == ["OSError", "OSError"]
    assert "SENTINEL" not in str(recorded(tmp_path))


def test_memory_is_decided_and_is_no_tool_call(tmp_path: Path) -> None:
    """In the index an access is a memory step with its decision, and the run has called no tool."""
    store = InMemoryStore()
    with handrail.run("clerk", config=policy(tmp_path, "observe", POLICY), user="ana", tenant="acme"):
        store.put(MINE, "k", {"a": 1})
        store.search(MINE)
    index = Index(tmp_path / ".handrail")
    index.refresh(block=True)
    operations = index.query("SELECT operation, store, record, records FROM memory_operations ORDER BY operation DESC")
    assert [tuple(row.values()) for row in operations] == [
        ("upsert_memory", "memories/ana", "k", None), ("search_memory", "memories/ana", None, 1),
    ]  # fmt: skip
    [decided] = index.query("SELECT name, action, verdict FROM decisions")
    assert tuple(decided.values()) == ("memories/ana", "write", "allow")
    assert index.query("SELECT tool_calls FROM runs")[0]["tool_calls"] == 0
