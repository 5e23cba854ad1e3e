"""Runs one page of the documentation: `python run_page.py PAGE`, in an empty folder. Exits with 1 at the first fault.

Commands run in this process, as far as they can: a page is one Python process, and what only a process of its
own can show (`handrail run`, a variable set for one command) is started as one.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

REPO = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPO)]

from tests.docs.pages import Block, blocks  # noqa: E402
from tests.docs.scripts import play  # noqa: E402

FILES = {"python", "toml", "ini", "csv", "json"}
"""Kinds of blocks that are files when they have a title."""
_INSTALLED = any(entry.name == "handrail" for entry in entry_points(group="pytest11"))
_PYTEST = {
    "PYTEST_ADDOPTS": f"-c {os.devnull} --rootdir . -p no:cacheprovider",
    "PYTEST_PLUGINS": "" if _INSTALLED else "handrail.testing.plugin",
}
"""Settings of a reader's own pytest, away from those of this repository."""
_ASSIGNMENT = re.compile(r"[A-Z_]+=\S*")


class Wrong(Exception):
    """What a page says is not what happens."""


class Page:
    """A page while it is run."""

    def __init__(self, text: str) -> None:
        self._blocks = list(blocks(text))
        self._names: dict[str, Any] = {"__name__": "__main__"}
        self._code = 0

    def run(self) -> None:
        """Run every block in order. Raises Wrong, or what a block raises."""
        printed: tuple[str, int] | None = None
        for block in self._blocks:
            after, printed = printed, None
            if block.title and block.kind in FILES:
                Path(block.title).write_text(block.text, "utf-8")
            elif block.kind == "python":
                printed = self._python(block), block.next_line
            elif block.kind == "text" and after is not None and block.line - after[1] == 2:
                _compare(block.text.splitlines(), after[0], block.line)
            if block.kind == "toml":
                _load(block)
            elif block.kind == "console":
                self._console(block)
            elif block.kind == "sh":
                _check_options(block)

    def _python(self, block: Block) -> str:
        code = compile("\n" * (block.line - 1) + block.text, "page", "exec", dont_inherit=True)
        return _captured(lambda: exec(code, self._names))[1]  # noqa: S102 - our own documentation

    def _console(self, block: Block) -> None:
        for command, shown, line in _commands(block):
            if command == "echo $?":
                _compare(shown, str(self._code), line)
                self._code = 0
                continue
            self._settled(line)
            self._code, output = _execute(command)
            _compare(shown, output, line)
        if self._code:
            self._settled(block.line)

    def _settled(self, line: int) -> None:
        if self._code:
            raise Wrong(f"line {line}: exit code {self._code} above is not shown")


def _commands(block: Block) -> list[tuple[str, list[str], int]]:
    """(command, lines shown under it, line of the page) of a console block."""
    found: list[tuple[str, list[str], int]] = []
    for number, line in enumerate(block.text.replace("\\\n", " ").splitlines(), block.line):
        if line.startswith("$ "):
            found.append((line[2:], [], number))
        elif found:
            found[-1][1].append(line)
    return found


def _execute(command: str) -> tuple[int, str]:
    words = shlex.split(command)
    variables = dict(word.split("=", 1) for word in words if _ASSIGNMENT.fullmatch(word))
    program, *arguments = words[len(variables) :]
    if variables or program == "pytest" or (program, *arguments[:1]) == ("handrail", "run"):
        return _child(program, arguments, variables)
    if program == "handrail":
        from handrail.cli import main

        return _captured(lambda: main(arguments))
    if program == "python" and arguments[0].endswith(".py"):
        return _captured(lambda: runpy.run_path(arguments[0], run_name="__main__"))
    raise Wrong(f"{program!r} is not run here: show it in a `sh` block")


def _child(program: str, arguments: list[str], variables: dict[str, str]) -> tuple[int, str]:
    module = [] if program == "python" else ["-m", program]
    done = subprocess.run(
        [sys.executable, *module, *arguments],
        env={**os.environ, **_PYTEST, **variables},
        text=True,
        check=False,
        timeout=120,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.returncode, done.stdout


def _captured(work: Any) -> tuple[int, str]:
    """Exit code and everything printed."""
    code: object = 0
    # a real file, because child processes write to it too
    with TemporaryFile("w+", encoding="utf-8") as out:
        try:
            with redirect_stdout(out), redirect_stderr(out):
                work()
        except SystemExit as left:
            code = left.code
        except BaseException:
            sys.stderr.write(_all_of(out))
            raise
        return code if isinstance(code, int) else int(code is not None), _all_of(out)


def _all_of(file: IO[str]) -> str:
    file.flush()
    file.seek(0)
    return file.read()


def _compare(shown: list[str], output: str, line: int) -> None:
    """Every line shown stands in the output, in that order; `...` stands for anything, lines included."""
    left = iter([" ".join(one.split()) for one in output.splitlines()])
    for text in filter(None, (" ".join(one.split()) for one in shown)):
        pattern = re.compile(".*".join(map(re.escape, text.split("..."))))
        if text != "..." and not any(pattern.fullmatch(one) for one in left):
            raise Wrong(f"line {line}: this is shown, and is not printed there: {text}\nIt printed:\n{output}")


def _load(block: Block) -> None:
    """A whole handrail.toml, or a piece of one, is accepted with everything that it names."""
    from handrail.config import load
    from handrail.config.expectations import load_expectations
    from handrail.rulebook import snapshot

    text = block.text if "version = 1" in block.text else "version = 1\n" + block.text
    file = Path(block.title or "piece.toml")
    file.write_text(text, "utf-8")
    if file.name.endswith(".test.toml"):
        load_expectations(file)
    else:
        snapshot(load(file))
    if not block.title:
        file.unlink()


def _check_options(block: Block) -> None:
    """Commands of Handrail in a block that is not run have the options that they name."""
    from handrail.cli import group

    for line in block.text.replace("\\\n", " ").splitlines():
        words = [
            word for word in shlex.split(line.partition(" > ")[0], comments=True) if not _ASSIGNMENT.fullmatch(word)
        ]
        if not words or words[0] != "handrail":
            continue
        name, command, rest = group.resolve_command(group.make_context("handrail", words[1:]), words[1:])
        while command is not None and hasattr(command, "resolve_command"):
            name, command, rest = command.resolve_command(command.make_context(name, list(rest)), list(rest))
        if command is not None:
            command.make_context(name, list(rest))


def main(page: str) -> int:
    """Run the page; 0 when all of it is true."""
    from handrail.testing import ScriptedModel

    sys.path.insert(0, str(Path.cwd()))
    with ScriptedModel(play) as model:
        os.environ.update(model.environ)
        try:
            Page((REPO / page).read_text("utf-8")).run()
        except Wrong as wrong:
            print(f"{page}: {wrong}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
