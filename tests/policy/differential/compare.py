"""One generated policy, asked of ours and stock Casbin; a difference comes with the smallest policy that shows it."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any, Protocol, cast

from handrail.config.settings import CasbinSettings, Settings
from handrail.errors import PolicyError
from handrail.policy import Policy, PolicyRequest, build
from handrail.policy.casbin.model import Model
from handrail.policy.casbin.program import load
from handrail.policy.casbin_files import CasbinFiles
from handrail.policy.decision import Action
from tests.policy.differential.casbin_cases import CasbinCase, Request, casbin_case, without_line
from tests.policy.differential.stock import Outcome, StockFiles, StockToml, outcome, values
from tests.policy.differential.toml_cases import TomlCase, toml_case

SHARE = 5
"""Of so many policies one is a handrail.toml, one is put to the engine beneath, the others are Casbin files."""


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
    if number % SHARE == 0:
        return compare_toml(toml_case(random, requests), where)
    if number % SHARE == 1:
        return compare_casbin(casbin_case(random, requests, texts=False), where, OurProgram)
    return compare_casbin(casbin_case(random, requests), where)


class Side(Protocol):
    """One of the two that are compared."""

    def ask(self, asked: Request) -> Outcome:
        """The answer to one request, with the policy row that decided."""
        ...


class Failed:
    """A side that cannot be loaded: every request to it raises."""

    mode = "fails"

    def __init__(self, error: Exception) -> None:
        """``error`` is why."""
        self._outcome = Outcome("raised", type(error).__name__)

    def ask(self, asked: Request) -> Outcome:
        """Always the same."""
        return self._outcome


def compare_casbin(case: CasbinCase, where: str = "", side: type[OurFiles | OurProgram] | None = None) -> Tally:
    """Ours against stock on one pair of Casbin files."""
    with tempfile.TemporaryDirectory(prefix="handrail-differential-") as folder:
        return _compare_casbin(case, where, Path(folder), side or OurFiles)


def _compare_casbin(case: CasbinCase, where: str, folder: Path, side: type[OurFiles | OurProgram]) -> Tally:
    tally = Tally(policies=1, pairs=len(case.requests))
    ours, stock = _load(case, folder, side)
    if isinstance(ours, PolicyError):
        tally.refused = tally.pairs
        tally.reasons[_kind(ours)] += 1
        tally.refused_alone = sum(stock.ask(asked).verdict != "raised" for asked in case.requests)
        return tally
    tally.decided[ours.mode] += tally.pairs
    for asked in case.requests:
        theirs = stock.ask(asked)
        tally.answers[theirs.verdict] += 1
        if theirs != ours.ask(asked) and not tally.differences:
            tally.differences.append(_casbin_repro(case, asked, folder, where, side))
    return tally


class OurFiles:
    """Our answers over a model.conf and a policy.csv."""

    def __init__(self, model: Path, policy: Path) -> None:
        """Load both; raises PolicyError where we refuse them."""
        self._files = CasbinFiles(CasbinSettings(model, policy))
        self._lines = policy.read_bytes().decode().split("\n")
        self.mode: str = self._files.report().mode

    def ask(self, asked: Request) -> Outcome:
        """Our answer to one request, with the policy row that the named line holds."""
        subject = f"user:{asked.sub}"
        request = PolicyRequest(cast("str", asked.dom), (subject,), cast("str", asked.obj), cast("Action", asked.act))
        request = replace(request, facts={"args": asked.args})
        found = outcome(lambda: self._files.principal(request, subject))
        if short := self._contradicted(request, subject, found):
            return short
        return found if found.verdict == "raised" or found.by is None else Outcome(found.verdict, self._row(found.by))

    def _contradicted(self, request: PolicyRequest, subject: str, found: Outcome) -> Outcome | None:
        """What the short answers, which know no facts, say against the full one."""
        allowed = found.verdict == "allow"
        settled = outcome(lambda: self._files.settled(request, subject) or (allowed, ()))
        if settled.verdict != "raised" and (settled.verdict == "allow") is not allowed:
            return Outcome("settled", settled)
        if allowed and not self._files.could_allow(request, subject):
            return Outcome("not visible", None)
        return None

    def _row(self, by: object) -> object:
        """The policy row in the line that an answer names."""
        line = self._lines[int(str(cast("tuple[str]", by)[0]).rpartition(":")[2]) - 1]
        return (Model.read_line(line.strip()) or ())[1:]


class OurProgram:
    """Our engine's answers over the same texts, whatever stands in a request and whatever we would refuse at load."""

    def __init__(self, model: Path, policy: Path) -> None:
        """Load both; raises what Casbin raises."""
        lines = policy.read_bytes().decode().split("\n")
        parsed = Model(model.read_text("utf-8"))
        self._program = load(parsed, "\n".join(line.strip() for line in lines))
        self._fields = parsed.tokens("r", "r")
        self.mode: str = self._program.report().mode

    def ask(self, asked: Request) -> Outcome:
        """Our engine's answer to one request."""
        return outcome(lambda: self._program.ask(*values(asked, self._fields)))


def _load(
    case: CasbinCase, folder: Path, side: type[OurFiles | OurProgram]
) -> tuple[OurFiles | OurProgram | Failed | PolicyError, Side]:
    model, policy = folder / "model.conf", folder / "policy.csv"
    model.write_bytes(case.model.encode())
    policy.write_bytes(case.policy.encode())
    return _made(side, model, policy), _stock(model, policy)


def _made(side: type[OurFiles | OurProgram], model: Path, policy: Path) -> OurFiles | OurProgram | Failed | PolicyError:
    try:
        return side(model, policy)
    except PolicyError as error:
        return error
    except Exception as error:
        if side is OurFiles:
            raise
        return Failed(error)


def _stock(model: Path, policy: Path) -> Side:
    try:
        return StockFiles(model, policy)
    except Exception as error:
        return Failed(error)


def _differ(case: CasbinCase, asked: Request, folder: Path, side: type[OurFiles | OurProgram]) -> tuple[Outcome, ...]:
    """Ours and stock's answer to one request, from a fresh start, where they are not the same."""
    ours, stock = _load(case, folder, side)
    if isinstance(ours, PolicyError):
        return ()
    answers = ours.ask(asked), stock.ask(asked)
    return answers if answers[0] != answers[1] else ()


def _casbin_repro(case: CasbinCase, asked: Request, folder: Path, where: str, side: type[OurFiles | OurProgram]) -> str:
    """The smallest policy that we find by leaving out lines, with the answers to it."""
    number = 0
    while number < len(case.policy.split("\n")):
        fewer = without_line(case, number)
        if _differ(fewer, asked, folder, side):
            case = fewer
        else:
            number += 1
    ours, stock = _differ(case, asked, folder, side) or ("asked again, no difference", "the same")
    return f"{where} {side.__name__}\n{case.model}\n{case.policy!r}\n{asked}\nours:  {ours}\nstock: {stock}\n"


def compare_toml(case: TomlCase, where: str = "") -> Tally:
    """Ours against stock on one handrail.toml."""
    tally = Tally(policies=1, pairs=len(case.requests))
    ours, stock = build(case.settings), StockToml(case.settings)
    report = ours.report()
    tally.decided[report.mode if report else "no rules"] += tally.pairs
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
