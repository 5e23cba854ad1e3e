"""Which versions a run is made by."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import metadata

from handrail.version import __version__

FRAMEWORKS = ("langchain", "langchain-core", "langgraph", "deepagents", "mcp", "openai", "anthropic")
"""Distributions whose versions a run records where they are installed."""


@cache
def versions() -> Mapping[str, str]:
    """Installed versions of Handrail and of the frameworks it knows."""
    found = {"handrail": __version__}
    for name in FRAMEWORKS:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
