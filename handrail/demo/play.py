"""Plays the conversations through a governed assistant, and reads back from the index what was recorded."""

from __future__ import annotations

import importlib
import json
import os
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

import handrail
from handrail.config import Settings, load
from handrail.demo.conversations import ALL, TENANT, Conversation, script
from handrail.errors import MissingExtra
from handrail.testing import ScriptedModel, chat_openai

if TYPE_CHECKING:
    from handrail.demo.bank import Bank

CONFIG = Path(__file__).with_name("handrail.toml")

CALLS = """
    SELECT user, session, name, agent, verdict, rule, reason, decided_by, ran, findings
    FROM decisions WHERE list_contains(?::VARCHAR[], session) ORDER BY started_at, n
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call, as the journal has it."""

    agent: str
    tool: str
    verdict: str
    """``allow``, ``deny`` or ``reject``."""
    by: str
    """What decided: ``policy``, ``schema`` ..."""
    rule: str | None
    reason: str
    findings: tuple[str, ...]
    """What validators found: code and place in the arguments, such as ``schema.type /amount``."""
    ran: bool


@dataclass(frozen=True, slots=True)
class Played:
    """One conversation after it was played."""

    title: str
    user: str
    session: str
    asked: str
    answered: str
    calls: tuple[Call, ...]


def settings(data: Path) -> Settings:
    """The demonstration's own handrail.toml and ``data`` as its folder, whatever ``HANDRAIL_*`` says."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    return load(CONFIG, environ={**environ, "HANDRAIL_DATA": str(data)})


def play(data: Path, *, bank: Bank | None = None) -> tuple[Played, ...]:
    """Play every conversation on ``bank`` (a new one) and record it under ``data``.

    Raises MissingExtra where the extra ``demo`` is not installed.
    """
    app = _import_app()
    mark = os.urandom(3).hex()
    with ExitStack() as stack:
        stack.enter_context(_no_tracing_service())
        model = stack.enter_context(ScriptedModel(script()))
        bare = app.build(chat_openai(model, name="scripted-1"), bank or app.Bank())
        agent = handrail.govern(bare, config=settings(data))
        said = [(talk, *_hold(agent, talk, f"{talk.user}-{mark}-{n}")) for n, talk in enumerate(ALL, start=1)]
    recorded = _recorded(data, [session for _, session, _ in said])
    return tuple(
        Played(talk.title, talk.user, session, talk.asks, answer, tuple(recorded.get(session, ())))
        for talk, session, answer in said
    )


def _hold(agent: Any, talk: Conversation, session: str) -> tuple[str, str]:
    with handrail.acting_for(tenant=TENANT, user=talk.user, session=session, channel=talk.channel):
        said = agent.invoke({"messages": [{"role": "user", "content": talk.asks}]})
    return session, str(said["messages"][-1].text)


def _recorded(data: Path, sessions: list[str]) -> dict[str, list[Call]]:
    from handrail.audit.index import Index

    index = Index(data)
    index.refresh(block=True)
    calls: dict[str, list[Call]] = {}
    for row in index.query(CALLS, (sessions,)):
        calls.setdefault(str(row["session"]), []).append(_call(row))
    return calls


def _call(row: dict[str, object]) -> Call:
    rule = None if row["rule"] is None else str(row["rule"])
    return Call(
        agent=str(row["agent"]),
        tool=str(row["name"]),
        verdict=str(row["verdict"]),
        by=str(row["decided_by"]),
        rule=rule,
        reason=str(row["reason"] or ""),
        findings=tuple(f"{found['code']} {found['path']}" for found in json.loads(str(row["findings"] or "[]"))),
        ran=bool(row["ran"]),
    )


def _import_app() -> ModuleType:
    try:
        importlib.import_module("langchain_openai")
        return importlib.import_module("handrail.demo.bank")
    except ModuleNotFoundError as error:
        raise MissingExtra("the demonstration", "demo") from error


def _no_tracing_service() -> AbstractContextManager[None]:
    """Keep LangChain from sending the conversations to its tracing service, whatever the environment says."""
    langsmith: Any = importlib.import_module("langsmith")
    return cast("AbstractContextManager[None]", langsmith.tracing_context(enabled=False))
