"""What holds for every validator that has a name."""

from __future__ import annotations

import pytest

from handrail.validators import Finding, Named
from handrail.validators.registry import known
from tests.validators.cases import Cases
from tests.validators.collected import collected
from tests.validators.hostile import LIARS, VALUES

CASES = collected()
EACH = [pytest.param(one, id=f"{name}:{one.check}"[:80]) for name, all_of in CASES.items() for one in all_of]
SHARES = [
    pytest.param(one, list(VALUES.values())[number :: len(all_of)], id=f"{name}:{one.check}"[:80])
    for name, all_of in CASES.items()
    for number, one in enumerate(all_of)
]
"""Each validator meets the whole corpus here, its cases a share of it each.

`python -m benchmarks.validators worst` tries every value on each, and counts the milliseconds.
"""
OURS = sorted(name for name, entry in known().items() if entry.room)


@pytest.mark.parametrize("name", OURS)
def test_every_name_has_examples(name: str) -> None:
    """Each validator has true and false examples, and a worst case."""
    cases = CASES.get(name, [])
    assert any(one.good for one in cases), f"no good example of {name}"
    assert any(one.bad for one in cases), f"no bad example of {name}"
    assert any(one.worst for one in cases), f"no worst case of {name}"


@pytest.mark.parametrize("name", OURS)
def test_every_name_says_where_its_rule_comes_from(name: str) -> None:
    """Each validator names its source and has a docstring."""
    maker = known()[name].load()
    assert getattr(maker, "source", ""), f"{name} names no source"
    assert maker.__doc__, f"{name} says not what it does"


@pytest.mark.parametrize("cases", EACH)
def test_good_values_pass(cases: Cases) -> None:
    """A good example gives no error."""
    check = cases.made()
    for value in cases.good:
        found = [one for one in check.check(value, cases.context) if one.severity == "error"]
        assert not found, f"{value!r:.200}: {found}"


@pytest.mark.parametrize("cases", EACH)
def test_bad_values_are_found(cases: Cases) -> None:
    """A bad example gives a finding with the code that it is an example of."""
    check = cases.made()
    for value, code in cases.bad:
        assert code in {one.code for one in check.check(value, cases.context)}, f"{value!r:.200}"


@pytest.mark.parametrize("cases", [one for one in EACH if getattr(one.values[0], "fixes", ())])
def test_repairs_are_offered(cases: Cases) -> None:
    """A value that can be mended gives a finding with what it should be."""
    check = cases.made()
    for value, right in cases.fixes:
        assert right in [one.fix.value for one in check.check(value, cases.context) if one.fix], f"{value!r:.200}"


@pytest.mark.parametrize(("cases", "values"), SHARES)
def test_nothing_breaks_it(cases: Cases, values: list[object]) -> None:
    """No hostile value and no worst case makes it raise; what it says are findings, at most twenty."""
    check = cases.made()
    for value in [*values, *(make() for make in cases.worst)]:
        found = check.check(value, cases.context)
        assert isinstance(found, tuple)
        assert len(found) <= 20
        assert all(isinstance(one, Finding) and len(one.excerpt) <= 200 for one in found)


@pytest.mark.parametrize("cases", EACH)
def test_values_that_lie_are_findings_at_most(cases: Cases) -> None:
    """A value whose own methods raise is at worst one that could not be checked."""
    check = Named("v", cases.made())
    for value in LIARS.values():
        assert all(isinstance(one, Finding) for one in check.check(value, cases.context))
