"""Plain Python: ``@handrail.tool`` and ``handrail.run``."""

from __future__ import annotations

import asyncio
import math
import pickle
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

import handrail
from handrail.frameworks import gates, plain
from handrail.frameworks.signatures import Parameters
from handrail.tracing import context
from tests.frameworks.recorded import NEUTRAL, POLICY, Recorded, write_policy

RAN: list[Any] = []


@handrail.tool
def add(a: int, b: int = 3) -> int:
    """Add two numbers."""
    RAN.append(("add", a, b))
    return a + b


@handrail.tool
def pay(amount: int, to: str = "krume") -> str:
    """Pay somebody."""
    RAN.append(("pay", amount, to))
    return f"paid {amount}"


@handrail.tool(name="wire_money")
def wire(amount: int) -> str:
    """Wire."""
    RAN.append(("wire", amount))
    return "sent"


@handrail.tool(name="add")
async def aadd(a: int, b: int) -> int:
    """Add, later."""
    await asyncio.sleep(0)
    RAN.append(("aadd", a, b))
    return a + b


@handrail.tool(name="wire_money")
async def awire(amount: int) -> str:
    """Wire, later."""
    RAN.append(("awire", amount))
    return "sent"


def _said(result: object) -> object:
    """A result whose type is the function's only where the call was allowed."""
    return result


class Desk:
    """An object with a governed method of each kind."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @handrail.tool
    def greet(self, name: str) -> str:
        """Greet."""
        self.said.append(name)
        return f"hello {name}"

    @classmethod
    @handrail.tool(name="greet")
    def greet_all(cls, name: str) -> str:
        """Greet from the class."""
        return f"{cls.__name__} {name}"

    @staticmethod
    @handrail.tool(name="greet")
    def greet_any(name: str) -> str:
        """Greet from nowhere."""
        return f"any {name}"


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    RAN.clear()
    yield
    handrail.uninstrument()
    plain._found_gate.cache_clear()


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Recorded:
    write_policy(tmp_path)
    return Recorded(tmp_path / ".handrail")


@pytest.fixture(name="config")
def _config(journal: Recorded) -> Path:
    return journal.data.parent / "handrail.toml"


def test_allowed_call_runs_and_is_recorded(journal: Recorded, config: Path) -> None:
    """A positional argument is known by its name, a plain default is judged, and the result comes back."""
    with handrail.run("clerk", config=config, user="ana"):
        assert add(2) == 5
    assert journal.calls() == [("add", {"a": 2, "b": 3}, "allow", True)]
    assert journal.value(journal.all("tool.result")[0]["result"]) == 5
    journal.check_complete()


def test_denied_call_does_not_run_and_names_nothing(journal: Recorded, config: Path) -> None:
    """A denied tool gives the neutral text as data, and its reason stands in the record only."""
    with handrail.run("clerk", config=config, user="ana"):
        found = wire(900)
    assert found == NEUTRAL
    assert RAN == []
    assert journal.calls() == [("wire_money", {"amount": 900}, "deny", False)]
    journal.check_complete()


def test_condition_sees_arguments_however_they_are_passed(config: Path) -> None:
    """By position, by keyword, or mixed: the same rule on the same name."""
    with handrail.run("clerk", config=config, user="ana"):
        assert pay(5) == pay(amount=5) == pay(5, to="x") == pay(to="x", amount=5) == "paid 5"
        assert pay(501) == pay(amount=501) == pay(501, to="x") == NEUTRAL


def test_async_function(journal: Recorded, config: Path) -> None:
    """The asynchronous twin decides and records alike."""

    async def main() -> tuple[object, object]:
        async with handrail.run("clerk", config=config, user="ana"):
            return await aadd(2, 3), await awire(9)

    assert asyncio.run(main()) == (5, NEUTRAL)
    assert RAN == [("aadd", 2, 3)]
    assert [(tool, ran) for tool, _, _, ran in journal.calls()] == [("add", True), ("wire_money", False)]
    journal.check_complete()


def test_methods_keep_their_receiver_out_of_the_arguments(journal: Recorded, config: Path) -> None:
    """Instance, class and static methods work as before; rules and records see only what was passed."""
    desk = Desk()
    with handrail.run("clerk", config=config, user="ana"):
        assert desk.greet("ana") == "hello ana"
        assert Desk.greet_all("ana") == "Desk ana"
        assert Desk.greet_any("ana") == "any ana"
    assert desk.said == ["ana"]
    assert [args for _, args, _, _ in journal.calls()] == [{"name": "ana"}] * 3


def test_function_receives_the_admitted_copy(config: Path) -> None:
    """What was judged is what the function gets: a list changed during the call does not reach it."""
    release, entered = threading.Event(), threading.Event()
    got: list[Any] = []

    @handrail.tool(name="add")
    def slow(items: list[int]) -> int:
        entered.set()
        release.wait(10)
        got.extend(items)
        return len(items)

    items = [1]
    with handrail.run("clerk", config=config, user="ana"), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(slow, items)
        assert entered.wait(10)
        items.append(2)
        release.set()
        assert waiting.result(10) == 1
    assert got == [1]


def test_wrong_types_are_rejected_with_an_explanation(journal: Recorded, config: Path) -> None:
    """A finding on an allowed call is told to the model, for it to mend; the function does not run."""
    with handrail.run("clerk", config=config, user="ana"):
        said: object = add("two")  # type: ignore[arg-type]
    assert isinstance(said, str)
    assert "a: " in said
    assert RAN == []
    assert journal.calls()[0][2:] == ("reject", False)


def test_arguments_that_do_not_fit_never_reach_the_body(journal: Recorded, config: Path) -> None:
    """A denied tool answers a malformed call like any other; only an allowed one says what was wrong with it."""
    with handrail.run("clerk", config=config, user="ana"):
        assert wire() == NEUTRAL  # type: ignore[call-arg]
        assert wire(1, 2, 3) == NEUTRAL  # type: ignore[call-arg]
        assert "nope" in str(add(1, nope=2))  # type: ignore[call-arg]
    assert RAN == []
    assert [verdict for _, _, verdict, _ in journal.calls()] == ["deny", "deny", "reject"]


def test_observe_changes_nothing(tmp_path: Path) -> None:
    """In observe mode the very objects reach the function, wrong calls raise as ever, verdicts are marked."""
    journal = Recorded(tmp_path / ".handrail")
    got: list[Any] = []

    @handrail.tool(name="wire_money")
    def keep(items: list[int], *more: int, **rest: int) -> None:
        got.append((items, more, rest))

    given = [1]
    with handrail.run("clerk", config=write_policy(tmp_path), user="ana", mode="observe"):
        keep(given, 2, x=3)
        with pytest.raises(TypeError, match="missing 1 required"):
            wire()  # type: ignore[call-arg]
    assert got[0][0] is given
    assert got[0][1:] == ((2,), {"x": 3})
    assert journal.calls()[0] == ("wire_money", {"items": [1], "more": [2], "rest": {"x": 3}}, "would_deny", True)
    journal.check_complete()


def test_exception_of_the_function_is_recorded_and_raised(journal: Recorded, config: Path) -> None:
    """The caller gets the exception itself; the record names its class and quotes nothing."""

    @handrail.tool(name="add")
    def broken(a: int) -> int:
        raise LookupError("secret")

    with pytest.raises(LookupError, match="secret"), handrail.run("clerk", config=config, user="ana"):
        broken(1)
    result, end = journal.all("tool.result")[0], journal.all("run.end")[0]
    assert (result["outcome"], result["error"]) == ("error", "LookupError")
    assert (end["outcome"], end["error"]) == ("error", "LookupError")
    assert "secret" not in str(journal.all())


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit, asyncio.CancelledError, GeneratorExit])
def test_a_stopped_run_is_cancelled(stop: type[BaseException], journal: Recorded, config: Path) -> None:
    """Whatever stops the program, call and run are closed, and as cancelled."""

    @handrail.tool(name="add")
    def stopped(a: int) -> int:
        raise stop

    with pytest.raises(stop), handrail.run("clerk", config=config, user="ana"):
        stopped(1)
    assert [journal.all(kind)[0]["outcome"] for kind in ("tool.result", "run.end")] == ["cancelled", "cancelled"]
    journal.check_complete()


async def test_a_cancelled_task_is_cancelled(journal: Recorded, config: Path) -> None:
    """Cancelling the task in the middle of a tool closes tool and run, and the cancellation goes on."""
    entered = asyncio.Event()

    @handrail.tool(name="add")
    async def forever(a: int) -> int:
        entered.set()
        await asyncio.Event().wait()
        return a

    async def work() -> None:
        async with handrail.run("clerk", config=config, user="ana"):
            await forever(1)

    task = asyncio.create_task(work())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [journal.all(kind)[0]["outcome"] for kind in ("tool.result", "run.end")] == ["cancelled", "cancelled"]
    journal.check_complete()


def test_nested_run_is_a_sub_agent(journal: Recorded, config: Path) -> None:
    """Inside a run another one is a step of it, with a longer chain, and leaves the outer one as it was."""
    with handrail.run("outer", config=config, user="ana"):
        with handrail.run("inner"):
            add(1)
        add(2)
    assert len(journal.all("run.start")) == 1
    assert journal.all("step.start")[0]["chain"] == ["user:ana", "agent:outer", "agent:inner"]
    chains = [record["chain"] for record in journal.all("tool.call")]
    assert chains == [["user:ana", "agent:outer", "agent:inner"], ["user:ana", "agent:outer"]]
    journal.check_complete()


def test_nobody_becomes_somebody_else_inside_a_run(journal: Recorded, config: Path) -> None:
    """A user named on a nested run is added to the chain: the call needs the rights of both."""
    with handrail.run("outer", config=config, user="mallory"):
        with handrail.run("inner", user="ana"):
            assert _said(add(1)) == NEUTRAL
        with handrail.run("inner", tenant="acme", user="ana"):
            assert _said(add(1)) == NEUTRAL
    first, second = (record["chain"] for record in journal.all("tool.call"))
    assert first == ["user:mallory", "agent:outer", "user:ana", "agent:inner"]
    assert second == ["user:mallory", "agent:outer", "user:anonymous", "agent:inner"]
    assert RAN == []


def test_one_run_object_many_times(journal: Recorded, config: Path) -> None:
    """The same object is entered again, inside itself, and by threads at the same time; all runs are closed."""
    desk = handrail.run("clerk", config=config, user="ana")
    with desk, desk:
        add(1)
    both_inside = threading.Barrier(2, timeout=10)

    def work() -> None:
        with desk:
            both_inside.wait()
            add(1)
            both_inside.wait()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(work), pool.submit(work)]:
            done.result(20)
    assert len(journal.all("run.start")) == 3
    assert len(journal.all("step.start")) == 1
    assert context.current() is None
    journal.check_complete()


def test_run_says_on_whose_behalf(journal: Recorded, config: Path) -> None:
    """What a run is told goes before an enclosing acting_for; what it leaves out comes from there."""
    with (
        handrail.acting_for(user="bob", session="s1"),
        handrail.run("clerk", config=config, user="ana", tenant="acme", channel="web"),
    ):
        add(1)
    start = journal.all("run.start")[0]
    assert [start[key] for key in ("tenant", "user", "session", "channel")] == ["acme", "ana", "s1", "web"]
    assert journal.calls()[0][3] is True


def test_call_outside_a_run_is_a_run_of_its_own(
    config: Path, journal: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any run the nearest configuration decides, and each call is a run."""
    monkeypatch.setenv("HANDRAIL_CONFIG", str(config))
    with handrail.acting_for(user="ana"):
        assert add(1) == 4
        assert asyncio.run(awire(1)) == NEUTRAL
    assert [record["entry"] for record in journal.all("run.start")] == ["tool", "tool"]
    assert [record["outcome"] for record in journal.all("run.end")] == ["ok", "ok"]
    journal.check_complete()


def test_process_gate_goes_before_the_nearest_file(
    config: Path, journal: Recorded, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After instrument() a tool outside every run is decided by its configuration."""
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("HANDRAIL_CONFIG", str(write_policy(other, POLICY.replace('"add"', '"nothing"'))))
    handrail.instrument(config=config)
    with handrail.acting_for(user="ana"):
        assert add(1) == 4
    assert len(journal.calls()) == 1
    assert not (other / ".handrail").exists()


def test_wrong_configuration_in_enforce_mode_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool whose rules cannot be read fails closed, with file and line."""
    monkeypatch.setenv("HANDRAIL_CONFIG", str(write_policy(tmp_path, POLICY.replace("allow =", "alow =", 1))))
    with pytest.raises(handrail.ConfigError, match=r"handrail.toml:\d+: "):
        wire(1)
    with pytest.raises(handrail.ConfigError), handrail.run("clerk"):
        RAN.append("body")
    assert RAN == []


def test_generators_and_other_callables_are_refused() -> None:
    """What cannot be governed is refused when it is decorated, with the way out."""

    def numbers() -> Iterator[int]:
        yield 1

    async def later() -> Any:
        yield 1

    for wrong in (numbers, later):
        with pytest.raises(TypeError, match="generator"):
            handrail.tool(wrong)
    with pytest.raises(TypeError, match="below @classmethod"):
        handrail.tool(classmethod(lambda cls: 1))  # type: ignore[call-overload]
    for other in (Desk, len, pickle.Pickler):
        with pytest.raises(TypeError, match="takes a function"):
            handrail.tool(other)


def test_decorated_function_stays_itself() -> None:
    """Name, docstring, signature and pickling survive, so other decorators and pools go on working."""
    assert add.__name__ == "add"
    assert add.__doc__ == "Add two numbers."
    assert asyncio.iscoroutinefunction(aadd)
    assert pickle.loads(pickle.dumps(add)) is add  # noqa: S301 - our own bytes


def test_schema_says_what_the_annotations_say() -> None:
    """Plain JSON types become constraints, everything else takes anything."""

    def function(  # type: ignore[no-untyped-def]
        a: int,
        b: Optional[str],  # noqa: UP045 - the old form is what many functions have
        c: list[float],
        d: dict[str, bool],
        e: Path,
        f: Literal["x", 1],
        g: "list[Path]",  # noqa: UP037 - text, as under `from __future__ import annotations`
        h: int | Path,
        i=1,
        j: int = None,  # type: ignore[assignment]  # noqa: RUF013 - common all the same
        *k: str,
        **m: int,
    ) -> None: ...

    assert Parameters(function).schema() == {
        "type": "object",
        "properties": {
            "a": {"type": "integer"},
            "b": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "c": {"type": "array", "items": {"type": "number"}},
            "d": {"type": "object", "additionalProperties": {"type": "boolean"}},
            "e": {},
            "f": {"enum": ["x", 1]},
            "g": {"type": "array"},
            "h": {},
            "i": {},
            "j": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
            "k": {"type": "array", "items": {"type": "string"}},
            "m": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "required": ["a", "b", "c", "d", "e", "f", "g", "h"],
        "additionalProperties": False,
    }


def test_unreadable_annotations_constrain_nothing() -> None:
    """A name that only a type checker sees, or an annotation that is no type, is no reason to fail."""

    def hidden(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def odd(a: [1]) -> None: ...  # type: ignore[valid-type, misc]

    assert Parameters(hidden).schema()["properties"] == {"a": {}}
    assert Parameters(odd).schema()["properties"] == {"a": {}}


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(a=_VALUES, b=_VALUES, rest=st.lists(_VALUES, max_size=3), named=st.dictionaries(st.text(), _VALUES, max_size=3))
def test_binding_there_and_back_changes_nothing(a: Any, b: Any, rest: list[Any], named: dict[str, Any]) -> None:
    """Whatever is passed however, the function gets what it would have got without us."""

    def function(a: Any, /, b: Any = math.inf, *rest: Any, **named: Any) -> Any:
        return a, b, rest, named

    plain_result = function(a, b, *rest, **{k: v for k, v in named.items() if k != "b"})
    bound = Parameters(function).bind((a, b, *rest), {k: v for k, v in named.items() if k != "b"})
    assert bound.make(function, dict(bound.seen)) == plain_result


def test_a_pass_is_good_for_one_call(config: Path, journal: Recorded) -> None:
    """A call that another seam let through is not decided twice, but the next equal one is."""

    @handrail.tool(name="add")
    def twice(a: int) -> tuple[bool, bool]:
        frame = context.current()
        assert frame is not None
        return gates.already_passed(frame, "add", {"a": a}), gates.already_passed(frame, "add", {"a": a})

    with handrail.run("clerk", config=config, user="ana"):
        assert twice(1) == (True, False)
    assert len(journal.calls()) == 1


def test_one_call_through_two_decorators_is_one_record(journal: Recorded, config: Path) -> None:
    """A LangChain tool made of a governed function is decided once; with other arguments inside, again."""
    tool = pytest.importorskip("langchain_core.tools", reason="LangChain is not installed.").tool
    framed = tool("add")(add)

    @tool("pay")  # type: ignore[untyped-decorator]
    def shady(amount: int) -> str:
        """Pay ten times as much."""
        return pay(amount * 10)

    with handrail.run("clerk", config=config, user="ana"):
        assert framed.invoke({"a": 2}) == 5
        assert shady.invoke({"amount": 400}) == NEUTRAL
    assert [(tool, args.get("amount", args), ran) for tool, args, _, ran in journal.calls()] == [
        ("add", {"a": 2}, True),
        ("pay", 400, True),
        ("pay", 4000, False),
    ]
    assert RAN == [("add", 2, 3)]
