"""The mutation score: how many weaker copies of a policy its cases notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from handrail.config.expectations import Expectation
from handrail.config.settings import Settings
from handrail.errors import HandrailError
from handrail.policy.cases import outcome
from handrail.policy.decision import Action, Decision, PolicyRequest
from handrail.policy.explain.book import Book, named
from handrail.policy.mutation.search import MOST_REQUESTS, Difference, Search
from handrail.policy.mutation.weaken import Mutant, applied, mutants
from handrail.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class Survivor:
    """A weaker copy that no case notices."""

    mutant: Mutant
    difference: Difference | None
    """A request that would tell them apart; None where none was found."""


@dataclass(frozen=True, slots=True)
class Score:
    """How strong the cases are."""

    killed: int
    total: int
    """Weaker copies that differ, or may differ, from the policy."""
    removed_killed: int
    removed_total: int
    """The same for allowances that are gone, which weaken nothing."""
    survivors: tuple[Survivor, ...]
    """Of both kinds, in file order."""
    equivalent: tuple[Mutant, ...]
    """Copies that are proven to decide like the policy: no case could notice them, so they are not counted."""

    @property
    def percent(self) -> float:
        """``killed`` of ``total``; 100 where there is nothing to weaken."""
        return 100.0 * self.killed / self.total if self.total else 100.0


def score(
    settings: Settings,
    cases: Sequence[Expectation],
    progress: Callable[[int, int], None] = lambda done, every: None,
    *,
    tries: int = MOST_REQUESTS,
) -> Score:
    """Weaken each rule in turn. The cases must hold for ``settings`` itself. ``progress`` is told (done, all).

    ``tries`` bounds the search for a request that tells a survivor from the policy.
    """
    trial = _Trial(settings, cases, tries)
    every = [one for one in mutants(trial.settings) if trial.valid(one)]
    alive: list[Survivor] = []
    equivalent: list[Mutant] = []
    for number, mutant in enumerate(every):
        progress(number, len(every))
        if trial.killed(mutant):
            continue
        found = trial.search(mutant)
        if found is None:
            equivalent.append(mutant)
        else:
            alive.append(found)
    progress(len(every), len(every))
    counted = [one for one in every if one not in equivalent]
    weak = sum(one.kind == "weakened" for one in counted)
    weak_alive = sum(one.mutant.kind == "weakened" for one in alive)
    gone, gone_alive = len(counted) - weak, len(alive) - weak_alive
    return Score(weak - weak_alive, weak, gone - gone_alive, gone, tuple(alive), tuple(equivalent))


class _Trial:
    """One policy and its cases, with small policies for each tool: only what covers it can count."""

    def __init__(self, settings: Settings, cases: Sequence[Expectation], tries: int) -> None:
        self.settings = named(settings)
        self._book = Book(self.settings)
        self._cases = cases
        tools = frozenset(case.on for case in cases if case.action == "call")
        self._search = Search(self.settings, tools, tries=tries)
        self._original = _policies_of(self._book)

    def valid(self, mutant: Mutant) -> bool:
        """Whether the copy is a policy at all: some changed conditions are refused."""
        try:
            self._changed_book(mutant)
        except HandrailError:
            return False
        return True

    def _entry(self, mutant: Mutant) -> Settings:
        """The settings with nothing but the entry, as it was."""
        rules = tuple(one for one in self.settings.rules if one.id == mutant.id)
        delegates = tuple(one for one in self.settings.delegates if one.id == mutant.id)
        return replace(self.settings, rules=rules, delegates=delegates)

    def _changed_book(self, mutant: Mutant) -> Book:
        return Book(applied(self._entry(mutant), mutant))

    def killed(self, mutant: Mutant) -> bool:
        """Whether a case fails for the copy."""
        changed = Book(applied(self.settings, mutant))
        alone = Book(self._entry(mutant)), self._changed_book(mutant)
        policies: dict[tuple[str, str], Policy] = {}
        for case in self._cases:
            key = case.action, case.on
            if not any(_covers(book, *key) for book in alone):
                continue  # the entry has no say, as it was and as it is
            if key not in policies:
                policies[key] = Policy(_about(changed, *key))
            if not outcome(policies[key], case).holds:
                return True
        return False

    def search(self, mutant: Mutant) -> Survivor | None:
        """The copy with a request that tells it from the policy; None where it is proven to be the same."""
        changed = Book(applied(self.settings, mutant))
        copies = _policies_of(changed)

        def decide(asked: PolicyRequest) -> tuple[Decision, Decision]:
            key = asked.action, asked.tool
            return self._original(key).decide(asked), copies(key).decide(asked)

        found = self._search.find(mutant, changed, decide)
        return None if found.equivalent else Survivor(mutant, found.difference)


def _policies_of(book: Book) -> Callable[[tuple[Action, str]], Policy]:
    """Action and name -> the small policy that decides of them, made once."""

    @lru_cache(128)
    def made(key: tuple[Action, str]) -> Policy:
        return Policy(_about(book, *key))

    return made


def _about(book: Book, action: Action, name: str) -> Settings:
    """The settings without the rules and delegations that do not cover the object."""
    kept = set(_covering(book, action, name))
    settings = book.settings
    return replace(
        settings,
        rules=tuple(one for one in settings.rules if one.id in kept),
        delegates=tuple(one for one in settings.delegates if one.id in kept),
    )


def _covers(book: Book, action: Action, name: str) -> bool:
    return next(_covering(book, action, name), None) is not None


def _covering(book: Book, action: Action, name: str) -> Iterator[str]:
    entries = [*((one.id, one.covers) for one in book.rules.rules)]
    entries += ((one.id, one.covers) for one in book.rules.delegations)
    for id, covers in entries:
        if any(act == action and pattern.covers(name) for act, pattern in covers):
            yield id
