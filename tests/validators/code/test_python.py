"""Whether Python code keeps to what it may: ways round it, what is told of it, and what no code does to the check."""

from __future__ import annotations

import ast
import builtins
import threading
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import parse
from handrail.validators.code.python import Python
from tests.validators.code.python_bypasses import BYPASSES, CALLS

LISTED = parse(f"python({CALLS})")
_OURS = {"python.syntax", "python.depth", "unchecked.size"}


@pytest.mark.parametrize("code", BYPASSES, ids=range(len(BYPASSES)))
def test_no_way_round_a_list_of_calls(code: str) -> None:
    """Code that reaches what is not listed is refused for that, and not because it would not be Python."""
    ast.parse(code)
    found = {one.code for one in LISTED.check(code)}
    assert found
    assert not found & _OURS


@pytest.mark.parametrize("name", sorted(set(dir(builtins)) - {"None", "True", "False"}))
def test_every_builtin_that_is_not_listed_is_refused(name: str) -> None:
    """Under an empty list no builtin can be named or given another meaning, but for the harmless constants."""
    check = Python(calls=())
    if name not in ("Ellipsis", "NotImplemented", "__name__"):
        assert check.check(f"x = {name}")
        assert check.check(f"def f():\n    {name} = 1\nx = [{name}]")


@given(st.lists(st.sampled_from(["len", "math.sqrt", "json.loads", ".append"]), unique=True), st.data())
def test_what_is_listed_and_only_that_may_be_called(listed: list[str], data: st.DataObject) -> None:
    """A call passes exactly when its name is listed, by whatever alias it is written."""
    written = {
        "len": ["len(x)"],
        "math.sqrt": ["import math\nmath.sqrt(x)", "import math as m\nm.sqrt(x)", "from math import sqrt as s\ns(x)"],
        "json.loads": ["import json\njson.loads(x)", "from json import loads\nloads(x)"],
        ".append": ["x.append(1)", "x[0].append(1)"],
    }
    name = data.draw(st.sampled_from(sorted(written)))
    code = "x = [1]\n" + data.draw(st.sampled_from(written[name]))
    assert (not Python(calls=tuple(listed)).check(code)) == (name in listed)


@given(st.sampled_from(["sqrt", "ｓｑｒｔ", "𝓼𝓺𝓻𝓽", "ｓqrt"]))
def test_names_are_compared_as_python_reads_them(name: str) -> None:
    """A name that Python normalises to a listed one is that one, in the code as in the list."""
    assert not Python(calls=("math.sqrt",)).check(f"from math import {name}")
    assert not Python(calls=("math.sqrt",)).check(f"import math\nx = math.{name}(2)")
    assert not Python(calls=(f"math.{name}",)).check("import math\nx = math.sqrt(2)")


_PIECES = st.lists(st.sampled_from(["(", ")", "a", " ", "\n", "lambda", ":", "*", "'", "f'{", ","]))


@given(st.text(max_size=60) | _PIECES.map("".join))
def test_it_says_the_same_as_the_parser(code: str) -> None:
    """What the interpreter's parser takes has no finding ``syntax``, and what it refuses has one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(code)
        parses = True
    except (SyntaxError, ValueError):
        parses = False
    codes = {one.code for one in Python().check(code)}
    assert ("python.syntax" not in codes) == parses


def test_a_finding_says_where() -> None:
    """Spans count characters, also after characters of several bytes, and on whatever line."""
    code = "x = 'é𝓮'\r\ny = 'ü'; eval('1')"
    (found,) = Python(forbid=("dynamic",)).check(code)
    assert found.span is not None
    assert code[slice(*found.span)] == found.excerpt == "eval"
    assert found.message.startswith("Line 2: ")
    (broken,) = Python().check("a = 1\nb = (2")
    assert broken.message.startswith("Line 2, column 5: ")
    assert broken.excerpt == "(2"


def test_code_that_warns_only_warns_nobody() -> None:
    """What Python warns about while it parses is no fault, even where the program makes errors of warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("error")
        assert not Python().check("x = '\\d'\ny = 1if x else 2\nz = f'{1if x else 2}'")
    assert not caught


def test_a_small_stack_is_enough() -> None:
    """The deepest code that is read does not overflow the stack of a thread with 256 KiB."""
    deepest = (
        "- " * 400 + "1", "not " * 400 + "1", "lambda:" * 400 + "1", "a if a else " * 400 + "1", "2**" * 400 + "1",
        "(" * 50 + ")" * 50, "f(" * 50, "[x for x in " * 50, ("(" + "not " * 8) * 50 + "1", "(lambda a=" * 50,
        "a=" * 4_999 + "1", "a." * 4_999 + "a", "a" + "()" * 2_000, "1+" * 4_999 + "1", "a < " * 2_000 + "1",
        "".join(" " * depth + "if a:\n" for depth in range(99)), "if a: 0\n" + "elif a: 0\n" * 400, "f'{" + "(" * 49,
    )  # fmt: skip
    said: list[int] = []

    def run() -> None:
        said.extend(len(Python(calls=()).check(code)) for code in deepest)

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert len(said) == len(deepest)


@pytest.mark.parametrize(
    "code",
    [
        "(" * 51 + ")" * 51,
        "f('" + ")" * 60 + "', " + "(" * 50 + "1" + ")" * 51,
        "# " + ")" * 60 + "\n" + "(" * 51,
        "f'{" + "[" * 50 + "]" * 50 + "}'",
        "not " * 401 + "1",
        "-" * 402 + "1",
        "if a: 0\n" + "elif a: 0\n" * 401,
        "f'{f\"{1}\"}'" * 21,
    ],
)
def test_code_that_nests_too_deeply_is_not_parsed(code: str) -> None:
    """Brackets and prefixes are counted before the parser recurses over them, and none hides in a string."""
    assert [one.code for one in Python().check(code)] == ["python.depth"]


_FLAT = ("x = '" + "(" * 200 + "'", "'''" + "[" * 200 + "'''", "# " + "{" * 200, f"x = [{'-1, ' * 600}]", "(1)\n" * 200)


@pytest.mark.parametrize("code", _FLAT)
def test_what_only_looks_deep_is_parsed(code: str) -> None:
    """Brackets in strings and comments, and many of them one after another, are not deep."""
    assert not Python().check(code)


@pytest.mark.parametrize(
    "options",
    [
        {"forbid": ("network",)},
        {"calls": ("eval",)},
        {"calls": ("importlib.import_module",)},
        {"calls": ("operator.attrgetter",)},
        {"calls": ("len()",)},
        {"calls": ("",)},
        {"imports": ("builtins",)},
        {"imports": ("a b",)},
        {"imports": (1,)},
    ],
)
def test_a_list_that_is_no_list_is_refused(options: dict[str, tuple[str, ...]]) -> None:
    """An entry that is no name, or that is itself a way round the list, is an error of the config."""
    with pytest.raises(ConfigError):
        Python(**options)


@pytest.mark.parametrize(
    ("entry", "name", "allowed"),
    [
        ("math.*", "math.sqrt", True),
        ("math.*", "math._x", False),
        ("math.*", "math.a.b", False),
        ("math.**", "math.a.b", True),
        ("math.**", "math.a._b", False),
        ("*Error", "ValueError", True),
        ("*Error", "_Error", False),
        ("a.b*", "a.b", True),
        ("a.b*", "a.bc", True),
        ("a.b", "axb", False),
    ],
)
def test_what_a_star_stands_for(entry: str, name: str, *, allowed: bool) -> None:
    """``*`` stands for the rest of one part, never for a private name; ``.**`` for parts at any depth."""
    names = Python(calls=(entry,)).allowed_calls
    assert names is not None
    assert names.allows(name) == allowed
