"""Validators of other packages: found by entry point, and run in a process of their own where that is asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Call, Context, Finding, Named, Run, Source, isolation, parse
from handrail.validators.isolation import Isolated, isolated

MODULE = """
import ctypes, os, sys, time
from dataclasses import dataclass
from handrail.validators import Finding, Fix

@dataclass(frozen=True)
class Even:
    "Even numbers."
    least: int = 0

    def check(self, value, context):
        if value % 2:
            return (Finding("acme.odd", "An even number is expected.", "/x", span=(1, 2), excerpt="1", fix=Fix([2])),)
        return () if value >= self.least else (Finding("acme.small", f"At least {self.least}."),)

def multiple(of):
    return lambda value: value % of == 0

class Acts:
    "Does what the value says."
    isolated = True
    needs_run = False

    def check(self, value, context):
        if value == "hang":
            while True: pass
        if value == "sleep": time.sleep(60)
        if value == "exit": os._exit(3)
        if value == "crash": ctypes.string_at(0)
        if value == "memory": bytearray(1 << 45)
        if value == "print": print("{}"); sys.stdout.flush(); os.write(1, b"{}")
        if value == "raise": raise KeyError("secret")
        if value == "flood": return [Finding("acme.flood", "", fix=Fix("x" * 2_000_000))]
        if value == "environment": return ",".join(sorted(os.environ))
        if value == "where": return f"{context.tool} {dict(context.args)} {context.now.isoformat()}"
        return ()

class Looks:
    "Looks at the run."
    isolated = True

    def check(self, value, context):
        return f"{context.run.sources[0].text} {context.run.calls[0].tool}"
"""
ENTRIES = """
[handrail.validators]
acme_even = acme_checks:Even
acme_multiple = acme_checks:multiple
acme_acts = acme_checks:Acts
acme_looks = acme_checks:Looks
acme_broken = acme_broken:Gone
length = acme_checks:Even
"""


@pytest.fixture(scope="module", autouse=True)
def _acme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A distribution that is installed in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "acme_checks.py").write_text(dedent(MODULE))
    (folder / "acme_broken.py").write_text("import a_module_that_nobody_has\n")
    info = folder / "acme_checks-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-checks\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield
    sys.modules.pop("acme_checks", None)


@pytest.fixture(scope="module", name="acts")
def _acts(_acme: None) -> Isolated:
    made = parse("isolated(acme_acts(), seconds=5)")
    assert isinstance(made, Isolated)
    return made


def _codes(check: object, value: object) -> list[str]:
    assert hasattr(check, "check")
    return [one.code for one in check.check(value)]


def test_what_another_package_registers_is_found() -> None:
    """A class, and a function that makes a check, work under their names; a name that is taken stays ours."""
    assert _codes(parse("acme_even(least=4)"), 3) == ["acme.odd"]
    assert _codes(parse("acme_even(least=4) & acme_multiple(of=3)"), 2) == ["acme.small", "<lambda>"]
    assert _codes(parse("length(max=1)"), "ab") == ["length.long"]
    assert _codes(Named("v", parse("acme_even()")).inner, 1) == ["acme.odd"]


def test_what_cannot_be_loaded_says_whose_it_is() -> None:
    """An entry point whose module cannot be imported is an error that names validator, package and cause."""
    with pytest.raises(ConfigError, match=r'"acme_broken" of the package acme-checks .*a_module_that_nobody_has'):
        parse("acme_broken()")
    with pytest.raises(ConfigError, match=r"acme_broken.*a_module_that_nobody_has"):
        parse("isolated(acme_broken())")


def test_findings_come_back_whole() -> None:
    """What a check finds in its own process is what it finds here: place, span, repair and all."""
    there, here = parse("isolated(acme_even(least=4), seconds=5)"), parse("acme_even(least=4)")
    for value in (1, 2, 4):
        assert there.check(value) == here.check(value)
    assert not there.needs_run or here.needs_run


def test_a_class_can_ask_for_it() -> None:
    """A validator whose class says ``isolated = True`` runs in a process of its own without being asked to."""
    made = parse("acme_acts()")
    assert isinstance(made, Isolated)
    assert made.expression == "acme_acts()"
    assert made.bounded


@pytest.mark.parametrize("value", ["exit", "crash", "memory", "raise", "flood"])
def test_what_breaks_there_is_a_finding_here(acts: Isolated, value: str) -> None:
    """Ending, crashing, taking all memory, raising, answering without end: one finding, and the next value passes."""
    (found,) = acts.check(value)
    assert found.code == "unchecked.error"
    assert "secret" not in found.message
    assert acts.check("fine") == ()


def test_what_never_ends_is_ended() -> None:
    """A check that computes or sleeps for ever is killed when its time is over, and the next value passes."""
    check = isolated("acme_acts()", seconds=0.4)
    for value in ("hang", "sleep"):
        assert _codes(check, value) == ["unchecked.time"]
    # a new interpreter has its own time to start
    assert isinstance(check, Isolated)
    assert check.check("fine") == ()


def test_what_it_prints_is_not_its_answer(acts: Isolated) -> None:
    """What a check writes to standard output is no answer."""
    assert acts.check("print") == ()


def test_the_environment_stays_here(acts: Isolated, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker sees where modules are, and no keys."""
    monkeypatch.setenv("ACME_API_KEY", "secret")
    check = parse("acme_acts()")
    (found,) = check.check("environment")
    names = found.message.split(",")
    assert "PYTHONPATH" in names
    assert "ACME_API_KEY" not in names
    assert set(names) <= {*isolation._KEPT, "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUTF8", "LC_CTYPE"}


def test_what_stands_around_the_value_goes_along() -> None:
    """Tool, arguments and time are there; the run only for a check that looks at it."""
    run = Run((Source("1", "what was read"),), (Call("pay"),))
    context = Context(tool="pay", args={"a": 1}, run=run)
    (found,) = parse("acme_looks()").check("x", context)
    assert found.message == "what was read pay"
    (found,) = parse("acme_acts()").check("where", context)
    assert found.message == f"pay {{'a': 1}} {context.now.isoformat()}"


def test_many_threads(acts: Isolated) -> None:
    """Threads that use one check at once get each its own answer."""
    check = parse("isolated(acme_even(), seconds=10)")
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda value: len(check.check(value)), range(60)))
    assert found == [value % 2 for value in range(60)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_fork_has_workers_of_its_own(acts: Isolated) -> None:
    """A forked child checks with a worker of its own, and the parent's goes on."""
    assert acts.check("fine") == ()
    before = acts._pool._free[0]._process.pid
    child = os.fork()
    if child == 0:
        good = acts.check("fine") == () and acts._pool._free[0]._process.pid != before
        acts._pool.close()
        os._exit(0 if good else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert acts.check("fine") == ()
    assert acts._pool._free[0]._process.pid == before


def test_nothing_is_left_at_the_end() -> None:
    """Closing ends every worker, and leaves no zombie."""
    check = parse("acme_acts()")
    assert isinstance(check, Isolated)
    assert check.check("fine") == ()
    (worker,) = check._pool._free
    check._pool.close()
    assert worker._process.returncode is not None
    assert not Path(f"/proc/{worker._process.pid}").exists() or sys.platform != "linux"
    assert check.check("fine") == ()  # a new one, for whoever still asks
    check._pool.close()


@pytest.mark.parametrize(
    ("value", "code"),
    [("x" * 2_000_000, "unchecked.size"), ([0] * 100_000, "unchecked.size"), (object(), "unchecked.error"),
     ({1, 2}, "unchecked.error"), ("\ud800", ""), (float("nan"), ""), (None, "")],
)  # fmt: skip
def test_what_cannot_be_sent(acts: Isolated, value: object, code: str) -> None:
    """What is too large, or no JSON, is a finding and is not sent; any text, and NaN, is."""
    assert _codes(acts, value) == ([code] if code else [])


@pytest.mark.parametrize("written", ["isolated()", "isolated(length(max=1), 2)", "isolated(length(max=1), seconds='x')",
                                     "isolated(length(max=1), seconds=0)", "isolated(lenght(max=1))"])  # fmt: skip
def test_what_cannot_be_made(written: str) -> None:
    """A check that cannot be made in the worker, or a time that is none, is refused here when it is made."""
    with pytest.raises(ConfigError):
        parse(written)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("code", "message", "path", "severity", "hint", "span", "excerpt", "fix")


@settings(max_examples=80, deadline=None)
@given(
    st.dictionaries(st.just("findings"), st.lists(st.fixed_dictionaries({name: JSON for name in FIELDS}) | JSON) | JSON)
)
def test_no_answer_of_a_worker_is_believed(answer: dict[str, object]) -> None:
    """Whatever a worker answers is findings of bounded size, or no answer."""
    try:
        found = isolation._read(answer)
    except isolation._Gone:
        return
    assert all(isinstance(one, Finding) and one.severity in ("error", "warning") for one in found)
