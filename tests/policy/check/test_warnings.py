"""Each warning: what gives it, and a policy next to it that does not."""

# ruff: noqa: E501 - a table reads best with one case in a line

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.config import load
from handrail.policy.check import CODES, check
from tests.policy.corpus.casbin import EVAL
from tests.policy.corpus.cases import CASBIN, HEAD, MODEL, POLICY
from tests.policy.corpus.tools import some

A, B = '[[rule]]\nid = "a"\n', '[[rule]]\nid = "b"\n'
REFUND = 'allow = "support"\ncall = "refund"\n'
API = 'allow = "support"\ncall = "call_api"\n'
WIRE = 'allow = "teller"\ncall = "wire_money"\n'
FILE = 'allow = "support"\ncall = "read_file"\n'

# Code, tools, the policy that gets it, one that does not, and what is said.
TOML: dict[str, tuple[str, tuple[str, ...], str, str, str]] = {
    "a slip in an open schema": ("near-argument", ("call_api",), A + API + "when = \"args.methd == 'GET'\"", A + API + "when = \"args.tenant == 'GET'\"", 'Did you mean "method"'),
    "inert for one of two": ("never-true-for-tool", ("refund", "wire_money"), A + 'allow = "support"\ncall = ["refund", "wire_money"]\nwhen = "args.amount == 0"', A + 'allow = "support"\ncall = ["refund", "wire_money"]\nwhen = "args.amount <= 5"', "of wire_money"),
    "always true by a bound": ("always-true", ("refund",), A + REFUND + 'when = "args.amount >= 0"', A + REFUND + 'when = "args.amount > 0"', "true of every call"),
    "always true by values": ("always-true", ("refund",), A + REFUND + "when = \"args.currency in ['EUR', 'CHF', 'USD']\"", A + REFUND + "when = \"args.currency in ['EUR', 'CHF']\"", "true of every call"),
    "true": ("always-true", ("refund",), A + REFUND + 'when = "true"', A + REFUND, "true of every call"),
    "one or the other": ("always-true", ("refund",), A + REFUND + 'when = "args.amount <= 50 || args.amount > 50 || true"', A + REFUND + 'when = "has(args.express)"', "true of every call"),
    "needless by a wider one": ("redundant", ("refund", "read_order"), A + REFUND + B + 'allow = "support"\ncall = ["refund", "read_*"]', A + REFUND + B + 'allow = "support"\ncall = "read_*"', "is needless"),
    "needless by an included role": ("redundant", ("refund",), A + REFUND + B + 'allow = "lead"\ncall = "refund"', A + REFUND + B + 'allow = "teller"\ncall = "refund"', "is needless"),
    "needless by a rule without a condition": ("redundant", ("refund",), A + REFUND + B + REFUND + 'when = "args.amount < 5"', A + REFUND + 'when = "args.amount < 9"\n' + B + REFUND + 'when = "args.amount < 5"', "is needless"),
    "a needless denial": ("redundant", ("refund",), A + 'deny = "*"\ncall = "refund"\n' + B + 'deny = "lead"\ncall = "refund"', A + 'deny = "support"\ncall = "refund"\n' + B + 'deny = "teller"\ncall = "refund"', "is needless"),
    "any amount": ("unbounded-money", ("wire_money",), A + WIRE, A + WIRE + 'when = "args.amount < 5"', "with any args.amount"),
    "only a lower bound": ("unbounded-money", ("wire_money",), A + WIRE + 'when = "args.amount > 5"', A + WIRE + 'when = "!(args.amount > 5)"', "with any args.amount"),
    "a bound in one branch": ("unbounded-money", ("wire_money",), A + WIRE + "when = \"args.amount < 5 || args.iban == 'DE1'\"", A + WIRE + "when = \"args.amount < 5 || args.amount == 9\"", "with any args.amount"),
    "a bound for others": ("unbounded-money", ("wire_money",), A + WIRE + B + 'deny = "support"\ncall = "wire_money"\nwhen = "args.amount > 5"', A + WIRE + B + 'deny = "*"\ncall = "wire_money"\nwhen = "args.amount > 5"', "with any args.amount"),
    "a salary": ("unbounded-money", ("set_salary",), '[tools.set_salary]\neffect = "irreversible"\n' + A + 'allow = "lead"\ncall = "set_salary"', '[tools.set_salary]\neffect = "read"\n' + A + 'allow = "lead"\ncall = "set_salary"', "with any args.salary"),
    "a path by its beginning": ("path-prefix", ("read_file",), A + FILE + "when = \"startswith(args.path, '/srv/')\"", A + FILE + "when = \"within(args.path, '/srv')\"", "Write within(args.path, '/srv/')"),
    "everything": ("everything-allowed", ("ping",), A + 'allow = "*"\ncall = "*"', A + 'allow = "lead"\ncall = "*"', "everybody"),
    "everything to all users": ("everything-allowed", ("ping",), A + 'allow = "user:*"\ncall = ["ping", "*"]', A + 'allow = "*"\ncall = "*"\nwhen = "channel == \'web\'"', "everybody"),
    "a tool that is left out": ("uncovered-tool", ("refund", "ping"), A + REFUND, A + 'allow = "support"\ncall = ["refund", "ping"]', "Nobody may call ping"),
}  # fmt: skip


def codes(folder: Path, *tools: str, complete: bool = True) -> list[tuple[str, str]]:
    """Code of each complaint about the policy in ``folder``, with message and hint."""
    found = check(load(folder / "handrail.toml", environ={}), some(*tools), complete=complete)
    return [(one.code, f"{one.message} {one.hint}") for one in found]


@pytest.mark.parametrize("name", TOML)
def test_warning(name: str, tmp_path: Path) -> None:
    """The policy gets this warning alone, and its neighbour gets none."""
    code, tools, wrong, right, said = TOML[name]
    (tmp_path / "handrail.toml").write_text(HEAD + wrong)
    (found,) = codes(tmp_path, *tools)
    assert found[0] == code and said in found[1]
    assert CODES[code][0] == "warning"
    (tmp_path / "handrail.toml").write_text(HEAD + right)
    assert codes(tmp_path, *tools) == []


def test_a_stranger(tmp_path: Path) -> None:
    """A tool unlike any other may be another agent's: a warning at govern(), an error where all agents are named."""
    (tmp_path / "handrail.toml").write_text(HEAD + A + REFUND + B + 'deny = "*"\ncall = "frobnicate"\n')
    assert [code for code, _ in codes(tmp_path, "refund", complete=False)] == ["not-known"]
    assert [code for code, _ in codes(tmp_path, "refund")] == ["unknown-tool"]


CSV: dict[str, tuple[str, str, str, str]] = {
    "roles in each other": ("role-cycle", MODEL, "p, b, acme, refund, call\ng, a, b, acme\ng, b, a, acme\n", "include each other"),
    "a row twice": ("redundant", MODEL, POLICY + "p, support, acme, refund, call\n", "stands in line 1 already"),
    "a matcher without a pinned field": ("not-indexed", MODEL.replace("m = g(r.sub, p.sub, r.dom) && r.dom == p.dom && r.obj == p.obj && r.act == p.act", "m = r.sub + r.obj == p.sub + p.obj"), "p, ana, acme, refund, call\n", "microseconds"),
    "a path by its beginning": ("path-prefix", EVAL.replace("eval(p.rule)", "keyMatch(r.args.path, p.rule)"), "p, support, acme, refund, call, /srv/*\n", "`..` gets around"),
}  # fmt: skip


@pytest.mark.parametrize("name", CSV)
def test_warning_of_casbin_files(name: str, tmp_path: Path) -> None:
    """The Casbin files get this warning."""
    code, model, policy, said = CSV[name]
    for file, text in {"handrail.toml": CASBIN, "model.conf": model, "policy.csv": policy}.items():
        (tmp_path / file).write_text(text)
    found = codes(tmp_path, "refund")
    assert any(one == code and said in text for one, text in found), found


def test_every_code_has_a_case() -> None:
    """All warnings are here; errors are in the corpus of broken policies."""
    here = {case[0] for case in (*TOML.values(), *CSV.values())} | {"not-known"}
    assert here == {code for code, (severity, _) in CODES.items() if severity == "warning"}


def test_an_undoing_that_nobody_may_call(tmp_path: Path) -> None:
    """What `compensate` names is a tool beside those of the agent: a rule can name it, and none that does is told."""
    text = HEAD + '[tools.refund]\ncompensate = "desk:take_back"\n' + A + 'allow = "support"\ncall = "refund"\n'
    (tmp_path / "handrail.toml").write_text(text)
    assert [said.split(":")[0] for _, said in codes(tmp_path, "refund")] == ["Nobody may call take_back"]
    (tmp_path / "handrail.toml").write_text(text + B + 'allow = "support"\ncall = "take_back"\n')
    assert [code for code, _ in codes(tmp_path, "refund") if "tool" in code] == []
