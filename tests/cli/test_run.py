"""``handrail run``: real programs in real processes, governed without a change to them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handrail.cli.run import _refuse_unseen
from handrail.errors import HandrailError
from handrail.frameworks import api, bootstrap
from handrail.testing import ScriptedModel
from tests.cli import programs
from tests.frameworks.recorded import Recorded

WAIT_S = 120.0


@pytest.fixture(name="server")
def _server() -> Iterator[ScriptedModel]:
    with ScriptedModel(programs.script()) as server:
        yield server


def _check(folder: Path, *, runs: int) -> Recorded:
    """Every run made its allowed call and not its denied one; records are complete and the journal intact."""
    journal = Recorded(folder / ".handrail")
    assert programs.ran(folder) == ["add"] * runs
    verdicts = sorted((tool, verdict, ran) for tool, _, verdict, ran in journal.calls())
    assert verdicts == [("add", "allow", True)] * runs + [("wire_money", "deny", False)] * runs
    assert [record["outcome"] for record in journal.all("run.end")] == ["ok"] * runs
    journal.check_complete()
    return journal


def test_script(tmp_path: Path, server: ScriptedModel) -> None:
    """A script gets its own arguments, its denied call does not run, and its exit code is the result."""
    programs.write(tmp_path, app="import sys, clerk\nprint(clerk.ask(), sys.argv[1:])\nsys.exit(7)\n")
    done = programs.run(tmp_path, ["app.py", "--its-own", "-x"], programs.environ(tmp_path, server))
    assert (done.returncode, done.stdout) == (7, "final ['--its-own', '-x']\n"), done.stderr
    _check(tmp_path, runs=1)


def test_module(tmp_path: Path, server: ScriptedModel) -> None:
    """``python -m`` is a command like any other."""
    programs.write(tmp_path, worker="import clerk\nprint(clerk.ask())\n")
    done = programs.run(tmp_path, ["--", "python", "-m", "worker"], programs.environ(tmp_path, server))
    assert (done.returncode, done.stdout) == (0, "final\n"), done.stderr
    _check(tmp_path, runs=1)


def test_child_processes_inherit(tmp_path: Path, server: ScriptedModel) -> None:
    """A child program, a spawned and a forked worker are governed by the same configuration, wherever they run."""
    source = """
import multiprocessing, subprocess, sys, os

def work(_):
    import clerk
    return clerk.ask()

if __name__ == "__main__":
    folder = os.getcwd()
    child = "import sys; sys.path.insert(0, sys.argv[1]); import clerk; print(clerk.ask())"
    subprocess.run([sys.executable, "-c", child, folder], cwd="/", check=True)
    for method in ("spawn", "fork"):
        process = multiprocessing.get_context(method).Process(target=work, args=(0,))
        process.start()
        process.join()
        assert process.exitcode == 0
"""
    programs.write(tmp_path, app=source)
    done = programs.run(tmp_path, ["app.py"], programs.environ(tmp_path, server))
    assert done.returncode == 0, done.stderr
    journal = _check(tmp_path, runs=3)
    assert len({record["w"] for record in journal.all("run.start")}) == 3


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _get(url: str) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=WAIT_S) as answer:
        return str(answer.read().decode())


def _until(ready: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait for ``ready``; fails with what the program said when it ends before."""
    end = time.monotonic() + WAIT_S
    while not ready():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end, "the program did not become ready"
        time.sleep(0.02)


def _answers(url: str) -> bool:
    try:
        return _get(url) == "up"
    except OSError:
        return False


def _stop(process: subprocess.Popen[str], how: signal.Signals = signal.SIGTERM) -> None:
    """Send the signal to the one process that we know: the program has taken its place."""
    process.send_signal(how)
    try:
        process.communicate(timeout=WAIT_S)
    finally:
        process.kill()


WSGI = """
import clerk

def app(environ, start_response):
    start_response("200 OK", [])
    return [clerk.ask().encode() if environ["PATH_INFO"] == "/ask" else b"up"]
"""


def test_gunicorn_preloaded_with_recycled_workers(tmp_path: Path, server: ScriptedModel) -> None:
    """Workers forked from a loaded application, and those that replace them, each keep records of their own."""
    programs.write(tmp_path, web=WSGI)
    port, asked = _free_port(), 6
    words = ["gunicorn", "--preload", "-w", "2", "--max-requests", "2", "-b", f"127.0.0.1:{port}", "web:app"]
    process = programs.start(tmp_path, ["--", *words], programs.environ(tmp_path, server))
    try:
        _until(lambda: _answers(f"http://127.0.0.1:{port}/"), process)
        for _ in range(asked):
            assert _get(f"http://127.0.0.1:{port}/ask") == "final"
    finally:
        _stop(process)
    assert process.returncode == 0
    journal = _check(tmp_path, runs=asked)
    assert len({record["w"] for record in journal.all("run.start")}) >= 3
    assert len(journal.all("writer.stop")) == len(journal.all("writer.start"))


ASGI = """
import asyncio, clerk

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    body = b"up"
    if scope["path"] == "/ask":
        answer = await clerk.agent.ainvoke({"messages": [("user", "hi")]})
        body = answer["messages"][-1].text.encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
"""


def test_uvicorn_with_workers(tmp_path: Path, server: ScriptedModel) -> None:
    """Spawned asynchronous workers are governed, and SIGTERM ends them in good order."""
    programs.write(tmp_path, web=ASGI)
    port, asked = _free_port(), 4
    words = ["uvicorn", "--workers", "2", "--port", str(port), "--lifespan", "off", "web:app"]
    process = programs.start(tmp_path, ["--", *words], programs.environ(tmp_path, server))
    try:
        _until(lambda: _answers(f"http://127.0.0.1:{port}/"), process)
        for _ in range(asked):
            assert _get(f"http://127.0.0.1:{port}/ask") == "final"
    finally:
        _stop(process)
    _check(tmp_path, runs=asked)


CELERY = """
import os
import clerk
from celery import Celery
from pathlib import Path

queue = Path(os.environ["QUEUE"])
app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": str(queue), "data_folder_out": str(queue), "control_folder": str(queue / "control"),
}
app.conf.broker_connection_retry_on_startup = True

@app.task
def work():
    return clerk.ask()
"""
SEND = """
import sys
sys.modules["clerk"] = sys  # whoever sends a task needs no agent
import tasks
for _ in range(3):
    tasks.work.delay()
"""


def test_celery_worker(tmp_path: Path, server: ScriptedModel) -> None:
    """Tasks in a prefork worker are governed; the worker's own shutdown closes its records."""
    programs.write(tmp_path, tasks=CELERY)
    queue = tmp_path / "queue"
    (queue / "control").mkdir(parents=True)
    env = {**programs.environ(tmp_path, server), "QUEUE": str(queue)}
    words = ["celery", "-A", "tasks", "worker", "-c", "2", "--without-gossip", "--without-mingle", "-l", "ERROR"]
    process = programs.start(tmp_path, ["--", *words], env)
    try:
        subprocess.run([sys.executable, "-c", SEND], cwd=tmp_path, env=env, check=True, timeout=WAIT_S)
        _until(lambda: len(Recorded(tmp_path / ".handrail").all("run.end")) == 3, process)
    finally:
        _stop(process)
    _check(tmp_path, runs=3)


def test_signals_reach_the_program(tmp_path: Path) -> None:
    """The program takes the place of the command: a signal meets its own handler."""
    source = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(42))
print("ready", flush=True)
time.sleep(60)
"""
    programs.write(tmp_path, app=source)
    process = programs.start(tmp_path, ["app.py"], programs.environ(tmp_path))
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    _stop(process)
    assert process.returncode == 42


def test_nothing_heavy_before_the_framework(tmp_path: Path) -> None:
    """A program that imports no framework gets import hooks and nothing else, and leaves no records."""
    source = """
import json, sys
heavy = "duckdb streamlit jsonschema casbin langchain_core langgraph mcp msgspec opentelemetry".split()
print(json.dumps([name for name in heavy if name in sys.modules]))
print(json.dumps([folder for folder in sys.path if "bootstrap" in folder]))
"""
    programs.write(tmp_path, app=source)
    done = programs.run(tmp_path, ["--mode", "observe", "app.py"], programs.environ(tmp_path))
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[], []], done.stderr
    assert not (tmp_path / ".handrail").exists()


def test_own_sitecustomize_still_runs(tmp_path: Path) -> None:
    """A sitecustomize that the user has is found behind ours, under its own name."""
    programs.write(
        tmp_path,
        app="import sitecustomize\nprint(sitecustomize.mine, sitecustomize.__name__)\n",
        sitecustomize="mine = 'still here'\n",
    )
    env = programs.environ(tmp_path)
    env["PYTHONPATH"] = os.pathsep.join([str(tmp_path), env["PYTHONPATH"]])
    assert programs.run(tmp_path, ["app.py"], env).stdout == "still here sitecustomize\n"


def test_wrong_configuration_is_found_before_the_start(tmp_path: Path) -> None:
    """Exit code 2, one line with file and line number, and the program never started."""
    programs.write(tmp_path, app="print('started')\n")
    (tmp_path / "handrail.toml").write_text(programs.POLICY.replace("allow =", "alow ="))
    done = programs.run(tmp_path, ["app.py"], programs.environ(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("handrail: ")
    assert f"{tmp_path / 'handrail.toml'}:" in done.stderr
    assert done.stderr.count("\n") == 1


def test_unwritable_journal_stops_enforcement_before_the_start(tmp_path: Path) -> None:
    """Where nothing can be recorded, an enforced program does not start."""
    programs.write(tmp_path, app="print('started')\n")
    (tmp_path / ".handrail").write_text("a file in the way")
    done = programs.run(tmp_path, ["app.py"], programs.environ(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert ".handrail" in done.stderr


BREAK_LATER = """
import os, pathlib
pathlib.Path("handrail.toml").write_text("not = toml = at all")
try:
    import langchain_core.tools
except BaseException:
    pass
print("ungoverned")
"""


def test_enforced_program_that_cannot_be_governed_ends(tmp_path: Path) -> None:
    """What breaks after the start ends the process with code 2: no except clause can hold it."""
    programs.write(tmp_path, app=BREAK_LATER)
    done = programs.run(tmp_path, ["app.py"], programs.environ(tmp_path))
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.startswith("handrail: this process may not run ungoverned")


def test_observed_program_goes_on_with_a_warning(tmp_path: Path) -> None:
    """In observe mode the same failure is a warning."""
    programs.write(tmp_path, app=BREAK_LATER)
    done = programs.run(tmp_path, ["--mode", "observe", "app.py"], programs.environ(tmp_path))
    assert (done.returncode, done.stdout) == (0, "ungoverned\n")
    assert "handrail" in done.stderr


@pytest.mark.parametrize(("mode", "code", "said"), [("enforce", 2, ""), ("observe", 0, "ungoverned\n")])
def test_python_without_handrail(mode: str, code: int, said: str, tmp_path: Path) -> None:
    """A Python that cannot import handrail runs nothing in enforce mode, and is warned about in observe mode."""
    hidden = "import sys\nsys.modules['handrail'] = None\n"
    site = tmp_path / "site"
    site.mkdir()
    (site / "hide.pth").write_text(hidden.replace("\n", ";"))
    programs.write(tmp_path, app="print('ungoverned')\n")
    env = programs.environ(tmp_path) | {bootstrap.VARIABLE: mode, "PYTHONPATH": bootstrap.FOLDER}
    start = f"import site; site.addsitedir({str(site)!r}); import runpy, sys; sys.path.insert(0, {bootstrap.FOLDER!r})"
    code_to_run = f"{start}; import sitecustomize; runpy.run_path('app.py')"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code_to_run], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (code, said), done.stderr
    assert "cannot import handrail" in done.stderr


def test_commands_that_are_not_there(tmp_path: Path) -> None:
    """A missing script and a missing command each give one sentence."""
    programs.write(tmp_path)
    missing = programs.run(tmp_path, ["nothing.py"], programs.environ(tmp_path))
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
    unknown = programs.run(tmp_path, ["--", "no-such-command"], programs.environ(tmp_path))
    assert (unknown.returncode, unknown.stderr.count("\n")) == (127, 1)


@pytest.mark.parametrize(
    "words",
    ["python -I app.py", "python3 -E app.py", "/usr/bin/python3.11 -uS -m x", "python -W error -I x", "python -Im x"],
)
def test_flags_that_leave_the_hooks_out_are_refused(words: str) -> None:
    """Python's isolating flags would run the program ungoverned."""
    with pytest.raises(HandrailError, match="ungoverned"):
        _refuse_unseen(words.split())


@pytest.mark.parametrize(
    "words",
    [
        "python app.py -I", "python -m x -E", "python -c -S", "python -WIgnore -X Importtime app.py", "python -u x",
        "python - -I", "python", "ls -ISE", "python --version -V",
    ],
)  # fmt: skip
def test_other_flags_pass(words: str) -> None:
    """What only looks like such a flag, or belongs to the program, is let through."""
    _refuse_unseen(words.split())


def test_hooks_wait_for_the_modules_of_all_seams() -> None:
    """Every seam's trigger brings governance up."""
    assert set(bootstrap.TRIGGERS) == {trigger for trigger, _ in api.SEAMS.values()}
