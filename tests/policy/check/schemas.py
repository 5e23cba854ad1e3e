"""Random schemas of arguments, values that they allow, and conditions about them, for the tests of the check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from handrail.conditions import Constant, unparse

Strategy = st.SearchStrategy[Any]
WORDS = ["", "a", "ab", "abc", "b", "EUR", "usd", "x y", "Ω"]
NAMES = ["amount", "currency", "flag", "tags", "order", "note"]
numbers = st.integers(-5, 15) | st.sampled_from([0.5, 2.25, -1.5])
words = st.sampled_from(WORDS)


@dataclass(frozen=True)
class Kind:
    """One argument: its schema, what it can be, and paths from it to scalars."""

    schema: dict[str, Any]
    values: Strategy


@st.composite
def number_kinds(draw: st.DrawFn) -> Kind:
    """A number or integer between optional bounds, or one of a few."""
    if draw(st.booleans()):
        listed = draw(st.lists(numbers, min_size=1, max_size=4, unique=True))
        return Kind({"enum": listed}, st.sampled_from(listed))
    whole = draw(st.booleans())
    low, high = draw(st.none() | st.integers(-5, 4)), draw(st.none() | st.integers(5, 15))
    schema: dict[str, Any] = {"type": "integer" if whole else "number"}
    schema |= {} if low is None else {"minimum": low}
    schema |= {} if high is None else {"maximum": high}
    bounds = st.integers(-8 if low is None else low, 20 if high is None else high)
    between = st.floats(-8.0 if low is None else low, 20.0 if high is None else high).map(lambda x: round(x, 2))
    return Kind(schema, bounds if whole else bounds | between)


@st.composite
def text_kinds(draw: st.DrawFn) -> Kind:
    """A text, perhaps of some length, or one of a few."""
    how = draw(st.sampled_from(["free", "listed", "sized", "const"]))
    if how == "listed":
        listed = draw(st.lists(words, min_size=1, max_size=4, unique=True))
        return Kind({"type": "string", "enum": listed}, st.sampled_from(listed))
    if how == "sized":
        least, most = draw(st.integers(0, 2)), draw(st.integers(2, 4))
        fitting = [word for word in [*WORDS, "zz", "qqq"] if least <= len(word) <= most]
        return Kind({"type": "string", "minLength": least, "maxLength": most}, st.sampled_from(fitting))
    if how == "const":
        word = draw(words)
        return Kind({"const": word}, st.just(word))
    return Kind({"type": "string"}, words | st.text("abcXYZ./ ", max_size=5))


flag_kinds = st.just(Kind({"type": "boolean"}, st.booleans()))
scalar_kinds: st.SearchStrategy[Kind] = number_kinds() | text_kinds() | flag_kinds


@st.composite
def kinds(draw: st.DrawFn) -> Kind:
    """An argument of any kind."""
    how = draw(st.sampled_from(["scalar", "scalar", "nullable", "either", "list", "object", "ref"]))
    one = draw(scalar_kinds)
    if how == "nullable":
        return Kind({"anyOf": [one.schema, {"type": "null"}]}, one.values | st.none())
    if how == "either":
        other = draw(scalar_kinds)
        return Kind({"anyOf": [one.schema, other.schema]}, one.values | other.values)
    if how == "list":
        least = draw(st.integers(0, 2))
        schema = {"type": "array", "items": one.schema, "minItems": least}
        return Kind(schema, st.lists(one.values, min_size=least, max_size=4))
    if how == "object":
        needed = draw(st.booleans())
        schema = {"type": "object", "properties": {"inner": one.schema}, "required": ["inner"] if needed else []}
        return Kind(schema, st.fixed_dictionaries({"inner": one.values}))
    if how == "ref":
        return Kind({"allOf": [{"$ref": "#/$defs/shared"}, one.schema], "_shared": {}}, one.values)
    return one


@dataclass(frozen=True)
class Tool:
    """A tool's schema, and a strategy of arguments that are valid for it."""

    schema: dict[str, Any]
    arguments: Strategy


@st.composite
def tools(draw: st.DrawFn) -> Tool:
    """A tool with one to four arguments, some of them optional."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    found = {name: draw(kinds()) for name in names}
    needed = {name for name in names if draw(st.booleans())}
    schema = {
        "type": "object",
        "properties": {name: kind.schema for name, kind in found.items()},
        "required": sorted(needed),
        "$defs": {"shared": {"title": "anything"}},
    }
    required = {name: found[name].values for name in names if name in needed}
    optional = {name: found[name].values for name in names if name not in needed}
    return Tool(schema, st.fixed_dictionaries(required, optional=optional))


def text(value: object) -> str:
    """A constant as it is written in a condition."""
    assert value is None or isinstance(value, (str, int, float, bool))
    return unparse(Constant(value))


def leaves_of(path: str, value: Any) -> Strategy:
    """Comparisons that are true where ``path`` is ``value``."""
    if isinstance(value, bool):
        return st.sampled_from([path, f"{path} == true"] if value else [f"!{path}", f"{path} == false"])
    if value is None:
        return st.just(f"{path} == null")
    if isinstance(value, (int, float)):
        return _of_number(path, value)
    if isinstance(value, str):
        return _of_text(path, value)
    if isinstance(value, list):
        return _of_list(path, value)
    inner = [leaves_of(f"{path}.{name}", one) for name, one in value.items()]
    return st.one_of(st.just(f"has({path})"), *inner)


def _of_number(path: str, value: float) -> Strategy:
    more = st.integers(1, 4).map(lambda step: value + step)
    less = st.integers(1, 4).map(lambda step: value - step)
    return st.one_of(
        st.sampled_from([f"{path} == {text(value)}", f"{path} >= {text(value)}", f"{text(value)} == {path}"]),
        more.map(lambda top: f"{path} < {text(top)}"),
        more.map(lambda top: f"!({path} > {text(top)})"),
        less.map(lambda low: f"{text(low)} < {path}"),
        less.map(lambda low: f"!({path} <= {text(low)})"),
        st.just(f"{path} in [{text(value)}]"),
    )


def _of_text(path: str, value: str) -> Strategy:
    cut = st.integers(0, len(value))
    return st.one_of(
        st.sampled_from(
            [
                f"{path} == {text(value)}", f"{path} in [{text(value)}]", f"lower({path}) == {text(value.lower())}",
                f"len({path}) == {len(value)}", f"len({path}) <= {len(value) + 1}", f"{path} >= {text(value)}",
            ]
        ),
        cut.map(lambda at: f"startswith({path}, {text(value[:at])})"),
        cut.map(lambda at: f"endswith({path}, {text(value[at:])})"),
        cut.map(lambda at: f"contains({path}, {text(value[at : at + 2])})"),
    )  # fmt: skip


def _of_list(path: str, value: list[Any]) -> Strategy:
    found = [f"len({path}) == {len(value)}", f"!(len({path}) > {len(value) + 1})"]
    for place, item in enumerate(value):
        found += [f"contains({path}, {text(item)})", f"{text(item)} in {path}", f"{path}.{place} == {text(item)}"]
    return st.sampled_from(found)


@st.composite
def true_of(draw: st.DrawFn, arguments: dict[str, Any], depth: int = 2) -> str:
    """A condition all of whose parts are true of ``arguments``."""
    how = draw(st.sampled_from(["leaf", "and", "or", "not"])) if depth else "leaf"
    if how == "leaf":
        name = draw(st.sampled_from(sorted(arguments)))
        return str(draw(leaves_of(f"args.{name}", arguments[name])))
    if how == "not":
        return f"!(!({draw(true_of(arguments, depth - 1))}))"
    sign = " && " if how == "and" else " || "
    parts = draw(st.lists(true_of(arguments, depth - 1), min_size=2, max_size=3))
    return sign.join(f"({part})" for part in parts)


@st.composite
def any_condition(draw: st.DrawFn, names: list[str], depth: int = 3) -> str:
    """Any condition about these arguments, whether it makes sense or not."""
    how = draw(st.sampled_from(["leaf", "leaf", "and", "or", "not"])) if depth else "leaf"
    if how == "not":
        return f"!({draw(any_condition(names, depth - 1))})"
    if how in ("and", "or"):
        parts = draw(st.lists(any_condition(names, depth - 1), min_size=2, max_size=3))
        return (" && " if how == "and" else " || ").join(f"({part})" for part in parts)
    return draw(_any_leaf(names))


@st.composite
def _any_leaf(draw: st.DrawFn, names: list[str]) -> str:
    steps = st.sampled_from(["", "", "", ".inner", ".0"])
    path = f"args.{draw(st.sampled_from(names))}{draw(steps)}"
    other = f"args.{draw(st.sampled_from(names))}{draw(steps)}"
    constant = text(draw(numbers | words | st.booleans() | st.none()))
    sign = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    listed = ", ".join(map(text, draw(st.lists(numbers | words, max_size=3))))
    part = text(draw(words))
    return str(
        draw(
            st.sampled_from(
                [
                    f"{path} {sign} {constant}", f"{constant} {sign} {path}", f"{path} {sign} {other}",
                    f"{path} in [{listed}]", f"{path} not in [{listed}]", f"{path} in {other}",
                    f"{path} not in {other}", f"len({path}) {sign} {text(draw(st.integers(0, 5)))}", f"has({path})",
                    f"startswith({path}, {part})", f"endswith({path}, {part})", f"contains({path}, {constant})",
                    f"lower({path}) {sign} {part}", f"lower({path}) in [{listed}]", path,
                    f"hour(env.now) {sign} {draw(st.integers(-1, 25))}", f"matches({path}, '[a-z]+')",
                    f"contains([{listed}], {path})", f"({path} == {constant}) == true",
                ]
            )
        )
    )  # fmt: skip
