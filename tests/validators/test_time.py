"""The time of checks that nobody bounded: computed or slept away, it is found; on a busy machine it is not."""

from __future__ import annotations

import threading
import time

from handrail.validators import Context, Named, as_check

HERE = Context()


def _codes(check: Named) -> list[str]:
    return [one.code for one in check.check(None, HERE)]


def test_a_check_that_computes_too_long() -> None:
    """Computing for longer than is allowed is found, and what the check said stays."""

    def long(value: object) -> str:
        until = time.thread_time() + 0.01
        while time.thread_time() < until:
            pass
        return "wrong"

    assert _codes(Named("v", as_check(long), max_seconds=0.005)) == ["long", "unchecked.time"]
    assert _codes(Named("v", as_check(long), max_seconds=60)) == ["long"]


def test_a_check_that_sleeps() -> None:
    """Sleeping uses no processor, and is found where it takes twenty times as long as is allowed."""
    slept = Named("v", as_check(lambda value: time.sleep(0.1)), max_seconds=0.002)
    assert _codes(slept) == ["unchecked.time"]
    assert _codes(Named("v", slept.inner, max_seconds=60)) == []


def test_a_check_that_waits_for_another_thread() -> None:
    """Waiting for what never comes is found like sleeping."""

    def wait(value: object) -> None:
        threading.Event().wait(0.1)

    assert _codes(Named("v", as_check(wait), 0.002)) == ["unchecked.time"]


def test_a_check_of_ours_is_not_timed() -> None:
    """What is bounded by itself has no finding about its time, however little is allowed."""
    assert _codes(Named("v", as_check({"type": "null"}), max_seconds=0)) == []
