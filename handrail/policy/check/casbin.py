"""What is wrong with a team's own Casbin files, beyond what stops their loading."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File

from handrail.conditions import of_tree
from handrail.config.nearest import nearest
from handrail.config.settings import CasbinSettings, Place
from handrail.errors import PolicyError
from handrail.policy.casbin.model import Model, eval_text, parse_condition, parse_matcher
from handrail.policy.casbin.report import Report
from handrail.policy.casbin_files import CasbinFiles
from handrail.policy.check.complaint import Complaint, at
from handrail.policy.check.context import Context
from handrail.policy.check.facts import ToolFacts
from handrail.policy.check.patterns import problem, unanchored
from handrail.policy.check.python import calls_of, conjuncts, field_of, node_of, string_of
from handrail.policy.check.rules import condition_complaints
from handrail.policy.decision import ACTIONS
from handrail.policy.links import STOCK_HOPS

_OBJECTS = ("obj", "object", "resource", "tool")
_ACTIONS = ("act", "action")
_KEY_REGEX = ("keyMatch2", "keyMatch3", "keyMatch4", "keyMatch5")


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    values: tuple[str, ...]
    place: Place


class _Files:
    """Both files, read as Casbin reads them."""

    def __init__(self, settings: CasbinSettings, model: str, policy: str) -> None:
        self.model = Model(model)
        self.names = self.model.tokens("p", "p")
        self.rows = list(_rows(self.model, policy, settings.policy))
        self.matcher = parse_matcher(self.model.value("m", "m"))
        lines = model.split("\n")
        line = next((n for n, text in enumerate(lines, 1) if text.partition("=")[0].strip() == "m"), None)
        self.place = Place(settings.model, line)

    @property
    def permissions(self) -> list[_Row]:
        """The rows of ``p``."""
        return [row for row in self.rows if row.key == "p"]

    def value(self, row: _Row, name: str) -> str:
        """One field of a row."""
        return row.values[self.names.index(name)]


def casbin_complaints(settings: CasbinSettings, context: Context, *, complete: bool) -> Iterator[Complaint]:
    """Everything that is wrong with the two files; where they cannot be loaded, that alone."""
    try:
        own = CasbinFiles(settings)
        files = _Files(settings, *own.texts)
    except PolicyError as error:
        file = File(error.file) if error.file else None
        yield Complaint("load", error.problem, file, error.line, error.hint or "")
        return
    yield from _slow(files, own.report())
    yield from _patterns(files)
    yield from _names(files, context, complete)
    yield from _conditions(files, context)
    yield from _repeated(files)
    yield from _roles(files)


def _slow(files: _Files, report: Report) -> Iterator[Complaint]:
    """What keeps decisions from being looked up in an index, and what they cost."""
    cost = f"a decision takes about {report.microseconds:,.0f} microseconds"
    general = report.why[: len(report.why) - len(report.rows)]
    if report.mode != "indexed":
        how = "row by row" if report.mode == "scan" else "by stock Casbin"
        said = f"Decisions are made {how}, {cost}: {'; '.join(general) or 'the matcher pins no field'}."
        yield at(files.place, "not-indexed", said, "Compare a policy field for equality, or by a role, in every match.")
    places = {row.values: row.place for row in files.permissions}
    for values, why in report.rows:
        said = f"Stock Casbin evaluates the row when a call reaches it: {why}."
        yield at(places.get(tuple(values), files.place), "not-indexed", said, "Write its condition more simply.")


def _evaluated(files: _Files) -> list[str]:
    """Fields that the matcher gives to ``eval``."""
    names = [field_of(call.arguments[0], "p") for call in calls_of(files.matcher) if call.function == "eval"]
    return [name for name in names if name is not None and name in files.names]


def _rows(model: Model, policy: str, file: File) -> Iterator[_Row]:
    for line, text in enumerate(policy.split("\n"), 1):
        if fields := model.read_line(text.strip()):
            yield _Row(fields[0], fields[1:], Place(file, line))


def _patterns(files: _Files) -> Iterator[Complaint]:
    """Patterns that the matcher gives to functions, from the policy or written in the matcher itself."""
    for call in calls_of(files.matcher):
        if len(call.arguments) < 2:
            continue
        subject, pattern = call.arguments[0], call.arguments[1]
        if (text := string_of(pattern)) is not None:
            yield from _pattern(call.function, field_of(subject, "r"), text, files.place, "The matcher")
        elif (name := field_of(pattern, "p")) in files.names:
            for row in files.permissions:
                value = files.value(row, name)
                yield from _pattern(call.function, field_of(subject, "r"), value, row.place, "The row")
        if call.function in ("keyMatch", *_KEY_REGEX) and _is_path(subject):
            problem = f"{call.function} compares {ast.unparse(subject)} by its beginning, which `..` gets around."
            yield at(files.place, "path-prefix", problem, "Refuse `..` in the matcher, or use [[rule]] with within().")


def _is_path(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr.lower() in ("path", "file", "filename", "folder", "dir")


def _pattern(function: str, field: str | None, text: str, place: Place, who: str) -> Iterator[Complaint]:
    if function == "regexMatch":
        yield from _regex(text, field, place, who)
    elif function == "keyMatch" and text.partition("*")[2]:
        problem = f"{who} has the pattern {text!r}, and keyMatch ignores all that follows the first `*`."
        hint = f"Write {text.partition('*')[0] + '*'!r}, or use globMatch in the model."
        yield at(place, "unanchored-pattern", problem, hint)


def _regex(text: str, field: str | None, place: Place, who: str) -> Iterator[Complaint]:
    if why := problem(text):
        yield at(place, "load", f"{who} has the pattern {text!r}, which is none: {why}.", "Correct it.")
    elif field not in _ACTIONS and unanchored(text):
        said = f"{who} has the pattern {text!r}, which has no end: it covers every name that begins so."
        yield at(place, "unanchored-pattern", said, f"Write {'^' + text.removeprefix('^') + '$'!r}.")


def _names(files: _Files, context: Context, complete: bool) -> Iterator[Complaint]:
    """Actions and tools that the rows name and that there are not."""
    pinned = _pinned(files)
    for row in files.permissions:
        action = next((files.value(row, name) for name in _ACTIONS if pinned.get(name) == "=="), None)
        if action is not None and action not in ACTIONS:
            said = f"The row is about the action {action!r}, which nothing here does: it never matches."
            yield at(row.place, "unknown-action", said, nearest(action, ACTIONS) or f"Actions: {', '.join(ACTIONS)}.")
        elif action in (None, "call") and context.tools:
            yield from _tool(files, row, pinned, context, complete)


def _tool(files: _Files, row: _Row, pinned: Mapping[str, str], context: Context, complete: bool) -> Iterator[Complaint]:
    for name in _OBJECTS:
        if name not in pinned or name not in files.names:
            continue
        written, how = files.value(row, name), pinned[name]
        near = nearest(written, list(context.tools), cutoff=0.0 if complete else 0.8)
        if how == "==" and written not in context.tools and near is not None:
            said = f"The row names the tool {written!r}, which no agent has."
            yield at(row.place, "unknown-tool", said, nearest(written, list(context.tools)) or "Remove the row.")
        elif how == "keyMatch" and complete and not _covered(files, row, context):
            said = f"The row has the pattern {written!r}, which matches no tool."
            yield at(row.place, "unknown-tool", said, f"Known tools: {', '.join(list(context.tools)[:20])}.")


def _pinned(files: _Files) -> dict[str, str]:
    """Request field -> how every match compares it with the policy's field of the same name."""
    found: dict[str, str] = {}
    for part in conjuncts(files.matcher):
        if isinstance(part, ast.Compare) and len(part.ops) == 1 and isinstance(part.ops[0], ast.Eq):
            pair, how = (part.left, part.comparators[0]), "=="
        elif isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and len(part.args) == 2:
            pair, how = (part.args[0], part.args[1]), part.func.id
        else:
            continue
        for one, other in (pair, pair[::-1]):
            name = field_of(one, "r")
            if name is not None and name == field_of(other, "p"):
                found[name] = how
    return found


def _covered(files: _Files, row: _Row, context: Context) -> list[str]:
    """Known tools that the row is about; all of them where that cannot be told."""
    pinned = _pinned(files)
    for name in _OBJECTS:
        if name in files.names and pinned.get(name) in ("==", "keyMatch"):
            written = files.value(row, name)
            if pinned[name] == "==":
                return [tool for tool in context.tools if tool == written]
            head, star, _ = written.partition("*")
            return [tool for tool in context.tools if (tool.startswith(head) if star else tool == written)]
    return list(context.tools)


def _conditions(files: _Files, context: Context) -> Iterator[Complaint]:
    """Conditions that ``eval(p.field)`` puts into the matcher."""
    for name in _evaluated(files):
        for row in files.permissions:
            written = parse_condition(eval_text(files.value(row, name)))
            if isinstance(written, ast.Constant) and not isinstance(written.value, bool):
                what = "a text" if isinstance(written.value, str) else "a number"
                said = f"The row's condition is {what}, not a comparison: Casbin keeps quotes as they are."
                yield at(row.place, "impossible-type", said, "Write the condition without quotes around it.")
            if (tree := node_of(written)) is None:
                continue
            tools = {tool: context.tools[tool] for tool in _covered(files, row, context) if context.tools[tool].known}
            yield from condition_complaints("The row", row.place, of_tree(tree), tools or {"": ToolFacts(None)})


def _repeated(files: _Files) -> Iterator[Complaint]:
    """Rows that stand twice, and allows that a denial of the same takes back."""
    first: dict[tuple[str, tuple[str, ...]], int] = {}
    for row in files.rows:
        line = first.setdefault((row.key, row.values), row.place.line or 0)
        if line != row.place.line:
            yield at(row.place, "redundant", f"The row stands in line {line} already.", "Remove one of them.")
    if "eft" not in files.names or "eft == deny" not in files.model.value("e", "e"):
        return
    place = files.names.index("eft")
    denied = {_but(row.values, place): row for row in files.permissions if row.values[place] == "deny"}
    for row in files.permissions:
        if row.values[place] == "allow" and (other := denied.get(_but(row.values, place))) is not None:
            said = f"The row never allows anything: line {other.place.line} denies all of it."
            yield at(row.place, "shadowed", said, "Remove it, or narrow the denial.")


def _but(values: Sequence[str], place: int) -> tuple[str, ...]:
    return (*values[:place], *values[place + 1 :])


def _roles(files: _Files) -> Iterator[Complaint]:
    """Roles in a row longer than Casbin follows, and roles that include each other."""
    for key in files.model.keys("g"):
        width = files.model.value("g", key).count("_")
        edges: dict[tuple[str, str], list[_Row]] = {}
        for row in (row for row in files.rows if row.key == key):
            edges.setdefault((row.values[0], row.values[2] if width > 2 else ""), []).append(row)
        yield from _too_deep(edges, width)


def _too_deep(edges: Mapping[tuple[str, str], Iterable[_Row]], width: int) -> Iterator[Complaint]:
    depths: dict[tuple[str, str], int] = {}
    for start in edges:
        loop = _measure(edges, start, (), depths)
        if loop is not None:
            said = f"{loop.values[0]!r} and {loop.values[1]!r} include each other."
            yield at(loop.place, "role-cycle", said, "Break the loop.")
            return
    for start, depth in depths.items():
        if depth > STOCK_HOPS and start in edges:
            row = next(iter(edges[start]))
            said = f"{start[0]!r} begins a row of {depth} roles, and Casbin follows {STOCK_HOPS} of them."
            yield at(row.place, "role-depth", said, "Include the far ones directly.")


def _measure(
    edges: Mapping[tuple[str, str], Iterable[_Row]],
    node: tuple[str, str],
    trail: tuple[tuple[str, str], ...],
    depths: dict[tuple[str, str], int],
) -> _Row | None:
    """Fill in the length of the longest row from ``node``; the row that closes a loop where there is one."""
    stack = [(node, iter(list(edges.get(node, ()))))]
    on_trail = {node}
    best: dict[tuple[str, str], int] = {node: 0}
    while stack:
        name, rows = stack[-1]
        row = next(rows, None)
        if row is None:
            stack.pop()
            on_trail.discard(name)
            depths[name] = best[name]
            if stack:
                best[stack[-1][0]] = max(best[stack[-1][0]], best[name] + 1)
            continue
        child = (row.values[1], name[1])
        if child in on_trail:
            return row
        if child in depths:
            best[name] = max(best[name], depths[child] + 1)
            continue
        best[child] = 0
        on_trail.add(child)
        stack.append((child, iter(list(edges.get(child, ())))))
    return None
