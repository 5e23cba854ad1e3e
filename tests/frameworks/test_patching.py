"""Wrapping class attributes and putting them back; installers that wait for an import."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.frameworks.patching import Patches, WhenImported


def _louder(original: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(self: Any, word: str) -> Any:
        return original(self, word) + "!"

    return wrapper


class Base:
    """A class with a method."""

    def say(self, word: str) -> str:
        """Say it."""
        return word


class Child(Base):
    """Inherits the method."""


def test_wrap_keeps_name_and_documentation() -> None:
    """The wrapper stands in for the original in every respect."""
    patches = Patches()
    patches.wrap(Base, "say", _louder)
    try:
        assert Base().say("a") == "a!"
        assert (Base.say.__name__, Base.say.__doc__) == ("say", "Say it.")
    finally:
        patches.undo()


def test_inherited_attribute_is_removed_again() -> None:
    """Wrapping a subclass leaves its base alone, and undoing leaves no attribute behind."""
    patches = Patches()
    patches.wrap(Child, "say", _louder)
    assert (Child().say("a"), Base().say("a")) == ("a!", "a")
    patches.undo()
    assert "say" not in Child.__dict__


def test_somebody_elses_wrapper_stays() -> None:
    """A library that wrapped after us keeps its wrapper when ours goes, and the state says so before."""
    patches, original = Patches(), Base.say
    patches.wrap(Base, "say", _louder)
    ours = Base.say
    theirs = lambda self, word: ours(self, word) + "?"  # noqa: E731
    Base.say = theirs  # type: ignore[method-assign]
    try:
        assert patches.state() == {f"{__name__}.Base.say": False}
        patches.undo()
        assert Base.__dict__["say"] is theirs
    finally:
        Base.say = original  # type: ignore[method-assign]


def test_missing_attribute_is_an_error() -> None:
    """A framework without the method we need is not silently left ungoverned."""
    with pytest.raises(AttributeError):
        Patches().wrap(Base, "shout", _louder)


@given(st.lists(st.sampled_from(["wrap base", "wrap child", "undo"]), max_size=12))
def test_any_order_ends_where_it_began(actions: list[str]) -> None:
    """Wrapping and undoing in any order and number never doubles a wrapper and always comes back."""
    before = (Base.__dict__.get("say"), Child.__dict__.get("say"))
    patches = Patches()
    wrapped: set[type] = set()
    for action in actions:
        if action == "undo":
            patches.undo()
            wrapped.clear()
            continue
        owner = Base if action == "wrap base" else Child
        patches.wrap(owner, "say", _louder)
        wrapped.add(owner)
        assert Base().say("a") == ("a!" if Base in wrapped else "a")
    assert all(patches.state().values())
    patches.undo()
    assert (Base.__dict__.get("say"), Child.__dict__.get("say")) == before


@pytest.fixture(name="module")
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[str]:
    """Name of a module that can be imported and was not yet."""
    name = "waited_for_" + "".join(letter if letter.isalnum() else "_" for letter in request.node.name)
    (tmp_path / f"{name}.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    sys.modules.pop(name, None)


def test_installer_waits_for_the_import(module: str) -> None:
    """Nothing happens before the import; then the installer runs once, before the importer goes on."""
    calls: list[str] = []
    hooks = WhenImported()
    hooks.add(module, lambda: calls.append("installed"))
    assert calls == []
    __import__(module)
    assert calls == ["installed"]


def test_cleared_installer_never_runs_and_a_new_one_does(module: str) -> None:
    """After clear an import does nothing; adding again for the loaded module runs at once."""
    calls: list[str] = []
    hooks = WhenImported()
    hooks.add(module, lambda: calls.append("first"))
    hooks.clear()
    __import__(module)
    assert calls == []
    hooks.add(module, lambda: calls.append("second"))
    assert calls == ["second"]


def test_a_newer_installer_replaces_the_older(module: str) -> None:
    """One module has one installer: the newest."""
    calls: list[str] = []
    hooks = WhenImported()
    hooks.add(module, lambda: calls.append("old"))
    hooks.add(module, lambda: calls.append("new"))
    __import__(module)
    assert calls == ["new"]
