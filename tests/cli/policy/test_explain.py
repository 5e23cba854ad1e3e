"""``handrail policy explain``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handrail.errors import ConfigError
from tests.cli.policy.bank import POLICY, bank, run

DENIED = """\
DENIED: No rule allows user:ana to call refund in tenant acme: default deny.

- user:ana may not call refund in acme
    by no rule: what nothing allows is denied

nearest: refunds (handrail.toml:19)
    args.amount <= 500 is not true: args.amount is 900
would be allowed with:
    args.amount: 900 -> 500 (at most 500)
"""
ALLOWED = """\
ALLOWED: Rule refunds allows user:ana to call refund; agent:desk acts for user:ana by desk.

+ user:ana may call refund in acme
    allowed by refunds (handrail.toml:19)
    as       ana -> lead -> support
    covers   money -> refund
    when     + args.amount <= 500   (args.amount is 20)
+ agent:desk acts for user:ana by desk (handrail.toml:30)
    as       ana -> lead -> support
+ agent:desk may call refund in acme
    allowed by desk (handrail.toml:30)
    covers   refund
"""


def test_a_denial_in_words(tmp_path: Path) -> None:
    """The verdict first, then why, then the nearest rule and the smallest change; the exit code is 0."""
    words = ("--user", "acme/ana", "--tool", "refund", "--args", '{"amount": 900}')
    done = run("explain", *words, "--config", bank(tmp_path))
    assert (done.exit_code, done.output) == (0, DENIED)


def test_an_allowance_in_words(tmp_path: Path) -> None:
    """Each principal and each link, with rule, line, role path, group and values."""
    words = ("--user", "ana", "--tenant", "acme", "--agent", "desk", "--tool", "refund", "--args", '{"amount": 20}')
    done = run("explain", *words, "--config", bank(tmp_path))
    assert (done.exit_code, done.output) == (0, ALLOWED)


def test_as_json(tmp_path: Path) -> None:
    """The same as one object."""
    words = ("--user", "acme/ana", "--tool", "refund", "--args", '{"amount": 900}', "--json")
    told = json.loads(run("explain", *words, "--config", bank(tmp_path)).output)
    (change,) = told["nearest"]["changes"]
    assert (told["verdict"], change["path"], change["before"], change["after"]) == ("deny", "args.amount", 900, 500)


def test_time_run_session_and_channel_are_facts(tmp_path: Path) -> None:
    """What the options say is what conditions read, and the time is now where none is given."""
    when = "env.now > 1000 && run.tool_calls < 3 && session == 's' && channel == 'web'"
    config = bank(tmp_path, policy=POLICY.replace("args.amount <= 500", when))
    words = ("--user", "acme/ana", "--tool", "refund", "--session", "s", "--channel", "web", "--config", config)
    assert run("explain", *words).output.startswith("ALLOWED")
    assert run("explain", *words, "--run", '{"tool_calls": 3}').output.startswith("DENIED")
    assert run("explain", *words, "--now", "1970-01-01T00:10:00Z").output.startswith("DENIED")


def test_nothing_reaches_the_terminal(tmp_path: Path) -> None:
    """Escape sequences in names and values are spelled out."""
    words = ("--user", "acme/ana", "--tool", "refund", "--args", json.dumps({"amount": "\x1b[2J\u202e"}))
    output = run("explain", *words, "--config", bank(tmp_path)).output
    assert "\x1b" not in output and "\u202e" not in output and "args.amount" in output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--user", "ana"), "--tool TOOL"),
        (("--user", "ana", "--tool", "t", "--args", "{amount: 1}"), "not JSON"),
        (("--user", "ana", "--tool", "t", "--args", "[1]"), "not a JSON object"),
        (("--user", "ana", "--tool", "t", "--args", '{"a": NaN}'), "not JSON"),
        (("--user", "ana", "--tool", "t", "--now", "noon"), "ISO"),
        (("--user", "acme/ana", "--tenant", "x", "--tool", "t"), "`tenant` says"),
    ],
)
def test_wrong_usage(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Exit code 2, and a sentence that helps."""
    done = run("explain", *words, "--config", bank(tmp_path))
    assert done.exit_code == 2 and said in done.output


def test_without_a_policy(tmp_path: Path) -> None:
    """There is nothing to explain, and the message says what to do."""
    with pytest.raises(ConfigError, match="Add a \\[\\[rule\\]\\]"):
        run("explain", "--user", "a", "--tool", "t", "--config", bank(tmp_path, policy="version = 1\n"))
