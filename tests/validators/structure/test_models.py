"""Pydantic models as validators."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from handrail.errors import ConfigError
from handrail.validators import Context, Named, parse
from handrail.validators.structure.models import Model
from tests.validators.structure.order_models import Order

PATH = "tests.validators.structure.order_models:Order"
GOOD: dict[str, Any] = {
    "id": 1,
    "day": "2026-05-01",
    "items": [{"name": "a", "price": 2.5}, {"name": "b", "price": "free"}],
}


@pytest.mark.parametrize(
    ("changed", "code", "path"),
    [
        ({"id": "1"}, "model.int_type", "/id"),
        ({"day": "2026-02-30"}, "model.date_parsing", "/day"),
        ({"items": [{"price": 1.0}]}, "model.missing", "/items/0"),
        ({"items": [{"name": "a", "price": "1"}]}, "model.float_type", "/items/0/price"),
        ({"note": "damn"}, "model.value_error", "/note"),
    ],
)
def test_what_the_model_refuses(changed: dict[str, Any], code: str, path: str) -> None:
    """Each error of the model is a finding with pydantic's type as its code, and the place in the value."""
    for check in (Model(Order), parse(f"model('{PATH}')")):
        assert check.check(GOOD) == ()
        found = check.check({**GOOD, **changed})
        assert (found[0].code, found[0].path) == (code, path)
        assert "1" not in found[0].code


def test_what_is_missing_is_named() -> None:
    """A missing field is named in the message: a path cannot lead to it."""
    (found,) = Model(Order).check({"id": 1})
    assert (found.path, found.message) == ("", "day: Field required")


def test_lax_takes_texts_for_numbers() -> None:
    """Without ``strict`` a text that says a number is one."""
    assert parse(f"model('{PATH}', strict=false)").check({**GOOD, "id": "1"}) == ()


def test_a_model_that_breaks_is_a_finding() -> None:
    """What a model's own validator raises is a finding of whoever runs it, without the text of the exception."""
    (found,) = Named("v", Model(Order)).check({**GOOD, "note": "break"}, Context())
    assert found.code == "unchecked.error"
    assert "secret" not in found.message


@pytest.mark.parametrize(
    "written", ["model('nowhere:Order')", "model('json:Nobody')", "model('json')", "model('json:loads')", "model(5)"]
)
def test_what_is_no_model(written: str) -> None:
    """A path that leads to nothing, or to what pydantic cannot check, is refused when it is made."""
    with pytest.raises(ConfigError):
        parse(written)


VALUES = st.recursive(
    st.sampled_from([None, True, 1, 1.5, "x", "free", "2026-05-01"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["id", "day", "items", "name", "price", "note"]), inner, max_size=4)
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(VALUES | st.builds(lambda items: {**GOOD, "items": items}, st.lists(VALUES, max_size=2)))
def test_verdicts_are_pydantics(value: object) -> None:
    """A value passes exactly where pydantic, in strict mode and from JSON, takes it, and every path leads somewhere."""
    adapter = TypeAdapter(Order)
    import json

    found = Model(Order).check(value)
    try:
        adapter.validate_json(json.dumps(value), strict=True)
    except ValidationError:
        assert found
    else:
        assert found == ()
    for one in found:
        spot: Any = value
        for part in one.path.split("/")[1:]:
            spot = spot[int(part)] if isinstance(spot, list) else spot[part]
