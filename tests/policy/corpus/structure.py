"""Broken handrail.toml files: keys, types, TOML, names, roles, groups, users. Refused when they are loaded."""

# ruff: noqa: E501 - a table of mistakes reads best with one mistake in a line

from __future__ import annotations

import re

from tests.policy.corpus.cases import MARK, Broken, toml

FULL = """version = 1
mode = "observe"
agent = "desk"
data = ".handrail"
trust_configurable = false
[principal]
tenant = "acme"
user = "ana"
session = "s"
channel = "web"
[audit]
payloads = true
[users]
ana = ["support"]
[roles]
lead = ["support"]
[groups]
money = ["refund"]
[tools.refund]
effect = "write"
idempotent = false
not_found = ["LookupError"]
[[rule]]
id = "r"
allow = "support"
call = "refund"
when = "args.amount <= 500"
tenant = "default"
[[rule]]
id = "d"
deny = "support"
read = "handbook"
write = "notes"
[[delegate]]
id = "l"
from = "support"
to = "agent:desk"
call = "refund"
read = "handbook"
write = "notes"
tenant = "default"
[[validate]]
id = "v"
on = "refund.arguments"
schema = {type = "object"}
"""
"""Every key, each in a line of its own."""

_FREE = {"ana", "lead", "money"}
_LINES = [number for number, line in enumerate(FULL.split("\n")) if "=" in line]


def _changed(number: int, line: str) -> str:
    lines = FULL.split("\n")
    lines[number] = f"{line} # {MARK}"
    return "\n".join(lines)


def _keys() -> dict[str, Broken]:
    """Each key misspelled, and each of a rule or delegation capitalised."""
    found: dict[str, Broken] = {}
    for number in _LINES:
        key, _, value = FULL.split("\n")[number].partition(" = ")
        if key in _FREE:
            continue
        slip = key[:-2] + key[-1] + key[-2] if len(key) > 2 and key[-1] != key[-2] else f"{key}s"
        for written in (slip, key.capitalize()) if number > 21 else (slip,):
            found[f"{written} for {key} in line {number + 1}"] = toml(
                _changed(number, f"{written} = {value}"), f'Unknown key "{written}"', head=""
            )
    return found


def _types() -> dict[str, Broken]:
    """Each key with a value of a type that it cannot have."""
    found: dict[str, Broken] = {}
    for place, number in enumerate(_LINES):
        key = FULL.split("\n")[number].partition(" = ")[0]
        wrong = ["1979-05-27", "3.5", "[[1]]"][place % 3]
        word = "version" if key == "version" else "must be"
        found[f"{wrong} for {key} in line {number + 1}"] = toml(_changed(number, f"{key} = {wrong}"), word, head="")
    return found


def _tables() -> dict[str, Broken]:
    """Each table misspelled."""
    found: dict[str, Broken] = {}
    for number, line in enumerate(FULL.split("\n")):
        if (header := re.fullmatch(r"(\[\[?)([a-z]+)(.*)", line)) and header[2] not in ("tools",):
            slip = f"{header[1]}{header[2]}x{header[3]}"
            if slip not in found:
                found[slip] = toml(_changed(number, slip), "Unknown key", head="")
    return found


R = '[[rule]]\nid = "r"\nallow = "support"\ncall = "refund"\n'
_TWO = '[[rule]]\nid = "a"\nallow = "support"\ncall = "refund"\n[[rule]]\nid = "b"\ndeny = "support"\n'

BROKEN_TOML: dict[str, Broken] = {
    "no value": toml("[audit]\npayloads = # <<<\n", "Not valid TOML"),
    "no end of a text": toml('[[rule]]\nid = "r # <<<\n', "Not valid TOML"),
    "no end of a list": toml('[groups]\nmoney = ["refund"\n[audit] # <<<\n', "Not valid TOML"),
    "no end of a header": toml("[[rule] # <<<\n", "Not valid TOML"),
    "single quotes inside single quotes": toml("[[rule]]\nid = 'r'\nwhen = 'args.a == 'b'' # <<<\n", "Not valid TOML"),
    "a bare word": toml("[[rule]]\nid = r # <<<\n", "Not valid TOML"),
    "True": toml("[audit]\npayloads = True # <<<\n", "Not valid TOML"),
    "a colon for the sign": toml('[[rule]]\nid: "r" # <<<\n', "Not valid TOML"),
    "a bad escape": toml('[[rule]]\nid = "a\\q" # <<<\n', "Not valid TOML"),
    "a comma between tables": toml(R + ", # <<<\n", "Not valid TOML"),
    "a date that is none": toml("[principal]\nuser = 2026-13-01 # <<<\n", "Not valid TOML"),
    "JSON": Broken({"handrail.toml": '{"version": 1} # <<<\n'}, "Not valid TOML"),
    "YAML": Broken({"handrail.toml": "version: 1 # <<<\nrules: []\n"}, "Not valid TOML"),
    "a tab in a key": toml("[[rule]]\ni\td = 1 # <<<\n", "Not valid TOML"),
    "a key twice": toml('[[rule]]\nid = "r"\nid = "s" # <<<\n', "Cannot overwrite"),
    "a condition twice": toml(R + 'when = "args.amount < 5"\nwhen = "args.amount < 9" # <<<\n', "Cannot overwrite"),
    "a table twice": toml("[audit]\npayloads = true\n[tools.x]\n[audit] # <<<\n", "Cannot declare"),
    "a user twice": Broken(
        {"handrail.toml": 'version = 1\n[users]\nana = []\nana = ["x"] # <<<\n'}, "Cannot overwrite"
    ),
    "a rule as a table, then a list": toml("[rule]\n[[rule]] # <<<\n", "Cannot"),
    "a group twice": toml('[groups]\nm = ["refund"]\nm = ["ping"] # <<<\n', "Cannot overwrite"),
    "an inline table over two lines": toml("[[validate]]\nschema = {a = 1, # <<<\nb = 2}\n", "Not valid TOML"),
}

NAMES: dict[str, Broken] = {
    "no version": Broken({"handrail.toml": 'mode = "observe" # <<<\n'}, "needs `version`"),
    "a later version": Broken({"handrail.toml": "version = 2 # <<<\n"}, "not known to this release"),
    "mode on": Broken({"handrail.toml": 'version = 1\nmode = "on" # <<<\n'}, "observe"),
    "mode Enforce": Broken({"handrail.toml": 'version = 1\nmode = "Enforce" # <<<\n'}, 'Did you mean "enforce"'),
    "the same id twice": toml(R + '[[rule]]\nid = "r" # <<<\ndeny = "lead"\ncall = "ping"\n', "is taken by"),
    "a delegation with a rule's id": toml(
        R + '[[delegate]]\nid = "r" # <<<\nfrom = "support"\nto = "agent:a"\ncall = "refund"\n', "is taken by"
    ),
    "a rule with a delegation's number": toml(
        '[[rule]]\nid = "delegate-1"\nallow = "support"\ncall = "refund"\n[[delegate]] # <<<\nfrom = "support"\nto = "agent:a"\ncall = "refund"\n',
        "is taken by",
    ),
    "an empty id": toml('[[rule]]\nid = "" # <<<\nallow = "support"\ncall = "refund"\n', "must not be empty"),
    "allow and deny": toml(
        '[[rule]]\nid = "r"\nallow = "support"\ndeny = "lead" # <<<\ncall = "refund"\n', "both `allow` and `deny`"
    ),
    "neither allow nor deny": toml('[[rule]] # <<<\nid = "r"\ncall = "refund"\n', "no subject"),
    "nothing covered": toml('[[rule]] # <<<\nid = "r"\nallow = "support"\n', "needs `call`"),
    "no id": toml('[[rule]] # <<<\nallow = "support"\ncall = "refund"\n', "needs `id`"),
    "an empty call": toml('[[rule]]\nid = "r"\nallow = "support"\ncall = "" # <<<\n', "must not be empty"),
    "an empty list of calls": toml('[[rule]]\nid = "r"\nallow = "support"\ncall = [] # <<<\n', "must not be empty"),
    "an empty name in a list": toml(
        '[[rule]]\nid = "r"\nallow = "support"\ncall = ["refund", ""] # <<<\n', "must not be empty"
    ),
    "an empty tenant": toml(R + 'tenant = "" # <<<\n', "must not be empty"),
    "an empty subject": toml('[[rule]]\nid = "r"\nallow = "" # <<<\ncall = "refund"\n', "A subject is"),
    "a list of subjects": toml(
        '[[rule]]\nid = "r"\nallow = ["support", "lead"] # <<<\ncall = "refund"\n', "must be a string"
    ),
    "a pattern of users": toml('[[rule]]\nid = "r"\nallow = "user:a*" # <<<\ncall = "refund"\n', "A subject is"),
    "a pattern of roles": toml('[[rule]]\nid = "r"\nallow = "supp*" # <<<\ncall = "refund"\n', "A subject is"),
    "a kind of subject that there is not": toml(
        '[[rule]]\nid = "r"\nallow = "group:support" # <<<\ncall = "refund"\n', "A subject is"
    ),
    "User with a capital": toml('[[rule]]\nid = "r"\nallow = "User:ana" # <<<\ncall = "refund"\n', "A subject is"),
    "a user without a name": toml('[[rule]]\nid = "r"\nallow = "user:" # <<<\ncall = "refund"\n', "A subject is"),
    "a role that nobody has": toml(
        '[[rule]]\nid = "r"\nallow = "manager" # <<<\ncall = "refund"\n', "which nobody has"
    ),
    "a role misspelled": toml(
        '[[rule]]\nid = "r"\nallow = "suport" # <<<\ncall = "refund"\n', 'Did you mean "support"'
    ),
    "a role capitalised": toml(
        '[[rule]]\nid = "r"\ndeny = "Support" # <<<\ncall = "refund"\n', 'Did you mean "support"'
    ),
    "a role with a space": toml('[[rule]]\nid = "r"\ndeny = "support " # <<<\ncall = "refund"\n', "which nobody has"),
    "a delegator's role misspelled": toml(
        '[[delegate]]\nfrom = "leed" # <<<\nto = "agent:a"\ncall = "refund"\n', 'Did you mean "lead"'
    ),
    "a delegation to a role": toml(
        '[[delegate]]\nfrom = "support"\nto = "lead" # <<<\ncall = "refund"\n', "agent:NAME"
    ),
    "a delegation to everybody": toml(
        '[[delegate]]\nfrom = "support"\nto = "*" # <<<\ncall = "refund"\n', "agent:NAME"
    ),
    "a delegation to all users": toml(
        '[[delegate]]\nfrom = "support"\nto = "user:*" # <<<\ncall = "refund"\n', "agent:NAME"
    ),
    "a delegation to some agents": toml(
        '[[delegate]]\nfrom = "support"\nto = "agent:a*" # <<<\ncall = "refund"\n', "agent:NAME"
    ),
    "a delegation from nobody": toml('[[delegate]] # <<<\nto = "agent:a"\ncall = "refund"\n', "needs `from`"),
    "a delegation to nobody": toml('[[delegate]] # <<<\nfrom = "support"\ncall = "refund"\n', "needs `to`"),
    "a delegation of nothing": toml('[[delegate]] # <<<\nfrom = "support"\nto = "agent:a"\n', "needs `call`"),
    "a role with a star": toml('[roles]\n"a*" = [] # <<<\n', "A role's name", head="version = 1\n"),
    "a role with a colon": toml('[roles]\n"a:b" = [] # <<<\n', "A role's name", head="version = 1\n"),
    "a role in itself": toml('[roles]\nlead = ["lead"] # <<<\n', "includes itself", head="version = 1\n"),
    "two roles in each other": toml('[roles]\na = ["b"]\nb = ["a"] # <<<\n', "includes itself", head="version = 1\n"),
    "three roles in a loop": toml(
        '[roles]\na = ["b"]\nb = ["c"]\nc = ["a"] # <<<\n', "a -> b -> c -> a", head="version = 1\n"
    ),
    "ten roles in a row": toml(
        "[roles]\n" + "".join(f'r{n} = ["r{n + 1}"]{" # " + MARK if n == 0 else ""}\n' for n in range(10)),
        "longer than 9",
        head="version = 1\n",
    ),
    "a role as a text": toml('[roles]\nlead = "support" # <<<\n', 'Write ["support"]', head="version = 1\n"),
    "a user's role as a text": toml('[users]\nana = "support" # <<<\n', 'Write ["support"]', head="version = 1\n"),
    "a user of no tenant": toml('[users]\n"/ana" = [] # <<<\n', "names no user", head="version = 1\n"),
    "a tenant without a user": toml('[users]\n"acme/" = [] # <<<\n', "names no user", head="version = 1\n"),
    "a user twice, once with the tenant": toml(
        '[users]\nana = []\n"default/ana" = [] # <<<\n', "the same user", head="version = 1\n"
    ),
    "a pattern of users in [users]": toml(
        '[users]\n"acme/*" = [] # <<<\n', "is not a name for [users]", head="version = 1\n"
    ),
    "a group in itself": toml('[groups]\nm = ["m"] # <<<\n', "includes itself"),
    "groups in a loop": toml('[groups]\na = ["b"]\nb = ["a"] # <<<\n', "includes itself"),
    "ten groups in a row": toml(
        "[groups]\n"
        + "".join(f'g{n} = ["g{n + 1}"]{" # " + MARK if n == 0 else ""}\n' for n in range(9))
        + 'g9 = ["refund"]\n',
        "longer than 9",
    ),
    "an empty group": toml("[groups]\nm = [] # <<<\n", "must not be empty"),
    "a group with a star": toml('[groups]\n"m*" = ["refund"] # <<<\n', "not a name"),
    "an effect capitalised": toml('[tools.refund]\neffect = "Irreversible" # <<<\n', 'Did you mean "irreversible"'),
    "an effect that there is not": toml('[tools.refund]\neffect = "delete" # <<<\n', "must be"),
    "a tool with a dot": toml("[tools.orders.list] # <<<\n", "needs quotes"),
    "a pattern of tools": toml('[tools."r*"] # <<<\n', "not a name"),
    "rules beside Casbin files": toml(R + '[casbin] # <<<\nmodel = "m"\npolicy = "p"\n', "cannot stand together"),
    "no Casbin policy": toml('[casbin] # <<<\nmodel = "m"\n', "needs either `policy`"),
    "a Casbin model that is not there": toml('[casbin]\nmodel = "none.conf" # <<<\npolicy = "p"\n', "cannot be read"),
    "a validator of nothing": toml('[[validate]]\nid = "v"\non = "refund" # <<<\nschema = {}\n', "TOOL.arguments"),
    "a validator's schema that is none": toml(
        '[[validate]]\nid = "v"\non = "refund.result"\nschema = {type = "text"} # <<<\n', "not a usable JSON Schema"
    ),
    "a validator's file that is not there": toml(
        '[[validate]]\nid = "v"\non = "refund.result"\nschema = "no.json" # <<<\n', "cannot be read"
    ),
}

CASES: dict[str, dict[str, Broken]] = {
    "keys": _keys(), "types": _types(), "tables": _tables(), "toml": BROKEN_TOML, "names": NAMES,
}  # fmt: skip
