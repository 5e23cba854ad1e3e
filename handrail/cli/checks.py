"""What ``handrail doctor`` looks at. Each check says what it found; nothing is printed or changed here."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Literal

from handrail import config
from handrail.audit import oscalls
from handrail.config import Mode, Settings
from handrail.config.environment import FILE_NAME
from handrail.errors import HandrailError
from handrail.tracing import others as at_work
from handrail.tracing.identity import ANONYMOUS

State = Literal["ok", "note", "wrong"]

LIBRARIES = ("handrail", "duckdb", "msgspec", "jsonschema", "pycasbin", "opentelemetry-sdk", "streamlit")
"""Distributions whose versions are told besides those of the frameworks."""
PARTS = ("langgraph.pregel", "langgraph.prebuilt.tool_node", "langchain_classic.agents.agent")
"""Modules in which a seam wraps something as soon as they are imported."""
BLIND_SPOTS = (
    "A tool's function that your own code calls directly (tool.func(...), tool._run(...)): call tool.invoke(...).",
    "Functions beside the agent that are no tools: put @handrail.tool on those that do something to the world.",
    "Tools that the model's provider executes (web search, code interpreter, hosted MCP servers): they never come "
    "through this process.",
    "Raw JSON-RPC to an MCP server without the SDK's ClientSession, and calls made by programs in other languages.",
    "Python started so that it ignores its environment (python -I, -E, -S, or such a line at the top of a script).",
)
"""What no seam can see, in plain words."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    section: str
    what: str
    state: State
    text: str
    """What was found, and for ``wrong`` the next step."""


def configuration(path: Path | None, mode: Mode | None) -> tuple[list[Check], Settings | None]:
    """Where the configuration was looked for, and whether it can be used; the settings where it can."""
    found = [_place(candidate) for candidate in config.places(path) if candidate.exists or candidate.chosen or path]
    if not any(place.state == "ok" for place in found):
        text = f"no {FILE_NAME} here or in a folder above: observe mode, no policy"
        found.append(Check("configuration", "file", "note", text))
    try:
        settings = config.load(path, mode=mode)
        _build(settings)
    except HandrailError as error:
        return [*found, Check("configuration", "settings", "wrong", str(error))], None
    return [*found, *_settings(settings)], settings


def _place(candidate: config.Candidate) -> Check:
    text = f"{candidate.path} ({candidate.because})"
    if candidate.chosen:
        return Check("configuration", "file", "ok", text)
    why = "not used: a nearer one is" if candidate.exists else "is not there"
    return Check("configuration", "file", "note", f"{text}: {why}")


def _build(settings: Settings) -> None:
    from handrail.rulebook import snapshot

    snapshot(settings)


def _settings(settings: Settings) -> Iterator[Check]:
    named = " (HANDRAIL_MODE)" if os.environ.get("HANDRAIL_MODE") else ""
    yield Check("configuration", "mode", "ok", f"{settings.mode}{named}")
    if not settings.has_policy:
        yield Check("configuration", "policy", "note", "none: everything is recorded, nothing is decided")
        return
    counted = f"{len(settings.rules)} rules, {len(settings.delegates)} delegations"
    yield Check("configuration", "policy", "ok", "Casbin files" if settings.casbin else counted)
    if settings.user == ANONYMOUS:
        text = "runs outside `handrail.acting_for(user=...)` name nobody, and their tool calls are denied"
        yield Check("configuration", "user", "note", text)


def journal(settings: Settings) -> Iterator[Check]:
    """Whether records can be kept where the settings say."""
    folder = settings.data / "journal"
    yield Check("journal", "folder", "ok", str(folder) + ("" if folder.is_dir() else " (made at the first run)"))
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if folder.is_symlink() or settings.data.is_symlink():
        yield Check("journal", "link", "wrong", "is a symbolic link: set `data` (or HANDRAIL_DATA) to a real folder")
    try:
        oscalls.refuse_network(existing)
        kind = oscalls.file_system(existing.stat().st_dev)
        yield Check("journal", "file system", "ok", kind or "local")
    except HandrailError as error:
        yield Check("journal", "file system", "wrong", str(error))
    yield _writable(existing)


def _writable(folder: Path) -> Check:
    try:
        oscalls.require_locks()
        with tempfile.TemporaryFile(dir=folder) as probe:
            held = oscalls.try_lock(probe.fileno())
    except (OSError, HandrailError) as error:
        reason = getattr(error, "strerror", None) or error
        hint = "make it writable for this user, or set `data` (or HANDRAIL_DATA) to a folder that is"
        return Check("journal", "writable", "wrong", f"{folder}: {reason}: {hint}")
    if not held:
        return Check("journal", "locks", "wrong", f"{folder}: file locks do not work here")
    return Check("journal", "writable", "ok", "yes, with file locks")


def versions() -> Iterator[Check]:
    """What is installed."""
    from handrail.frameworks.installed import FRAMEWORKS

    yield Check("versions", "python", "ok", f"{platform.python_version()} ({sys.executable})")
    for name in dict.fromkeys((*LIBRARIES, *FRAMEWORKS)):
        try:
            yield Check("versions", name, "ok", metadata.version(name))
        except metadata.PackageNotFoundError:
            continue


def seams() -> Iterator[Check]:
    """Whether each framework that is installed has what its seam wraps, tried out in this process."""
    from handrail.frameworks.api import SEAMS

    triggers = {seam: (top, trigger) for top, (trigger, seam) in reversed(SEAMS.items())}
    for seam, (top, trigger) in reversed(triggers.items()):
        if not _importable(top):
            yield Check("seams", top, "note", "not installed")
            continue
        try:
            importlib.import_module(trigger)
            yield from _tried(top, importlib.import_module(seam))
        except Exception as error:  # whatever an incompatible framework raises is what the user must hear
            text = f"{type(error).__name__}: {error}. This release of {top} cannot be governed: try another one"
            yield Check("seams", top, "wrong", text)


def _tried(top: str, seam: ModuleType) -> Iterator[Check]:
    before = bool(seam.patches.state())
    for part in PARTS:
        if part.partition(".")[0].startswith(top.partition("_")[0][:4]) and _importable(part):
            importlib.import_module(part)
    seam.install()
    try:
        for name, in_place in seam.patches.state().items():
            text = "in place" if in_place else "another library has wrapped it after Handrail; ours is inside"
            yield Check("seams", name, "ok" if in_place else "note", text)
    finally:
        if not before:
            seam.uninstall()


def _importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False


TRACERS = (
    ("LangSmith", "langsmith", ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2")),
    ("Langfuse", "langfuse", ("LANGFUSE_PUBLIC_KEY",)),
    ("MLflow", "mlflow", ("MLFLOW_TRACKING_URI",)),
)
"""Tracers that are no OpenTelemetry instrumentations: name, module, variables that switch them on."""


def others() -> Iterator[Check]:
    """Other libraries that instrument this environment, and what Handrail does beside them."""
    installed = sorted(_installed(), key=lambda entry: (entry.name, entry.value))
    for library, rivals in groupby(installed, key=lambda entry: entry.name):
        yield _instrumentors(library, [entry.dist.name if entry.dist else entry.value for entry in rivals])
    working = {other.scope for other in at_work.active()}
    for scope in sorted(working):
        text = "at work in this process: calls that it shows are not shown again, and its spans name our steps"
        yield Check("others", scope, "ok", text)
    for name, module, variables in TRACERS:
        switched = [variable for variable in variables if os.environ.get(variable)]
        if _importable(module) and switched:
            text = f"switched on by {', '.join(switched)}; it keeps its own copy of content, whatever Handrail is told"
            yield Check("others", name, "note", text)
    if not installed:
        yield Check("others", "instrumentors", "ok", "none")


def _installed() -> list[metadata.EntryPoint]:
    found = metadata.entry_points(group="opentelemetry_instrumentor")
    return [entry for entry in found if entry.name != "handrail"]


def _instrumentors(library: str, distributions: list[str]) -> Check:
    named = ", ".join(distributions)
    if len(distributions) == 1:
        return Check("others", library, "note", f"{named} may show the same calls; see docs/how-to/export-spans.md")
    text = f"{named}: all of them answer to the name {library!r}, so each call is shown by each; keep one"
    return Check("others", library, "note", text)


def blind_spots(agent: object | None) -> Iterator[Check]:
    """What no seam sees, in general and in ``agent``."""
    for number, text in enumerate(BLIND_SPOTS, start=1):
        yield Check("not governed", str(number), "note", text)
    if agent is None:
        return
    from handrail.frameworks.discover import provider_tools

    for kind in provider_tools(agent):
        yield Check("not governed", kind, "note", f"this agent offers {kind}, which its model's provider executes")


def agent_checks(agent: object, settings: Settings | None) -> Iterator[Check]:
    """An agent's name, sub-agents and tools, and whether the configuration fits them."""
    from handrail.frameworks.discover import agent_name, sub_agents, tools_of

    name = agent_name(agent) or (settings.agent if settings else "")
    unnamed = f'none: rules know it as "{ANONYMOUS}"; set `agent` in handrail.toml, or create_agent(name=...)'
    yield Check("agent", "name", "ok" if name else "note", name or unnamed)
    names = [tool.name for tool in tools_of(agent)]
    yield Check("agent", "sub-agents", "ok", _listed(sub_agents(agent)))
    yield Check("agent", "tools", "ok" if names else "note", _listed(names))
    if settings is None:
        return
    try:
        config.check_tools(settings, names)
    except HandrailError as error:
        yield Check("agent", "configuration", "wrong", str(error))
    else:
        yield Check("agent", "configuration", "ok", "names no tool that this agent does not have")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
