"""Help for testing agents: a scripted model server, and the pytest fixtures in ``plugin.py``.

The names are loaded when asked for, because pytest imports this package in every run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from handrail.testing.clients import chat_openai
    from handrail.testing.model_server import ScriptedModel
    from handrail.testing.turns import Message, Request, Script, ToolCall, Turn, Usage, keyed
    from handrail.testing.validating import validate_runs

__all__ = [
    "Message",
    "Request",
    "Script",
    "ScriptedModel",
    "ToolCall",
    "Turn",
    "Usage",
    "chat_openai",
    "keyed",
    "validate_runs",
]

_HOME = {"chat_openai": "clients", "ScriptedModel": "model_server", "validate_runs": "validating"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'turns')}"), name)
