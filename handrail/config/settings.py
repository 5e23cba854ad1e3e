"""The shapes of the settings: frozen dataclasses, nothing that reads a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from handrail.config.live import LiveChange

Mode = Literal["observe", "enforce"]
Effect = Literal["read", "write", "irreversible"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a setting stands, for error messages and explanations."""

    file: Path | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class ToolSettings:
    """What is known of one tool: ``[tools.NAME]``."""

    name: str
    effect: Effect = "write"
    """What a call does to the world. Unknown tools are taken for ``write``."""
    idempotent: bool = False
    """Whether the same call may safely be made twice."""
    accepts_key: bool = False
    """Whether the tool hands its idempotency key to a service that honours it."""
    query: str = ""
    """``MODULE:NAME`` of a function that finds out whether a call happened; empty without one."""
    compensate: str = ""
    """``MODULE:NAME`` of a function that undoes a call; empty without one."""
    clean: tuple[str, ...] = ()
    """Names of exception classes after which nothing was done."""
    not_found: tuple[str, ...] = ()
    """Names of exception classes that mean "there is no such thing": enforce mode answers them neutrally."""
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """One ``[[rule]]``: who may, or may not, call, read or write what under which condition."""

    id: str
    verdict: Literal["allow", "deny"]
    subject: str
    """As written: a role, ``user:NAME``, ``agent:NAME`` or ``*``."""
    call: tuple[str, ...] = ()
    """Tools, groups, or patterns with ``*``. One of ``call``, ``read`` and ``write`` is not empty."""
    when: str = ""
    """Condition over ``args`` and other facts; empty means always."""
    tenant: str = "*"
    place: Place = Place()
    read: tuple[str, ...] = ()
    """Retrievers and memory namespaces whose content may be given out: names, groups or patterns."""
    write: tuple[str, ...] = ()
    """Memory namespaces that may be written to: names, groups or patterns."""


@dataclass(frozen=True, slots=True)
class DelegateSettings:
    """One ``[[delegate]]``: what ``to`` may call, read and write on behalf of ``from_``."""

    from_: str
    """A role, ``user:NAME``, ``agent:NAME`` or ``*``."""
    to: str
    """``agent:NAME``, ``user:NAME`` or ``agent:*``."""
    call: tuple[str, ...] = ()
    """As in a rule, and so are ``read`` and ``write``."""
    tenant: str = "*"
    id: str = ""
    """As written, or ``delegate-N`` by position (from 1)."""
    place: Place = Place()
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CasbinSettings:
    """``[casbin]``: a team's own Casbin files, used instead of ``[[rule]]``."""

    model: Path
    policy: Path
    place: Place = Place()
    texts: tuple[str, str] | None = field(default=None, repr=False)
    """Text of the model and of the policy, as they were read; None: whoever needs them reads files or adapter."""
    adapter: str = ""
    """``MODULE:NAME`` of what makes a Casbin adapter, from which the rows come in place of a file."""
    poll: float = 5.0
    """Seconds after which a call reads the adapter's rows again."""
    max_age: float = 60.0
    """Seconds without a successful reading after which every call is denied."""
    live: tuple[tuple[bool, str, str, str], ...] = ()
    """Roles given (True) and taken (False) while running, oldest first: (given, tenant, user, role)."""


Then = Literal["record", "redact", "repair", "reject", "ask"]
"""What is done about what a validator finds."""
Last = Literal["refuse", "escalate", "fail"]
"""What is done when a model was told of its mistake as often as it may be."""
Unchecked = Literal["reject", "record"]
"""What a value counts as that could not be checked."""


@dataclass(frozen=True, slots=True)
class ValidateSettings:
    """One ``[[validate]]``: a check, where it is made, and what is done about what it finds."""

    id: str
    on: Literal["arguments", "result", "output", "answer", "documents", "input"]
    tool: str
    """The tool or retriever: a name, a group or a pattern. For ``output``, ``answer`` and ``input`` the agent, or
    empty for every agent."""
    schema: Mapping[str, object] | None = None
    """JSON Schema (2020-12), already read from its file where one was named."""
    place: Place = Place()
    check: tuple[str, ...] = ()
    """What is checked, as written: ``iban()``."""
    then: Then = "reject"
    rounds: int = 3
    """How often a model is told, and may try again."""
    last: Last = "refuse"
    unchecked: Unchecked = "reject"


@dataclass(frozen=True, slots=True)
class DefaultsSettings:
    """``[validators]``: the checks that need no configuration."""

    defaults: Literal["off"] | Then = "off"
    """What is done about what the default checks find."""


@dataclass(frozen=True, slots=True)
class TrustSettings:
    """One ``[[trust]]``: another host's key whose delegation tokens are accepted here."""

    id: str
    key: bytes
    """Public key (Ed25519, 32 bytes)."""
    tenants: tuple[str, ...] = ("*",)
    """Tenants that it may speak for: names, or patterns with ``*``."""
    call: tuple[str, ...] = ("*",)
    """Calls that its tokens can ever be good for: names, groups, or patterns with ``*``."""
    place: Place = Place()


@dataclass(frozen=True, slots=True)
class ContentSettings:
    """``[content]``: where content may leave on spans and events, and what is taken out of it first."""

    spans: bool = False
    """Whether spans carry content; the standard environment variable goes before."""
    tenants: tuple[str, ...] = ("*",)
    """Only runs for these tenants: names, or patterns with ``*``."""
    tools: tuple[str, ...] = ("*",)
    """Only arguments and results of these tools: names, or patterns with ``*``, groups already resolved."""
    redact: tuple[str, ...] = ()
    """Regular expressions (RE2) of what becomes a fixed mark, on spans and events and beside the journal."""
    place: Place = field(default=Place(), compare=False)


@dataclass(frozen=True, slots=True)
class ResumeSettings:
    """``[resume]``: what a run keeps so that it can go on after a crash."""

    models: bool = True
    """Whether answers of models are kept, and given back to equal requests of a run that goes on."""
    keep_days: float = 30
    """Days after which recorded values that nobody used since are erased."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that handrail.toml and the environment decide, checked and with defaults filled in."""

    mode: Mode = "observe"
    written_mode: Mode = "observe"
    """The mode that the file itself says; ``mode`` may come from the environment."""
    two_person: bool = False
    """Whether a change of the policy waits until a second user of the system approves it."""
    data: Path = Path(".handrail")
    """Folder of journal and index, absolute."""
    agent: str = ""
    """Name for an agent that has none of its own."""
    tenant: str = "default"
    user: str = "anonymous"
    session: str = ""
    channel: str = ""
    trust_configurable: bool = False
    """Whether identity in LangChain's ``config["configurable"]`` is believed."""
    payloads: bool = True
    """Whether arguments, results and messages are kept beside the journal."""
    content: ContentSettings = ContentSettings()
    """Where content may leave, and what is taken out of it."""
    resume: ResumeSettings = ResumeSettings()
    """What a run keeps so that it can go on."""
    users: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """``"tenant/user"`` -> roles."""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Role -> the roles that it includes."""
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Group -> tools (or what rules read and write), patterns or other groups."""
    group_places: Mapping[str, Place] = field(default_factory=dict[str, Place])
    """Where each group stands."""
    tools: Mapping[str, ToolSettings] = field(default_factory=dict[str, ToolSettings])
    rules: tuple[RuleSettings, ...] = ()
    delegates: tuple[DelegateSettings, ...] = ()
    casbin: CasbinSettings | None = None
    validates: tuple[ValidateSettings, ...] = ()
    validators: DefaultsSettings = DefaultsSettings()
    trusts: tuple[TrustSettings, ...] = ()
    file: Path | None = None
    """The handrail.toml that was read; None when there is none."""
    digest: str = ""
    """SHA-256 (hex) of the file's bytes and of every file it names; empty without a file."""
    live: tuple[LiveChange, ...] = ()
    """Changes made while agents run that are in force; they are in ``users``, ``rules`` and so on already."""
    live_until: float | None = None
    """When the first of them ends by itself, in seconds since the epoch; None for never."""
    taken: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """``"tenant/user"`` -> roles that were revoked while running: not held, through no other role either."""
    suspended: tuple[tuple[str, str, str], ...] = ()
    """With Casbin files, those to whom everything is denied: (tenant, principal, id of the change)."""
    sources: Mapping[Path, bytes | None] = field(default_factory=dict[Path, bytes | None], repr=False, compare=False)
    """Every file that was asked for, handrail.toml first, with the bytes that these settings were made of; None for
    one that was not there."""

    @property
    def has_policy(self) -> bool:
        """Whether anything here can allow or deny a call."""
        return bool(self.rules) or self.casbin is not None

    def tool(self, name: str) -> ToolSettings:
        """Settings of one tool, or the cautious defaults."""
        return self.tools.get(name) or ToolSettings(name)
