"""The rules in force: settings, policy and validators as one immutable snapshot, renewed when the file changes.

A changed file that is wrong keeps the last good snapshot, and says so in the log and in the journal.
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from handrail import config
from handrail.audit import oscalls
from handrail.config import Mode, Settings
from handrail.errors import HandrailError

if TYPE_CHECKING:
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


def snapshot(settings: Settings) -> Snapshot:
    """Build policy and validators of ``settings``. Raises ConfigError where one of them is wrong."""
    from handrail import validators

    policy = None
    if settings.has_policy:
        from handrail.policy import build

        policy = build(settings)
    return Snapshot(settings, policy, validators.build(settings))


class Rulebook:
    """Hands out the snapshot in force. Thread-safe."""

    def __init__(self, first: Snapshot, *, follow: bool = True, mode: Mode | None = None) -> None:
        """``mode`` goes before the file's at every load; without ``follow`` the first snapshot stays for good."""
        self._now, self._follow = first, follow
        self._mode: Mode | None = mode
        self._lock = threading.Lock()
        self._seen = self._signature()
        self._schemas: dict[int, tuple[Any, SchemaValidator | None]] = {}
        self.on_change: Callable[[Mapping[str, object]], None] = lambda record: None

    @property
    def now(self) -> Snapshot:
        """The rules at this moment."""
        return self._now

    @property
    def stale(self) -> bool:
        """Whether the file has changed since it was read."""
        return self._follow and self._now.settings.file is not None and self._signature() != self._seen

    @property
    def enforces(self) -> bool:
        """Whether denials hold."""
        return self._now.settings.mode == "enforce"

    def _signature(self) -> tuple[int, int, int] | None:
        file = self._now.settings.file
        try:
            found = oscalls.stat(file) if file is not None else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None

    def renew(self) -> None:
        """Read the file again, if it has changed. Reads files: not for an event loop."""
        with self._lock:
            signature = self._signature()
            if signature == self._seen:
                return
            self._seen = signature
            try:
                # the file itself, not a search for one: a deleted file must not end in the rules of another
                self._now = snapshot(config.load(self._now.settings.file, mode=self._mode))
                record: dict[str, object] = {"outcome": "loaded", **self._now.facts()}
            except Exception as error:  # whatever is wrong with the new file, it must not reach the agent
                said = str(error) if isinstance(error, HandrailError) else type(error).__name__
                log.error("The changed configuration is refused, the last good one stays in force: %s", said)
                record = {"outcome": "kept", **self._now.facts(), "error": said}
        self.on_change({"k": "config.load", **record})

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
        made = SchemaValidator(described, id="arguments") if described is not None else None
        self._schemas[id(tool)] = (_reference(tool), made)
        return made


def _reference(tool: object) -> Callable[[], object]:
    try:
        return weakref.ref(tool)
    except TypeError:  # no weak references: keep it alive, so that its id stays its own
        return lambda: tool
