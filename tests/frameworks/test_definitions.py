"""Tool definitions in the forms of the providers: what is found in them, and requests without what is hidden."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import handrail
from handrail.frameworks.definitions import names_of, reduced, shown, without_tools


@handrail.tool(name="decorated")
def plain_function(a: int) -> int:
    """A governed function."""
    return a


def _openai(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "d", "parameters": {}}}


FORMS: dict[str, Any] = {
    "OpenAI chat": _openai,
    "OpenAI responses": lambda name: {"type": "function", "name": name, "parameters": {}},
    "OpenAI custom": lambda name: {"type": "custom", "custom": {"name": name}},
    "OpenAI legacy": lambda name: {"name": name, "parameters": {}},
    "Anthropic": lambda name: {"name": name, "input_schema": {}},
    "Anthropic, typed": lambda name: {"type": "custom", "name": name, "input_schema": {}},
    "Bedrock": lambda name: {"toolSpec": {"name": name, "inputSchema": {}}},
    "Google": lambda name: {"function_declarations": [{"name": name}]},
    "Google, camel case": lambda name: {"functionDeclarations": [{"name": name}]},
    "namespace": lambda name: {"type": "namespace", "name": "crm", "tools": [_openai(name)]},
    "name": lambda name: name,
}
CHOICES: list[Any] = [
    "wire",
    {"type": "function", "function": {"name": "wire"}},
    {"type": "function", "name": "wire"},
    {"type": "tool", "name": "wire"},
    {"tool": {"name": "wire"}},
    ["wire"],
    {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "wire"}]},
    {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["wire"]}},
]


def _hides_wire(name: str) -> bool:
    return name == "wire"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_loses_the_hidden_tool_and_no_other(form: str) -> None:
    """In each provider's form the hidden tool is left out, the rest stays as it was, and the caller's list too."""
    make = FORMS[form]
    given_list = [make("add"), make("wire"), make("look")]
    before = copy.deepcopy(given_list)
    assert shown(given_list, _hides_wire) == ([make("add"), make("look")], ["wire"])
    assert given_list == before


def test_a_form_of_several_loses_only_the_hidden_part() -> None:
    """Google keeps several functions in one tool: the others stay in it."""
    both = {"function_declarations": [{"name": "add"}, {"name": "wire"}], "google_search": {}}
    kept, hidden = shown([both], _hides_wire)
    assert (kept, hidden) == ([{"function_declarations": [{"name": "add"}], "google_search": {}}], ["wire"])
    assert len(both["function_declarations"]) == 2


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_a_choice_of_a_hidden_tool_is_no_choice(choice: Any) -> None:
    """A request that forces a hidden tool leaves the choice to the model, and does not name the tool any more."""
    for key in ("tool_choice", "tool_config"):
        request = {"tools": [_openai("add"), _openai("wire")], key: choice, "temperature": 0}
        made, hidden = reduced(request, _hides_wire)
        assert hidden == ("wire",)
        assert made == {"tools": [_openai("add")], "temperature": 0}
        assert "wire" in str(request)


def test_a_choice_among_several_loses_the_hidden_one() -> None:
    """A list of allowed tools keeps those that are shown."""
    config = {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["wire", "add"]}}
    made, _ = reduced({"tools": [_openai("add"), _openai("wire")], "tool_config": config}, _hides_wire)
    assert made["tool_config"] == {"function_calling_config": {"mode": "ANY", "allowed_function_names": ["add"]}}


@pytest.mark.parametrize("choice", ["auto", "any", "none", "required", {"type": "auto"}, True, None])
def test_a_choice_that_names_no_tool_stays(choice: Any) -> None:
    """What says nothing of a hidden tool is sent as it was."""
    made, _ = reduced({"tools": [_openai("add"), _openai("wire")], "tool_choice": choice}, _hides_wire)
    assert made["tool_choice"] == choice


def test_without_any_tool_left_nothing_of_tools_is_sent() -> None:
    """Providers refuse an empty list of tools, and a choice among none."""
    request = {
        "tools": [_openai("wire")], "tool_choice": "auto", "parallel_tool_calls": False, "stop": ["x"],
        "functions": [{"name": "wire"}], "function_call": {"name": "wire"},
    }  # fmt: skip
    assert reduced(request, _hides_wire) == ({"stop": ["x"]}, ("wire",))
    assert without_tools(request) == {"stop": ["x"]}


def test_what_a_provider_runs_goes_by_name_and_type() -> None:
    """A tool that the provider runs is found by the name and by the type that it says."""
    assert names_of({"type": "web_search_preview"}) == ("web_search_preview",)
    assert names_of({"type": "bash_20250124", "name": "bash"}) == ("bash", "bash_20250124")
    assert names_of({"google_search": {}}) == ()
    assert names_of(plain_function) == ("decorated",)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    )
)
def test_no_form_makes_it_fail(definition: Any) -> None:
    """Whatever stands in a list of tools, looking for its name raises nothing, and what nobody hides stays."""
    assert shown([definition], lambda name: False) == ([definition], [])
