"""Broken Casbin files."""

from __future__ import annotations

from tests.policy.corpus.cases import MODEL, POLICY, Broken, files

EFFECT = MODEL.replace("p = sub, dom, obj, act", "p = sub, dom, obj, act, eft").replace(
    "e = some(where (p.eft == allow))", "e = some(where (p.eft == allow)) && !some(where (p.eft == deny))"
)
REGEX = MODEL.replace("r.obj == p.obj", "regexMatch(r.obj, p.obj)")
KEYS = MODEL.replace("r.obj == p.obj", "keyMatch(r.obj, p.obj)")
KEYS2 = MODEL.replace("r.obj == p.obj", "keyMatch2(r.obj, p.obj)")
EVAL = MODEL.replace("r = sub, dom, obj, act", "r = sub, dom, obj, act, args").replace(
    "p = sub, dom, obj, act", "p = sub, dom, obj, act, rule"
).replace("r.act == p.act", "r.act == p.act && eval(p.rule)")  # fmt: skip
FLAT = MODEL.replace("g = _, _, _", "g = _, _").replace("g(r.sub, p.sub, r.dom)", "g(r.sub, p.sub)")


def row(text: str, word: str, *, model: str = MODEL) -> Broken:
    """A policy whose first line is broken."""
    return files(f"{text}<<<\ng, ana, support, acme\n", word, model=model)


def condition(text: str, word: str, *, tool: str = "refund") -> Broken:
    """A row with a broken condition."""
    return row(f"p, support, acme, {tool}, call, {text}", word, model=EVAL)


def matcher(text: str, word: str) -> Broken:
    """A model with a broken matcher."""
    lines = MODEL.strip().split("\n")
    return files(POLICY, word, model="\n".join([*lines[:-1], f"m = {text}<<<", ""]))


ROWS: dict[str, Broken] = {
    "Allow": row("p, support, acme, refund, call, Allow", "Effects are allow and deny", model=EFFECT),
    "Deny": row("p, support, acme, refund, call, Deny", "Effects are allow and deny", model=EFFECT),
    "DENY": row("p, support, acme, refund, call, DENY", "Effects are allow and deny", model=EFFECT),
    "permit": row("p, support, acme, refund, call, permit", "Effects are allow and deny", model=EFFECT),
    "an empty effect": row('p, support, acme, refund, call, ""', "Effects are allow and deny", model=EFFECT),
    "an effect with a dot": row("p, support, acme, refund, call, deny.", "Effects are allow and deny", model=EFFECT),
    "a value too few": row("p, support, acme, refund", "has 3 values where p needs 4"),
    "a value too many": row("p, support, acme, refund, call, allow", "has 5 values where p needs 4"),
    "P": row("P, support, acme, refund, call", "the model does not define"),
    "p2": row("p2, support, acme, refund, call", "the model does not define"),
    "policy": row("policy, support, acme, refund, call", "the model does not define"),
    "g2": row("g2, ana, support, acme", "the model does not define"),
    "a role without a domain": row("g, tom, support", "has 2 values where g needs 3"),
    "a bracket": row("p, support, acme, refund(, call", "has 3 values where p needs 4"),
    "an action that there is not": row("p, support, acme, refund, execute", "which nothing here does"),
    "a capitalised action": row("p, support, acme, refund, Call", 'Did you mean "call"'),
    "GET": row("p, support, acme, refund, GET", "which nothing here does"),
    "a star as an action": row("p, support, acme, refund, *", "which nothing here does"),
    "a misspelled tool": row("p, support, acme, refnd, call", 'Did you mean "refund"'),
    "a capitalised tool": row("p, support, acme, Refund, call", 'Did you mean "refund"'),
    "a tool that there is not": row("p, support, acme, frobnicate, call", "which no agent has"),
    "a pattern where none is understood": row("p, support, acme, read_*, call", "which no agent has"),
    "a pattern of nothing": row("p, support, acme, transfer_*, call", "matches no tool", model=KEYS),
    "a pattern with a tail": row("p, support, acme, read_*_order, call", "ignores all that follows", model=KEYS),
    "a pattern with a star in front": row("p, support, acme, *_order, call", "ignores all that follows", model=KEYS),
    "a regex without an end": row("p, support, acme, read_order, call", "which has no end", model=REGEX),
    "a regex with a begin only": row("p, support, acme, ^re, call", "which has no end", model=REGEX),
    "a regex with an end in one branch": row("p, support, acme, ^refund|ping$, call", "which has no end", model=REGEX),
    "a regex that explodes": row("p, support, acme, ^(a+)+$, call", "repeats a repetition", model=REGEX),
    "a regex that explodes in a group": row("p, support, acme, ^((re)*)*$, call", "repeats a repetition", model=REGEX),
    "a regex with alike branches": row("p, support, acme, ^(a|b|ab)*$, call", "repeats a repetition", model=REGEX),
    "a regex with any, repeated": row("p, support, acme, ^(.*x?)*$, call", "repeats a repetition", model=REGEX),
    "a regex that is none": row("p, support, acme, ^[a-z$, call", "has 3 values where p needs 4", model=REGEX),
    "a regex with a lone star": row("p, support, acme, *, call", "which is none", model=REGEX),
    "a key that explodes": row("p, support, acme, /(a+)+, call", "repeats a repetition", model=KEYS2),
    "an allow that is denied": files(
        "p, support, acme, refund, call, allow<<<\np, support, acme, refund, call, deny\ng, ana, support, acme\n",
        "never allows anything",
        model=EFFECT,
    ),
}

ROLES: dict[str, Broken] = {
    "ten roles in a row": files(
        "g, ana, r0, acme<<<\n"
        + "".join(f"g, r{n}, r{n + 1}, acme\n" for n in range(9))
        + "p, r9, acme, refund, call\n",
        "begins a row of 10 roles",
    ),
    "ten roles in a row, without domains": files(
        "g, ana, r0<<<\n" + "".join(f"g, r{n}, r{n + 1}\n" for n in range(9)) + "p, r9, acme, refund, call\n",
        "begins a row of 10 roles",
        model=FLAT,
    ),
}

CONDITIONS: dict[str, Broken] = {
    "a condition in quotes": condition('"r.args.amount < 5"', "is a text"),
    "a number": condition("1", "is a number"),
    "garbage": condition("this is not a condition", "it is no expression"),
    "parentheses that close others": condition("False) or (True", "brackets that do not match"),
    "one parenthesis": condition("(r.args.amount < 5", "was never closed"),
    "a name that there is not": condition("amount < 5", "is not defined"),
    "a function that there is not": condition("upper(r.args.currency) == 'EUR'", "is not defined"),
    "an import": condition("__import__('os').system('x')", "is not defined"),
    "an assignment": condition("r.args.amount = 5", "it is no expression"),
    "a misspelled argument": condition("r.args.amuont < 5", 'Did you mean "amount"'),
    "an argument of another tool": condition("r.args.iban == 'DE'", "is no argument of refund"),
    "a number as a text": condition("r.args.amount < '5'", "Write 5 without quotes"),
    "a text as a number": condition("r.args.order > 5", "Write '5' in quotes"),
    "a value that there is not": condition("r.args.currency == 'eur'", 'Did you mean "EUR"'),
    "a list with a value that there is not": condition("r.args.currency in ['EUR', 'USDD']", 'Did you mean "USD"'),
    "two bounds the wrong way round": condition("r.args.amount > 500 && r.args.amount < 100", "can never both be true"),
    "two values": condition("r.args.order == 'A' and r.args.order == 'B'", "can never both be true"),
    "above the maximum": condition("r.args.amount > 20000", "can never be true"),
    "not below the maximum": condition("not (r.args.amount <= 10000)", "can never be true"),
    "a part of a text": condition("r.args.order.id == 'A'", "args.order is a string"),
}

MODELS: dict[str, Broken] = {
    "a matcher that is none": matcher("r.sub ==", "not understood"),
    "a matcher with a name that there is not": matcher("r.sub == p.sub && owner(r.obj)", "is not defined"),
    "a matcher with a field that there is not": matcher("r.sub == p.subject", "is not defined"),
    "a matcher with one parenthesis": matcher("(r.sub == p.sub", "not understood"),
    "a matcher with a regex without an end": matcher(
        "r.sub == p.sub && regexMatch(r.obj, '^read')", "which has no end"
    ),
    "a matcher with a regex that explodes": matcher(
        "r.sub == p.sub && regexMatch(r.obj, '^(a+)+$')", "repeats a repetition"
    ),
    "a matcher with a pattern with a tail": matcher(
        "r.sub == p.sub && keyMatch(r.obj, 'read_*_x')", "ignores all that follows"
    ),
    "a request field that stands for nothing": files(
        model=MODEL.replace("r = sub, dom, obj, act", "r = sub, dom, obj, act, ip<<<"), word="stands for nothing"
    ),
    "roles of four fields": files(model=MODEL.replace("g = _, _, _", "g = _, _, _, _<<<"), word="two or three fields"),
}

CASES: dict[str, dict[str, Broken]] = {"row": ROWS, "roles": ROLES, "eval": CONDITIONS, "model": MODELS}
