"""The hooks for pre-commit and the example's cases, run as they stand in the repository."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.policy.bank import POLICY, bank, run

REPO = Path(__file__).resolve().parents[3]
GOOD = '[[expect]]\nwho = "acme/ana"\ncall = "read_x"\nverdict = "allow"\n'


def hooks() -> dict[str, dict[str, str]]:
    """The hooks of the file, by id: each key with its text."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^- ", (REPO / ".pre-commit-hooks.yaml").read_text("utf-8"), flags=re.MULTILINE)[1:]:
        pairs = (line.strip().partition(": ") for line in part.strip().splitlines())
        hook = {key: value for key, _, value in pairs}
        found[hook["id"]] = hook
    return found


def run_hook(hook: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What pre-commit does: the entry, at the top of the repository, with the files that the pattern matches."""
    tools = folder / "bin"
    tools.mkdir()
    command = tools / "handrail"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m handrail "$@"\n')
    command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}
    env = {**kept, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(REPO)}
    names = sorted(str(file.relative_to(folder)) for file in folder.rglob("*.toml"))
    files = [name for name in names if re.search(hook["files"], name)] if hook.get("pass_filenames") != "false" else []
    words = [*shlex.split(hook["entry"]), *files]
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("name", ["handrail-policy-check", "handrail-policy-test"])
def test_a_good_policy_passes(tmp_path: Path, name: str) -> None:
    """Exit code 0 lets the commit through."""
    bank(tmp_path, GOOD)
    done = run_hook(hooks()[name], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_policy_that_is_wrong_is_stopped(tmp_path: Path) -> None:
    """The check names the line."""
    bank(tmp_path, GOOD, POLICY.replace("args.amount <= 500", "args.amount <= "))
    done = run_hook(hooks()["handrail-policy-check"], tmp_path)
    assert done.returncode != 0 and "handrail.toml:19" in done.stdout + done.stderr


def test_a_case_that_fails_stops_the_commit(tmp_path: Path) -> None:
    """Only the policy's file was touched, and the cases beside it are held against it."""
    bank(tmp_path, GOOD.replace('"allow"', '"deny"'))
    done = run_hook(hooks()["handrail-policy-test"], tmp_path)
    assert done.returncode == 1 and "FAILED" in done.stdout


def test_the_files_that_concern_a_hook() -> None:
    """Both files start the test, in any folder; others do not."""
    pattern = hooks()["handrail-policy-test"]["files"]
    for name in ("handrail.toml", "handrail.test.toml", "services/bank/handrail.toml"):
        assert re.search(pattern, name)
    assert not re.search(pattern, "myhandrail.toml") and not re.search(pattern, "handrail.toml.bak")
    assert {hook["language"] for hook in hooks().values()} == {"python"}


def test_the_example_scores_100() -> None:
    """The cases of the example notice every weaker policy, and every allowance that is gone."""
    done = run("test", "--mutate", REPO / "examples" / "handrail.test.toml")
    assert done.exit_code == 0, done.output
    assert "mutation score: 8/8 weaker policies noticed (100 %)\nremoved allowances: 3/3 noticed" in done.output
