"""Stock Casbin as the oracle: its own loading, its own role managers, nothing of ours in between."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import casbin

from handrail.config.settings import DelegateSettings, RuleSettings, Settings
from handrail.policy import PolicyRequest
from handrail.policy.facts import Arguments
from tests.policy.differential import toml_cases
from tests.policy.differential.casbin_cases import Request

casbin.util.log.disabled_logging()


class Outcome(NamedTuple):
    """What came of one question."""

    verdict: str
    """``allow``, ``deny``, or ``raised``."""
    by: object
    """The policy row or rule that decided (None: none did), or the name of the exception's class."""


_VALUES: dict[str, Callable[[Request], object]] = {
    **dict.fromkeys(("sub", "subject", "user"), lambda asked: asked.sub),
    **dict.fromkeys(("dom", "domain", "tenant"), lambda asked: asked.dom),
    **dict.fromkeys(("obj", "object", "resource", "tool"), lambda asked: asked.obj),
    **dict.fromkeys(("act", "action"), lambda asked: asked.act),
    # The canonical form in which both get the arguments: a dict would be open to its own methods.
    **dict.fromkeys(("args", "facts"), lambda asked: Arguments(asked.args)),
}


def values(asked: Request, fields: Sequence[str]) -> list[object]:
    """What a request holds, in the order of a model's fields."""
    return [_VALUES[name](asked) for name in fields]


class StockFiles:
    """Stock Casbin over a model.conf and a policy.csv; raises on loading what Casbin raises."""

    def __init__(self, model: Path, policy: Path) -> None:
        self._enforcer: Any = casbin.Enforcer(str(model), str(policy))
        self._fields = [str(token)[2:] for token in self._enforcer.get_model()["r"]["r"].tokens]

    def ask(self, asked: Request) -> Outcome:
        """Stock's answer to one request; its row is a list of texts."""
        return outcome(lambda: self._enforcer.enforce_ex(*values(asked, self._fields)))


def outcome(ask: Callable[[], Any]) -> Outcome:
    """The outcome of an ``enforce_ex``."""
    try:
        allowed, row = ask()
    except Exception as error:
        return Outcome("raised", type(error).__name__)
    return Outcome("allow" if allowed else "deny", tuple(row) or None)


class StockToml:
    """Stock Casbin over the shipped model.conf: one row per rule and pattern, and functions in their plainest form."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._enforcer = self._load()

    def ask(self, asked: PolicyRequest) -> Outcome:
        """The answer for the whole chain: every principal, every link and every scope must allow it."""
        names = asked.principals
        if not asked.tenant or not asked.tool or len(set(names)) < len(names) or len(names) > 8:
            return Outcome("deny", None)
        if not all(any(covers(pattern, asked.tool) for pattern in scope) for scope in asked.scopes):
            return Outcome("deny", None)
        enforcer, what = self._enforcer, (asked.tenant, asked.action, asked.tool)
        _introduce(enforcer.get_role_manager(), asked)
        rules: list[str] = []
        for number, name in enumerate(names):
            if number and not enforcer.enforce(_SECOND, names[number - 1], name, *what):
                return Outcome("deny", None)
            allowed, row = enforcer.enforce_ex(name, *what, _Opaque(asked.facts))
            if not allowed:
                return Outcome("deny", row[0] if row else None)
            rules.append(row[0])
        return Outcome("allow", rules[0])

    def _load(self) -> Any:
        model = casbin.Model()
        model.load_model_from_text(files("handrail.policy").joinpath("model.conf").read_text("utf-8"))
        model["p"]["p"].policy = self._rules()
        model["p"]["p2"].policy = self._delegations()
        enforcer = casbin.Enforcer(model)
        enforcer.add_function("covers", covers)
        enforcer.add_function("holds", lambda key, when, effect, facts: toml_cases.holds(when, effect, facts.args()))
        roles = enforcer.get_role_manager()
        enforcer.get_model()["g"]["g"].rm = roles
        for link in self._links():
            roles.add_link(*link)
        return enforcer

    def _links(self) -> list[tuple[str, str, str]]:
        held = [
            (f"user:{name.partition('/')[2]}", f"role:{role}", name.partition("/")[0])
            for name, roles in self._settings.users.items()
            for role in roles
        ]
        included = [
            (f"role:{role}", f"role:{inner}", tenant)
            for tenant in toml_cases.TENANTS
            for role, roles in self._settings.roles.items()
            for inner in roles
        ]
        return [*held, *included]

    def _rules(self) -> list[list[str]]:
        rows = [
            [rule.id, _subject(rule.subject), rule.tenant, action, name, rule.when, rule.verdict]
            for rule in self._settings.rules
            for action, name in self._covered(rule)
        ]
        rows += [
            [one.id, _subject(one.to), one.tenant, action, name, "", "allow"]
            for one in self._settings.delegates
            for action, name in self._covered(one)
        ]
        return sorted(rows, key=lambda row: row[-1] != "deny")

    def _delegations(self) -> list[list[str]]:
        return [
            [one.id, _subject(one.from_), _subject(one.to), one.tenant, action, name]
            for one in self._settings.delegates
            for action, name in self._covered(one)
        ]

    def _covered(self, entry: RuleSettings | DelegateSettings) -> list[tuple[str, str]]:
        written = {"call": entry.call, "read": entry.read, "write": entry.write}
        return [(action, name) for action, names in written.items() for name in self._expanded(names)]

    def _expanded(self, names: tuple[str, ...]) -> list[str]:
        groups: Mapping[str, tuple[str, ...]] = self._settings.groups
        return list(chain.from_iterable(self._expanded(groups[n]) if n in groups else [n] for n in names))


_SECOND = casbin.Enforcer.new_enforce_context(None, "2")


def _introduce(roles: Any, asked: PolicyRequest) -> None:
    """Every principal is in ``*``, every user in ``user:*``, every agent in ``agent:*``."""
    for name in asked.principals:
        for role in ("*", f"{name.partition(':')[0]}:*"):
            if not roles.has_link(name, role, asked.tenant):
                roles.add_link(name, role, asked.tenant)


class _Opaque:
    """Facts that Casbin's evaluator does not look into."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        self._facts = facts

    def args(self) -> Mapping[str, object]:
        found = self._facts["args"]
        assert isinstance(found, dict)
        return found


def covers(pattern: str, name: str) -> bool:
    """Whether the whole of ``name`` matches, where ``*`` stands for any characters."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _subject(written: str) -> str:
    return written if written == "*" or ":" in written else f"role:{written}"
