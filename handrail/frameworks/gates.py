"""Opening a gate from a configuration, and entering runs through it. Knows no framework; every seam uses it."""

from __future__ import annotations

import logging
import os
import threading
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from handrail import config
from handrail.audit.recorder import Recorder
from handrail.audit.steps import Step, Steps
from handrail.config import Mode, Settings
from handrail.errors import AnswerRejected, HandrailError, JournalError
from handrail.gate import Gate, Passed, outcome_of
from handrail.rulebook import Rulebook, Snapshot, snapshot
from handrail.tracing import context, threads
from handrail.tracing.acting import acting, principal
from handrail.tracing.context import Frame
from handrail.tracing.identity import ANONYMOUS, Principal

log = logging.getLogger(__name__)

FRAMEWORKS = ("langchain", "langchain-core", "langgraph", "deepagents", "mcp", "openai", "anthropic")
"""Distributions whose versions a run records where they are installed."""

_lock = threading.Lock()
_gates: dict[tuple[object, ...], Gate] = {}
_default: list[Gate] = []


def open_gate(source: str | Path | Settings | None = None, mode: Mode | None = None) -> Gate:
    """The gate of one configuration; the same object for the same configuration.

    ``source`` is a handrail.toml, ready-made settings, or None to look for the file. Raises ConfigError where
    the configuration is wrong, and JournalError in enforce mode where the journal cannot be written.
    A wrong file in observe mode is said once, and the agent is observed without a policy.
    """
    settings = source if isinstance(source, Settings) else None
    path = Path(source) if isinstance(source, (str, Path)) else None
    rules = snapshot(settings) if settings is not None else _load(path, mode)
    key = (rules.settings.file, rules.settings.mode, rules.settings.data, rules.settings.digest, id(settings))
    with _lock:
        if key not in _gates:
            _gates[key] = _open(rules, path, mode)
        return _gates[key]


def _load(path: Path | None, mode: Mode | None) -> Snapshot:
    try:
        return snapshot(config.load(path, mode=mode))
    except HandrailError as error:
        file = path or config.find()
        if file is None or _wanted(file, mode) != "observe":
            raise
        log.error("%s Observing without a policy until this is mended.", error)
        return snapshot(Settings(data=Path(os.environ.get("HANDRAIL_DATA") or file.parent / ".handrail").absolute()))


def _wanted(file: Path, mode: Mode | None) -> str:
    """The mode that a refused file asked for; a file that cannot even be read may have meant enforce."""
    said = mode or os.environ.get("HANDRAIL_MODE")
    if said:
        return said
    try:
        return str(tomllib.loads(file.read_text("utf-8")).get("mode", "observe"))
    except (OSError, ValueError):
        return "unknown"


def _open(rules: Snapshot, path: Path | None, mode: Mode | None) -> Gate:
    settings = rules.settings
    recorder = Recorder(settings.data, payloads=settings.payloads)
    try:
        recorder.check()
    except JournalError as error:
        if settings.mode == "enforce":
            raise
        log.warning("Handrail cannot record: %s The program goes on unrecorded; losses are counted.", error)
    rulebook = Rulebook(rules, path=path, mode=mode)
    rulebook.on_change = lambda record: recorder.write(dict(record))
    recorder.write({"k": "config.load", "outcome": "loaded", **rules.facts()})
    threads.install()
    if settings.file is None:
        log.warning(
            "handrail: no handrail.toml here or in a folder above: observing only, nothing is blocked. "
            "Records: %s. Write a policy with: handrail init --agent MODULE:ATTRIBUTE",
            settings.data,
        )
    return Gate(rulebook, Steps(recorder))


def default_gate() -> Gate | None:
    """The gate of the whole process, when ``instrument()`` was called."""
    return _default[0] if _default else None


def set_default(gate: Gate | None) -> None:
    """Make ``gate`` the one for everything that no ``govern`` covers; None for no such gate."""
    _default[:] = [gate] if gate is not None else []


@cache
def versions() -> Mapping[str, str]:
    """Installed versions of Handrail and of the frameworks it knows."""
    found: dict[str, str] = {}
    for name in ("handrail", *FRAMEWORKS):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def enter(
    gate: Gate | None,
    name: str,
    owner: object,
    *,
    said: Mapping[str, str] | None = None,
    configurable: Mapping[str, Any] | None = None,
    entry: str = "",
) -> Step | None:
    """Open what ``owner`` starts: a run outside every run, a sub-agent's step inside one.

    None when ``owner`` only calls itself, or when no gate governs this call. ``said`` is what ``govern`` was
    told about the principal; ``configurable`` is LangChain's configuration of the call.
    """
    frame = context.current()
    if frame is not None:
        return None if frame.owner is owner else _sub_agent(frame, gate, name, owner)
    gate = gate or default_gate()
    if gate is None:
        return None
    return _run(gate, name, owner, said or {}, configurable or {}, entry)


def _sub_agent(frame: Frame, gate: Gate | None, name: str, owner: object) -> Step:
    gates = frame.gates if gate is None or gate in frame.gates else (*frame.gates, gate)
    acting_as = frame.principal
    handed = frame.state.handoffs.pop(name, None)
    for link in handed or ():
        acting_as = acting_as.extended(link)
    acting_as = acting_as.extended(f"agent:{name or ANONYMOUS}")
    return frame.gate.steps.agent(frame, acting_as, gates=gates, owner=owner)


def _run(
    gate: Gate, name: str, owner: object, said: Mapping[str, str], configurable: Mapping[str, Any], entry: str
) -> Step:
    settings = gate.rulebook.now.settings
    thread = str(configurable.get("thread_id") or "")
    who = identify(settings, said, configurable)
    who = who.extended(f"agent:{name or settings.agent or ANONYMOUS}")
    facts = {"entry": entry, "framework": dict(versions()), **gate.rulebook.now.facts()}
    return gate.steps.run((gate,), who, owner=owner, thread=thread, facts=facts)


def identify(settings: Settings, said: Mapping[str, str], configurable: Mapping[str, Any]) -> Principal:
    """Who a new run acts for: defaults, then ``govern``'s word, then a trusted caller, then ``acting_for``."""
    defaults = {
        "tenant": settings.tenant,
        "user": settings.user,
        "session": settings.session,
        "channel": settings.channel,
    }
    trusted = _trusted(configurable) if settings.trust_configurable else {}
    return principal(defaults, said, trusted, acting())


def _trusted(configurable: Mapping[str, Any]) -> dict[str, str]:
    """Identity in ``configurable``; a server's authenticated user goes before what a client wrote."""
    said = {name: str(configurable[name]) for name in ("tenant", "user", "session", "channel")
            if configurable.get(name)}  # fmt: skip
    said.setdefault("session", str(configurable.get("thread_id") or ""))
    server = configurable.get("langgraph_auth_user")
    identity = server.get("identity") if isinstance(server, Mapping) else getattr(server, "identity", None)
    return {**said, "user": str(identity)} if identity else said


def already_passed(frame: Frame, name: str, args: Mapping[str, Any], defaults: Mapping[str, Any] | None = None) -> bool:
    """Whether another seam just let this very call through: a tool of the same name, with equal arguments.

    ``defaults`` are those that the callee fills in by itself. Good for one call: a tool that calls twice is
    decided again.
    """
    passed = frame.owner
    if not isinstance(passed, Passed) or getattr(passed.tool, "name", None) != name:
        return False
    if {**(defaults or {}), **passed.args} != args:
        return False
    mine = object()
    return frame.state.notes.setdefault(f"passed:{frame.step}", mine) is mine


def leave(step: Step, error: BaseException | None = None, pauses: tuple[type[BaseException], ...] = ()) -> None:
    """Close what :func:`enter` opened. Raises AnswerRejected when the answer of an enforced run is wrong."""
    if step.done:
        return
    if error is not None:
        step.finish(outcome_of(error, pauses), None if isinstance(error, pauses) else type(error).__name__)
        return
    try:
        findings = _answer(step)
    except AnswerRejected as rejected:
        step.finish("rejected", type(rejected).__name__)
        raise
    step.finish("ok", **({"findings": findings} if findings else {}))


def _answer(step: Step) -> list[dict[str, str]]:
    if step.kind != "run" or "answer" not in step.frame.state.notes:
        return []
    from handrail.audit.recorder import findings_of

    return findings_of(step.frame.gate.answer(step.frame.state.notes["answer"]))
