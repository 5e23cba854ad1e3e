"""The words that generated Casbin models, policies and requests are made of."""

from __future__ import annotations

EFFECTS = (
    "some(where (p.eft == allow))",
    "!some(where (p.eft == deny))",
    "some(where (p.eft == allow)) && !some(where (p.eft == deny))",
    "priority(p.eft) || deny",
)
RARE_EFFECTS = ("subjectPriority(p.eft) || deny", "some(where (p.eft == maybe))")

SUBJECT = (
    "g(r.sub, p.sub)", "g(r.sub, p.sub)", "g(r.sub, p.sub)", "g(r.sub, p.sub)", "r.sub == p.sub", "p.sub == r.sub",
    '(r.sub == p.sub || p.sub == "*")', '(g(r.sub, p.sub) || p.sub == "any")', "g(p.sub, r.sub)", "r.sub != p.sub",
    'p.sub in ("alice", "role1", "admin")', 'r.sub in ("alice", "bob", p.sub)', 'p.sub == "alice"',
    "keyMatch(r.sub, p.sub)", "g(r.sub, p.sub) == True", "not g(r.sub, p.sub)", "(p.sub == 'any' || g(r.sub, p.sub))",
)  # fmt: skip
DOMAIN = (
    "r.dom == p.dom", "r.dom == p.dom", '(r.dom == p.dom || p.dom == "*")', "keyMatch(r.dom, p.dom)",
    "g2(r.dom, p.dom)", 'r.dom == "d1"', "p.dom in (r.dom, '*')",
)  # fmt: skip
OBJECT = (
    "r.obj == p.obj", "r.obj == p.obj", "keyMatch(r.obj, p.obj)", "keyMatch(r.obj, p.obj)", "keyMatch2(r.obj, p.obj)",
    "keyMatch3(r.obj, p.obj)", "keyMatch4(r.obj, p.obj)", "keyMatch5(r.obj, p.obj)", "g2(r.obj, p.obj)",
    "(keyMatch(r.obj, p.obj) || keyMatch2(r.obj, p.obj))", "(r.obj == p.obj || g2(r.obj, p.obj))",
    "r.obj.startswith(p.obj)", 'p.obj in ("a", "b/*")', '!(p.obj == "*") && keyMatch(r.obj, p.obj)',
    "r.obj != p.obj", "p.obj in [r.obj, '*']", "keyMatch(p.obj, r.obj)",
)  # fmt: skip
RISKY_OBJECT = (
    "regexMatch(r.obj, p.obj)", "globMatch(r.obj, p.obj)", "ipMatch(r.obj, p.obj)", "regexMatch(p.obj, r.obj)",
    "(keyMatch(r.obj, p.obj) || regexMatch(r.obj, p.obj))", "r.obj + '' == p.obj", "r.obj < p.obj",
)  # fmt: skip
ACTION = (
    "r.act == p.act", "r.act == p.act", 'p.act in ("read", "call")', 'r.act in ("read", "call")', 'r.act == "read"',
    '(r.act == p.act || p.act == "*")', "r.act != p.act", "keyMatch(r.act, p.act)", "regexMatch(r.act, '^re')",
)  # fmt: skip
MORE = (
    '!(r.sub == "mallory")', "r.sub != p.obj", "1 < 2", 'r.sub not in ("zed", "mallory")', "p.sub != p.obj",
    'g(r.sub, "admin")', '!g(r.sub, "banned")', '(p.act == "read" || g(r.sub, p.sub))', "not (r.act == p.sub)",
    "(r.sub == p.sub) == (r.act == p.act)", "True", "r.sub != '' and p.sub != ''", "p.sub == p.sub",
    'g("alice", p.sub)', 'g(r.sub, "role1")', "g(p.obj, p.sub)", "g(r.obj, r.sub)", "r.sub == r.sub", "r.sub == r.obj",
    "('alice', 'x') == (r.sub, 'x')", "r.sub in p.sub", "p.sub in r.sub", "!(r.sub == p.sub && r.act == p.act)",
    "(r.sub == 'alice' || r.sub == 'bob')", "(p.sub == 'alice' || r.obj == p.obj)", "r.sub <= p.sub",
)  # fmt: skip
ARGUMENTS = (
    "r.args.n < 5", "r.args.owner == r.sub", 'r.args["n"] == 1', "not (r.args.n > 3)", "r.args.n + 1 == 2",
    "r.args.n", "r.args.owner == p.sub", "r.args.n in (1, 4)", "'n' in r.args", "r.args.tags[0] == p.obj",
    "r.args.items == 3", "1 <= r.args.n <= 4", "(r.args.n < 5 || p.act == 'call')", "r.args.n * 2 == 8",
    "-r.args.n < 0",
    "r.args.inner.deep == 1", "r.args.owner.startswith(p.sub)", "(r.args.n if p.act == 'read' else 1) == 1",
)  # fmt: skip
EVAL = ("eval(p.cond)", "eval(p.cond)", '(eval(p.cond) || p.act == "read")', "!(eval(p.cond))")
WILD = (
    "r.sub.name == p.sub", '!g(r.sub, p.obj, r.sub)', "g(r.obj, r.act)", "len(r.obj) > 0", "r.obj", "p.act",
    'r.obj == "a!b"', 'r.obj == "a && b"', '"p.sub" == "p_sub"', "r.obj == 'a' # p.sub", "regexMatch(r.sub, p.sub)",
    "[x for x in r.sub] == []", "r.obj[0] == 'a'", "r.obj[0:1] == 'a'",
    "1", "0.0", "0.5", "None", "'text'", "g(r.sub)", "keyMatch(r.sub)", "f'{r.sub}' == p.sub", "r.sub is p.sub",
    "list((r.sub, p.sub)) != [r.act]", "timeMatch('_', '_')", "rand(3) < 5", "~1 == -2",
    "r.obj", "r.act", "(r.obj || r.act)", "(r.act or p.act == 'read')", "not r.obj", "r.obj == 1", "r.obj == 0.0",
    "(r.obj if r.act == 'read' else p.obj) == 'a'", "{r.obj, 'x'} == {p.obj, 'x'}", "r.obj.lower() == p.obj",
    "p.obj.startswith(r.obj)", "r.obj.nothing() == 1", "g(r.obj, p.obj)", "keyMatch(r.obj, r.act)", "r.obj in r.act",
    "regexMatch(r.act, p.obj)", "keyMatch2(r.act, p.obj)", "len(p.obj) > 1", "p.obj[0] == 'a'", "p.act == True",
    "-1 < 0",
)  # fmt: skip
REFUSED = (
    "unknown(r.sub)", "r.sub = p.sub", "(r.sub", "r2.sub == p.sub", "p.nothing == r.sub", "r.nothing == p.sub",
    "r.sub.__class__ == p.sub", "(lambda: True)()", "r.sub r.obj",
)  # fmt: skip
"""What must not be loaded, whatever Casbin makes of it."""
TAILS = ('r.sub == "root"', 'g(r.sub, "admin")', 'p.sub == "root"', 'r.sub == "root" && r.act == p.act', "False")

CONDITIONS = (
    "True", "True", "False", 'r.sub == "alice"', 'p.act == "read" && r.sub != "bob"', '"x" == "x" || False',
    'g(r.sub, "admin")', "r.sub in (p.sub, 'bob')", 'p.sub == "alice" || r.act == "call"', 'keyMatch(r.obj, "a/*")',
    '!(r.sub == "bob")', "r.act == p.act",
)  # fmt: skip
ARGUMENT_CONDITIONS = (
    "r.args.n > 2", "r.sub == r.args.owner", 'p.act == "read" && r.args.n < 9', "!(r.args.n == 1)",
    "r.args.missing == 1", "r.args.n", "'n' in r.args && r.args.n >= 4",
)  # fmt: skip
BROKEN_CONDITIONS = ("(", "False) or (True", "True) and (False", "unknown(r.sub)", "", "x", "r.sub ==", "True # c")

SUBJECTS = ("alice", "bob", "admin", "role1", "role2", "*", "any", "root", "mallory", "zed")
DOMAINS = ("d1", "d2", "*", "d*")
OBJECTS = (
    "a", "b", "a/x", "b/*", "*", "/r/:id", "/r/{id}", "/r/1", "a*", "/p/{x}/{x}", "/p/1/1", "b/?q=1", "c*d", "", "a.b",
    "/r/:id/*", "/*/x",
)  # fmt: skip
NO_REGEX = ("*", "?", "**")
"""Of these what some functions would raise for."""
RISKY_OBJECTS = (
    "^a",
    "a|b",
    "a+",
    "10.0.0.0/8",
    "10.1.2.3",
    "[ab]",
    "(a)",
    "a{2}",
    "?",
    "**",
    "a/**/x",
    "(?i)A",
    "^a$",
    "^/r/",
    "/r/\\d+",
    "a.b",
    "\\*",
    "a?b",
    "b/y|a",
    "[!a]",
    "a/*/x",
    "*/y",
    "(?s).",
    "x*",
    "^(a|b)$",
    "10.0.0.1",
    "\\Aa\\Z",
)
BROKEN_PATTERNS = ("(?P<)", "*a+", "a{2", "+", "(?<=a*)b", "[]")
ACTIONS = ("read", "call", "write", "*", "re*")
ODD_NAMES = (
    "Alice", "ali ce", "é", "e\u0301", "алиса", "a\u200bb", '"alice"', "'a'", "alice;", "a=b", "p", "True", "1",
    "r.sub", "p.x", "\U0001f600", "a\\b", "a\tb", "#a", "ﬁle", "İ", "a\u2028b", "ａ",
)  # fmt: skip

REQUEST_SUBJECTS = ("alice", "bob", "mallory", "root", "zed", "admin", "role1", "*", "Alice", "alice ", "nobody")
REQUEST_DOMAINS = ("d1", "d2", "zz", "*", "", "d")
REQUEST_OBJECTS = (
    "a", "b", "a/x", "b/y", "/r/1", "/r/xx", "/p/1/1", "/p/1/2", "b/?q=1", "(", "*", "A", "c-d", "aa", "/r/1/2", "/q/x",
    "10.1.2.3", "11.0.0.1", "a.b", "acb", "a\nb", "\x00", "a!b",
    "a//x", "//r/1", "a/", "./a", "ab", "abb", "a/b/x", "/R/1",
)  # fmt: skip
REQUEST_ACTIONS = ("read", "call", "write", "*", "re", "")
NO_TEXTS: tuple[object, ...] = (
    5, 0, 1, None, True, False, 1.5, 0.0, ("t",), b"a", ["a"], {"name": "alice", "age": 20}, [], {}, float("nan"),
    ("alice", "bob"), {"n": {"deep": [1]}}, 10**40,
)  # fmt: skip
"""What stock Casbin may be asked about too; no request of ours gets this far."""
ARGS: tuple[dict[str, object], ...] = (
    {}, {"n": 1, "owner": "alice"}, {"n": 4, "owner": "bob"}, {"n": "s", "owner": "x"}, {"n": 9, "tags": ["a", "b"]},
    {"n": None}, {"n": True, "items": 3}, {"n": 4.0, "inner": {"deep": 1}}, {"n": 10**30, "tags": []},
    {"n": [1], "owner": {"x": 1}, "inner": [1]}, {"n": 2.5, "owner": "", "keys": "k", "tags": {"0": "a"}},
)  # fmt: skip
