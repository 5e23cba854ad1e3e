"""Many processes at once: agents that write or are killed, and everybody who reads what they write meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from handrail.audit.index import Index
from handrail.audit.packs import packs_in
from handrail.audit.verify import verify
from tests.acceptance import freshness
from tests.acceptance.agents import write_policy
from tests.acceptance.commands import COMPLAINTS, ENVIRON, handrail
from tests.acceptance.explorer import browsing, complaints, served
from tests.acceptance.kept import judge, kept, said
from tests.audit.places import REPO

SHORT_LIVED = ("--writers", 200, "--together", 4, "--runs", 1, "--turns", 1)
LOADED_S, QUIET_S = 5.0, 4.0
"""How long the explorer is watched while reports and rebuilds go on, and how long without them."""
PAUSE_S = 0.3
"""Between two runs of the same command: the test shares its processors with others."""


@contextmanager
def crew(folder: Path, *options: object, said: str = "said.txt") -> Iterator[subprocess.Popen[str]]:
    """Agents of ``agents.py`` that write until the context ends; what they say goes to the file ``said``."""
    # newer Pythons warn of every fork beside a thread, such as the journal's; that it goes well is what we test
    quiet = ("-W", "ignore::DeprecationWarning")
    command = [sys.executable, *quiet, "-m", "tests.acceptance.agents", str(folder), *map(str, options)]
    with (folder / said).open("w") as out:
        process = subprocess.Popen(
            command, cwd=REPO, env=ENVIRON, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE, text=True
        )
    try:
        yield process
    except BaseException:
        process.kill()
        raise
    finally:
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, stderr) == (0, "")


def again_and_again(stop: threading.Event, *words: object) -> list[tuple[int, str]]:
    """The same command until ``stop``; exit code and standard error of each time."""
    found: list[tuple[int, str]] = []
    while not stop.is_set():
        done = handrail(*words)
        found.append((done.returncode, done.stderr))
        stop.wait(PAUSE_S)
    return found


@contextmanager
def meanwhile(*commands: tuple[object, ...]) -> Iterator[None]:
    """Repeat commands while the context lasts: each of them ran, ended with 0, and complained of nothing."""
    stop = threading.Event()
    with ThreadPoolExecutor(len(commands)) as pool:
        loops = [pool.submit(again_and_again, stop, *words) for words in commands]
        try:
            yield
        finally:
            stop.set()
    for loop in loops:
        ended = loop.result()
        assert ended and all(code == 0 for code, _ in ended), ended
        assert not [text for _, text in ended if any(word in text.lower() for word in COMPLAINTS)], ended


def run_of(data: Path, session: str) -> str:
    """The id of a session's run, once its first step is in the index."""
    index = Index(data)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if (data / "journal").is_dir():
            index.refresh()
            rows = index.query("SELECT run FROM runs WHERE session = ? AND steps > 0", (session,))
            if rows:
                return str(rows[0]["run"])
        time.sleep(0.05)
    raise AssertionError(f"no run of session {session}")


def test_agents_write_while_others_look_report_and_rebuild(tmp_path: Path) -> None:
    """Four writers, an open explorer, reports and rebuilds: no lock error, no failure, steps appear by themselves."""
    write_policy(tmp_path)
    data = tmp_path / "data"
    with browsing() as page, crew(tmp_path, "--writers", 4, "--pause", 0.05, "--long"):
        run = run_of(data, "0-0")
        with served(data) as (url, stderr):
            page.goto(f"{url}/run?run={run}&view=table")
            page.locator("[data-testid=stMetric]").first.wait_for()
            freshness.watch(page)
            report = ("report", "--data", data, "-o", tmp_path / "report.html", "--force")
            with meanwhile(report, ("audit", "rebuild", "--data", data)):
                page.wait_for_timeout(LOADED_S * 1000)
            loaded = freshness.seen(page)
            assert complaints(page) == []
            page.wait_for_timeout(QUIET_S * 1000)
            shown = freshness.seen(page)
            page.goto(url)
            page.locator("[data-testid=stDataFrame] td").first.wait_for(state="attached")
            assert complaints(page) == []
    assert not any(word in stderr[0].lower() for word in COMPLAINTS), stderr
    steps = freshness.written(data, run)
    under_load, quiet = freshness.delays(loaded, steps), freshness.delays(shown[len(loaded) - 1 :], steps)
    assert under_load and quiet, "no step that was written while the page was open appeared in it"
    print(f"\nBeside reports and rebuilds: {freshness.told(under_load)}\nWithout: {freshness.told(quiet)}")
    figures = judge(data, said((tmp_path / "said.txt").read_text()))
    assert figures.good and figures.in_flight == figures.lost_runs == figures.torn == 0, figures
    assert "<html" in (tmp_path / "report.html").read_text()


def test_kill_9_of_every_writer_loses_and_doubles_nothing() -> None:
    """200 agents killed at a random step: every call that returned is there once, what was cut short is named as lost.

    The start of every run is there, chains hold, and the index says the same as the segments.
    """
    command = [sys.executable, "-m", "tests.acceptance.campaign", "--cycles", "10", "--workers", "20", "--json"]
    done = subprocess.run(command, cwd=REPO, env=ENVIRON, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout)
    wrong = ("crashed", "lost", "duplicated", "rootless", "broken", "unnamed", "disagreed")
    assert {name: figures[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert figures["kills"] == 210 and figures["said"] > 100 and figures["lost_runs"] > 0


def test_short_lived_workers_are_packed_while_others_write_and_read(tmp_path: Path) -> None:
    """Two hundred workers of one call each, packed as they die: every call is there once, all chains hold."""
    write_policy(tmp_path)
    data = tmp_path / "data"
    with crew(tmp_path, "--writers", 1, "--first", 900, "--pause", 0.02, said="long.txt"):
        run_of(data, "900-0")
        readers = meanwhile(("audit", "compact", "--data", data), ("audit", "tail", "--data", data))
        with crew(tmp_path, *SHORT_LIVED) as workers, readers:
            assert workers.wait(timeout=90) == 0
        done = handrail("audit", "compact", "--data", data)
        assert (done.returncode, done.stderr) == (0, "")
        assert packs_in(data / "journal")
    found, report = kept(data), verify(data)
    assert report.intact and report.writers == 203, report
    short = {key: count for key, count in found.keys.items() if key.split("-")[0] not in ("900", "901")}
    assert short == {f"{slot}-0/0/0": 1 for slot in range(201)}  # their parent is the last
    spoken = (tmp_path / "said.txt").read_text()
    assert said(spoken).count == 3 * 201
    figures = judge(data, said(spoken + (tmp_path / "long.txt").read_text()))
    assert figures.good and figures.in_flight == figures.lost_runs == 0, figures
