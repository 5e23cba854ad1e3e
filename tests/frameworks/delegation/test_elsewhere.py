"""Tokens in threads, pools, tasks and event loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx

import handrail
from handrail.tracing.acting import accepted
from tests.frameworks.delegation.kit import POLICY, issue, may
from tests.frameworks.recorded import Recorded, write_policy


def _in_thread(work: Callable[[], str]) -> str:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def _in_pool(work: Callable[[], str]) -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _in_loop(work: Callable[[], str]) -> str:
    async def both() -> str:
        task = asyncio.create_task(asyncio.to_thread(work))
        return await task

    return asyncio.run(both())


@pytest.mark.parametrize("elsewhere", [_in_thread, _in_pool, _in_loop])
def test_a_token_follows_into_threads_and_tasks(elsewhere: Callable[[Callable[[], str]], str], tmp_path: Path) -> None:
    """A run started by a thread, a pool or a task of the block acts by the token, not for the process's own user."""
    write_policy(tmp_path, POLICY + '[principal]\ntenant = "acme"\nuser = "root"\n')

    def work() -> str:
        with handrail.run("biller"):
            return may()

    with handrail.accept(issue(call="pay"), audience="billing"):
        assert elsewhere(work) == "p"
    assert elsewhere(work) == "rpw"


async def test_requests_of_a_server_do_not_mix() -> None:
    """Tasks that take tokens up at the same time, and take turns at every await, each have their own rights."""
    rights = ["read", "pay", "p*", "*"] * 4
    issued = [issue(call=right) for right in rights]

    async def serve(token: str) -> str:
        async with handrail.accept(token, audience="billing"):
            await asyncio.sleep(0)
            async with handrail.run("biller"):
                await asyncio.sleep(0)
                return may()

    assert await asyncio.gather(*map(serve, issued)) == ["r", "p", "p", "rp"] * 4
    assert accepted() is None


async def test_refused_under_asyncio(journal: Recorded) -> None:
    """`async with` refuses as `with` does."""
    token = issue()
    async with handrail.accept(token, audience="billing"):
        pass
    with pytest.raises(handrail.DelegationRefused):
        async with handrail.accept(token, audience="billing"):
            pytest.fail("used twice")
    assert journal.all("delegation")[-1]["reason"] == "replayed"


async def test_an_event_loop_is_not_blocked(tmp_path: Path) -> None:
    """Under a detector of blocking calls tokens are issued, taken up and refused, also when the file has changed."""
    issue()  # keys are there, modules are loaded
    with blockbuster_ctx():
        async with handrail.run("desk", tenant="acme", user="ana"):
            token = handrail.delegate("billing")
        async with handrail.accept(token, audience="billing"), handrail.run("biller"):
            assert await asyncio.to_thread(may) == "rp"
        with pytest.raises(handrail.DelegationRefused):
            await handrail.accept(token, audience="billing").__aenter__()
        await asyncio.to_thread(write_policy, tmp_path, POLICY.replace('"pay"]', '"wipe"]'))
        async with handrail.run("desk", tenant="acme", user="ana"):
            second = handrail.delegate("billing")
        async with handrail.accept(second, audience="billing"), handrail.run("biller"):
            assert await asyncio.to_thread(may) == "rw"
