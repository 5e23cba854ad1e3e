"""Runs written through the real journal, for tests of what reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from handrail.audit.journal import Journal


def begin(journal: Journal, run: str = "", **fields: object) -> str:
    """Start a run; returns its id. ``fields`` replace what the record says by default."""
    run = run or os.urandom(16).hex()
    start: dict[str, object] = {
        "k": "run.start", "run": run, "trace": run, "step": root_of(run), "parent": None, "agent": "helpdesk",
        "tenant": "acme", "user": "ana", "session": "s1", "channel": "web", "chain": ["user:ana", "agent:helpdesk"],
        "mode": "enforce", "entry": "invoke", "framework": {"langchain": "1.4.7"}, "config": "c0", "policy": "p0",
        "validators": "", "thread": "t1",
    }  # fmt: skip
    journal.append(start | fields)
    return run


def root_of(run: str) -> str:
    """The id of a run's outermost step."""
    return run[:15] + "0"


def model(journal: Journal, run: str, number: int = 1, *, tokens: tuple[object, object] = (100, 10)) -> None:
    """One finished model call with its input and output tokens."""
    step = f"{number:016x}"
    journal.append(
        {
            "k": "model.call", "run": run, "trace": run, "step": step, "parent": root_of(run), "agent": "helpdesk",
            "provider": "openai", "model": "gpt-x", "tools": "", "prompt": "", "params": {},
            "messages": {"prev": None, "keep": 0, "add": [journal.put(b'"hello"')]},
        }
    )  # fmt: skip
    usage = {"input": tokens[0], "output": tokens[1], "cache_read": None, "reasoning": None}
    journal.append(
        {
            "k": "model.result", "run": run, "step": step, "outcome": "ok", "error": None, "response_model": "gpt-x-1",
            "response_id": "r", "finish": ["stop"], "usage": usage, "output": journal.put(b'"hi"'), "calls": [],
            "dur": 2_000_000,
        }
    )  # fmt: skip


def tool(journal: Journal, run: str, number: int = 2, *, ends: bool = True, **fields: object) -> None:
    """One tool call, allowed unless ``fields`` say otherwise, with its result where ``ends``."""
    step = f"{number:016x}"
    call: dict[str, object] = {
        "k": "tool.call", "run": run, "trace": run, "step": step, "parent": root_of(run), "agent": "helpdesk",
        "tool": "refund", "call_id": "c1", "effect": "write", "verdict": "allow", "rule": "r1",
        "reason": "a rule allows it",
        "by": "policy", "policy": "p0", "tenant": "acme", "chain": ["user:ana", "agent:helpdesk"],
        "args": journal.put(b'{"amount":1}'), "findings": [], "ran": True,
    }  # fmt: skip
    journal.append(call | fields)
    if ends:
        stopped = fields.get("verdict") in {"deny", "reject"}
        result = None if stopped else journal.put(b'"done"')
        outcome = "rejected" if stopped else "ok"
        journal.append(
            {"k": "tool.result", "run": run, "step": step, "outcome": outcome, "error": None, "result": result,
             "findings": [], "dur": 3_000_000}
        )  # fmt: skip


def end(journal: Journal, run: str, fields: Mapping[str, object] | None = None) -> None:
    """End a run."""
    closing: dict[str, object] = {
        "k": "run.end", "run": run, "step": root_of(run), "outcome": "ok", "error": None, "dur": 9_000_000,
        "findings": [],
    }  # fmt: skip
    journal.append(closing | dict(fields or {}))


def whole(journal: Journal, **call: object) -> str:
    """A run with one model call and one tool call, from start to end; returns its id."""
    run = begin(journal)
    model(journal, run)
    tool(journal, run, **call)  # type: ignore[arg-type]
    end(journal, run)
    return run
