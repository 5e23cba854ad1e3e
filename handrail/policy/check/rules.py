"""What is wrong with single rules of handrail.toml, seen beside the tools that they cover."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from handrail.conditions import Call, Condition, Node, Path, path_text, unparse, walk
from handrail.config.settings import Place
from handrail.policy.check.complaint import Complaint, at
from handrail.policy.check.conditions import Finding, Problem, examine
from handrail.policy.check.context import Context, names_of
from handrail.policy.check.facts import ToolFacts
from handrail.policy.rows import Rule

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_PATHS = frozenset({"path", "file", "filename", "filepath", "dir", "directory", "folder"})
_OF_ACTIONS: Mapping[str, frozenset[str]] = {"doc": frozenset({"read"}), "memory": frozenset({"read", "write"})}
"""Facts that only some actions have."""


class RuleCheck:
    """Looks at rules one by one. Remembers what it has found of a condition for the same values."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._found: dict[tuple[object, ...], Finding] = {}

    def complaints(self) -> Iterator[Complaint]:
        """Everything that is wrong with single rules, in their order."""
        for rule in self._context.written:
            if _allows_everything(rule):
                problem = f"{self._context.name(rule)} allows everybody to call everything."
                yield at(self._context.place(rule), "everything-allowed", problem, "Name roles, tools or a condition.")
            condition = self._context.condition(rule)
            if condition is not None:
                yield from self._of_condition(rule, condition)

    def _findings(self, condition: Condition, tools: Mapping[str, ToolFacts]) -> dict[str, Finding]:
        """What there is to say of ``condition`` for each tool."""
        paths = [Path(steps) for steps in dict.fromkeys(condition.paths)]
        found: dict[str, Finding] = {}
        for tool, facts in tools.items():
            key = (condition.source, *[id(facts.resolve(path)) for path in paths])
            if key not in self._found:
                self._found[key] = examine(condition.tree, facts)
            found[tool] = self._found[key]
        return found

    def _of_condition(self, rule: Rule, condition: Condition) -> Iterator[Complaint]:
        place, name = self._context.place(rule), self._context.name(rule)
        for problem in _of_other_actions(rule, condition):
            yield at(place, problem.code, f"{name}: {problem.text}.", problem.hint)
        found = self._findings(condition, self._context.described(rule))
        yield from _complaints(name, place, condition, found)


def condition_complaints(
    name: str, place: Place, condition: Condition, tools: Mapping[str, ToolFacts]
) -> Iterator[Complaint]:
    """What is wrong with a condition on calls of ``tools``; ``name`` is who asks for it."""
    found = {tool: examine(condition.tree, facts) for tool, facts in tools.items()}
    yield from _complaints(name, place, condition, found)


def _complaints(name: str, place: Place, condition: Condition, found: Mapping[str, Finding]) -> Iterator[Complaint]:
    for problem in (*_missing(found), *_shared(found), *_paths(condition.tree)):
        says = f": {problem.says}" if problem.says else ""
        yield at(place, problem.code, f"{name}: {problem.text}{says}.", problem.hint)
    if all(one.always and not one.problems for one in found.values()):
        said = f"{name}: `{condition.source.strip()}` is true of every call."
        yield at(place, "always-true", said, "Remove the condition, or correct it.")


def _allows_everything(rule: Rule) -> bool:
    everything = any(action == "call" and not pattern.text.strip("*") for action, pattern in rule.covers)
    return rule.verdict == "allow" and rule.subject in ("*", "user:*") and everything and not rule.when


def _missing(found: Mapping[str, Finding]) -> Iterator[Problem]:
    """Arguments that some or all of the tools do not have."""
    lacking: dict[str, dict[str, Problem]] = {}
    for tool, finding in found.items():
        for path, problem in finding.missing:
            lacking.setdefault(path, {})[tool] = problem
    for path, tools in lacking.items():
        problem = next(iter(tools.values()))
        if len(tools) == len(found):
            yield Problem(problem.code, f"{problem.text} of {names_of(tools)}", problem.hint)
        elif unguarded := [tool for tool in tools if not found[tool].guarded]:
            text = f"{problem.text} of {names_of(unguarded)}, which the rule covers too"
            yield Problem(problem.code, text, f"Give {_them(unguarded)} a rule of their own, or ask has({path}) first.")


def _them(tools: list[str]) -> str:
    return "it" if len(tools) == 1 else "them"


def _shared(found: Mapping[str, Finding]) -> Iterator[Problem]:
    """Problems of all tools as they are; those of some with the tools' names."""
    tools = {tool: finding for tool, finding in found.items() if not finding.missing}
    places: dict[Problem, list[str]] = {}
    for tool, finding in tools.items():
        for problem in finding.problems:
            places.setdefault(problem, []).append(tool)
    for problem, where in places.items():
        if len(where) == len(tools):
            yield problem
            continue
        code = "never-true-for-tool" if problem.code in ("never-true", "outside-values") else problem.code
        yield Problem(code, f"{problem.text} of {names_of(where)}", problem.hint, problem.says)


def _of_other_actions(rule: Rule, condition: Condition) -> Iterator[Problem]:
    for steps in dict.fromkeys(condition.paths):
        actions = _OF_ACTIONS.get(steps[0])
        strange = sorted({action for action, _ in rule.covers} - actions) if actions else []
        if actions and strange:
            text = f"{path_text(steps)} is a fact of {' and '.join(sorted(actions))}, and the rule covers {strange[0]}"
            yield Problem("unknown-fact", text, f"Make a rule of its own for {' or '.join(sorted(actions))}.")


def _paths(tree: Node) -> Iterator[Problem]:
    for node in walk(tree):
        if isinstance(node, Call) and node.function == "startswith" and _is_path(node.arguments[0]):
            text = f"`{unparse(node)}` is true of a path that leaves with `..`"
            inner = ", ".join(map(unparse, node.arguments))
            yield Problem("path-prefix", text, f"Write within({inner}), which follows `..`.")


def _is_path(node: Node) -> bool:
    return isinstance(node, Path) and node.steps[0] == "args" and not _PATHS.isdisjoint(words(node.steps[-1]))


def words(name: str) -> list[str]:
    """The words of a name such as ``total_amount`` or ``totalAmount``, in small letters."""
    return [word.lower() for word in _WORD.findall(name)]
