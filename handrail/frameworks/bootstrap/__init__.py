"""What ``handrail run`` plants in a program's Python processes: import hooks, and nothing heavy before they fire.

The folder of this package goes onto PYTHONPATH, where Python finds ``sitecustomize`` at its start.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

FOLDER = str(Path(__file__).parent)
"""What PYTHONPATH must begin with."""
VARIABLE = "HANDRAIL_RUN"
"""Environment variable with the mode that ``handrail run`` started in: it says what to do where this fails."""
EXIT_CODE = 2
"""Exit code of a process that may not run ungoverned."""
TRIGGERS = (
    "langchain_core.language_models.chat_models",
    "langchain_core.tools",
    "mcp.client.session",
    "openai._base_client",
)
"""Modules whose import brings governance up, before whoever imports them can use them."""

log = logging.getLogger(__name__)


def start() -> None:
    """Wait for a framework to be imported, then govern the process."""
    from handrail.frameworks.patching import WhenImported

    hooks = WhenImported()
    for trigger in TRIGGERS:
        hooks.add(trigger, _govern)


def _govern() -> None:
    try:
        from handrail.frameworks import api, opening

        if opening.default_gate() is None:
            api.instrument()
    except Exception as error:
        failed(error)


def failed(error: BaseException) -> None:
    """End the process where it may not run ungoverned; warn where it may."""
    if os.environ.get(VARIABLE) != "observe":
        refuse(error)
    log.warning("handrail: this process is not observed: %s: %s", type(error).__name__, error)


def refuse(error: BaseException) -> NoReturn:
    """End the process at once: an exception could be caught, and the program would go on ungoverned."""
    sys.stdout.flush()
    sys.stderr.write(f"handrail: this process may not run ungoverned, so it ends: {error}\n")
    sys.stderr.flush()
    os._exit(EXIT_CODE)
