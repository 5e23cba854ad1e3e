"""Ways around a policy, in families: a policy, calls that it must allow, and calls that must not get past it."""

from __future__ import annotations

import json
import math
from collections import ChainMap, OrderedDict, UserDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType, SimpleNamespace

from tests.policy.lies import (
    MANY,
    ODD_PATHS,
    OUTSIDE,
    Anything,
    LyingDict,
    LyingKey,
    LyingList,
    LyingNumber,
    LyingText,
    lookalikes,
    not_numbers,
    strangers,
    twins,
)  # fmt: skip


@dataclass(frozen=True)
class Family:
    """One policy, what it must allow, and what must not get past it."""

    name: str
    why: str
    """Why none of its attacks may be allowed."""
    rules: tuple[tuple[str, str], ...]
    """(verdict, condition) of each rule, for everybody and the tool ``act``."""
    allowed: tuple[Mapping[str, object], ...]
    """Arguments of controls: a policy that denied everything would fail here."""
    attacks: tuple[Callable[[], object], ...]
    """Each makes the arguments of one call that must be denied."""


_ALL = ("allow", "")


def _each(argument: str, values: Iterable[object]) -> tuple[Callable[[], object], ...]:
    return tuple(lambda value=value: {argument: value} for value in values)


def _made(argument: str, makers: Iterable[Callable[[], object]]) -> tuple[Callable[[], object], ...]:
    return tuple(lambda make=make: {argument: make()} for make in makers)


def _raw(*values: object) -> tuple[Callable[[], object], ...]:
    return tuple(lambda value=value: value for value in values)


def _without(argument: str) -> tuple[Callable[[], object], ...]:
    """Calls in which the argument is missing, or only seems to be there."""
    other = [
        argument.upper(),
        f"{argument} ",
        f" {argument}",
        f"{argument}\0",
        f"\ufeff{argument}",
        f"args.{argument}",
        "0",
    ]
    return _raw(
        {},
        *({name: "bob"} for name in other),
        {"args": {argument: "bob"}},
        {argument: {argument: "bob"}},
        [],
        None,
        "bob",
    )


def _text_list(name: str, condition: str) -> Family:
    attacks = _each("to", [*twins("bob"), *lookalikes("bob")]) + _made("to", strangers("bob")) + _without("to")
    return Family(
        name, "only the very text is on the list of what is allowed", (("allow", condition),), ({"to": "bob"},), attacks
    )


def _denied_text(name: str, condition: str) -> Family:
    attacks = _each("do", ["drop", *twins("drop")]) + _made("do", strangers("drop")) + _without("do")
    why = "the tool may read the spelling as the text that is denied; what cannot be compared may be harmful too"
    return Family(name, why, (_ALL, ("deny", condition)), ({"do": "read"}, {"do": "droplet"}, {"do": "été"}), attacks)


def _denied_part(name: str, condition: str, controls: tuple[str, ...], attacks: Iterable[str]) -> Family:
    strange = [make for make in strangers("drop table") if type(make()) not in (list, tuple)]
    every = _each("do", attacks) + _made("do", strange) + _without("do") + _made("do", MANY)
    why = (
        "the tool may read the spelling as what is denied; what is too large to be searched is not known to be harmless"
    )
    return Family(name, why, (_ALL, ("deny", condition)), tuple({"do": one} for one in controls), every)


_BETWEEN = [one for one in twins("drop table") if one.strip() == one]

_NUMBER_CONTROLS: tuple[Mapping[str, object], ...] = tuple({"n": number} for number in (1, 120, 0.5, 500, 1e2, 499.99))
_TOO_MUCH = (501, 500.0000001, 10**5000, 1e308, 10**400, 2**63, 2**1024)

TEXTS = [
    _text_list("one text allowed", "args.to == 'bob'"),
    _text_list("a list of texts allowed", "args.to in ['ann', 'bob']"),
    _text_list("a pattern allowed", "matches(args.to, 'bob')"),
    _text_list("a name of one's own", "args.to == principal.agent"),
    _denied_text("one text denied", "args.do == 'drop'"),
    _denied_text("a list of texts denied", "args.do in ['drop', 'truncate']"),
    _denied_text("all but a text", "!(args.do != 'drop')"),
    _denied_text("lower", "lower(args.do) == 'drop'"),
    _denied_part("a part denied", "contains(args.do, 'drop table')", ("select 1", "drop the table"),
                 [f"x; {one} y" for one in _BETWEEN]),
    _denied_part("a character denied", "contains(args.do, '\u200b') || contains(args.do, '\n')", ("abc", " ", "A"),
                 ["a\u200bb", "\u200b", "a\u200b", "a\nb", "a\n", "\n"]),
    _denied_part("a beginning denied", "startswith(args.do, 'rm ')", ("ls", "rmdir x", "arm x"),
                 ["RM -rf", "RM ", "\0RM ", " rm x", "\trm x", "\u200brm x", "\0rm x",
                 "r\u00adm x", "ｒｍ x", "rm\xa0x", "\ufeffrm x"]),
    _denied_part("an end denied", "endswith(args.do, '.exe')", ("a.txt", "a.exe.txt"),
                 ["a.EXE", "a.exe ", "a.exe\n", "a.exe\0", "a.e\u200bxe", "a．exe", "a.exe\u202e", "a.exe\u3000"]),
    _denied_part("a pattern denied", "matches(args.do, 'rm .*')", ("ls -l", "rmdir x"),
                 ["rm x", "RM x", "Rm x", "rm x\n", "\nrm x", " rm x", "rm x\0", "r\u200bm x", "ｒｍ x", "rm\xa0x"]),
]  # fmt: skip

_MAIL = [
    "ana@evil.example", "ana@acme.example.evil.example", "ana@evil.example?x=@acme.example ", "ana@acme.example\n",
    "ana@acme.example\nbcc: eve@evil.example", "eve@evil.example\nana@acme.example", "ana@ACME.example",
    "ana@acme.examp1e",
    "ana@аcme.example", "ana@acme．example", "ana@acme.example\0", "ana@acme.example ", " ana@acme.example",
    "@acme.example",
    "ana@acme.example,eve@evil.example", "eve@evil.example,ana@acme.example", "eve@evil.example;ana@acme.example",
    "ana@acmeXexample", "ANA@acme.example", "ana@acme.example\u200b", "\u202eana@acme.example", "ana@acme.example\r",
]  # fmt: skip

OTHERS = [
    Family("an address by pattern",
    "the pattern covers the whole text, so nothing may stand before, after or in between",
           (("allow", r"matches(args.to, '[a-z]+@acme\\.example')"),), ({"to": "ana@acme.example"},),
           _each("to", _MAIL) + _made("to", strangers("ana@acme.example")) + _without("to")),
    Family("a folder allowed", "the path is elsewhere, or can be read in two ways",
           (("allow", "within(args.path, '/public')"),), ({"path": "/public/a"}, {"path": "/public"},
            {"path": "/public/a/b.txt"}),
           _each("path", ODD_PATHS + OUTSIDE) + _made("path", strangers("/public/a")) + _without("path")),
    Family("a folder denied", "the path is in the folder, in another case too, or can be read in two ways",
           (_ALL, ("deny", "within(args.path, '/secret')")), ({"path": "/public/a"}, {"path": "/secretary"}),
           _each("path", [*ODD_PATHS, "/secret", "/secret/", "/secret/a", "/SECRET/a", "/Secret"])
           + _made("path", strangers("/public/a")) + _without("path")),
    Family("a limit", "the number is beyond the limit, or is none", (("allow", "args.n > 0 && args.n <= 500"),),
    _NUMBER_CONTROLS,
           _each("n", (*_TOO_MUCH, 0, -0.0, -1, -(10**5000))) + _made("n", not_numbers()) + _without("n")),
    Family("beyond a limit denied", "the number is beyond the limit, or is none", (_ALL, ("deny", "args.n > 500")),
           _NUMBER_CONTROLS, _each("n", _TOO_MUCH) + _made("n", not_numbers()) + _without("n")),
    Family("numbers on a list", "no other value is one of these numbers", (("allow", "args.n in [1, 2, 3]"),),
    ({"n": 1}, {"n": 3.0}),
           _each("n", (0, 4, 1.5, 10**5000, -0.0)) + _made("n", not_numbers()) + _without("n")),
    Family("numbers not on a list", "what is no number is not known to be another number",
           (("allow", "args.n not in [1, 2, 3]"),), ({"n": 4}, {"n": 0}),
           _each("n", (1, 2.0)) + _made("n", (make for make in not_numbers() if make() is not None)) + _without("n")),
    Family("a switch", "only true is true", (("allow", "args.dry_run"),), ({"dry_run": True},),
           _each("dry_run", (False, 1, 1.0, "true", "True", "yes", "1", [True], (True,), {"dry_run": True}, None,
           Anything(),
                             LyingNumber(1), Decimal(1))) + _without("dry_run")),
    Family("a switch is off", "only false is false", (("allow", "args.force == false"),), ({"force": False},),
           _each("force", (True, 0, 0.0, "", "false", "False", "no", [], (), {}, None, Anything(), LyingNumber(0),
           -0.0))
           + _without("force")),
    Family("null", "only null is null", (("allow", "args.override == null"),), ({"override": None},),
           _each("override", ("null", "None", "", 0, False, [], {}, [None], math.nan, Anything(), LyingText("null")))
           + _without("override")),
    Family("a tag needed", "the list itself must hold the tag", (("allow", "'public' in args.tags"),),
           ({"tags": ["public"]}, {"tags": ["a", "public"]}, {"tags": ("public",)}),
           _each("tags", ("public", "not public at all", ["Public"], ["public "], [["public"]], [{"public": 1}],
           {"public": True},
                          {"public"}, frozenset({"public"}), deque(["public"]), LyingList(), LyingText("public"),
                          Anything(),
                          [LyingText("eve")], [Anything()], [b"public"], [], [None], 1, None, ["рublic"], range(1),
                          {"public": 1}.keys()))
           + _made("tags", [lambda: (one for one in ["public"])]) + _without("tags")),
    Family("a tag forbidden",
    "a list with another spelling of the tag, or with something that cannot be compared, may mean it",
           (("allow", "'secret' not in args.tags"),), ({"tags": []}, {"tags": ["public"]}, {"tags": [None]}),
           _each("tags", (["secret"], ["a", "secret"], ("secret",), ["Secret"], ["secret "], ["ｓecret"],
           ["se\u200bcret"], ["secret\0"],
                          [["secret"]], [{"secret": 1}], "secret", {"secret"}, {"secret": 1}, LyingList(["secret"]),
                          Anything(),
                          [LyingText("secret")], [Anything()], [b"secret"], [1], [True], None, deque(["secret"]),
                          ["\ud800"],
                          ["a"] * 100_000))
           + _made("tags", [lambda: (one for one in ["secret"])]) + _without("tags")),
    Family("how many", "only lists, texts and objects of JSON have a length, and it is the true one",
           (("allow", "len(args.to) <= 2"),), ({"to": ["a", "b"]}, {"to": []}),
           _each("to", (["a"] * 3, ("a",) * 3, "abc", LyingList("abc"), LyingDict(a=1), Anything(),
           LyingText("abc"), {"a"}, 2, None,
                        True, deque(["a"]), range(2), b"ab", bytearray(b"ab"))) + _without("to")[:-4]),
    Family("inside an object", "only an object of JSON that holds the number has it", (("allow",
    "args.o.total <= 100"),),
           ({"o": {"total": 5}}, {"o": {"total": 100, "x": 1}}),
           _each("o", ({"total": 101}, {}, {"Total": 1}, {"total ": 1}, {"total": {"total": 1}}, {"total": [1]},
           {"total": "1"},
                       '{"total": 1}', [{"total": 1}], [1], 1, None, LyingDict(total=1000), OrderedDict(total=1),
                       MappingProxyType({"total": 1}), UserDict({"total": 1}), ChainMap({"total": 1}),
                       SimpleNamespace(total=1),
                       Anything(), {LyingKey("total"): 1}, {LyingKey("total"): 1, "x": 2}, {1: 2, "total": 1},
                       {None: 1, "total": 1},
                       {b"total": 1}, {"total": LyingNumber(1)}, {"total": Anything()})) + _without("o")),
    Family("an argument that may not be given",
    "given is given, whatever its value, and an object that is not JSON's may hide it",
           (("allow", "!has(args.admin)"),), ({}, {"user": "ana"}, {"Admin": True}),
           _raw({"admin": True}, {"admin": False}, {"admin": None}, {"admin": ""}, {"admin": []},
           LyingDict(admin=True),
                OrderedDict(admin=True), UserDict({"admin": True}), MappingProxyType({"admin": True}),
                ChainMap({"admin": True}),
                {LyingKey("admin"): True}, {1: 2}, {LyingText("x"): 1}, SimpleNamespace(admin=True), Anything())),
]  # fmt: skip


def _json(name: str, documents: Iterable[str]) -> Family:
    attacks = tuple(lambda text=text: json.loads(text) for text in documents)
    return Family(name, "what JSON makes of the text is what the tool gets, and what is judged",
                  (("allow", "args.n > 0 && args.n <= 500"),),
                  (json.loads('{"n": 5e2}'), json.loads('{"n": 1000, "n": 1}')), attacks)  # fmt: skip


JSON = _json(
    "arguments as JSON",
    ['{"n": 1, "n": 1000}', '{"n": 1, "n": "1"}', '{"n": 1e3}', '{"n": 1E400}', '{"n": -1E400}', '{"n": NaN}',
    '{"n": Infinity}',
     '{"n": -Infinity}', '{"n": "500"}', '{"n": [1]}', '{"n": {"n": 1}}', '{"n": true}', '{"n": null}', '{"N": 1}',
     "{}", "[]", "1",
     '{"n": 1' + "0" * 4_000 + "}", '{"\\u006e": 1e3}', '{"n\\u0000": 1}', '{"n": "\\ud800"}', '{"n": -0.0}',
     '{"n": 0}',
     '{"n": 500.00000000001}', '{"n": ' + "[" * 900 + "]" * 900 + "}"],
)  # fmt: skip

FAMILIES = [*TEXTS, *OTHERS, JSON]
