"""The rules in force: settings, policy and validators as one immutable snapshot, renewed when the file changes.

A changed file that is wrong keeps the last good snapshot, and says so in the log and in the journal.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handrail import config
from handrail.config import Mode, Settings, named_tools
from handrail.config.files import Files
from handrail.errors import HandrailError, PolicyPending
from handrail.rulebook.poll import Poll
from handrail.rulebook.watch import Watch
from handrail.tracing.identity import ANONYMOUS, Principal

if TYPE_CHECKING:
    from pathlib import Path

    from handrail.policy import Policy
    from handrail.validators import SchemaValidator, Validators

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the rules; never changed, only replaced."""

    settings: Settings
    policy: Policy | None
    """None when nothing in the settings allows or denies calls."""
    validators: Validators
    named: frozenset[str] = frozenset()
    """Tools that the settings name one by one."""

    @property
    def policy_digest(self) -> str:
        """SHA-256 (hex) of the effective policy; empty without one."""
        return self.policy.digest if self.policy is not None else ""

    def facts(self) -> dict[str, str]:
        """Mode and digests, as records keep them."""
        return {
            "mode": self.settings.mode,
            "config": self.settings.digest,
            "policy": self.policy_digest,
            "validators": self.validators.digest,
        }

    def hides(self, principal: Principal, tool: str, *, runs: bool) -> bool:
        """Whether no arguments could make these rules allow the call, so that a model need not know of the tool.

        ``runs`` says that something here can run the tool. Where that is not known, only a tool that the settings
        name is hidden: other definitions, such as those of structured output, are no tools. Never raises.
        """
        if self.settings.mode != "enforce" or self.policy is None or not (runs or tool in self.named):
            return False
        if principal.user == ANONYMOUS:
            return True
        try:
            return not self.policy.visible(principal.tenant, principal.links, tool, principal.scopes)
        except Exception as error:
            log.warning("Whether %r may be shown could not be decided, so it is not: %s", tool, type(error).__name__)
            return True


def snapshot(settings: Settings, rows: str | None = None) -> Snapshot:
    """Build policy and validators of ``settings``. Raises ConfigError where one of them is wrong."""
    from handrail import validators

    policy = None
    if settings.has_policy:
        from handrail.policy import build
        from handrail.policy.casbin_rows import with_rows

        settings = with_rows(settings, rows)
        policy = build(settings)
    return Snapshot(settings, policy, validators.build(settings), named_tools(settings))


class Rulebook:
    """Hands out the snapshot in force. Thread-safe."""

    def __init__(
        self,
        first: Snapshot,
        *,
        follow: bool = True,
        mode: Mode | None = None,
        watched: Mapping[Path, bytes | None] | None = None,
    ) -> None:
        """``mode`` goes before the file's at every load; without ``follow`` the first snapshot stays for good.

        ``watched`` are the files to follow with what they held, by default those that ``first`` was read from.
        """
        self._mode: Mode | None = mode
        self._lock = threading.Lock()
        # one tuple, so that no thread ever sees new files beside old rules
        files = first.settings.sources if watched is None else watched
        self._state = first, Watch(files) if follow and first.settings.file is not None else None
        self._rows = Poll(first.settings.casbin)
        self._schemas: dict[int, tuple[Any, SchemaValidator | None]] = {}
        self.on_change: Callable[[Mapping[str, object]], None] = lambda record: None
        self.admit: Callable[[Snapshot], None] = lambda snapshot: None
        """Called with a new snapshot before anything is decided by it; an exception keeps it out of force."""
        self.tools: Mapping[str, Mapping[str, Any] | None] = {}
        """Tools of the agents that these rules govern, as far as they are known, with the schemas of arguments."""
        _books.add(self)

    @property
    def now(self) -> Snapshot:
        """The rules at this moment."""
        return self._state[0]

    @property
    def stale(self) -> bool:
        """Whether the rules may have changed since they were read: a call that begins now must wait for `renew`."""
        return _due(*self._state) or (self._rows.due and self._state[1] is not None)

    @property
    def too_old(self) -> str:
        """Why nothing may be decided by these rules any more: their adapter was not read for too long; else empty."""
        return self._rows.too_old

    @property
    def enforces(self) -> bool:
        """Whether denials hold."""
        return self._state[0].settings.mode == "enforce"

    def renew(self) -> None:
        """Read the files again, if one has changed. Reads files: not for an event loop."""
        changed = _due(*self._state)
        # a call that is only due to read the adapter goes on with the rows of before while another one reads
        if not self._lock.acquire(blocking=changed):
            return
        try:
            record = self._renew()
        finally:
            self._lock.release()
        if record is not None:
            self.on_change({"k": "config.load", **record})

    def _renew(self) -> dict[str, object] | None:
        now, watch = self._state
        # another thread may have been here meanwhile
        if watch is None or not (_due(now, watch) or self._rows.due):
            return None
        if not _over(now) and (same := watch.again()) is not None:
            self._state = now, same
            if not self._rows.read_again():
                return None
        return self._reload(now)

    def _reload(self, now: Snapshot) -> dict[str, object]:
        files = Files()
        record: dict[str, object] = {"outcome": "kept"}
        try:
            # the file itself, not a search for one: a deleted file must not end in the rules of another
            settings = config.load(now.settings.file, mode=self._mode, files=files)
            rows = self._rows.of(settings)
            new = snapshot(settings, rows)
            self.admit(new)
            now, record = new, {"outcome": "loaded"}
            self._rows = Poll(new.settings.casbin, self._rows if rows is not None else None)
        except Exception as error:  # whatever is wrong with the new file, it must not reach the agent
            said = str(error) if isinstance(error, HandrailError) else type(error).__name__
            log.error("The changed configuration is refused, the last good one stays in force: %s", said)
            record["error"] = said
            waits = error.waits_for if isinstance(error, PolicyPending) else ()
            files.contents.update(dict.fromkeys(waits))
        self._state = now, Watch(files.contents)
        return {**record, **now.facts()}

    def unlock(self) -> None:
        """In a forked child: the thread that held the lock is not here."""
        self._lock = threading.Lock()

    def schema_validator(
        self, tool: object, schema: Callable[[], Mapping[str, Any] | None] | None
    ) -> SchemaValidator | None:
        """The compiled schema of ``tool``'s arguments, made once per tool object; None when it has none."""
        if tool is None or schema is None:
            return None
        known = self._schemas.get(id(tool))
        if known is not None and known[0]() is tool:
            return known[1]
        from handrail.validators import SchemaValidator

        described = schema()
        # A format is a remark in JSON Schema: the tool itself takes times without a zone that `date-time` would refuse.
        made = SchemaValidator(described, id="arguments", formats="ignored") if described is not None else None
        self._schemas[id(tool)] = (_reference(tool), made)
        return made


def _over(rules: Snapshot) -> bool:
    """Whether a change that was made for a time has ended."""
    until = rules.settings.live_until
    return until is not None and time.time() >= until


def _due(rules: Snapshot, watch: Watch | None) -> bool:
    return watch is not None and (watch.moved or _over(rules))


_books: weakref.WeakSet[Rulebook] = weakref.WeakSet()


def _unlock_all() -> None:
    for book in _books:
        book.unlock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock_all)


def _reference(tool: object) -> Callable[[], object]:
    try:
        return weakref.ref(tool)
    except TypeError:  # no weak references: keep it alive, so that its id stays its own
        return lambda: tool
