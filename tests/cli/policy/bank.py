"""A small bank's policy in a folder, and ``handrail policy`` run there."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

from handrail.cli import group
from handrail.errors import ConfigError

POLICY = """\
version = 1

[users]
"acme/ana" = ["lead"]
"acme/eve" = ["suspended"]

[roles]
lead = ["support"]
suspended = []

[groups]
money = ["refund", "wire_*"]

[[rule]]
id = "reads"
allow = "support"
call = "read_*"

[[rule]]
id = "refunds"
allow = "support"
call = "money"
when = "args.amount <= 500"

[[rule]]
id = "no-suspended"
deny = "suspended"
call = "*"

[[delegate]]
id = "desk"
from = "support"
to = "agent:desk"
call = ["read_*", "refund"]
"""


def bank(folder: Path, cases: str = "", policy: str = POLICY) -> Path:
    """Write the policy, and ``cases`` beside it, into ``folder``."""
    folder.mkdir(exist_ok=True)
    (folder / "handrail.toml").write_text(policy)
    if cases:
        (folder / "handrail.test.toml").write_text(f"version = 1\n{cases}")
    return folder / "handrail.toml"


def run(*words: str | Path) -> Result:
    """``handrail policy WORDS``; a refusal is raised as it is."""
    done = CliRunner().invoke(group, ["policy", *map(str, words)], prog_name="handrail")
    if isinstance(done.exception, ConfigError):
        raise done.exception
    return done
