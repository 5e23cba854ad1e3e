"""A team's own Casbin model.conf and policy.csv, decided as stock Casbin does and checked line by line when loaded.

Casbin drops or misreads some lines in silence and raises on others at every request; here they are errors with
file and line. A user is offered as Casbin knows him (``user:ana`` as ``ana``), an agent as ``agent:NAME``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TypeVar, cast

from handrail.config.settings import CasbinSettings
from handrail.errors import PolicyError
from handrail.policy.casbin.bounds import MAX_TEXT, bounded_functions, dear, pattern_fields, unbounded
from handrail.policy.casbin.model import Answer, Model, Row, eval_fields, parse_condition, parse_matcher
from handrail.policy.casbin.program import Program, load
from handrail.policy.casbin.report import Report
from handrail.policy.casbin_live import still_held, with_changes
from handrail.policy.decision import PolicyRequest
from handrail.policy.facts import Arguments
from handrail.policy.links import CasbinLinks, RoleLinks

_T = TypeVar("_T")
_Field = Callable[[PolicyRequest, str], object]
_ARGUMENTS: _Field = lambda request, name: _arguments(request)  # noqa: E731
_FIELDS: dict[str, _Field] = {
    **dict.fromkeys(("sub", "subject", "user"), lambda request, name: name),
    **dict.fromkeys(("dom", "domain", "tenant"), lambda request, name: request.tenant),
    **dict.fromkeys(("obj", "object", "resource", "tool"), lambda request, name: request.tool),
    **dict.fromkeys(("act", "action"), lambda request, name: request.action),
    **dict.fromkeys(("args", "facts"), _ARGUMENTS),
}
_EFFECTS = ("allow", "deny", "indeterminate")


class CasbinFiles:
    """Answers of a team's own Casbin policy about single principals. Thread-safe."""

    def __init__(self, settings: CasbinSettings) -> None:
        """Load both files; raises PolicyError with file and line."""
        self._model_file, self._policy_file = settings.model, settings.policy
        model, self._policy_text = settings.texts or (_read(settings.model, settings), _read(settings.policy, settings))
        self._source = _ModelSource(settings.model, model)
        self._model = self._source.model()
        self._policy_text = with_changes(settings, model, self._policy_text, self._model.read_line)
        self._fields = self._source.fields(self._model)
        self._roles: CasbinLinks | None = None
        self._lines = self._check_lines()
        self._program = self._load()
        still_held(settings, lambda tenant, user: self._roles.roles_of(tenant, user) if self._roles else ())
        self._check_matcher()

    @property
    def texts(self) -> tuple[str, str]:
        """Both files as read."""
        return self._source.text, self._policy_text

    def principal(self, request: PolicyRequest, subject: str) -> Answer:
        """May ``subject`` make the request's call? The row of the answer holds ``file:line`` only."""
        answer = self._asked(request, subject, self._program.ask)
        return (False, ()) if answer is None else self._named(answer)

    def settled(self, request: PolicyRequest, subject: str) -> Answer | None:
        """As `principal` where no fact can change the answer, else None."""
        answer = self._asked(request, subject, self._program.settle)
        return None if answer is None else self._named(answer)

    def could_allow(self, request: PolicyRequest, subject: str) -> bool:
        """Whether `principal` allows with some facts; facts that the matcher reads are taken as open."""
        return bool(self._asked(request, subject, self._program.could_allow))

    def report(self) -> Report:
        """How decisions are made and what one costs; rows are named by file and line."""
        said = self._program.report()
        places = tuple(f"{self._policy_file.name}:{self._lines.get(('p', row))}: {why}" for row, why in said.rows)
        return replace(said, why=(*said.why, *places))

    def _asked(self, request: PolicyRequest, subject: str, ask: Callable[..., _T]) -> _T | None:
        """What ``ask`` says of the request as Casbin sees it; None for a name that cannot be anybody's."""
        name = subject.removeprefix("user:")
        if subject != name and name.startswith("agent:"):
            # Casbin could not tell him from the agent.
            return None
        values = [field(request, name) for field in self._fields]
        if any(isinstance(value, str) and len(value) > MAX_TEXT for value in values):
            return None
        return ask(*values)

    def _named(self, answer: Answer) -> Answer:
        allowed, row = answer
        line = self._lines.get(("p", row))
        return allowed, (f"{self._policy_file.name}:{line}",) if line else ()

    def roles_of(self, tenant: str, subject: str) -> frozenset[str]:
        """Roles from the ``g`` rows, for delegations: with the ``role:`` prefix."""
        if self._roles is None:
            return frozenset()
        held = self._roles.roles_of(tenant, subject.removeprefix("user:"))
        return frozenset(f"role:{role}" for role in held)

    def _check_lines(self) -> dict[tuple[str, Row], int]:
        lines: dict[tuple[str, Row], int] = {}
        for number, text in enumerate(self._policy_text.split("\n"), 1):
            try:
                fields = self._model.read_line(text.strip())
            except IndexError:
                self._refuse(
                    number,
                    "has brackets that do not match",
                    "Close every bracket; Casbin counts them inside quotes too.",
                )
            if fields:
                self._check_row(number, fields[0], fields[1:])
                lines.setdefault((fields[0], fields[1:]), number)
        return lines

    def _check_row(self, number: int, key: str, row: Row) -> None:
        section = key[:1]
        if section not in ("p", "g") or key not in self._model.keys(section):
            hint = f"Define {key!r} in {self._model_file.name}, or remove the line."
            self._refuse(number, f"begins with {key!r}, which the model does not define", hint)
        if section == "g":
            width = self._model.value("g", key).count("_")
            if len(row) < width:
                self._refuse(number, f"has {len(row)} values where {key} needs {width}", "Add what is missing.")
            return
        names = self._model.tokens("p", key)
        if len(row) != len(names):
            hint = f"{key} is {', '.join(names)}."
            self._refuse(number, f"has {len(row)} values where {key} needs {len(names)}", hint)
        if "eft" in names and (effect := row[names.index("eft")]) not in _EFFECTS:
            self._refuse(number, f"has the effect {effect!r}", "Effects are allow and deny.")

    def _refuse(self, line: int, problem: str, hint: str) -> NoReturn:
        raise PolicyError(f"The line {problem}.", file=self._policy_file, line=line, hint=hint)

    def _load(self) -> Program:
        lines = (line.strip() for line in self._policy_text.split("\n"))
        facts = frozenset(f"r_{name}" for name in self._model.tokens("r", "r") if _FIELDS[name] is _ARGUMENTS)
        given = bounded_functions()
        try:
            return load(self._model, "\n".join(lines), links=self._links, functions=given, facts=facts)
        except Exception as error:
            raise PolicyError(
                f"Casbin cannot load the policy with {self._model_file.name}: {error}.",
                file=self._policy_file,
                hint="Correct the file named, then run `handrail doctor`.",
            ) from error

    def _links(self, key: str, rows: list[Sequence[str]]) -> RoleLinks:
        width = self._model.value("g", key).count("_")
        links = CasbinLinks((row[:width] for row in rows), domains=width > 2)
        if key == "g":
            self._roles = links
        return links

    def _check_matcher(self) -> None:
        """Parse everything that can be evaluated, and refuse names and functions that nothing defines."""
        known = frozenset(name for key in "rp" for name in self._model.names(key, key))
        stock = self._program.stock
        names = known | stock.function_names() | {*self._model.keys("g"), "True", "False", "None"}
        matcher = self._model.value("m", "m")
        self._source.check_names(matcher, names)
        tree = parse_matcher(matcher)
        if problem := unbounded(tree):
            raise self._source.error("m", f"The matcher may take any amount of time: {problem}.", "Write it without.")
        self._check_patterns(tree)
        self._check_conditions(names)
        if self._program.report().mode == "stock" or not eval_fields(matcher):
            stock.prepare(*stock.matcher_texts())

    def _check_patterns(self, tree: ast.expr, only: Row | None = None) -> None:
        """Refuse rows (or the ``only`` one) with a pattern that a request could make slow."""
        fields = self._model.names("p", "p")
        for function, field in sorted((by, field) for by, field in pattern_fields(tree) if field in fields):
            place, seen = fields.index(field), set[str]()
            for row in [only] if only else self._rows():
                if row[place] not in seen and (problem := dear(function, row[place])):
                    self._refuse(self._lines["p", row], f"has a pattern that is refused: {problem}", "Simplify it.")
                seen.add(row[place])

    def _check_conditions(self, names: frozenset[str]) -> None:
        """Refuse rows with a condition that is none, or that a request could make slow."""
        cheap = set[str]()
        for row in self._rows():
            for text in self._program.stock.eval_texts(row):
                if text in cheap:
                    continue
                # Alone first: `False) or (True` is only an expression inside somebody else's parentheses.
                if problem := _fault(text, names, parse_condition) or unbounded(parse_matcher(text)):
                    self._refuse(self._lines["p", row], f"has the condition {text!r}: {problem}", "Correct it.")
                tree = parse_matcher(text)
                self._check_patterns(tree, row)
                if not pattern_fields(tree):
                    cheap.add(text)

    def _rows(self) -> list[Row]:
        return [tuple(row) for row in self._program.stock.rows("p", "p")]


class _ModelSource:
    """The text of a model.conf, with the lines of its definitions."""

    def __init__(self, file: Path, text: str) -> None:
        self.file, self.text = file, text

    def model(self) -> Model:
        """The parsed model; raises PolicyError."""
        try:
            model = Model(self.text)
        except Exception as error:
            raise PolicyError(f"Casbin cannot read the model: {error}.", file=self.file, hint=_SECTIONS) from error
        if missing := {"r", "p", "e", "m"} - {letter for letter in model.sections() if letter in model.keys(letter)}:
            raise PolicyError(f"The model has no {min(missing)!r} definition.", file=self.file, hint=_SECTIONS)
        for key in model.keys("g"):
            if model.is_conditional(key):
                raise self.error(key, "Roles with conditions need Python code, which a policy cannot bring.", "")
            if model.value("g", key).count("_") not in (2, 3):
                raise self.error(key, "A role definition has two or three fields.", "Write g = _, _ or g = _, _, _.")
        return model

    def fields(self, model: Model) -> list[Callable[[PolicyRequest, str], object]]:
        """How each request field is filled; raises PolicyError for a name that stands for nothing here."""
        for name in model.tokens("r", "r"):
            if name not in _FIELDS:
                hint = f"Fields are {', '.join(_FIELDS)}."
                raise self.error("r", f"The request field {name!r} stands for nothing that a tool call has.", hint)
        return [_FIELDS[name] for name in model.tokens("r", "r")]

    def check_names(self, matcher: str, names: frozenset[str]) -> None:
        """Raise PolicyError unless the matcher parses and uses only ``names``."""
        if problem := _fault(matcher, names):
            raise self.error("m", f"The matcher is not understood: {problem}.", "Correct it.")

    def error(self, key: str, problem: str, hint: str) -> PolicyError:
        """A PolicyError at the line that defines ``key``."""
        lines = self.text.split("\n")
        line = next((n for n, text in enumerate(lines, 1) if text.partition("=")[0].strip() == key), None)
        return PolicyError(problem, file=self.file, line=line, hint=hint or None)


_SECTIONS = "It needs [request_definition], [policy_definition], [policy_effect] and [matchers]."


def _read(file: Path, settings: CasbinSettings) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        place = settings.place
        problem = f"The Casbin file {file} cannot be read: {type(error).__name__}."
        raise PolicyError(problem, file=place.file, line=place.line, hint="Name a readable UTF-8 file.") from error


def _fault(text: str, names: frozenset[str], parse: Callable[[str], ast.expr] = parse_matcher) -> str:
    """What is wrong with a matcher or condition; empty when nothing is."""
    if not text.strip():
        return "it is empty"
    try:
        tree = parse(text)
    except (SyntaxError, ValueError, RecursionError, AttributeError, IndexError) as error:
        return f"it is no expression ({error})"
    bound = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in names | bound:
            return f"{node.id!r} is not defined"
    return ""


def _arguments(request: PolicyRequest) -> object:
    args = request.facts.get("args")
    return Arguments(cast("Mapping[str, object]", args) if isinstance(args, Mapping) else {})
