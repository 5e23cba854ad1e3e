"""Imported by Python at its start because ``handrail run`` put this folder on PYTHONPATH; see the package."""

from __future__ import annotations

import os
import sys


def _leave_path() -> None:
    """Take this folder off ``sys.path``: only this file is meant to be found there."""
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib is not loaded yet
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != here]  # noqa: PTH100


def _start() -> None:
    try:
        from handrail.frameworks import bootstrap
    except Exception as error:
        _without_handrail(error)
        return
    try:
        bootstrap.start()
    except Exception as error:
        bootstrap.failed(error)


def _without_handrail(error: Exception) -> None:
    python = sys.executable
    if os.environ.get("HANDRAIL_RUN") == "observe":
        sys.stderr.write(f"handrail: {python} cannot import handrail, so this process is not observed: {error}\n")
        return
    sys.stderr.write(f"handrail: {python} cannot import handrail and may not run ungoverned, so it ends: {error}\n")
    sys.stderr.flush()
    os._exit(2)


def _chain() -> None:
    """Import the ``sitecustomize`` that Python would have found without us."""
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is None or spec.loader is None:
        return
    module = sys.modules["sitecustomize"] = module_from_spec(spec)
    spec.loader.exec_module(module)


_leave_path()
_start()
_chain()
