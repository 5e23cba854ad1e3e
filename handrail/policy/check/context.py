"""The rules of handrail.toml beside the tools that they cover, for whoever looks at them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property, lru_cache

from handrail.conditions import Condition, unparse
from handrail.config.settings import DelegateSettings, Place, RuleSettings, Settings
from handrail.policy.check.facts import Resolved, ToolFacts, ToolSchema
from handrail.policy.links import reach, settings_roles
from handrail.policy.patterns import Pattern
from handrail.policy.rows import Rule, RuleSet

_NO_TOOL = ToolFacts(None)


class Context:
    """One set of rules and the tools that are known."""

    def __init__(self, settings: Settings, rows: RuleSet, tools: Mapping[str, ToolSchema]) -> None:
        self.settings, self.rows = settings, rows
        self._equal: dict[Resolved, Resolved] = {}
        self.tools = {name: self._facts(name, schema) for name, schema in tools.items()}
        self._entries: dict[str, RuleSettings | DelegateSettings] = dict(
            zip(
                (rule.key for rule in rows.rules), (*settings.rules, *settings.delegates), strict=True
            )
        )  # fmt: skip
        self.roles_of = settings_roles(settings)
        self.included = {
            f"role:{role}": frozenset(f"role:{one}" for one in reach(settings.roles, role)) for role in settings.roles
        }
        self._asked: dict[str, str] = {}
        self._matching = lru_cache(None)(self._match)

    def _facts(self, name: str, schema: ToolSchema) -> ToolFacts:
        sides = (one for one in self.settings.validates if one.on == "arguments" and one.tool == name)
        validated = [one.schema for one in sides if one.schema is not None and one.then == "reject"]
        return ToolFacts(schema, validated=validated, equal=self._equal)

    def place(self, rule: Rule) -> Place:
        """Where the rule, or the delegation that gives it, stands."""
        return self._entries[rule.key].place

    def name(self, rule: Rule) -> str:
        """How messages call it."""
        kind = "Rule" if isinstance(self._entries[rule.key], RuleSettings) else "Delegation"
        return f'{kind} "{rule.id}"'

    @cached_property
    def written(self) -> tuple[Rule, ...]:
        """The ``[[rule]]``s, without what delegations give."""
        return self.rows.rules[: len(self.settings.rules)]

    def condition(self, rule: Rule) -> Condition | None:
        """What the rule asks for; None for nothing."""
        return self.rows.conditions[rule.when] if rule.when else None

    def asks(self, rule: Rule) -> str:
        """The rule's condition, written alike for alike conditions; empty for none."""
        if not rule.when:
            return ""
        if rule.when not in self._asked:
            self._asked[rule.when] = unparse(self.rows.conditions[rule.when].tree)
        return self._asked[rule.when]

    def covered(self, rule: Rule) -> tuple[str, ...]:
        """Known tools whose calls the rule covers."""
        patterns = [pattern for action, pattern in rule.covers if action == "call"]
        if len(patterns) == 1:
            return self._matching(patterns[0])
        return tuple(dict.fromkeys(name for pattern in patterns for name in self._matching(pattern)))

    def described(self, rule: Rule) -> dict[str, ToolFacts]:
        """Covered tools whose arguments are known; one without a name stands for everything else."""
        found = {name: self.tools[name] for name in self.covered(rule) if self.tools[name].known}
        return found or {"": _NO_TOOL}

    def _match(self, pattern: Pattern) -> tuple[str, ...]:
        if pattern.is_literal:
            return (pattern.text,) if pattern.text in self.tools else ()
        return tuple(name for name in self.tools if pattern.covers(name))


def as_written(settings: Settings) -> Settings:
    """``settings`` without what was changed while agents ran: a suspension shadows rules, as it is meant to."""
    if not settings.live:
        return settings
    made = {change.id for change in settings.live}
    granted = {(f"{change.tenant}/{change.user}", change.role) for change in settings.live if change.what == "grant"}
    return replace(
        settings,
        casbin=replace(settings.casbin, live=()) if settings.casbin else None,
        rules=tuple(rule for rule in settings.rules if rule.id not in made),
        users={
            user: tuple(role for role in roles if (user, role) not in granted) for user, roles in settings.users.items()
        },
    )


def names_of(names: Iterable[str]) -> str:
    """Tools in a sentence."""
    listed = list(names)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(listed[:5]) + more
