"""Rules that are wrong beside other rules or beside the tools that there are."""

# ruff: noqa: E501 - a table of mistakes reads best with one mistake in a line

from __future__ import annotations

from tests.policy.corpus.cases import Broken, toml


def beside(first: str, second: str, word: str) -> Broken:
    """Two rules; which one is named is marked."""
    return toml(f"[[rule]]{first}\n[[rule]]{second}\n", word)


def a(*lines: str, mark: bool = False) -> str:
    """The lines of a rule behind its header."""
    return "\n".join([" # <<<" if mark else "", *lines])


A, B = 'id = "a"', 'id = "b"'
SUPPORT, CALL, DENY = 'allow = "support"', 'call = "refund"', 'deny = "support"'

SHADOWED: dict[str, Broken] = {
    "by the same subject": beside(a(A, SUPPORT, CALL, mark=True), a(B, DENY, CALL), "never allows anything"),
    "by an earlier denial": beside(a(A, DENY, CALL), a(B, SUPPORT, CALL, mark=True), "never allows anything"),
    "by everybody": beside(a(A, SUPPORT, CALL, mark=True), a(B, 'deny = "*"', CALL), "never allows anything"),
    "by all users": beside(a(A, SUPPORT, CALL, mark=True), a(B, 'deny = "user:*"', CALL), "never allows anything"),
    "by a role that the role includes": beside(
        a(A, 'allow = "lead"', CALL, mark=True), a(B, DENY, CALL), "never allows anything"
    ),
    "by a role that the user has": beside(
        a(A, 'allow = "user:ana"', CALL, 'tenant = "acme"', mark=True), a(B, DENY, CALL), "never allows anything"
    ),
    "by a role that the user's role includes": beside(
        a(A, 'allow = "user:leo"', CALL, 'tenant = "acme"', mark=True), a(B, DENY, CALL), "never allows anything"
    ),
    "by all agents": beside(
        a(A, 'allow = "agent:desk"', CALL, mark=True), a(B, 'deny = "agent:*"', CALL), "never allows anything"
    ),
    "by a pattern": beside(a(A, SUPPORT, CALL, mark=True), a(B, DENY, 'call = "ref*"'), "never allows anything"),
    "by a pattern of patterns": beside(
        a(A, SUPPORT, 'call = "read_o*"', mark=True), a(B, DENY, 'call = "read_*"'), "never allows anything"
    ),
    "by everything": beside(a(A, SUPPORT, CALL, mark=True), a(B, 'deny = "*"', 'call = "*"'), "never allows anything"),
    "by a longer list": beside(
        a(A, SUPPORT, CALL, mark=True), a(B, DENY, 'call = ["ping", "refund"]'), "never allows anything"
    ),
    "in its tenant": beside(
        a(A, SUPPORT, CALL, 'tenant = "acme"', mark=True), a(B, DENY, CALL), "never allows anything"
    ),
    "in the same tenant": beside(
        a(A, SUPPORT, CALL, 'tenant = "acme"', mark=True), a(B, DENY, CALL, 'tenant = "acme"'), "never allows anything"
    ),
    "in a pattern of tenants": beside(
        a(A, SUPPORT, CALL, 'tenant = "acme-eu"', mark=True),
        a(B, DENY, CALL, 'tenant = "acme-*"'),
        "never allows anything",
    ),
    "with a condition": beside(
        a(A, SUPPORT, CALL, 'when = "args.amount < 5"', mark=True), a(B, DENY, CALL), "never allows anything"
    ),
    "with the same condition": beside(
        a(A, SUPPORT, CALL, 'when = "args.amount < 5"', mark=True),
        a(B, DENY, CALL, 'when = "args.amount  <  5"'),
        "never allows anything",
    ),
    "what is read": beside(
        a(A, SUPPORT, 'read = "handbook"', mark=True), a(B, 'deny = "*"', 'read = "hand*"'), "never allows anything"
    ),
    "what is written": beside(
        a(A, SUPPORT, 'write = "notes"', mark=True), a(B, 'deny = "*"', 'write = "*"'), "never allows anything"
    ),
    "by way of a group": toml(
        '[groups]\nmoney = ["refund", "pay_*"]\n[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "refund"\n[[rule]]\nid = "b"\ndeny = "lead"\ncall = "ping"\n[[rule]]\nid = "c"\ndeny = "support"\ncall = "money"\n',
        "never allows anything",
    ),
}

TWICE: dict[str, Broken] = {
    "an allow": beside(a(A, SUPPORT, CALL), a(B, SUPPORT, CALL, mark=True), "says the same"),
    "a deny": beside(a(A, DENY, CALL), a(B, DENY, CALL, mark=True), "says the same"),
    "in another order": beside(
        a(A, SUPPORT, 'call = ["refund", "ping"]'),
        a(B, SUPPORT, 'call = ["ping", "refund"]', mark=True),
        "says the same",
    ),
    "with the same condition": beside(
        a(A, SUPPORT, CALL, 'when = "args.amount < 5"'),
        a(B, SUPPORT, CALL, 'when = "args.amount < 5"', mark=True),
        "says the same",
    ),
    "with the condition in other blanks": beside(
        a(A, SUPPORT, CALL, 'when = "args.amount<5"'),
        a(B, SUPPORT, CALL, 'when = "args.amount < 5"', mark=True),
        "says the same",
    ),
    "in the same tenant": beside(
        a(A, SUPPORT, CALL, 'tenant = "acme"'), a(B, SUPPORT, CALL, 'tenant = "acme"', mark=True), "says the same"
    ),
    "as a list of one": beside(a(A, SUPPORT, CALL), a(B, SUPPORT, 'call = ["refund"]', mark=True), "says the same"),
}

DELEGATED: dict[str, Broken] = {
    "what the role may not call": toml(
        '[[rule]]\nid = "a"\nallow = "support"\ncall = "ping"\n[[delegate]] # <<<\nfrom = "support"\nto = "agent:desk"\ncall = "refund"\n',
        "can never have",
    ),
    "from a role without any right": toml(
        '[[rule]]\nid = "a"\nallow = "support"\ncall = "refund"\n[[delegate]] # <<<\nfrom = "auditor"\nto = "agent:desk"\ncall = "refund"\n',
        "can never have",
    ),
    "from a user without any right": toml(
        '[[rule]]\nid = "a"\nallow = "lead"\ncall = "refund"\n[[delegate]] # <<<\nfrom = "user:ana"\nto = "agent:desk"\ncall = "refund"\n',
        "can never have",
    ),
    "from an agent without any right": toml(
        '[[rule]]\nid = "a"\nallow = "support"\ncall = "refund"\n[[delegate]] # <<<\nfrom = "agent:desk"\nto = "agent:sub"\ncall = "refund"\n',
        "can never have",
    ),
    "in another tenant": toml(
        '[[rule]]\nid = "a"\nallow = "support"\ncall = "refund"\ntenant = "acme"\n[[delegate]] # <<<\nfrom = "support"\nto = "agent:desk"\ncall = "refund"\ntenant = "bank"\n',
        "can never have",
    ),
    "what may be read, to call": toml(
        '[[rule]]\nid = "a"\nallow = "support"\nread = "refund"\n[[delegate]] # <<<\nfrom = "support"\nto = "agent:desk"\ncall = "refund"\n',
        "can never have",
    ),
    "to an agent to whom it is denied": toml(
        '[[rule]]\nid = "a"\nallow = "support"\ncall = "refund"\n[[rule]]\nid = "b"\ndeny = "agent:*"\ncall = "refund"\n[[delegate]] # <<<\nfrom = "support"\nto = "agent:desk"\ncall = "refund"\n',
        "never allows anything",
    ),
}

TOOLS: dict[str, Broken] = {
    "a misspelled tool": toml('[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "refnd"\n', 'Did you mean "refund"'),
    "a capitalised tool": toml(
        '[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "Refund"\n', 'Did you mean "refund"'
    ),
    "a tool with another line": toml(
        '[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "read-order"\n', 'Did you mean "read_order"'
    ),
    "a tool that there is not": toml(
        '[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "frobnicate"\n', "which no agent has"
    ),
    "a denied tool that there is not": toml(
        '[[rule]] # <<<\nid = "a"\ndeny = "*"\ncall = "dlete_user"\n', "which no agent has"
    ),
    "one of a list": toml(
        '[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = ["ping", "refnd"]\n', 'Did you mean "refund"'
    ),
    "a tool with a space": toml(
        '[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "refund "\n', 'Did you mean "refund"'
    ),
    "a tool with a look-alike letter": toml(
        '[[rule]] # <<<\nid = "a"\ndeny = "support"\ncall = "rеfund"\n', 'Did you mean "refund"'
    ),
    "a pattern of nothing": toml('[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "dlete_*"\n', "matches no tool"),
    "a pattern with a question mark": toml(
        '[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "refun?"\n', "which no agent has"
    ),
    "a regex": toml('[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "^refund$"\n', "which no agent has"),
    "a group misspelled": toml(
        '[groups]\nmoney = ["refund"]\n[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "mony"\n',
        'Did you mean "money"',
    ),
    "a group's tool misspelled": toml('[groups]\nmoney = ["refnd"] # <<<\n', 'Did you mean "refund"'),
    "a group's pattern of nothing": toml('[groups]\nmoney = ["refund", "transfer_*"] # <<<\n', "matches no tool"),
    "a group called like a tool": toml(
        '[groups]\nping = ["refund"]\n[[rule]] # <<<\nid = "a"\nallow = "support"\ncall = "ping"\n',
        "both a group and a tool",
    ),
    "a delegation of a misspelled tool": toml(
        '[[delegate]] # <<<\nfrom = "support"\nto = "agent:a"\ncall = "refnd"\n', 'Did you mean "refund"'
    ),
    "a table of a misspelled tool": toml("[tools.refnd] # <<<\n", 'Did you mean "refund"'),
    "a validator of a misspelled tool": toml(
        '[[validate]] # <<<\nid = "v"\non = "refnd.arguments"\nschema = {}\n', 'Did you mean "refund"'
    ),
}

CASES: dict[str, dict[str, Broken]] = {
    "shadowed": SHADOWED, "twice": TWICE, "delegated": DELEGATED, "tool": TOOLS,
}  # fmt: skip
