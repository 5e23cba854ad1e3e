"""The rules in force while a run goes on: a changed file, a broken one, a missing one, a changed mode."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from handrail import config
from handrail.frameworks import gates, opening
from handrail.gate import NEUTRAL, Refusal, ToolCall
from handrail.rulebook import Rulebook, snapshot
from tests.kept import POLICY, kept, policy

DENYING = POLICY.replace('id = "staff-work"\nallow', 'id = "staff-work"\ndeny')


@pytest.fixture(name="ask")
def _ask(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Asks for one call of ``add`` in a run that was opened with the file as it is at the first call."""
    opened: list[Any] = []

    def ask(mode: str | None = None) -> bool:
        if not opened:
            gate = opening.open_gate(tmp_path / "handrail.toml", mode)  # type: ignore[arg-type]
            opened.append((gate, gates.enter(gate, "clerk", object(), said={"user": "ana"})))
        gate, step = opened[0]
        found = gate.tool(step.frame, ToolCall("add", {"a": 1}), lambda args: "ran")
        assert found in ("ran", Refusal(NEUTRAL))
        return bool(found == "ran")

    yield ask
    for _, step in opened:
        gates.leave(step)


def test_a_new_rule_holds_at_the_next_call(ask: Any, tmp_path: Path) -> None:
    """A call that was allowed is denied as soon as the file says so, in the middle of a run, and back again."""
    policy(tmp_path)
    assert ask()
    policy(tmp_path, text=DENYING)
    assert not ask()
    policy(tmp_path)
    assert ask()
    assert [record["outcome"] for record in kept(tmp_path, "config.load")] == ["loaded"] * 3
    calls = kept(tmp_path, "tool.call")
    assert calls[0]["policy"] == calls[2]["policy"] != calls[1]["policy"]


BROKEN = {
    "no TOML": b"version = ",
    "no text": b"\xff\xfe\x00",
    "empty": b"",
    "unknown key": b"version = 1\nmod = 'observe'\n",
    "enforce without a policy": b"version = 1\nmode = 'enforce'\n",
    "newer version": b"version = 99\n",
    "deep": b"version = 1\nx = " + b"[" * 5000 + b"]" * 5000,
    "NUL": b"version = 1\n\0",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_keeps_the_last_good_rules(ask: Any, tmp_path: Path, content: bytes) -> None:
    """Whatever is wrong with a new file, what was denied stays denied, and the journal says that it was kept."""
    path = policy(tmp_path, text=DENYING)
    assert not ask()
    path.write_bytes(content)
    assert not ask()
    assert not ask()
    loads = kept(tmp_path, "config.load")
    assert [record["outcome"] for record in loads] == ["loaded", "kept"]
    assert loads[1]["error"]
    assert loads[1]["policy"] == loads[0]["policy"] != ""


def test_a_deleted_file_keeps_the_rules(ask: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its file, and with another file where it would be searched for, a run keeps its own rules."""
    path = policy(tmp_path, text=DENYING)
    assert not ask()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    policy(elsewhere, "observe")
    monkeypatch.chdir(elsewhere)
    path.unlink()
    assert not ask()
    policy(tmp_path)
    assert ask()


def test_a_searched_file_is_followed_not_searched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate that found its file from the working directory stays with that file wherever the program goes."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder, text in ((home, DENYING), (elsewhere, POLICY)):
        folder.mkdir()
        policy(folder, text=text)
    monkeypatch.chdir(home)
    gate = opening.open_gate()
    monkeypatch.chdir(elsewhere)
    os.utime(home / "handrail.toml", ns=(1, 1))
    assert gate.rulebook.stale
    gate.rulebook.renew()
    assert gate.rulebook.now.settings.file == home / "handrail.toml"


def test_mode_flips_hold_at_the_next_call(ask: Any, tmp_path: Path) -> None:
    """Observe to enforce stops the next call, enforce to observe marks it; both are in the journal."""
    policy(tmp_path, "observe", DENYING)
    assert ask()
    policy(tmp_path, "enforce", DENYING)
    assert not ask()
    policy(tmp_path, "observe", DENYING)
    assert ask()
    assert [record["mode"] for record in kept(tmp_path, "config.load")] == ["observe", "enforce", "observe"]
    assert [record["verdict"] for record in kept(tmp_path, "tool.call")] == ["would_deny", "deny", "would_deny"]


def test_a_mode_that_was_asked_for_stays(ask: Any, tmp_path: Path) -> None:
    """A file that turns to observe does not loosen an agent that was governed with mode="enforce"."""
    policy(tmp_path, "enforce", DENYING)
    assert not ask("enforce")
    policy(tmp_path, "observe", DENYING)
    assert not ask()


def test_a_mode_that_one_agent_asked_for_is_not_anothers(tmp_path: Path) -> None:
    """Two agents with the same file, one held to observe by argument: the file's enforce reaches the other."""
    path = policy(tmp_path, "observe")
    held, free = opening.open_gate(path, "observe"), opening.open_gate(path)
    policy(tmp_path, "enforce")
    for gate in (held, free):
        gate.rulebook.renew()
    assert (held.rulebook.enforces, free.rulebook.enforces) == (False, True)


def test_ready_made_settings_are_not_reloaded(tmp_path: Path) -> None:
    """Settings that a program made stay as they are, though they name the file they were read from."""
    path = policy(tmp_path, "observe")
    gate = opening.open_gate(replace(config.load(path), mode="enforce"))
    policy(tmp_path, "observe", DENYING)
    assert not gate.rulebook.stale
    assert gate.rulebook.enforces


def test_a_wrong_file_in_observe_mode_is_followed_until_it_is_mended(ask: Any, tmp_path: Path) -> None:
    """An agent that started on a wrong file is observed without a policy, and governed once the file is right."""
    (tmp_path / "handrail.toml").write_text("version = 1\nmod = 'x'\n")
    assert ask()
    policy(tmp_path, "enforce", DENYING)
    assert not ask()


def test_renewal_is_seen_by_every_thread(tmp_path: Path) -> None:
    """Threads that find a changed file at once load it once, and all go on with the new rules."""
    path = policy(tmp_path)
    book = Rulebook(snapshot(config.load(path)))
    loads: list[object] = []
    book.on_change = loads.append
    policy(tmp_path, text=DENYING)
    threads = [threading.Thread(target=book.renew) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1
    assert book.now.settings.rules[0].verdict == "deny"
