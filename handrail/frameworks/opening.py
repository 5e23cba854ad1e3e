"""Opening the gate of a configuration: its rules put in force, its journal ready. Knows no framework."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import tomllib
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from handrail import config
from handrail.audit import in_force, oscalls, policies
from handrail.audit.recorder import Recorder
from handrail.audit.steps import Steps
from handrail.config import Mode, Settings
from handrail.config.files import Files
from handrail.errors import HandrailError, JournalError, PolicyPending
from handrail.frameworks import resuming
from handrail.frameworks.checking import check_again
from handrail.frameworks.installed import versions
from handrail.gate import Gate
from handrail.rulebook import Rulebook, Snapshot, snapshot
from handrail.tracing import threads

log = logging.getLogger(__name__)

T = TypeVar("T")

_lock = threading.Lock()
_gates: dict[tuple[object, ...], Gate] = {}
_default: list[Gate] = []


def open_gate(source: str | Path | Settings | None = None, mode: Mode | None = None) -> Gate:
    """The gate of one configuration; the same object for the same configuration.

    ``source`` is a handrail.toml, ready-made settings (which stay as they are), or None to look for the file.
    Raises ConfigError where the configuration is wrong, and JournalError in enforce mode where the journal
    cannot be written.
    A wrong file in observe mode is said once, and the agent is observed without a policy.
    """
    if _in_event_loop():
        return _off_the_loop(lambda: open_gate(source, mode))
    given = source if isinstance(source, Settings) else None
    path = Path(source) if isinstance(source, (str, Path)) else None
    settings = replace(given, sources={}) if given else _settings(path, mode)
    key = (settings.file, settings.mode, settings.data, settings.digest, id(given), mode)
    with _lock:
        if key not in _gates:
            _gates[key] = _open(_snapshot(settings), given is None, mode)
        return _gates[key]


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _off_the_loop(make: Callable[[], T]) -> T:
    """Read files in a thread: a caller in an event loop waits these milliseconds, once, without a blocking call."""
    made: Future[T] = Future()

    def run() -> None:
        try:
            made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    threading.Thread(target=run, name="handrail-open").start()
    while not made.done():
        oscalls.pause(0.001)
    return made.result()


def _settings(path: Path | None, mode: Mode | None) -> Settings:
    files = Files()
    try:
        return config.load(path, mode=mode, files=files)
    except HandrailError as error:
        file = path or config.find()
        if file is None or _wanted(file, mode) != "observe":
            raise
        return _without_policy(file, error, files.contents)


def _snapshot(settings: Settings) -> Snapshot:
    try:
        return snapshot(settings)
    except HandrailError as error:
        if settings.mode != "observe" or settings.file is None:
            raise
        return snapshot(_without_policy(settings.file, error, settings.sources))


def _without_policy(file: Path, error: HandrailError, read: Mapping[Path, bytes | None]) -> Settings:
    log.error("%s Observing without a policy until this is mended.", error)
    data = Path(os.environ.get("HANDRAIL_DATA") or file.parent / ".handrail").absolute()
    return Settings(data=data, file=file.absolute(), sources=read)


def _wanted(file: Path, mode: Mode | None) -> str:
    """The mode that a refused file asked for; a file that cannot even be read may have meant enforce."""
    said = mode or os.environ.get("HANDRAIL_MODE")
    if said:
        return said
    try:
        return str(tomllib.loads(file.read_text("utf-8")).get("mode", "observe"))
    except (OSError, ValueError):
        return "unknown"


def _open(rules: Snapshot, follow: bool, mode: Mode | None) -> Gate:
    settings = rules.settings
    if settings.mode == "enforce":
        resuming.prepare(settings)
    recorder = Recorder(settings.data, payloads=settings.payloads, redact=lambda: settings.content.redact)
    try:
        recorder.check()
    except JournalError:
        if settings.mode == "enforce":
            raise  # in observe mode the first record below says it, once
    rules, watched = _put_in_force(recorder, settings.data, rules, mode)
    rulebook = Rulebook(rules, follow=follow, mode=mode, watched=watched)
    rulebook.on_change = lambda record: recorder.write(dict(record))
    recorder.redact = lambda: rulebook.now.settings.content.redact

    def admit(new: Snapshot) -> None:
        check_again(rulebook, new.settings)  # beside the tools that are known
        _admit(recorder, settings.data, new, rulebook.now.settings)

    rulebook.admit = admit
    recorder.write({"k": "config.load", "outcome": "loaded", **rules.facts()})
    if rules.settings.casbin is not None and rules.settings.casbin.adapter:
        log.warning(
            "handrail: rights come from the Casbin adapter %s: a change there holds after up to %g seconds.",
            rules.settings.casbin.adapter,
            rules.settings.casbin.poll,
        )
    threads.install()
    versions()  # reads files, once: the first run may start in an event loop
    if settings.file is None:
        log.warning(
            "handrail: no handrail.toml here or in a folder above: observing only, nothing is blocked. "
            "Records: %s. Write a policy with: handrail init --agent MODULE:ATTRIBUTE",
            settings.data,
        )
    return Gate(rulebook, Steps(recorder, content=lambda: rulebook.now.settings.content))


def _put_in_force(
    recorder: Recorder, folder: Path, rules: Snapshot, mode: Mode | None
) -> tuple[Snapshot, Mapping[Path, bytes | None]]:
    """The rules to begin with, and the files to follow: the last approved ones where a second person must approve."""
    try:
        _admit(recorder, folder, rules)
        return rules, rules.settings.sources
    except PolicyPending as error:
        assert rules.settings.file is not None
        approved = in_force.current(folder, rules.settings.file)
        assert approved is not None
        log.error("%s What was approved last stays in force.", error)
        chosen = mode or ("enforce" if approved.written_mode == "enforce" else rules.settings.mode)
        waits = dict.fromkeys(error.waits_for)
        return snapshot(replace(approved, mode=chosen)), {**rules.settings.sources, **waits}


def _admit(recorder: Recorder, folder: Path, rules: Snapshot, before: Settings | None = None) -> None:
    """Before the first decision by ``rules``: keep their text, and record what they change.

    Raises PolicyPending where a second person must approve them. In enforce mode raises JournalError when they
    cannot be kept.
    """
    enforced = rules.settings.mode == "enforce"
    try:
        if rules.policy is not None:
            policies.keep(folder, rules.settings, rules.policy)
        if rules.settings.sources:  # not what a program made itself
            write = partial(recorder.write, must=enforced)
            in_force.put(folder, rules.settings, rules.policy_digest, write, before)
    except PolicyPending:
        raise
    except HandrailError as error:
        if enforced:
            raise
        log.warning("%s", error)


def default_gate() -> Gate | None:
    """The gate of the whole process, when ``instrument()`` was called."""
    return _default[0] if _default else None


def set_default(gate: Gate | None) -> None:
    """Make ``gate`` the one for everything that no ``govern`` covers; None for no such gate."""
    _default[:] = [gate] if gate is not None else []


def renewed(rulebook: Rulebook) -> Snapshot:
    """The rules in force now, read again where their file has changed."""
    if rulebook.stale:
        _off_the_loop(rulebook.renew) if _in_event_loop() else rulebook.renew()
    return rulebook.now
