"""Attributes of classes and modules that are wrapped in place and put back. Knows no framework."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import wrapt

Wrapper = Callable[[Callable[..., Any]], Callable[..., Any]]
Owner = type | ModuleType
_MISSING = object()


@dataclass(frozen=True, slots=True)
class _Patch:
    owner: Owner
    name: str
    original: Any
    """What stood in the class's own ``__dict__``, or a marker when the attribute was inherited."""
    replacement: Any

    def undo(self) -> None:
        if self.owner.__dict__.get(self.name) is not self.replacement:
            return  # somebody wrapped it after us: what is theirs stays, and ours inside it is idle
        if self.original is _MISSING:
            delattr(self.owner, self.name)
        else:
            setattr(self.owner, self.name, self.original)


class Patches:
    """The wrapped attributes of one framework; applying and undoing twice changes nothing."""

    def __init__(self) -> None:
        self._done: dict[tuple[Owner, str], _Patch] = {}
        self._lock = threading.Lock()

    def wrap(self, owner: Owner, name: str, wrapper: Wrapper) -> None:
        """Replace ``owner.name`` by ``wrapper(original)``, once. The wrapper keeps name and signature."""

        def made() -> Any:
            original = getattr(owner, name)
            return functools.wraps(original)(wrapper(original))

        self._put(owner, name, made)

    def put(self, owner: Owner, name: str, replacement: Any) -> None:
        """Have ``replacement`` stand as ``owner.name``, once: for what is no plain function."""
        self._put(owner, name, lambda: replacement)

    def _put(self, owner: Owner, name: str, make: Callable[[], Any]) -> None:
        with self._lock:
            if (owner, name) in self._done:
                return
            replacement = make()
            patch = _Patch(owner, name, owner.__dict__.get(name, _MISSING), replacement)
            setattr(owner, name, replacement)
            self._done[owner, name] = patch

    @property
    def applied(self) -> bool:
        """Whether anything is wrapped."""
        return bool(self._done)

    def undo(self) -> None:
        """Put every original back."""
        with self._lock:
            for patch in self._done.values():
                patch.undo()
            self._done.clear()

    def state(self) -> dict[str, bool]:
        """``module.Class.attribute`` -> whether our wrapper is still the one in place."""
        with self._lock:
            return {
                f"{_name(patch.owner)}.{patch.name}": patch.owner.__dict__.get(patch.name) is patch.replacement
                for patch in self._done.values()
            }


def _name(owner: Owner) -> str:
    return owner.__name__ if isinstance(owner, ModuleType) else f"{owner.__module__}.{owner.__qualname__}"


class WhenImported:
    """Runs an installer as soon as a module is imported, or at once when it is already there."""

    def __init__(self) -> None:
        self._active: dict[str, Callable[[], None]] = {}
        self._registered: set[str] = set()

    def add(self, module: str, install: Callable[[], None]) -> None:
        """Call ``install`` when ``module`` is imported, unless :meth:`clear` comes first."""
        self._active[module] = install
        if module in self._registered:
            self._fire(module)
            return
        self._registered.add(module)
        wrapt.register_post_import_hook(lambda _: self._fire(module), module)

    def _fire(self, module: str) -> None:
        import sys

        install = self._active.get(module)
        if install is not None and module in sys.modules:
            install()

    def clear(self) -> None:
        """Forget every installer; hooks that fire later do nothing."""
        self._active.clear()
