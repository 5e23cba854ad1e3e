"""``handrail policy test``: the cases of handrail.test.toml held against the policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handrail.cli.policy.asking import json_option, policy_of, show, shown_json
from handrail.cli.policy.mutating import as_dict as score_as_dict
from handrail.cli.policy.mutating import lines as score_lines
from handrail.cli.policy.mutating import progress
from handrail.cli.store_options import config_option
from handrail.config import Settings
from handrail.config.expectations import TEST_FILE, Expectation, load_expectations
from handrail.errors import ConfigError
from handrail.policy import Policy
from handrail.policy.mutation.score import Score, score

if TYPE_CHECKING:
    from handrail.policy.cases import Outcome


@dataclass(frozen=True, slots=True)
class _Suite:
    """One policy and its cases."""

    settings: Settings
    policy: Policy
    files: tuple[Path, ...]
    cases: tuple[Expectation, ...]


@click.command("test")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@config_option
@json_option
@click.option("--mutate", is_flag=True, help="Weaken each rule in turn: some case must fail.")
@click.option(
    "--min-score", type=click.FloatRange(0, 100), default=100.0, show_default=True, help="Least score for exit code 0."
)
def command(files: tuple[Path, ...], path: Path | None, as_json: bool, mutate: bool, min_score: float) -> None:
    """Hold the policy against the cases of handrail.test.toml.

    FILES are files of cases; each is held against the handrail.toml beside it, or the nearest one. A handrail.toml
    among them stands for the handrail.test.toml beside it. Without FILES it is the one beside the configuration.
    With --mutate the score says how many weaker policies the cases notice; each that none does is shown with a case
    that would. Proven equivalents are not counted, and allowances that are taken away are counted apart.

    Exit code 0: every case holds, and the score is high enough. 1: not so. 2: a file cannot be read.
    """
    from handrail.policy.cases import outcome

    found = [(suite, [outcome(suite.policy, case) for case in suite.cases]) for suite in _suites(files, path)]
    failed = sum(not one.holds for _, outcomes in found for one in outcomes)
    scores = [_score(suite) for suite, _ in found] if mutate and not failed else []
    if as_json:
        told = {"failed": failed, "suites": [_as_dict(*one) for one in found]}
        click.echo(shown_json({**told, "mutation": [score_as_dict(one) for one in scores]} if scores else told))
    else:
        _show(found)
        for line in (line for one in scores for line in score_lines(one)):
            show(line, bold=line.startswith("mutation score"))
        if mutate and failed:
            show("no mutation score: the cases must hold first")
    if failed or any(one.percent < min_score for one in scores):
        raise SystemExit(1)


def _score(suite: _Suite) -> Score:
    if suite.settings.casbin is not None:
        hint = "Test them without --mutate."
        raise ConfigError("Lines of Casbin files are not mutated.", file=suite.settings.casbin.policy, hint=hint)
    return score(suite.settings, suite.cases, progress)


def _suites(files: tuple[Path, ...], config: Path | None) -> list[_Suite]:
    """The files, by the policy that each is held against."""
    if not files:
        settings, policy = policy_of(config)
        file = (settings.file or Path()).parent / TEST_FILE
        return [_Suite(settings, policy, (file,), _cases([file]))]
    by_config: dict[Path | None, list[Path]] = {}
    for file in files:
        tests = file if file.name.endswith(".test.toml") or not _is_config(file) else file.with_name(TEST_FILE)
        beside = file.with_name("handrail.toml")
        chosen = config or (file if tests is not file else beside if beside.exists() else None)
        named = by_config.setdefault(chosen, [])
        if tests not in named:
            named.append(tests)
    return [_Suite(*policy_of(chosen), tuple(named), _cases(named)) for chosen, named in by_config.items()]


def _is_config(file: Path) -> bool:
    return file.name == "handrail.toml"


def _cases(files: Iterable[Path]) -> tuple[Expectation, ...]:
    return tuple(case for file in files for case in _read(file))


def _read(file: Path) -> Sequence[Expectation]:
    if not file.exists():
        hint = "Write it, or name another one; its keys are printed by `handrail schema --of tests`."
        raise ConfigError("There is no such file of cases.", file=file, hint=hint)
    return load_expectations(file.absolute())


def _show(found: Sequence[tuple[_Suite, list[Outcome]]]) -> None:
    for suite, outcomes in found:
        for one in outcomes:
            if not one.holds:
                for line in _failure(suite.policy, one):
                    show(line)
                show()
        held = sum(one.holds for one in outcomes)
        files = ", ".join(str(file) for file in suite.files)
        show(f"{files}: {held} of {len(outcomes)} cases hold", bold=held < len(outcomes))


def _failure(policy: Policy, one: Outcome) -> Iterator[str]:
    case, decision = one.case, one.decision
    place = f"{case.place.file}:{case.place.line}"
    yield f"FAILED {place}{': ' + case.name if case.name else ''}"
    yield f"    {' '.join(case.principals)} in {case.tenant}: {case.action} {case.on} {_arguments(case)}".rstrip()
    yield f"  - expected  {_verdict(case.verdict, case.rule)}"
    yield f"  + got       {_verdict(decision.verdict, decision.rule or '')}"
    for line in _why(policy, one):
        yield f"    {line}"


def _arguments(case: Expectation) -> str:
    import json

    return json.dumps(case.args, ensure_ascii=False) if case.args else ""


def _verdict(verdict: str, rule: str | None) -> str:
    by = "" if rule is None else f" by {rule}" if rule else " by no rule"
    return f"{verdict}{by}"


def _why(policy: Policy, one: Outcome) -> Iterator[str]:
    """The explanation without the verdict, which stands above."""
    from handrail.cli.policy.telling import lines
    from handrail.policy.cases import asked
    from handrail.policy.explain import explain

    _, *rest = lines(explain(policy, asked(one.case)))
    yield from (line for line in rest if line)


def _as_dict(suite: _Suite, outcomes: list[Outcome]) -> dict[str, Any]:
    from handrail.policy.cases import asked
    from handrail.policy.explain import explain

    def told(one: Outcome) -> dict[str, Any]:
        case = one.case
        found: dict[str, Any] = {
            "file": str(case.place.file), "line": case.place.line, "name": case.name, "holds": one.holds,
            "expected": {"verdict": case.verdict, "rule": case.rule},
            "got": {"verdict": one.decision.verdict, "rule": one.decision.rule},
        }  # fmt: skip
        return found if one.holds else {**found, "explanation": explain(suite.policy, asked(case)).as_dict()}

    return {
        "config": str(suite.settings.file) if suite.settings.file else None,
        "files": [str(file) for file in suite.files],
        "cases": [told(one) for one in outcomes],
    }
