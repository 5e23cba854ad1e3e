"""Casbin's own example models and policies, decided by ours and by stock Casbin; what we refuse is listed by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from random import Random

import pytest

from handrail.errors import PolicyError
from handrail.policy.casbin.model import Model, Row
from tests.policy.differential.casbin_cases import Request
from tests.policy.differential.compare import OurFiles
from tests.policy.differential.stock import StockFiles

REFUSED_MODELS = {
    "keymatch_custom_model.conf": "'keyMatchCustom' is not defined",
    "rbac_with_domain_temporal_roles_model.conf": "Roles with conditions need Python code",
    "rbac_with_multiple_policy_model.conf": "The request field 'thing' stands for nothing",
    "rbac_with_temporal_roles_model.conf": "Roles with conditions need Python code",
}
"""Model -> why we load it with no policy."""

REFUSED_POLICIES = {"priority_indeterminate_policy.csv": "The line has the effect 'intdeterminate'"}
"""Policy -> why we load it with no model that has effects."""

OTHER_COLUMNS = ("The line has the effect 'read'", "The line has the condition", "The line has the effect 'intdet")
"""Why we refuse a policy beside a model of another name, in which its columns mean something else."""

NAMED = {
    "basic_inverse_policy.csv": "basic_model.conf",
    "empty_policy.csv": "basic_model.conf",
    "priority_indeterminate_policy.csv": "priority_model.conf",
    "priority_policy_explicit.csv": "priority_model_explicit.conf",
    "rbac_with_domain_temporal_roles_condition_policy.csv": "rbac_with_domain_temporal_roles_model.conf",
    "rbac_with_domains_policy2.csv": "rbac_with_domains_model.conf",
    "rbac_with_hierarchy_policy.csv": "rbac_model.conf",
    "rbac_with_hierarchy_with_domains_policy.csv": "rbac_with_domains_model.conf",
    "rbac_with_hierarchy_without_policy_domains.csv": "rbac_with_domains_without_policy_matcher.conf",
    "rbac_with_multiply_matched_pattern.csv": "rbac_with_multiply_matched_pattern.conf",
    "rbac_with_temporal_roles_condition_policy.csv": "rbac_with_temporal_roles_model.conf",
    "subject_priority_policy_with_domain.csv": "subject_priority_model_with_domain.conf",
}
"""Policy -> its model, where the names do not say it."""

OBJECTS = (
    "/alice_data/resource1", "/alice_data2/1/using/2", "/bob_data/x", "/pen/1", "/pen2/1", "/book/1", "/book2/2",
    "/data1",
)  # fmt: skip
SUBJECTS = ("192.168.2.7", "10.0.5.5")
MOST = 400
"""Requests to one pair of files."""


def test_every_example_decides_as_stock(test_data: Callable[[str], Path]) -> None:
    """Every model with every policy that fits it: equal decisions over all names in it, or a refusal from the list."""
    folder = test_data("casbin-examples")
    refused: Counter[str] = Counter()
    for model, policy in _pairs(folder):
        try:
            ours, stock = OurFiles(model, policy), StockFiles(model, policy)
        except PolicyError as error:
            refused[_expected(model.name, policy.name, error.problem)] += 1
            continue
        for asked in _requests(model, policy):
            assert ours.ask(asked) == stock.ask(asked), (model.name, policy.name, asked)
    assert set(refused) == {*REFUSED_MODELS, *REFUSED_POLICIES, "other columns"}


def test_every_policy_has_its_model(test_data: Callable[[str], Path]) -> None:
    """Each example policy fits the model that it was written for, so none is left out."""
    folder = test_data("casbin-examples")
    for policy in folder.glob("*.csv"):
        model = folder / NAMED.get(policy.name, policy.name.replace("_policy.csv", "_model.conf"))
        assert _fits(Model(model.read_text()), policy), policy.name


def test_what_is_refused_is_in_the_docs() -> None:
    """The how-to page names every refused example."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "use-casbin-files.md"
    text = page.read_text()
    for name in (*REFUSED_MODELS, *REFUSED_POLICIES):
        assert f"`{name}`" in text


def _expected(model: str, policy: str, problem: str) -> str:
    """Which entry of the lists foresees this refusal; fails where none does."""
    for name, table in ((model, REFUSED_MODELS), (policy, REFUSED_POLICIES)):
        if name in table and table[name] in problem:
            return name
    if problem.startswith(OTHER_COLUMNS) and NAMED.get(policy, policy.replace("_policy.csv", "_model.conf")) != model:
        return "other columns"
    pytest.fail(f"{model} with {policy} is refused, which is not foreseen: {problem}")


def _pairs(folder: Path) -> Iterator[tuple[Path, Path]]:
    for model in sorted(folder.glob("*.conf")):
        parsed = Model(model.read_text())
        yield from ((model, policy) for policy in sorted(folder.glob("*.csv")) if _fits(parsed, policy))


def _rows(policy: Path) -> list[Row]:
    return [row for line in policy.read_text().split("\n") if (row := Model.read_line(line.strip()))]


def _fits(model: Model, policy: Path) -> bool:
    """Whether every row has a definition and its width."""
    for key, *fields in _rows(policy):
        if key[0] not in model.sections() or key not in model.keys(key[0]):
            return False
        if key[0] == "p" and len(fields) != len(model.tokens("p", key)):
            return False
        if key[0] == "g" and len(fields) < model.value("g", key).count("_"):
            return False
    return True


def _requests(model: Path, policy: Path) -> list[Request]:
    """The cross product of the names in the policy and some that are not, or a fixed sample of it."""
    parsed = Model(model.read_text())
    columns = parsed.tokens("p", "p")
    values: dict[str, set[str]] = {name: {"unknown"} for name in ("sub", "dom", "obj", "act")}
    for key, *fields in _rows(policy):
        for place, value in enumerate(fields):
            names = [columns[place]] if key == "p" else [("sub", "obj"), ("sub", "obj"), ("dom",)][min(place, 2)]
            for name in names:
                values.get(name, set()).add(value)
    values["sub"] |= {*SUBJECTS}
    values["obj"] |= {*OBJECTS}
    values["act"] |= {"read", "GET"}
    every = [Request(sub, dom, obj, act, {}) for sub, dom, obj, act in product(*map(sorted, values.values()))]
    return every if len(every) <= MOST else Random(0).sample(every, MOST)
