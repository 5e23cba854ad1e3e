"""The check of conditions is right: it never calls a good condition wrong, and what it calls impossible is."""

from __future__ import annotations

from typing import Any

import jsonschema
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handrail.conditions import MISSING, Condition, Path, Unevaluable, parse
from handrail.conditions.reading import Reading
from handrail.policy.check.conditions import examine
from handrail.policy.check.facts import ToolFacts
from handrail.policy.check.values import Values
from tests.policy.check.schemas import Tool, any_condition, tools, true_of

NOW = 1_763_700_000


def answer(condition: Condition, arguments: dict[str, Any]) -> bool | None:
    """True or false; None where there is no answer."""
    try:
        return condition.holds({"args": arguments, "env": {"now": NOW}})
    except Unevaluable:
        return None


@settings(max_examples=400, deadline=None)
@given(st.data(), tools())
def test_no_false_alarm(data: st.DataObject, tool: Tool) -> None:
    """A condition all of whose parts are true of some valid arguments gets no complaint that is an error."""
    arguments = data.draw(tool.arguments)
    assume(arguments)
    source = data.draw(true_of(arguments))
    condition = parse(source)
    assert answer(condition, arguments) is True
    found = examine(condition.tree, ToolFacts(tool.schema))
    assert found.problems == () and found.missing == (), source
    assert found.holds is not None


@settings(max_examples=400, deadline=None)
@given(st.data(), tools())
def test_what_is_called_impossible_is(data: st.DataObject, tool: Tool) -> None:
    """A condition that can never be true is true of no valid arguments, one that is always true is false of none, and
    what is said of the facts where it is true holds there."""
    first = data.draw(tool.arguments)
    strange = any_condition(sorted(tool.schema["properties"]))
    condition = parse(data.draw(strange | true_of(first) if first else strange))
    found = examine(condition.tree, ToolFacts(tool.schema))
    for arguments in data.draw(st.lists(tool.arguments, min_size=3, max_size=10)):
        jsonschema.validate(arguments, tool.schema)
        said = answer(condition, arguments)
        assert not (found.always and said is False), arguments
        if said is True and not found.missing:
            assert found.holds is not None, arguments
            for node, values in found.holds.learned.items():
                if isinstance(node, Path) and node.steps[0] == "args":
                    assert admits(values, Reading({"args": arguments}).find(node.steps)), (node, arguments)


def admits(values: Values, value: Any) -> bool:
    """Whether ``value`` is one of ``values``."""
    if value is MISSING:
        return values.missing
    if value is None:
        return values.null
    if isinstance(value, bool):
        return value in values.truths
    if isinstance(value, (int, float)):
        return values.numbers is not None and values.numbers.admits(value)
    if isinstance(value, str):
        return values.texts is not None and values.texts.admits(value)
    return (values.lists if isinstance(value, list) else values.objects) is not None
