"""What a team calls: ``govern``, ``instrument``, ``uninstrument``. Finds the framework of an agent by itself."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from handrail.config import Mode, Settings
from handrail.errors import NotSupported
from handrail.frameworks import opening
from handrail.frameworks.checking import check_agent
from handrail.frameworks.patching import WhenImported
from handrail.tracing import threads
from handrail.tracing.identity import Principal

T = TypeVar("T")

SEAMS = {
    "langchain_core": ("langchain_core.tools", "handrail.frameworks.langchain"),
    "langchain_core.language_models": ("langchain_core.language_models.chat_models", "handrail.frameworks.langchain"),
    "openai": ("openai._base_client", "handrail.frameworks.openai"),
    "mcp": ("mcp.client.session", "handrail.frameworks.mcp"),
}
"""Package of a framework -> the module whose import it takes, and the seam for it."""

_hooks = WhenImported()


def govern(
    agent: T,
    *,
    config: str | Path | Settings | None = None,
    principal: Principal | Mapping[str, str] | None = None,
    name: str | None = None,
    mode: Mode | None = None,
) -> T:
    """A governed copy of ``agent``: same kind, same behaviour, every step traced, every tool call decided.

    ``config`` is a handrail.toml (default: looked for from the working directory upwards); ``principal`` says on
    whose behalf runs act where no ``acting_for`` block does (keys: tenant, user, session, channel); ``name`` names
    the agent where it has no name of its own; ``mode`` (``observe`` or ``enforce``) goes before the file's.

    Governing a governed agent replaces its configuration; nothing is decided or traced twice. Raises
    ConfigError for a wrong configuration, JournalError in enforce mode when nothing can be recorded, and
    NotSupported for an object of no known framework.
    """
    said = _said(principal)
    spec = (config, said, name, mode)
    for top, (_, seam) in SEAMS.items():
        if top not in sys.modules:
            continue
        module = import_module(seam)
        supports = getattr(module, "supports", None)
        if supports is not None and supports(agent):
            gate = opening.open_gate(config, mode)
            check_agent(gate, agent)
            watch()
            governed: T = module.govern(agent, gate, name=name, said=said, spec=spec)
            return governed
    raise NotSupported(
        f"govern() knows no framework of a {type(agent).__module__}.{type(agent).__qualname__}. It takes LangChain "
        "and LangGraph objects; for plain functions use @handrail.tool and `with handrail.run(agent=...)`."
    )


def govern_again(agent: T, spec: tuple[Any, ...]) -> T:
    """Govern an unpickled agent as it was governed before."""
    config, said, name, mode = spec
    return govern(agent, config=config, principal=said, name=name, mode=mode)


def _said(principal: Principal | Mapping[str, str] | None) -> dict[str, str]:
    if principal is None:
        return {}
    if isinstance(principal, Principal):
        fields = ("tenant", "user", "session", "channel")
        return {field: getattr(principal, field) for field in fields}
    unknown = set(principal) - {"tenant", "user", "session", "channel"}
    if unknown:
        raise TypeError(f"principal has no {sorted(unknown)[0]!r}; it takes tenant, user, session and channel")
    return dict(principal)


def instrument(*, config: str | Path | Settings | None = None, mode: Mode | None = None) -> None:
    """Govern every agent of this process, those of frameworks that are imported later included.

    Raises what :func:`govern` raises. A second call replaces the configuration.
    """
    opening.set_default(opening.open_gate(config, mode))
    watch()


def uninstrument() -> None:
    """Undo ``instrument``: every original method is put back; objects from ``govern`` are no longer governed."""
    _hooks.clear()
    opening.set_default(None)
    for _, seam in SEAMS.values():
        if seam in sys.modules:
            import_module(seam).uninstall()
    threads.uninstall()


def watch() -> None:
    """Have the seam of every known framework in place as soon as the framework is imported."""
    for trigger, seam in SEAMS.values():
        _hooks.add(trigger, partial(_bring_up, seam))


def _bring_up(seam: str) -> None:
    """Install a seam. Where its module is being imported at this moment, whoever imports it will do so."""
    install = getattr(import_module(seam), "install", None)
    if install is not None:
        install()
