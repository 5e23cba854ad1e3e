"""``handrail policy``: check, explain, test and change what is permitted. One file per command."""

from __future__ import annotations

import click

from handrail.cli.lazy import LazyGroup

COMMANDS: dict[str, str] = {
    "check": "Check every rule against the tools' real arguments.",
    "test": "Hold the policy against the cases of handrail.test.toml.",
    "explain": "Say why a request is allowed or denied, and what would turn it round.",
    "who-can": "List who may call a tool.",
    "what-can": "List what a user may do.",
    "what-if": "Decide what was recorded again, under another policy.",
    "grant": "Give somebody a role, or calls, while agents run.",
    "revoke": "Take a role from somebody, or everything, while agents run.",
    "withdraw": "Take back a change that was made while agents run.",
    "propose": "Ask for a second person's approval of a changed handrail.toml.",
    "approve": "Put a change in force that somebody else proposed.",
    "changes": "List the changes of the policy: who, what, why.",
    "key": "Print the public key by which other hosts trust delegation tokens, or change it.",
}
"""Command -> its line in the help, by task: look at a policy, then change it."""


@click.group(
    "policy",
    cls=LazyGroup,
    package="handrail.cli.policy",
    lines=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
def command() -> None:
    """Check, explain, test and change what is permitted."""
