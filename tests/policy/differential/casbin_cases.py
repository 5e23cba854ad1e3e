"""Random model.conf and policy.csv, with requests that are likely to meet their rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple, TypeVar

from tests.policy.differential import words

_T = TypeVar("_T")
_ALIASES = {
    "sub": ("sub", "subject", "user"), "dom": ("dom", "domain", "tenant"), "act": ("act", "action"),
    "obj": ("obj", "object", "resource", "tool"), "args": ("args", "facts"),
}  # fmt: skip
_CONCRETE = {"b/*": "b/y", "*": "a", "/r/:id": "/r/7", "/r/{id}": "/r/8", "a*": "abc", "/p/{x}/{x}": "/p/1/1",
             "re*": "read", "d*": "d1", "c*d": "c--d", "/r/:id/*": "/r/7/z", "/*/x": "/y/x",
             "10.0.0.0/8": "10.9.9.9"}  # fmt: skip


class Request(NamedTuple):
    """One question, in the words of every generated model."""

    sub: object
    dom: object
    obj: object
    act: object
    args: dict[str, object]


@dataclass(frozen=True, slots=True)
class CasbinCase:
    """A model, a policy and questions to them."""

    model: str
    policy: str
    requests: tuple[Request, ...]


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the parts of one case must agree on."""

    request: tuple[str, ...]
    policy: tuple[str, ...]
    matcher: str
    alias: dict[str, str]
    """Field of a request -> how this model calls it."""
    domains: bool
    tame: bool
    """Whether nothing in it is meant to raise or to be refused."""


def casbin_case(random: Random, requests: int, *, texts: bool = True) -> CasbinCase:
    """One policy with ``requests`` requests; without ``texts`` anything may stand in them."""
    shape = _shape(random)
    rows = _rows(random, shape)
    roles = _roles(random, shape, rows)
    asked = [_request(random, shape, rows, roles) for _ in range(requests)]
    if not texts:
        asked = [_odd(random, one) if random.random() < 0.3 else one for one in asked]
    return CasbinCase(_model(random, shape), _policy(random, shape, rows, roles), tuple(asked))


def _odd(random: Random, asked: Request) -> Request:
    return _with(asked, random.choice(("sub", "dom", "obj", "act")), random.choice(words.NO_TEXTS))


def _some(random: Random, items: Sequence[_T], chance: float = 0.5) -> list[_T]:
    return [item for item in items if random.random() < chance]


def _shape(random: Random) -> _Shape:
    tame = random.random() < 0.77
    request = ["sub", *_some(random, ["dom"]), "obj", *_some(random, ["act"], 0.9), *_some(random, ["args"])]
    has_eval = random.random() < 0.15
    policy = [name for name in request if name != "args"] + ["cond"] * has_eval + _some(random, ["eft"], 0.6)
    if random.random() < 0.05:
        policy.insert(0, "priority")
    if random.random() < 0.2:
        random.shuffle(policy)
    matcher = _matcher(random, request, has_eval, tame)
    alias = {name: random.choice(_ALIASES[name]) if random.random() < 0.3 else name for name in request}
    domains = "dom" in request and random.random() < 0.7
    return _Shape(tuple(request), tuple(policy), matcher, alias, domains, tame)


def _fitting(texts: Sequence[str], fields: Sequence[str]) -> list[str]:
    """Those that name no other field of a request."""
    return [text for text in texts if {*re.findall(r"\b[rp]\.(\w+)", text)} <= {*fields, "cond"}]


def _matcher(random: Random, request: Sequence[str], has_eval: bool, tame: bool) -> str:
    objects = words.OBJECT if tame else words.OBJECT + words.RISKY_OBJECT
    pools = {"sub": words.SUBJECT, "dom": words.DOMAIN, "obj": objects, "act": words.ACTION}
    parts = [random.choice(pools[name]) for name in request if name in pools]
    more = _fitting(words.MORE, request)
    parts += [random.choice(more) for _ in range(random.choice((0, 0, 0, 1, 2)))]
    if has_eval:
        parts.append(random.choice(_fitting(words.EVAL[:3] if tame else words.EVAL, request)))
    if "args" in request and not (tame and random.random() < 0.5):
        parts.append(random.choice(_fitting(words.ARGUMENTS, request)))
    if not tame and random.random() < 0.6:
        parts.append(random.choice(words.REFUSED if random.random() < 0.05 else words.WILD))
    if random.random() < 0.5:
        random.shuffle(parts)
    if random.random() < 0.2:
        parts = parts[: random.randint(1, len(parts))]
    return _joined(random, parts, _fitting(words.TAILS, request))


def _joined(random: Random, parts: Sequence[str], tails: Sequence[str]) -> str:
    text = (" && " if random.random() < 0.9 else " and ").join(parts)
    kind = random.random()
    if kind < 0.08:
        return f"({text}) || {random.choice(tails)}"
    if kind < 0.12:
        return f"{text} || {random.choice(tails)}"
    if kind < 0.14 and len(parts) > 1:
        return f"({parts[0]}) && ({' && '.join(parts[1:])})"
    return f"!({text})" if kind > 0.985 else text


def _model(random: Random, shape: _Shape) -> str:
    matcher = shape.matcher
    if shape.domains:
        matcher = re.sub(r"\bg\((r\.sub, p\.sub|p\.sub, r\.sub)\)", r"g(\1, r.dom)", matcher)
        matcher = re.sub(r"\bg\(r\.sub, (\"\w+\")\)", r"g(r.sub, \1, r.dom)", matcher)
    effect = random.choice(words.EFFECTS if shape.tame or random.random() < 0.9 else words.RARE_EFFECTS)
    comment = random.choice(("", "", "# a comment\n", "; another\n\n"))
    return (
        f"[request_definition]\nr = {', '.join(shape.alias.values())}\n"
        f"[policy_definition]\np = {', '.join(shape.policy)}\n"
        f"{comment}[role_definition]\ng = {'_, _, _' if shape.domains else '_, _'}\ng2 = _, _\n"
        f"[policy_effect]\ne = {effect}\n[matchers]\nm = {_renamed(matcher, shape)}\n"
    )


def _renamed(text: str, shape: _Shape) -> str:
    return re.sub(r"\br\.(\w+)", lambda found: "r." + shape.alias.get(found[1], found[1]), text)


def _rows(random: Random, shape: _Shape) -> list[dict[str, str]]:
    count = random.choice((0, 1, 2, 3, 5, 8, 13)) if random.random() < 0.98 else 150
    return [_row(random, shape) for _ in range(count)]


def _row(random: Random, shape: _Shape) -> dict[str, str]:
    objects: Sequence[str] = words.OBJECTS
    conditions: Sequence[str] = words.CONDITIONS
    if not shape.tame:
        objects = [*objects, *words.RISKY_OBJECTS, *_some(random, words.BROKEN_PATTERNS, 0.02)]
        conditions = [*conditions, *_some(random, words.BROKEN_CONDITIONS, 0.04)]
    if re.search(r"keyMatch[345]|regexMatch", shape.matcher) and random.random() < 0.98:
        objects = [text for text in objects if text not in words.NO_REGEX]
    if "args" in shape.request:
        conditions = [*conditions, *(words.ARGUMENT_CONDITIONS if not shape.tame else words.ARGUMENT_CONDITIONS[-1:])]
    row = {
        "sub": random.choice(words.SUBJECTS),
        "dom": random.choice(words.DOMAINS),
        "obj": random.choice(objects),
        "act": random.choice(words.ACTIONS),
        "cond": _renamed(random.choice(_fitting(conditions, (*shape.request, "x"))), shape),
        "eft": random.choice(("allow", "allow", "allow", "deny", "deny", "indeterminate")),
        "priority": str(random.randint(0, 12)),
    }
    if random.random() < 0.06:
        row[random.choice(("sub", "obj", "act"))] = random.choice(words.ODD_NAMES)
    return row


def _roles(random: Random, shape: _Shape, rows: list[dict[str, str]]) -> dict[str, list[list[str]]]:
    names = ("alice", "bob", "admin", "role1", "role2", "any", "zed", "banned")
    links = [[random.choice(names), random.choice(names)] for _ in range(random.choice((0, 1, 3, 6, 9)))]
    if random.random() < 0.12:
        # A chain of roles about as long as Casbin follows one.
        length = random.randint(7, 11)
        links += [["alice", "c0"], *([f"c{n}", f"c{n + 1}"] for n in range(length))]
        rows += [{**_row(random, shape), "sub": f"c{random.randint(6, length)}"}]
    things = ("a", "b", "a/x", "d1", "/r/1", "grp", "d2")
    second = [
        [random.choice(things), random.choice(("b", "grp", "*", "d2", "a", "a*"))]
        for _ in range(random.choice((0, 0, 2, 4)))
    ]
    if shape.domains:
        links = [[*link, random.choice(("d1", "d1", "d2", "*"))] for link in links]
    return {"g": links, "g2": second}


def _policy(random: Random, shape: _Shape, rows: list[dict[str, str]], roles: dict[str, list[list[str]]]) -> str:
    lines = [["p", *(row[name] for name in shape.policy)] for row in rows]
    lines += _some(random, lines, 0.05)
    links = [[key, *link] for key, found in roles.items() for link in found]
    lines = [*links, *lines] if random.random() < 0.3 else [*lines, *links]
    text = [(", " if random.random() < 0.8 else ",").join(line) for line in lines]
    if not shape.tame:
        text = [_odd_line(random, line) for line in text]
    return "\n".join([*text, *_some(random, ["", "# end", "  "], 0.3)])


def _odd_line(random: Random, line: str) -> str:
    chance = random.random()
    if chance < 0.04:
        return random.choice((f"  {line}", f"{line}\t", f"# {line}", f"\u00a0{line}", f"{line}\r", f"\n{line}"))
    if chance < 0.041:
        return random.choice(
            (f"{line}, extra", line.rpartition(",")[0], f"p9, {line}", f"{line}]", f"{line}(", "p", "x")
        )
    return line.replace(", allow", ", Allow") if 0.041 < chance < 0.042 else line


def _request(random: Random, shape: _Shape, rows: list[dict[str, str]], roles: dict[str, list[list[str]]]) -> Request:
    args = random.choice(words.ARGS[:3] if shape.tame and random.random() < 0.8 else words.ARGS)
    asked = Request(
        random.choice(words.REQUEST_SUBJECTS), random.choice(words.REQUEST_DOMAINS),
        random.choice(words.REQUEST_OBJECTS), random.choice(words.REQUEST_ACTIONS), args,
    )  # fmt: skip
    if rows and random.random() < 0.75:
        asked = _near(random, asked, random.choice(rows), roles["g"])
    return asked


def _near(random: Random, asked: Request, row: dict[str, str], links: list[list[str]]) -> Request:
    """A request that would meet ``row``, but for one field now and then."""
    holders = [link[0] for link in links if link[1] == row["sub"]]
    near = Request(
        random.choice(holders) if holders and random.random() < 0.7 else row["sub"],
        row["dom"] if row["dom"] in ("d1", "d2") else random.choice(("d1", "d2")),
        _CONCRETE.get(row["obj"], row["obj"]),
        _CONCRETE.get(row["act"], row["act"]),
        asked.args,
    )
    if random.random() < 0.3:
        kept = random.choice(("sub", "dom", "obj", "act"))
        near = _with(near, kept, getattr(asked, kept))
    return near


def _with(asked: Request, name: str, value: object) -> Request:
    return Request(**{**asked._asdict(), name: value})


def without_line(case: CasbinCase, number: int) -> CasbinCase:
    """``case`` with one line of its policy left out."""
    lines = case.policy.split("\n")
    return replace(case, policy="\n".join(lines[:number] + lines[number + 1 :]))
