"""``handrail policy test``: the cases of handrail.test.toml held against the policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handrail.cli.policy.asking import json_option, policy_of, show, shown_json
from handrail.cli.store_options import config_option
from handrail.config import Settings
from handrail.config.expectations import TEST_FILE, Expectation, load_expectations
from handrail.errors import ConfigError
from handrail.policy import Policy

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
def command(files: tuple[Path, ...], path: Path | None, as_json: bool) -> None:
    """Hold the policy against the cases of handrail.test.toml.

    FILES are files of cases; each is held against the handrail.toml beside it, or the nearest one. A handrail.toml
    among them stands for the handrail.test.toml beside it. Without FILES it is the one beside the configuration.
    Exit code 0: every case holds. 1: one does not. 2: a file cannot be read.
    """
    from handrail.policy.cases import outcome

    found = [(suite, [outcome(suite.policy, case) for case in suite.cases]) for suite in _suites(files, path)]
    failed = sum(not one.holds for _, outcomes in found for one in outcomes)
    if as_json:
        click.echo(shown_json({"failed": failed, "suites": [_as_dict(*one) for one in found]}))
    else:
        _show(found)
    if failed:
        raise SystemExit(1)


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
