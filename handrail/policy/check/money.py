"""Allows of tools that move money, without an upper bound of how much."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from handrail.conditions import Compare, Node, Path, path_text, walk
from handrail.policy.check.complaint import Complaint, at
from handrail.policy.check.context import Context
from handrail.policy.check.facts import ToolFacts
from handrail.policy.check.refine import Known, refine
from handrail.policy.check.rules import words
from handrail.policy.check.subjects import tenant_within, wider_subjects
from handrail.policy.check.values import Values
from handrail.policy.rows import Rule

_AMOUNTS = frozenset(
    {"amount", "price", "total", "sum", "fee", "payment", "cost", "salary", "budget", "usd", "eur", "gbp", "chf"}
)
_PAYING = frozenset(
    {"refund", "pay", "payment", "transfer", "wire", "send", "charge", "withdraw", "payout", "remit", "reimburse"}
)
_MONEY_WORDS = frozenset({"send"})
"""Verbs that move money only where the tool's name says so too."""


def unbounded_money(context: Context) -> Iterator[Complaint]:
    """One complaint for each rule that lets anybody but an agent move any amount; agents act within users' rights."""
    amounts = {name: found for name, facts in context.tools.items() if (found := _amounts(context, name, facts))}
    bounds = _Bounds(context, amounts)
    for rule in context.written if amounts else ():
        if rule.verdict == "deny" or rule.subject.startswith("agent:"):
            continue
        for tool in (name for name in context.covered(rule) if name in amounts):
            if path := next((path for path in amounts[tool] if not bounds.hold(rule, tool, path)), None):
                shown = path_text(path.steps)
                problem = f"{context.name(rule)} allows {tool} with any {shown}."
                yield at(context.place(rule), "unbounded-money", problem, f'Add when = "{shown} <= LIMIT".')
                break


def _amounts(context: Context, name: str, facts: ToolFacts) -> list[Path]:
    """Arguments of a tool that are sums of money without a bound of their own."""
    declared = context.settings.tools.get(name)
    if declared.effect == "read" if declared else not _moves_money(name):
        return []
    paths = [(Path(("args", argument)), values) for argument, values in facts.arguments()]
    return [path for path, values in paths if _is_amount(path.steps[-1]) and _is_unbounded(values)]


def _moves_money(name: str) -> bool:
    said = set(words(name))
    return bool(said & (_PAYING - _MONEY_WORDS)) or (bool(said & _MONEY_WORDS) and "money" in said)


def _is_amount(name: str) -> bool:
    return not _AMOUNTS.isdisjoint(words(name))


def _is_unbounded(values: Values) -> bool:
    return values.numbers is not None and values.numbers.hull().high is None


class _Bounds:
    """Whether conditions keep an argument from growing. Remembers the answer for conditions on the same values."""

    def __init__(self, context: Context, tools: Collection[str]) -> None:
        self._context = context
        self._denials: dict[str, list[Rule]] = {}
        for rule in context.rows.rules if tools else ():
            if rule.verdict == "deny":
                for tool in (name for name in context.covered(rule) if name in tools):
                    self._denials.setdefault(tool, []).append(rule)
        self._known: dict[tuple[object, ...], bool] = {}

    def hold(self, rule: Rule, tool: str, path: Path) -> bool:
        """Whether the rule's condition, or a denial that is at least as wide, bounds ``path``."""
        if self._bounds(rule, True, tool, path):
            return True
        wider = wider_subjects(self._context, rule.subject, rule.tenant)
        return any(
            one.subject in wider
            and tenant_within(one.tenant, rule.tenant)
            and (not one.when or self._bounds(one, False, tool, path))
            for one in self._denials.get(tool, ())
        )

    def _bounds(self, rule: Rule, want: bool, tool: str, path: Path) -> bool:
        condition = self._context.condition(rule)
        if condition is None:
            return False
        facts = self._context.tools[tool]
        steps = dict.fromkeys((*condition.paths, path.steps))
        key = (condition.source, want, path, *(id(facts.resolve(Path(one))) for one in steps))
        if key not in self._known:
            left = refine(condition.tree, want, Known(facts.values, {}))
            bounded = left is None or not _is_unbounded(left.values(path))
            self._known[key] = bounded or _beside_a_fact(condition.tree, path)
        return self._known[key]


def _beside_a_fact(tree: Node, path: Path) -> bool:
    """Whether ``path`` is compared with something that the model cannot choose."""
    sides = [(node.left, node.right) for node in walk(tree) if isinstance(node, Compare)]
    facts = [one for pair in sides if path in pair for one in pair if isinstance(one, Path)]
    return any(one.steps[0] != "args" for one in facts)
