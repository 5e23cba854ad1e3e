"""``handrail policy check``: what it prints, what it writes, and how it ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from handrail.cli import group

GOOD = """version = 1
[users]
ana = ["staff"]
[[rule]]
id = "pay"
allow = "staff"
call = "pay"
when = "args.amount <= 500"
"""
TOOLS = {"pay": {"type": "object", "properties": {"amount": {"type": "number"}}, "required": ["amount"]}}
AGENT = '''
"""An agent with one tool."""
import handrail


@handrail.tool
def pay(amount: float) -> str:
    """Pay."""
    return str(amount)


agent = [pay]
'''
DECIDED = "decided by an index: 1 row, about 4 microseconds for each principal"
CASBIN = """[request_definition]
r = sub, obj
[policy_definition]
p = sub, obj
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = MATCHER
"""
Run = Callable[..., Result]


@pytest.fixture(name="run")
def _run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """Runs the command in ``tmp_path`` over a handrail.toml and a tools.json."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("HANDRAIL_CONFIG", raising=False)
    (tmp_path / "tools.json").write_text(json.dumps(TOOLS))
    (tmp_path / "cashier.py").write_text(AGENT)

    def run(text: str, *words: str) -> Result:
        (tmp_path / "handrail.toml").write_text(text)
        return CliRunner().invoke(group, ["policy", "check", *words])

    yield run
    sys.modules.pop("cashier", None)


def test_all_is_well(run: Run) -> None:
    """A good policy: what was looked at, how it is decided, exit code 0."""
    done = run(GOOD, "--tools", "tools.json")
    summary = "0 errors, 0 warnings: 1 rule, 0 delegations, 1 tool\n"
    assert (done.exit_code, done.output) == (0, f"{summary}{DECIDED}\n")


def test_an_error(run: Run, tmp_path: Path) -> None:
    """File, line, severity, code, message, the fix in a line of its own, a summary; exit code 1."""
    done = run(GOOD.replace("amount", "amuont"), "--tools", "tools.json")
    place = f"{tmp_path / 'handrail.toml'}:4"
    assert done.exit_code == 1
    assert done.output.splitlines() == [
        f'{place}: error[unknown-argument]: Rule "pay": args.amuont is no argument of pay.',
        '    Did you mean "amount"?',
        "1 error, 0 warnings: 1 rule, 0 delegations, 1 tool",
        DECIDED,
    ]


def test_a_file_that_is_not_understood(run: Run) -> None:
    """What stops the loading is a complaint like the others."""
    done = run(GOOD.replace("allow", "Allow"))
    assert done.exit_code == 1
    assert ':6: error[load]: Unknown key "Allow" in [[rule]] number 1.' in done.output
    assert '    Did you mean "allow"?' in done.output


def test_warnings_and_strict(run: Run) -> None:
    """A warning is fine, unless it is asked to be strict."""
    unbounded = GOOD.replace("args.amount <= 500", "args.amount > 0")
    loose, strict = (run(unbounded, "--tools", "tools.json", *words) for words in ((), ("--strict",)))
    assert "warning[unbounded-money]" in loose.output and loose.output == strict.output
    assert (loose.exit_code, strict.exit_code) == (0, 1)


def test_an_agent_and_its_tools_in_a_file(run: Run, tmp_path: Path) -> None:
    """An importable agent is looked at, and its tools can be written down for where it cannot be imported."""
    wrong = GOOD.replace("<= 500", "<= '500'")
    by_agent = run(wrong, "--agent", "cashier:agent", "--write-tools", "written.json")
    assert by_agent.exit_code == 1 and "Write 500 without quotes." in by_agent.output
    assert "amount" in json.loads((tmp_path / "written.json").read_text())["pay"]["properties"]
    assert run(wrong, "--tools", "written.json").output == by_agent.output


@pytest.mark.parametrize(
    ("matcher", "mode", "said"),
    [
        ("r.sub == p.sub && r.obj == p.obj", "indexed", "decided by an index: 2 rows, about 4"),
        ("r.sub.startswith(p.sub)", "scan", "decided row by row ("),
        ("r.sub[0:1] == p.sub && r.obj == p.obj", "stock", "decided by stock Casbin ("),
    ],
)
def test_how_it_is_decided(matcher: str, mode: str, said: str, run: Run, tmp_path: Path) -> None:
    """The last line says by what the rows are decided, why not by an index, how many they are, and what one costs."""
    (tmp_path / "m.conf").write_text(CASBIN.replace("MATCHER", matcher))
    (tmp_path / "p.csv").write_text("p, ana, pay\np, bo, pay\n")
    text = 'version = 1\n[casbin]\nmodel = "m.conf"\npolicy = "p.csv"\n'
    last = run(text).output.splitlines()[-1]
    assert last.startswith(said) and last.endswith("microseconds for each principal")
    decided = json.loads(run(text, "--json").output)["decided"]
    assert (decided["mode"], decided["rows"], decided["why"] == []) == (mode, 2, mode == "indexed")


def test_an_agent_that_cannot_be_imported(run: Run) -> None:
    """What cannot be looked at is wrong usage, in one line, not something wrong with the policy."""
    done = run(GOOD, "--agent", "nowhere:agent")
    assert done.exit_code == 2 and "nowhere:agent cannot be imported: ModuleNotFoundError" in done.output


def test_without_tools(run: Run) -> None:
    """What does not depend on arguments is checked without any tool: contradictions, and rules beside rules."""
    assert run(GOOD.replace("amount", "amuont")).exit_code == 0
    assert "can never both be true" in run(GOOD.replace("<= 500", "> 5 && args.amount < 5")).output


def test_json(run: Run, tmp_path: Path) -> None:
    """One object with every complaint and its parts."""
    found = json.loads(run(GOOD.replace("amount", "amuont"), "--tools", "tools.json", "--json").output)
    assert (found["ok"], found["file"]) == (False, str(tmp_path / "handrail.toml"))
    assert found["complaints"] == [
        {
            "code": "unknown-argument", "severity": "error", "file": str(tmp_path / "handrail.toml"), "line": 4,
            "message": 'Rule "pay": args.amuont is no argument of pay.', "hint": 'Did you mean "amount"?',
        }
    ]  # fmt: skip


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"pay": 5}', b"\xff"])
def test_tools_that_cannot_be_read(content: bytes, run: Run, tmp_path: Path) -> None:
    """A file that holds no tools ends with exit code 2, and says what it should hold."""
    (tmp_path / "bad.json").write_bytes(content)
    done = run(GOOD, "--tools", "bad.json")
    assert "The tools cannot be read" in str(done.exception) and "name -> JSON Schema" in str(done.exception)


def test_no_file(run: Run) -> None:
    """A file that is not there is no finding, but wrong usage."""
    assert "cannot be read" in str(run(GOOD, "--config", "none.toml").exception)
    assert "cannot be read" in str(run(GOOD, "--tools", "none.json").exception)
