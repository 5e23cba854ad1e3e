"""``handrail validate --runs`` as a command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.audit.test_history import Writer
from tests.cli.validate.conftest import Command

CONFIG = """
version = 1
[[validate]]
id = "small"
on = "refund.arguments"
schema = { properties = { amount = { maximum = 3 } } }
[[validate]]
id = "short"
on = "answer"
schema = { maxLength = 5 }
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Writer:
    """A run with a small and a large refund and an answer, and a handrail.toml beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "handrail.toml").write_text(CONFIG)
    written = Writer(tmp_path / "data")
    written.call({"amount": 1}, gives="x")
    written.call({"amount": 9}, gives="y")
    written.model(says={"role": "ai", "content": "All is well."})
    written.close()
    return written


def test_history_under_the_nearest_configuration(run: Writer, validate: Command) -> None:
    """A table by validator, examples with run and step, and how to look at one; exit code 1."""
    done = validate("--runs", "--data", "data")
    assert done.code == 1 and not done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert "1 run looked at: 1 answer, 2 argument sets." in lines
    assert any(line.startswith("small 2 0 1 50.0% 1 1") for line in lines)
    assert any(line.startswith("short 1 0 1 100.0% 1 1") for line in lines)
    assert any(f"refund.arguments: schema.maximum at /amount; run {run.run}, step {3:016x}" in line for line in lines)
    assert f"handrail traces show {run.run} --step " in done.out


def test_content_is_shown_only_when_asked_for(run: Writer, validate: Command) -> None:
    """What a finding quotes stays where it is, unless somebody wants it."""
    quoted = "9 is greater than the maximum of 3"
    assert quoted not in validate("--runs", "--data", "data").out
    assert quoted in validate("--runs", "--data", "data", "--content").out
    assert quoted not in validate("--runs", "--data", "data", "--json").out


def test_one_run_one_target_one_check(run: Writer, validate: Command) -> None:
    """--run, --on and --check narrow it down; nothing found is exit code 0."""
    done = validate(
        "--run", run.run[:12], "--on", "refund.arguments", "--with", "handrail.toml", "--data", "data", "--json"
    )
    assert [one["validator"] for one in done.told["validators"]] == ["small"]
    assert validate("--run", "last", "--check", "length(max=99)", "--on", "answer", "--data", "data").code == 0


def test_json_is_one_object(run: Writer, validate: Command) -> None:
    """Machines get every count."""
    told = validate("--runs", "--data", "data", "--json").told
    assert (told["runs"], told["new"], told["values"]) == (1, 2, {"arguments": 2, "answer": 1})
    assert {one["validator"]: one["rate"] for one in told["validators"]} == {"small": 0.5, "short": 1.0}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--runs", "x.json"), "leave FILE out"),
        (("--runs", "--on", "refund"), "is no kind of value"),
        (("--run", "ffff"), "No run's id begins with ffff"),
        (("--runs", "--since", "soon"), "is no moment"),
        (("--runs", "--data", "elsewhere"), "there is no journal here"),
    ],
)
def test_wrong_usage_is_exit_code_2(run: Writer, validate: Command, words: tuple[str, ...], said: str) -> None:
    """Nothing is checked with what was not meant."""
    done = validate(*(() if "elsewhere" in words else ("--data", "data")), *words)
    assert done.code == 2 and said in done.err
