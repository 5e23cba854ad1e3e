"""Whether the examples and properties of validators find a fault in one of their modules.

Each fault is tried in a forked child: the faulty module, and all that import it, are loaded anew there, and then the
cases, the examples of the reference, and the tests of the room run as plain functions, until something fails.
"""

from __future__ import annotations

import ast
import gc
import importlib.abc
import importlib.util
import inspect
import itertools
import logging
import os
import resource
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from handrail.validators import parse
from handrail.validators.described import Example, describe
from handrail.validators.registry import known
from tests.validators.cases import Cases
from tests.validators.collected import collected
from tests.validators.faults import Fault, faults, faulty

ROOT = Path(__file__).parents[2]
_PLACES = ("handrail/validators", "tests/validators")
_MORE_SOURCES = {"structure": ("dialects",)}
_MORE_TESTS = {"structure": ("test_schema_validator", "test_plain_schema")}
_NOT_ALONE = ("test_code_that_warns_only_warns_nobody",)
"""Tests that ask about pytest's own handling of warnings."""
_SECONDS = 20
"""CPU that one trial may take: a fault that makes a check endless is one that was found."""
_MORE_BYTES = 2 * 1024**3


@cache
def modules() -> dict[str, Path]:
    """Every module of the validators and of their tests."""
    files = [file for place in _PLACES for file in (ROOT / place).rglob("*.py")]
    return {".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file for file in files}


@cache
def _imports() -> dict[str, set[str]]:
    """Module -> the modules of `modules` that it imports, wherever in it."""
    return {name: set(_imported(file)) for name, file in modules().items()}


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def affected(module: str) -> dict[str, int]:
    """The module, and all that import it, or import one that does: how many imports away each is."""
    found, todo = {module: 0}, [module]
    for one in todo:
        new = [name for name, imported in _imports().items() if one in imported and name not in found]
        found.update(dict.fromkeys(new, found[one] + 1))
        todo.extend(new)
    return found


def sources(room: str) -> dict[str, str]:
    """Module -> source, of one room."""
    folders = (room, *_MORE_SOURCES.get(room, ()))
    wanted = tuple(f"handrail.validators.{folder}." for folder in folders)
    return {name: file.read_text() for name, file in sorted(modules().items()) if name.startswith(wanted)}


def faults_of(room: str) -> list[Fault]:
    """Every fault that can be made in a room's modules."""
    return [fault for module, source in sources(room).items() for fault in faults(module, source)]


@dataclass(frozen=True, slots=True)
class Room:
    """What is known about a room's validators before anything is wrong with them."""

    room: str
    homes: dict[str, str]
    """Name -> module, of every validator of ours that can be made here, those of this room first."""
    examples: dict[str, tuple[Example, ...]]

    @classmethod
    def of(cls, room: str) -> Room:
        """Load all of it."""
        missing = {name for name, cases in collected().items() if not all(one.can_be_made for one in cases)}
        ours = [one for one in known().values() if one.room and one.name not in missing]
        entries = sorted(ours, key=lambda one: one.room != room)
        for name in modules():
            if name.startswith("tests.validators.") and (".cases" in name or name in _tests(room)):
                _loaded(name)
        _warm()
        homes = {one.name: one.home.partition(":")[0] for one in entries}
        return cls(room, homes, {name: describe(name).examples for name in homes})

    def found(self, fault: Fault | None) -> str:
        """What finds the fault; empty where nothing does. None for no fault at all."""
        read, write = os.pipe()
        gc.freeze()
        child = os.fork()
        if not child:
            os.close(read)
            os.write(write, self._tried(fault).encode()[:500])
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answer:
            said = answer.read()
        _, status = os.waitpid(child, 0)
        return said if os.WIFEXITED(status) and not os.WEXITSTATUS(status) else f"the check ends by {status}"

    def _tried(self, fault: Fault | None) -> str:
        _quiet()
        try:
            if fault is not None:
                _put_in(fault)
            away = affected(fault.module) if fault is not None else dict.fromkeys(self.homes.values(), 0)
            return next(self._failures(away), "")
        except BaseException as error:  # a child ends here whatever is raised
            return f"{type(error).__name__}: {error}"

    def _failures(self, away: Mapping[str, int]) -> Iterator[str]:
        """What fails of all that may show a fault; first what is fewest imports ``away`` from it."""
        names = sorted(
            (name for name, home in self.homes.items() if home in away), key=lambda name: away[self.homes[name]]
        )
        yield from _of_cases(names)
        yield from (f"an example of {name}" for name in names for one in self.examples[name] if not _holds(one))
        for module in sorted(_tests(self.room), key=lambda module: away.get(module, len(away))):
            yield from _of_tests(_loaded(module))


def _warm() -> None:
    """Do once what each child would have to do: read who imports whom, and load what needs an extra."""
    _imports()
    for cases in itertools.chain.from_iterable(collected().values()):
        if cases.needs and cases.can_be_made:
            import_module(cases.needs)


def _tests(room: str) -> list[str]:
    more = [f"tests.validators.{name}" for name in _MORE_TESTS.get(room, ())]
    return [name for name in sorted(modules()) if name.startswith(f"tests.validators.{room}.test_")] + more


def _quiet() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    logging.disable(logging.CRITICAL)
    used = resource.getrusage(resource.RUSAGE_SELF)
    spent = int(used.ru_utime + used.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (spent + _SECONDS, spent + _SECONDS + 1))
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    most = pages * resource.getpagesize() + _MORE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from a faulty tree."""

    def __init__(self, fault: Fault) -> None:
        self.name, self.file = fault.module, modules()[fault.module]
        self.tree = faulty(self.file.read_text(), fault)

    def find_spec(self, fullname: str, path: object, target: object = None) -> Any:
        """The spec of that module."""
        return (
            importlib.util.spec_from_file_location(fullname, self.file, loader=self) if fullname == self.name else None
        )

    def exec_module(self, module: ModuleType) -> None:
        """Run it."""
        exec(compile(self.tree, str(self.file), "exec"), module.__dict__)  # noqa: S102 - our own source


def _put_in(fault: Fault) -> None:
    for name in affected(fault.module):
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Finder(fault))


def _of_cases(names: Sequence[str]) -> Iterator[str]:
    for module in sorted(modules()):
        if ".cases" not in module:
            continue
        table: dict[str, Cases | list[Cases]] = getattr(import_module(module), "CASES", {})
        for name in names:
            cases = table.get(name, [])
            every = cases if isinstance(cases, list) else [cases]
            yield from (f"a case of {name}" for one in every if not _right(one))


def _right(cases: Cases) -> bool:
    check = sys.modules["handrail.validators"].parse(cases.check)
    for value in cases.good:
        if any(one.severity == "error" for one in check.check(value, cases.context)):
            return False
    for value, right in cases.fixes:
        if right not in [one.fix.value for one in check.check(value, cases.context) if one.fix]:
            return False
    return all(code in {one.code for one in check.check(value, cases.context)} for value, code in cases.bad)


def _holds(example: Example) -> bool:
    check = parse(example.check)
    good = all(
        not any(one.severity == "error" for one in check.check(value, example.context)) for value in example.good
    )
    return good and all(check.check(value, example.context) for value in example.bad)


def _loaded(name: str) -> ModuleType:
    """The module; an empty one where an extra that its tests need is not installed."""
    import pytest

    try:
        return import_module(name)
    except pytest.skip.Exception:
        return ModuleType(name)


def _of_tests(module: ModuleType) -> Iterator[str]:
    for name, test in vars(module).items():
        if name.startswith("test_") and name not in _NOT_ALONE and inspect.isfunction(test):
            for given in _arguments(test):
                if problem := _failure(_one_try(test), given):
                    yield f"{name}: {problem}"


def _arguments(test: Callable[..., object]) -> Iterator[dict[str, object]]:
    """Each set of parameters; none where it wants what only pytest can give."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    wanted = {name for name, one in inspect.signature(test).parameters.items() if one.default is one.empty}
    for rows in itertools.product(*(_rows(*mark.args[:2]) for mark in marks)):
        given = {name: value for row in rows for name, value in row.items()}
        if wanted <= set(given):
            yield given


def _rows(names: str | Sequence[str], values: Sequence[Any]) -> list[dict[str, object]]:
    """The parameters that one mark gives."""
    each = [one.strip() for one in names.split(",")] if isinstance(names, str) else list(names)
    plain = [tuple(one.values) if hasattr(one, "marks") else one if len(each) > 1 else (one,) for one in values]
    return [dict(zip(each, row, strict=True)) for row in plain]


def _one_try(test: Any) -> Callable[..., object]:
    """A property without the search for the smallest failure."""
    if hasattr(test, "_hypothesis_internal_use_settings"):
        from hypothesis import HealthCheck, Phase, settings

        known = test._hypothesis_internal_use_settings
        phases = (Phase.explicit, Phase.generate)
        alone: dict[str, Any] = {"database": None, "deadline": None, "derandomize": True}
        changed = settings(known, phases=phases, suppress_health_check=list(HealthCheck), **alone)
        test._hypothesis_internal_use_settings = changed
    made: Callable[..., object] = test
    return made


def _failure(test: Callable[..., object], given: dict[str, object]) -> str:
    import pytest

    try:
        test(**given)
    except (pytest.skip.Exception, pytest.xfail.Exception):
        return ""
    except BaseException as error:
        return type(error).__name__
    return ""
