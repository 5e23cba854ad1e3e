"""Texts that name checks: what is none is refused with a sentence, whatever is written."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators.expression import make, parse
from handrail.validators.protocol import Check
from handrail.validators.registry import find, known

ODD = (
    "length(max={**x})",
    "length(max={{}: 1})",
    "length(max={iban(): 1})",
    "length(max=[*x])",
    "length(max=1, max=1000)",
    "length(**x)",
    "length(*[1])",
    "iban()()",
    "iban[0]",
    "x.__class__",
    "__import__('os')",
    "iban() ** 2",
    "~iban()",
    "f'{iban()}'",
    "[x for x in y]",
    "(x := iban())",
    "lambda: iban()",
    "iban() if x else iban()",
    "length(max=9" + "9" * 5_000 + ")",
    "(" * 3_000 + "iban()" + ")" * 3_000,
    "&".join(["iban()"] * 1_400),
    "isolated(iban(), **x)",
    "iban(\ud800)",
    "iban()\x00",
    "",
)


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_what_names_no_check_is_refused(text: str) -> None:
    """Every other form of an expression is a ConfigError; nothing of it is run, and nothing else is raised."""
    with pytest.raises(ConfigError):
        parse(text)


@pytest.mark.parametrize(
    "text", ["sql_read_only(deny='pg_sleep')", "python(imports='os')", "outside_links('a.example')"]
)
def test_a_text_is_no_list(text: str) -> None:
    """One name in place of a list of names is refused: each of its letters would be taken for a name."""
    with pytest.raises(ConfigError, match="is a list of texts"):
        parse(text)


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("(" * 10), st.just("\ud800")
)
_OPTIONS = st.one_of(
    _VALUES,
    st.lists(_VALUES, max_size=2).map(tuple),
    st.dictionaries(st.one_of(st.integers(), st.text(max_size=2)), _VALUES, max_size=2),
)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_options_of_any_kind_make_a_check_or_are_refused(data: st.DataObject) -> None:
    """Whatever a configuration has for an option of any validator, it is a check or a ConfigError with a sentence."""
    name = data.draw(st.sampled_from(sorted(set(known()) - {"presidio"})))
    parameters = [*inspect.signature(find(name).load()).parameters]
    options = data.draw(st.dictionaries(st.sampled_from(parameters or ["none"]), _OPTIONS, max_size=2))
    try:
        assert isinstance(make(name, (), options), Check)
    except ConfigError as problem:
        assert "cannot be made" not in problem.problem
