"""Rows of Casbin adapters: read aside, polled on calls, kept with the policy, not believed when they are too old."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import casbin
import pytest
from casbin import persist

from handrail import config
from handrail.audit import policies, rights
from handrail.config.live import Actor, LiveChange
from handrail.errors import PolicyError
from handrail.frameworks import gates, opening
from handrail.gate import Refusal, ToolCall
from handrail.policy import PolicyRequest, build
from tests.kept import kept

MODEL = """
[request_definition]
r = sub, obj
[policy_definition]
p = sub, obj, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.sub) && r.obj == p.obj
"""
ROWS = [("p", "staff", "add", "allow"), ("g", "ana", "staff")]
store: list[Path] = []
"""The database that the adapter reads; empty when the store is down."""


class SQLiteAdapter(persist.Adapter):  # type: ignore[misc]
    """A team's own adapter."""

    def load_policy(self, model: Any) -> None:
        """Read the rows, as every adapter of Casbin does."""
        with sqlite3.connect(store[0]) as connection:
            for row in connection.execute("SELECT fields FROM rules ORDER BY rowid"):
                persist.load_policy_line(row[0], model)


def file_adapter() -> Any:
    """Casbin's own adapter of files."""
    return persist.adapters.FileAdapter(str(store[0]))


def write(path: Path, rows: list[tuple[str, ...]]) -> None:
    """Put exactly these rows into the database."""
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS rules (fields)")
        connection.execute("DELETE FROM rules")
        connection.executemany("INSERT INTO rules VALUES (?)", [(", ".join(row),) for row in rows])


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "model.conf").write_text(MODEL)
    write(tmp_path / "rules.db", ROWS)
    store[:] = [tmp_path / "rules.db"]
    path = tmp_path / "handrail.toml"
    path.write_text(
        f'version = 1\nmode = "enforce"\n[casbin]\nmodel = "model.conf"\nadapter = "{__name__}:SQLiteAdapter"\n'
        "poll = 0.2\nmax_age = 1.0\n"
    )
    yield path
    store.clear()


@pytest.fixture(name="ask")
def _ask(file: Path) -> Iterator[Callable[[], bool]]:
    """Asks for a call of ``add`` in a run of ana's that goes on all the time."""
    gate = opening.open_gate(file)
    step = gates.enter(gate, "", object(), said={"user": "ana"})
    assert step is not None

    def ask() -> bool:
        return not isinstance(gate.tool(step.frame, ToolCall("add", {"a": 1}), lambda args: "ran"), Refusal)

    yield ask
    gates.leave(step)


AGENT = ("p", "agent:anonymous", "add", "allow")


def test_rows_of_a_store_decide_and_change_while_running(ask: Any, file: Path) -> None:
    """A row that goes is gone at a call after the interval; the change is a record, with the row that went."""
    write(store[0], [*ROWS, AGENT])
    time.sleep(0.25)
    assert ask()
    write(store[0], [ROWS[0], AGENT])
    time.sleep(0.25)
    assert not ask()
    changes = kept(file.parent, "policy.change")
    assert [one["what"] for one in changes] == ["rows", "rows"]
    assert changes[1]["diff"]["casbin"] == {"removed": ["g, ana, staff"]}


def test_a_store_that_is_down_is_believed_for_a_while_only(ask: Any, file: Path) -> None:
    """Without a successful reading the last rows hold up to their greatest age, then every call is denied."""
    write(store[0], [*ROWS, AGENT])
    time.sleep(0.25)
    assert ask()
    down, store[:] = list(store), []
    time.sleep(0.25)
    assert ask()
    time.sleep(1.0)
    assert not ask()
    assert kept(file.parent, "tool.call")[-1]["by"] == "error"
    store[:] = down
    time.sleep(0.25)
    assert ask()


def test_a_revocation_holds_while_the_store_is_down(ask: Any, file: Path) -> None:
    """A change of rights by command does not wait for a store."""
    write(store[0], [*ROWS, AGENT])
    time.sleep(0.25)
    assert ask()
    store.clear()
    change = LiveChange("revoke-1", "revoke", Actor(0, "ops"), "left", 1.0, user="ana", role="staff")
    rights.edit(file.parent / ".handrail", lambda changes: (*changes, change))
    assert not ask()
    assert kept(file.parent, "tool.call")[-1]["by"] == "policy"


def test_rows_are_kept_with_their_policy(file: Path) -> None:
    """A policy of an adapter's rows can be made again without the adapter."""
    from handrail.rulebook import snapshot

    now = snapshot(config.load(file))
    assert now.policy is not None
    policies.keep(file.parent, now.settings, now.policy)
    store.clear()
    again = policies.load(file.parent, now.policy.digest)
    assert build(again).decide(PolicyRequest("default", ("user:ana",), "add")).verdict == "allow"


def test_casbin_s_own_adapter_gives_the_same_policy(file: Path, tmp_path: Path) -> None:
    """Rows read through Casbin's FileAdapter are those of the file."""
    rows = "p, staff, f(a, b), allow\np, bo, add, deny\ng, ana, staff\n"
    (tmp_path / "policy.csv").write_text(rows)
    store[:] = [tmp_path / "policy.csv"]
    text = file.read_text()
    file.write_text(text.replace("SQLiteAdapter", "file_adapter"))
    ours = build(config.load(file))
    stock = casbin.Enforcer(str(tmp_path / "model.conf"), str(tmp_path / "policy.csv"))
    for user in ("ana", "bo", "eve"):
        for tool in ("add", "f(a, b)", "a"):
            found = ours.decide(PolicyRequest("default", (f"user:{user}",), tool)).verdict
            assert (found == "allow") == stock.enforce(user, tool)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('adapter = "no_such_module:x"', "cannot be imported"),
        (f'adapter = "{__name__}:nothing"', "cannot be imported"),
        (f'adapter = "{__name__}:SQLiteAdapter"\npolicy = "p.csv"', "needs either"),
        ("", "needs either"),
        ('adapter = "a b"', "cannot be"),
    ],
)
def test_a_wrong_adapter_is_refused(file: Path, line: str, said: str) -> None:
    """An adapter that cannot be there is refused at load, with file and line."""
    file.write_text(f'version = 1\n[casbin]\nmodel = "model.conf"\n{line}\n')
    with pytest.raises(PolicyError, match=said):
        build(config.load(file))


class Array(persist.Adapter):  # type: ignore[misc]
    """An adapter whose rows do not come as lines."""

    def load_policy(self, model: Any) -> None:
        """A row with a comma in a value."""
        model.add_policy("p", "p", ["staff", "a, b", "allow"])


def test_a_row_that_no_file_can_have_is_refused(file: Path) -> None:
    """A row that would be another one as a line of a policy is refused, never taken for that other."""
    file.write_text(file.read_text().replace("SQLiteAdapter", "Array"))
    with pytest.raises(PolicyError, match="no policy file can have"):
        build(config.load(file))


def test_a_store_that_is_down_at_the_start_is_refused(file: Path) -> None:
    """In enforce mode nothing starts without rows, and the error names the adapter and no detail of the store."""
    store.clear()
    with pytest.raises(PolicyError, match="could not be read: IndexError"):
        opening.open_gate(file)
