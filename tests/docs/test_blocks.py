"""The code on the documentation's pages is run as it is shown; the rules are in pages.py."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import REPO, blocks, runnable

for _needed in ("langchain_openai", "mcp"):
    pytest.importorskip(_needed, reason="The pages use every extra: pip install 'handrail[all]'.")

RUNNER = Path(__file__).with_name("run_page.py")
_OURS = ("HANDRAIL_", "OTEL_", "OPENAI_")


def run(page: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run one page in an empty folder, with none of the caller's settings."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    env["PYTHONPATH"] = str(REPO)
    return subprocess.run(
        [sys.executable, str(RUNNER), page], cwd=folder, env=env, text=True, check=False, timeout=240,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


@pytest.mark.parametrize("page", runnable())
def test_page_is_true(page: str, tmp_path: Path) -> None:
    """Every block of the page runs, prints what is shown, and its commands end as shown."""
    done = run(page, tmp_path)
    assert done.returncode == 0, done.stdout


LIES = {
    "output": ("```python\nprint(1)\n```\n\n```text\n2\n```\n", "line 6: this is shown"),
    "exception": ("```python\nraise ValueError('mine')\n```\n", "ValueError: mine"),
    "exit code": ("```console\n$ handrail audit verify --no-such-option\n```\n", "exit code 2 above is not shown"),
    "shown line": ("```console\n$ handrail --version\nhandrail 0.0.0\n```\n", "line 2: this is shown"),
    "option": ("```sh\nhandrail report --no-such-option\n```\n", "No such option"),
    "command": ("```sh\nhandrail no-such-command\n```\n", "No such command"),
    "key": ('```toml\nmoode = "observe"\n```\n', "moode"),
    "rule": ('```toml\n[[rule]]\nid = "a"\nallow = "no-such-role"\ncall = "x"\n```\n', "no-such-role"),
    "unknown program": ("```console\n$ ls\n```\n", "'ls' is not run here"),
}
"""Pages that are not true, and what the runner says of them."""


@pytest.mark.parametrize(("text", "said"), LIES.values(), ids=LIES)
def test_a_page_that_is_not_true_fails(text: str, said: str, tmp_path: Path) -> None:
    """The runner notices each kind of lie that a page could tell, and says which."""
    (tmp_path / "page.md").write_text(text, "utf-8")
    done = run(str(tmp_path / "page.md"), tmp_path)
    assert done.returncode == 1 and said in done.stdout, done.stdout


@pytest.mark.parametrize("text", ["```\nx\n```\n", "```python\nx\n", '```python name="x"\n```\n'])
def test_a_fence_that_is_not_understood_is_refused(text: str) -> None:
    """No block is passed over because of a slip in its fence."""
    with pytest.raises(ValueError, match="line 1"):
        list(blocks(text))
