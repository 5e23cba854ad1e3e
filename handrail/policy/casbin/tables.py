"""Which policy values does a request's name match? Looked up by literal prefix instead of tried one after the other."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from handrail.policy.casbin.matcher import NotCompilable
from handrail.policy.casbin.model import Function, casbin_functions
from handrail.policy.patterns import Pattern

MAX_REMEMBERED_NAME = 256
"""Longest name, in characters, for which anything is remembered: names come from requests."""

_REMEMBERED = 4_096

Lookup = Callable[[str], Collection[str]]
"""A name of a request -> the policy values that match it, each once; the name may stand there without being one."""

Table = Callable[[Iterable[str]], Lookup]
"""The distinct values of a policy field -> its lookup; raises NotCompilable for a value that cannot be looked up."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A pure function of one text of the request and one of the policy, and the table that stands for it."""

    call: Function
    table: Table
    policy_at: int = 1
    """Which argument is the policy's, 0 or 1."""


def remembered(find: Lookup) -> Lookup:
    """``find`` with a bounded memory for names of ordinary length."""
    known = lru_cache(_REMEMBERED)(find)
    return lambda name: known(name) if len(name) <= MAX_REMEMBERED_NAME else find(name)


def tried(accepts: Callable[[str, str], object]) -> Table:
    """The table of any pure predicate ``accepts(name, value)``: every value is tried, and what matched remembered."""

    def table(values: Iterable[str]) -> Lookup:
        every = tuple(values)
        return remembered(lambda name: tuple(value for value in every if accepts(name, value)))

    return table


def key_match_table(values: Iterable[str]) -> Lookup:
    """``keyMatch``: up to the first ``*`` a prefix, without one the name itself."""
    stems: dict[str, list[str]] = {}
    for value in values:
        if "*" in value:
            stems.setdefault(value[: value.index("*")], []).append(value)
    lengths = sorted({len(stem) for stem in stems})

    def find(name: str) -> Collection[str]:
        found = [name] if "*" not in name else []
        for length in lengths:
            if length > len(name):
                break
            found += stems.get(name[:length], ())
        return tuple(found)

    return remembered(find)


def covers_table(values: Iterable[str]) -> Lookup:
    """`Pattern.covers`: patterns by literal prefix; those that begin with ``*`` by their literal end."""
    fronts: dict[str, list[Pattern]] = {}
    ends: dict[str, list[Pattern]] = {}
    for text in values:
        if "*" in text:
            front, end = text[: text.index("*")], text[text.rindex("*") + 1 :]
            table, key = (fronts, front) if front or not end else (ends, end)
            table.setdefault(key, []).append(Pattern(text))
    front_lengths, end_lengths = sorted({*map(len, fronts)}), sorted({*map(len, ends)})

    def find(name: str) -> Collection[str]:
        found = [name] if "*" not in name else []
        for length in front_lengths:
            if length > len(name):
                break
            found += [one.text for one in fronts.get(name[:length], ()) if one.covers(name)]
        for length in end_lengths:
            if length > len(name):
                break
            found += [one.text for one in ends.get(name[-length:], ()) if one.covers(name)]
        return tuple(found)

    return remembered(find)


def by_prefix(
    prefix: Callable[[str], str],
    predicate: Callable[[str], Callable[[str], object]],
    seen: Callable[[str], str] = lambda name: name,
    key: Callable[[str], str] = lambda name: name,
) -> Table:
    """Values under the literal ``prefix`` that every match begins with; ``predicate(value)`` is made once per value.

    ``seen`` is the part of the request's name that the function looks at; ``key`` the form of it in which prefixes
    are looked up.
    """

    def table(values: Iterable[str]) -> Lookup:
        rows: dict[str, list[tuple[Callable[[str], object], str]]] = {}
        for value in values:
            rows.setdefault(prefix(value), []).append((predicate(value), value))
        lengths = sorted({len(one) for one in rows})

        def find(name: str) -> Collection[str]:
            text, found = seen(name), list[str]()
            begins = key(text)
            for length in lengths:
                if length > len(begins):
                    break
                found += [value for accepts, value in rows.get(begins[:length], ()) if accepts(text)]
            return tuple(found)

        return remembered(find)

    return table


def compiled(pattern: str) -> re.Pattern[str]:
    """The compiled regular expression; raises NotCompilable."""
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise NotCompilable(f"{pattern!r} is no regular expression ({error})") from error


def literal_prefix(pattern: str) -> str:
    """Text that everything that ``re.match(pattern, ...)`` accepts begins with; too short rather than too long."""
    if "|" in pattern or pattern.startswith("(?"):
        return ""
    found = _LITERAL.match(pattern)
    literal = found.group(1) if found else ""
    after = pattern[found.end() : found.end() + 1] if found else ""
    return literal[:-1] if after and after in "*?{+" else literal


def glob_prefix(pattern: str) -> str:
    """Text that everything that a glob pattern accepts begins with; too short rather than too long."""
    if os.name == "nt" or not pattern:
        return ""
    found = _PLAIN_PATH.match(pattern)
    if found is None:
        return ""
    return found.group() if found.end() == len(pattern) else found.group().rpartition("/")[0]


def key_match2_regex(value: str) -> str:
    """The regular expression that ``keyMatch2`` makes of a pattern."""
    text = _NAMED_BY_COLON.sub(r"\g<1>[^\\/]+\g<2>", value.replace("/*", "/.*"))
    return "^" + ("(.*)" if text == "*" else text) + "$"


def key_match3_regex(value: str) -> str:
    """The regular expression that ``keyMatch3`` makes of a pattern."""
    return "^" + _NAMED_IN_BRACES.sub(r"\g<1>[^\\/]+\g<2>", value.replace("/*", "/.*")) + "$"


def key_match4_regex(value: str) -> str:
    """The regular expression that ``keyMatch4`` makes of a pattern; its groups are compared afterwards."""
    return "^" + re.sub(r"{([^/]+)}", "([^/]+)", value.replace("/*", "/.*")) + "$"


def key_match5_regex(value: str) -> str:
    """The regular expression that ``keyMatch5`` makes of a pattern."""
    return "^" + re.sub(r"{[^/]+}", "[^/]+", value.replace("/*", "/.*")) + "$"


REGEX_OF: dict[str, Callable[[str], str]] = {
    "regexMatch": str,
    "keyMatch2": key_match2_regex,
    "keyMatch3": key_match3_regex,
    "keyMatch4": key_match4_regex,
    "keyMatch5": key_match5_regex,
}
"""Casbin's functions that are regular expressions underneath -> what they make of a policy value."""

_LITERAL = re.compile(r"\^?([\w/ \-:,;=@%&~\"'<>!`]*)")
_SLASHES = re.compile("/+")
_PLAIN_PATH = re.compile(r"/?(?:\w+/)*\w*")
_NAMED_BY_COLON = re.compile(r"(.*?):[^\/]+(.*?)")
_NAMED_IN_BRACES = re.compile(r"(.*?){[^\/]+?}(.*?)")


def _regex_table(name: str) -> Table:
    regex = REGEX_OF[name]
    seen = _without_query if name == "keyMatch5" else str
    return by_prefix(lambda value: literal_prefix(regex(value)), lambda value: compiled(regex(value)).match, seen)


def _without_query(name: str) -> str:
    return name.partition("?")[0]


def indexed_functions() -> dict[str, Indexed]:
    """Casbin's own pure functions that have a table, by name."""
    calls = casbin_functions()
    tables = {name: _regex_table(name) for name in REGEX_OF if name != "keyMatch4"}
    tables |= {
        "keyMatch": key_match_table,
        "keyMatch4": by_prefix(
            lambda value: literal_prefix(key_match4_regex(value)), _later(calls["keyMatch4"], key_match4_regex)
        ),
        # globMatch takes several slashes for one.
        "globMatch": by_prefix(glob_prefix, _later(calls["globMatch"]), key=lambda name: _SLASHES.sub("/", name)),
        "ipMatch": tried(calls["ipMatch"]),
    }
    return {name: Indexed(calls[name], table) for name, table in tables.items()}


def _later(call: Function, regex: Callable[[str], str] | None = None) -> Callable[[str], Callable[[str], object]]:
    """Predicates by Casbin's own function; a value whose ``regex`` is none is refused when the table is made."""

    def predicate(value: str) -> Callable[[str], object]:
        if regex is not None:
            compiled(regex(value))

        def accepts(name: str) -> object:
            return call(name, value)

        return accepts

    return predicate
