"""Frames: where the running code stands, through generators, threads and tasks, and never longer than it should."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import context as otel

from handrail.tracing import context
from handrail.tracing.context import Counters, Frame, RunState
from handrail.tracing.identity import Principal

KINDS = ["use", "iterate", "aiterate", "thread", "raise"]
TREES = st.recursive(
    st.just(()),
    lambda inner: st.lists(st.tuples(st.sampled_from(KINDS), inner), max_size=3),
    max_leaves=12,
)  # fmt: skip


def frame(name: str = "0" * 16) -> Frame:
    """A frame of a run of its own."""
    return Frame(RunState("0" * 32, "0" * 32, Principal(), "clerk"), (), name, Principal())


class Planned(Exception):
    """Raised on purpose."""


def walk(tree: Any) -> None:
    """Enter frames as the tree says; at each place the current frame is the one just entered."""
    for kind, below in tree:
        before = context.current()
        here = frame()
        if kind == "use":
            with context.use(here):
                assert context.current() is here
                walk(below)
        elif kind == "iterate":
            for _ in context.iterate(here, _items(here, below)):
                assert context.current() is before
        elif kind == "aiterate":
            with ThreadPoolExecutor(1) as pool:
                pool.submit(asyncio.run, _drain(here, below)).result()
        elif kind == "thread":
            thread = threading.Thread(target=_in_thread, args=(here, below))
            thread.start()
            thread.join()
        else:
            with pytest.raises(Planned), context.use(here):
                walk(below)
                raise Planned
        assert context.current() is before
        assert otel.get_value(context._KEY) is before


def _items(here: Frame, below: Any) -> Iterator[int]:
    for each in range(2):
        assert context.current() is here
        walk(below)
        yield each


async def _aitems(here: Frame, below: Any) -> AsyncIterator[int]:
    for each in range(2):
        assert context.current() is here
        walk(below)
        await asyncio.sleep(0)
        assert context.current() is here
        yield each


async def _drain(here: Frame, below: Any) -> None:
    before = context.current()
    async for _ in context.aiterate(here, _aitems(here, below)):
        assert context.current() is before


def _in_thread(here: Frame, below: Any) -> None:
    with context.use(here):
        walk(below)
        assert context.current() is here


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_frames_nest_and_never_leak(tree: Any) -> None:
    """However blocks, generators, asynchronous generators, threads and exceptions nest, what was current is again."""
    walk(tree)
    assert context.current() is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=12))
def test_interleaved_tasks_do_not_mix(order: list[int]) -> None:
    """Tasks that take turns at every await each see their own frame, whatever the order of their turns."""

    async def one(turns: int) -> None:
        here = frame()
        with context.use(here):
            for _ in range(turns):
                await asyncio.sleep(0)
                assert context.current() is here
        assert context.current() is None

    async def both() -> None:
        await asyncio.gather(*(one(turns) for turns in order))

    asyncio.run(both())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 3), st.booleans())
def test_generators_that_are_closed_early_leave_nothing(taken: int, elsewhere: bool) -> None:
    """Closing after any number of items, here or in another thread, runs the source's clean-up in its frame."""
    here, cleaned = frame(), []

    def source() -> Iterator[int]:
        try:
            yield from range(5)
        finally:
            cleaned.append(context.current())

    items = context.iterate(here, source())
    for _ in range(taken):
        next(items)
    closer = threading.Thread(target=items.close)
    if elsewhere:
        closer.start()
        closer.join()
    else:
        items.close()
    assert cleaned == ([here] if taken else [])
    assert context.current() is None


def test_a_block_that_is_left_in_another_context_disturbs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine thrown away by somebody else's code leaves that code's frame, and logs nothing."""

    async def inside() -> None:
        with context.use(frame()):
            await asyncio.sleep(0)

    thrown, mine = inside(), frame()
    contextvars.copy_context().run(thrown.send, None)
    with context.use(mine):
        thrown.close()
        assert context.current() is mine
    assert context.current() is None
    assert [record for record in caplog.records if "detach" in record.getMessage()] == []


def test_either_carrier_suffices() -> None:
    """Code that carries only OpenTelemetry's context into a thread keeps the frame."""
    here, seen = frame(), []
    with context.use(here):
        carried = otel.get_current()

    def work() -> None:
        token = otel.attach(carried)
        seen.append(context.current())
        otel.detach(token)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [here]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 5)), max_size=50), min_size=2, max_size=6))
def test_counters_lose_nothing_between_threads(work: list[list[tuple[str, int]]]) -> None:
    """Whatever threads add at once, the sums are those of the single additions."""
    counters = Counters()

    def add(items: list[tuple[str, int]]) -> None:
        for name, amount in items:
            counters.add(name, amount)

    with ThreadPoolExecutor(len(work)) as pool:
        list(pool.map(add, work))
    for name in "abc":
        assert counters.get(name) == sum(amount for items in work for each, amount in items if each == name)
