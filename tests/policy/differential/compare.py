"""One generated policy, asked of ours and stock Casbin; a difference comes with the smallest policy that shows it."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, cast

from handrail.config.settings import CasbinSettings, Settings
from handrail.errors import PolicyError
from handrail.policy import Policy, PolicyRequest, build
from handrail.policy.casbin.model import Model
from handrail.policy.casbin_files import CasbinFiles
from handrail.policy.decision import Action
from tests.policy.differential.casbin_cases import CasbinCase, Request, casbin_case, without_line
from tests.policy.differential.stock import Outcome, StockFiles, StockToml, outcome
from tests.policy.differential.toml_cases import TomlCase, toml_case

TOML_SHARE = 5
"""Every how many-th policy is one of handrail.toml; the others are Casbin files."""


@dataclass(slots=True)
class Tally:
    """Sums over the policies compared."""

    policies: int = 0
    pairs: int = 0
    refused: int = 0
    """Pairs of policies that we refuse to load."""
    refused_alone: int = 0
    """Those of them that stock Casbin answers without raising."""
    decided: Counter[str] = field(default_factory=Counter[str])
    """How we decide -> pairs."""
    answers: Counter[str] = field(default_factory=Counter[str])
    """Stock's verdict -> pairs."""
    reasons: Counter[str] = field(default_factory=Counter[str])
    """Why we refuse -> policies."""
    differences: list[str] = field(default_factory=list[str])

    def add(self, other: Tally) -> None:
        """Add the sums of ``other``."""
        self.policies += other.policies
        self.pairs += other.pairs
        self.refused += other.refused
        self.refused_alone += other.refused_alone
        self.decided += other.decided
        self.answers += other.answers
        self.reasons += other.reasons
        self.differences += other.differences


def compare(seed: int, number: int, requests: int) -> Tally:
    """Compare policy ``number`` of the series ``seed`` with that many requests."""
    random = Random(f"{seed}:{number}")
    where = f"--seed {seed} --only {number}"
    if number % TOML_SHARE == 0:
        return compare_toml(toml_case(random, requests), where)
    return compare_casbin(casbin_case(random, requests), where)


def compare_casbin(case: CasbinCase, where: str = "") -> Tally:
    """Ours against stock on one pair of Casbin files."""
    with tempfile.TemporaryDirectory(prefix="handrail-differential-") as folder:
        return _compare_casbin(case, where, Path(folder))


def _compare_casbin(case: CasbinCase, where: str, folder: Path) -> Tally:
    tally = Tally(policies=1, pairs=len(case.requests))
    ours, stock = _load(case, folder)
    if isinstance(ours, PolicyError):
        tally.refused = tally.pairs
        tally.reasons[_kind(ours)] += 1
        if isinstance(stock, StockFiles):
            tally.refused_alone = sum(stock.ask(asked).verdict != "raised" for asked in case.requests)
        return tally
    tally.decided[ours.mode] += tally.pairs
    for asked in case.requests:
        theirs, mine = stock if isinstance(stock, Outcome) else stock.ask(asked), ours.ask(asked)
        tally.answers[theirs.verdict] += 1
        if theirs != mine and not tally.differences:
            tally.differences.append(_casbin_repro(case, asked, folder, where))
    return tally


class OurFiles:
    """Our answers over a model.conf and a policy.csv."""

    def __init__(self, model: Path, policy: Path) -> None:
        """Load both; raises PolicyError where we refuse them."""
        self._files = CasbinFiles(CasbinSettings(model, policy))
        self._lines = policy.read_bytes().decode().split("\n")
        self.mode = self._files.report().mode

    def ask(self, asked: Request) -> Outcome:
        """Our answer to one request, with the policy row that the named line holds."""
        subject = f"user:{asked.sub}"
        # What a request may hold is checked before the policy is asked; here it is asked all the same.
        request = PolicyRequest(cast("str", asked.dom), (subject,), cast("str", asked.obj), cast("Action", asked.act))
        request = replace(request, facts={"args": asked.args})
        found = outcome(lambda: self._files.principal(request, subject))
        return found if found.verdict == "raised" or found.by is None else Outcome(found.verdict, self._row(found.by))

    def _row(self, by: object) -> object:
        """The policy row in the line that an answer names."""
        line = self._lines[int(str(cast("tuple[str]", by)[0]).rpartition(":")[2]) - 1]
        return (Model.read_line(line.strip()) or ())[1:]


def _load(case: CasbinCase, folder: Path) -> tuple[OurFiles | PolicyError, StockFiles | Outcome]:
    model, policy = folder / "model.conf", folder / "policy.csv"
    model.write_bytes(case.model.encode())
    policy.write_bytes(case.policy.encode())
    try:
        ours: OurFiles | PolicyError = OurFiles(model, policy)
    except PolicyError as error:
        ours = error
    try:
        return ours, StockFiles(model, policy)
    except Exception as error:
        return ours, Outcome("raised", type(error).__name__)


def _answers(case: CasbinCase, asked: Request, folder: Path) -> tuple[Outcome, Outcome] | None:
    """Ours and stock's to one request, from a fresh start; None where we refuse the policy."""
    ours, stock = _load(case, folder)
    if isinstance(ours, PolicyError):
        return None
    return ours.ask(asked), stock if isinstance(stock, Outcome) else stock.ask(asked)


def _casbin_repro(case: CasbinCase, asked: Request, folder: Path, where: str) -> str:
    """The smallest policy that we find by leaving out lines, with the answers to it."""
    number = 0
    while number < len(case.policy.split("\n")):
        fewer = without_line(case, number)
        answers = _answers(fewer, asked, folder)
        if answers and answers[0] != answers[1]:
            case = fewer
        else:
            number += 1
    ours, stock = _answers(case, asked, folder) or ("the same policy again", "gives no difference")
    return f"{where}\n{case.model}\n{case.policy!r}\n{asked}\nours:  {ours}\nstock: {stock}\n"


def compare_toml(case: TomlCase, where: str = "") -> Tally:
    """Ours against stock on one handrail.toml."""
    tally = Tally(policies=1, pairs=len(case.requests))
    ours, stock = build(case.settings), StockToml(case.settings)
    tally.decided["stock"] += tally.pairs
    for asked in case.requests:
        theirs, mine = stock.ask(asked), _decided(ours, asked)
        tally.answers[theirs.verdict] += 1
        if theirs != mine and not tally.differences:
            tally.differences.append(_toml_repro(case.settings, asked, where))
    return tally


def _decided(policy: Policy, asked: PolicyRequest) -> Outcome:
    """Our answer; where the short answers of `settled` and `visible` contradict it, those."""
    found = policy.decide(asked)
    settled = policy.settled(asked.tenant, asked.principals, asked.tool, asked.action, asked.scopes)
    if settled is not None and (settled.verdict, settled.rule) != (found.verdict, found.rule):
        return Outcome("settled", settled)
    visible = policy.visible(asked.tenant, asked.principals, asked.tool, asked.scopes)
    if asked.action == "call" and found.verdict == "allow" and not visible:
        return Outcome("not visible", None)
    if found.reason.startswith("The policy could not decide ("):
        return Outcome("raised", found.reason.partition("(")[2].partition(")")[0])
    return Outcome(found.verdict, found.rule)


def _toml_repro(settings: Settings, asked: PolicyRequest, where: str) -> str:
    """The smallest settings that we find by leaving out rules, delegations and users."""
    for name in ("rules", "delegates", "users", "roles"):
        for entry in list(getattr(settings, name)):
            kept = getattr(settings, name)
            less = {key: kept[key] for key in kept if key != entry} if isinstance(kept, dict) else _without(kept, entry)
            fewer = replace(settings, **cast("dict[str, Any]", {name: less}))
            if _decided(build(fewer), asked) != StockToml(fewer).ask(asked):
                settings = fewer
    parts = [f"{name}: {getattr(settings, name)}" for name in ("rules", "delegates", "users", "roles")]
    ours, stock = build(settings).decide(asked), StockToml(settings).ask(asked)
    return "\n".join([where, *parts, str(asked), f"ours:  {ours}", f"stock: {stock}", ""])


def _without(entries: tuple[object, ...], entry: object) -> tuple[object, ...]:
    return tuple(one for one in entries if one is not entry)


def _kind(error: PolicyError) -> str:
    """What is wrong, without the values of this one policy."""
    return re.sub(r"\(.*\)|'[^']*'|\"[^\"]*\"|[0-9]+", "_", error.problem)[:100]
