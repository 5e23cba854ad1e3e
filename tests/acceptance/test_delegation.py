"""Delegation between real processes: rights go along and narrow, records are linked, a used token stays used."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import handrail
from handrail.audit.delegation_keys import DelegationKeys
from handrail.audit.index import Index
from handrail.audit.verify import verify
from handrail.tracing.tokens import public_key
from tests.acceptance.commands import ENVIRON
from tests.audit.places import REPO
from tests.frameworks.recorded import NEUTRAL, Recorded, write_policy

POLICY = """
version = 1
mode = "enforce"

[users]
"acme/ana" = ["staff"]

[[rule]]
id = "staff"
allow = "staff"
call = ["ask_billing", "read_invoice", "pay_invoice"]

[[delegate]]
from = "staff"
to = "agent:desk"
call = "*"

[[delegate]]
from = "agent:desk"
to = "agent:clerk"
call = ["read_invoice", "pay_invoice"]
"""
READ = "invoice 7: 40 EUR"
PAID = "invoice 7 is paid"


TAKE = """
import sys
import handrail
try:
    with handrail.accept(sys.stdin.readline().strip(), audience="billing", config=sys.argv[1]):
        print("accepted", flush=True)
        sys.stdin.read()
except handrail.DelegationRefused as refused:
    print(refused, flush=True)
"""
"""A process that takes up the token of its standard input, says so, and waits."""


def process(what: str, *words: object) -> subprocess.Popen[str]:
    """One of the programs of ``delegating.py``, or ``take``."""
    program = ["-c", TAKE] if what == "take" else ["-m", "tests.acceptance.delegating", what]
    command = [sys.executable, *program, *map(str, words)]
    return subprocess.Popen(command, cwd=REPO, env=ENVIRON, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def service(config: Path) -> Iterator[int]:
    """The service, as long as the context lasts; yields its port."""
    with process("serve", config) as server:
        try:
            assert server.stdout is not None
            yield int(server.stdout.readline())
        finally:
            server.terminate()


def asked(config: Path, port: int, scope: str) -> list[str]:
    """What the tools of the service's agent said."""
    with process("ask", config, port, scope) as agent:
        out, _ = agent.communicate(timeout=120)
    found: list[str] = json.loads(out)
    return found


def two_hosts(folder: Path) -> tuple[Path, Path]:
    """Configurations of two hosts with data folders of their own, of which the second trusts the first."""
    for name in ("desk", "billing"):
        (folder / name).mkdir()
    first = write_policy(folder / "desk", POLICY)
    key = b64encode(public_key(DelegationKeys(folder / "desk" / ".handrail").signing())).decode()
    trust = f'\n[[trust]]\nid = "desk-host"\nkey = "{key}"\ntenants = ["acme"]\n'
    return first, write_policy(folder / "billing", POLICY + trust)


def one_host(folder: Path) -> tuple[Path, Path]:
    """One configuration and one data folder for both."""
    config = write_policy(folder, POLICY)
    return config, config


@pytest.mark.parametrize("hosts", [one_host, two_hosts])
def test_an_agent_delegates_to_another_process(hosts: Callable[[Path], tuple[Path, Path]], tmp_path: Path) -> None:
    """The service's agent may what ana, both agents and the token may, and one trace has the runs of both."""
    ours, theirs = hosts(tmp_path)
    with service(theirs) as port:
        assert asked(ours, port, "*_invoice") == [READ, PAID]
        assert asked(ours, port, "read_*") == [READ, NEUTRAL]
    journal = Recorded(theirs.parent / ".handrail")
    denied = [record for record in journal.all("tool.call") if record["verdict"] == "deny"]
    assert [(each["tool"], each["chain"], each["by"]) for each in denied] == [
        ("pay_invoice", ["user:ana", "agent:desk", "agent:clerk"], "policy")
    ]
    runs = _runs(ours.parent / ".handrail") | _runs(theirs.parent / ".handrail")
    assert sorted(str(agent) for agent, _, _, _ in runs) == ["clerk", "clerk", "desk", "desk"]
    assert len({trace for _, trace, _, _ in runs}) == 2, "each request is one trace, over both processes"
    assert {session for _, _, session, _ in runs} == {"ticket-4"}
    for folder in {ours.parent, theirs.parent}:
        assert verify(folder / ".handrail").intact


def _runs(data: Path) -> set[tuple[object, ...]]:
    index = Index(data)
    index.refresh(block=True)
    return {tuple(row.values()) for row in index.query("SELECT agent, trace, session, run FROM runs")}


def test_a_host_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    """Without an entry for its key nothing is done, and the asker does not learn why."""
    ours, theirs = two_hosts(tmp_path)
    write_policy(theirs.parent, POLICY)
    with service(theirs) as port, process("ask", ours, port, "*") as agent:
        agent.communicate(timeout=120)
    assert agent.returncode != 0
    journal = Recorded(theirs.parent / ".handrail")
    assert [record["reason"] for record in journal.all("delegation")] == ["unknown_key"]
    assert journal.all("run.start") == []


def _token(config: Path) -> str:
    with handrail.run("desk", config=config, tenant="acme", user="ana"):
        return handrail.delegate("billing")


def test_a_token_stays_used_after_a_kill(tmp_path: Path) -> None:
    """A process that took a token up and was killed before it did anything has used it."""
    config, _ = one_host(tmp_path)
    token = _token(config)
    with process("take", config) as taker:
        assert taker.stdin is not None and taker.stdout is not None
        taker.stdin.write(f"{token}\n")
        taker.stdin.flush()
        assert taker.stdout.readline() == "accepted\n"
        taker.send_signal(signal.SIGKILL)
    with process("take", config) as second:
        out, _ = second.communicate(f"{token}\n", timeout=60)
    assert out == "This delegation token is not accepted.\n"
    assert [record["event"] for record in Recorded(tmp_path / ".handrail").all("delegation")] == [
        "issued", "accepted", "refused",
    ]  # fmt: skip


def test_processes_race_for_a_token(tmp_path: Path) -> None:
    """Of four processes that are given the same token, one takes it up."""
    config, _ = one_host(tmp_path)
    token = _token(config)
    takers = [process("take", config) for _ in range(4)]
    said = sorted(taker.communicate(f"{token}\n", timeout=120)[0] for taker in takers)
    assert said == ["This delegation token is not accepted.\n"] * 3 + ["accepted\n"]
