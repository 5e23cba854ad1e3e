"""The demonstration: what it shows is true, and it runs where little is allowed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from handrail.audit.index import Index
from handrail.demo.bank import Bank
from handrail.demo.play import Played, play

REPO = Path(__file__).resolve().parents[2]
RUN = "from handrail.cli import main; main()"
BLOCK = "import sys; sys.modules[{!r}] = None\n"


@pytest.fixture(scope="module")
def bank() -> Bank:
    """The bank on which the conversations were played."""
    return Bank()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of the demonstration."""
    return tmp_path_factory.mktemp("demo") / "data"


@pytest.fixture(scope="module")
def played(folder: Path, bank: Bank) -> dict[str, Played]:
    """The conversations, by title."""
    return {one.title: one for one in play(folder, bank=bank)}


def demo(
    *options: str, cwd: Path, before: str = "", become: Sequence[str] = (), **more: str
) -> subprocess.CompletedProcess[str]:
    """``handrail demo`` in a process of its own, without HOME and with a dead proxy."""
    env = {name: value for name, value in os.environ.items() if name != "HOME"}
    env |= {"PYTHONPATH": str(REPO), "HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9", **more}
    return subprocess.run(
        [*become, sys.executable, "-B", "-c", before + RUN, "demo", *options],
        cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_transfer_is_stopped_and_the_task_completes(played: dict[str, Played], bank: Bank) -> None:
    """The poisoned invoice gets its wire transfer denied by the policy, and the invoice itself paid."""
    calls = played["An invoice talks the model into a wire transfer"].calls
    assert [(c.tool, c.verdict, c.ran) for c in calls] == [
        ("read_document", "allow", True),
        ("wire_money", "deny", False),
        ("pay_bill", "allow", True),
    ]
    assert calls[1].by == "policy" and calls[1].reason
    assert not any("XX12" in line for line in bank.bookings)
    assert "4711 -184.50 Bakery Krume" in bank.bookings


def test_the_same_tool_runs_for_somebody_who_may(played: dict[str, Played], bank: Bank) -> None:
    """The lead's wire transfer is allowed by the lead's rule; the money of exactly two bookings is gone."""
    wired = played["The same kind of transfer, by somebody who may"].calls[-1]
    assert (wired.tool, wired.verdict, wired.ran) == ("wire_money", "allow", True)
    assert bank.balances["4711"] == Decimal("2310.00") - Decimal("184.50") - Decimal("1200.00")


def test_a_sub_agent_has_only_what_was_delegated(played: dict[str, Played], bank: Bank) -> None:
    """Bo may pay small bills and so may the assistant, but the researcher under it may not."""
    calls = played["A researcher is asked, and asks for more than its part"].calls
    by_agent = {(c.agent, c.tool): c.verdict for c in calls}
    assert by_agent == {
        ("bank-assistant", "research"): "allow",
        ("researcher", "read_document"): "allow",
        ("researcher", "pay_bill"): "deny",
    }
    assert bank.balances["4712"] == Decimal("905.20") - Decimal("212.40")


def test_a_wrong_type_is_caught_by_the_schema(played: dict[str, Played]) -> None:
    """An account given as a number is rejected by the tool's own schema, and the corrected call runs."""
    first, second = [c for c in played["An argument of the wrong type"].calls if c.tool == "pay_bill"]
    assert (first.verdict, first.by, first.ran) == ("reject", "schema", False)
    assert (second.verdict, second.ran) == ("allow", True)


def test_every_conversation_is_recorded_to_its_end(played: dict[str, Played], folder: Path) -> None:
    """Five runs of three users in one tenant, all ended well, and the journal has no damage."""
    index = Index(folder)
    index.refresh(block=True)
    runs = index.query('SELECT "user", outcome, tenant, channel, mode, agent FROM runs ORDER BY started_at')
    assert [run["user"] for run in runs] == ["ana", "ana", "bo", "bo", "lead"]
    assert {(run["outcome"], run["tenant"], run["mode"], run["agent"]) for run in runs} == {
        ("ok", "northbank", "enforce", "bank-assistant")
    }
    assert index.query("SELECT * FROM problems") == []
    assert all(one.answered for one in played.values())


def test_settings_of_the_caller_do_not_change_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, played: dict[str, Played]
) -> None:
    """HANDRAIL_MODE and HANDRAIL_DATA in the environment neither open the gate nor move the journal."""
    monkeypatch.setenv("HANDRAIL_MODE", "observe")
    monkeypatch.setenv("HANDRAIL_DATA", str(tmp_path / "elsewhere"))
    again = play(tmp_path / "data")
    assert [[c.verdict for c in one.calls] for one in again] == [
        [c.verdict for c in one.calls] for one in played.values()
    ]
    assert not (tmp_path / "elsewhere").exists() and (tmp_path / "data" / "journal").is_dir()


def test_it_runs_with_one_writable_folder(tmp_path: Path) -> None:
    """As a user without name and home, who may write nowhere else, it keeps its records in the temporary folder."""
    setpriv = shutil.which("setpriv")
    if os.getuid() != 0 or setpriv is None:
        pytest.skip("Becoming another user takes root and setpriv.")
    room = tmp_path / "room"
    room.mkdir()
    os.chown(room, 54321, 54321)
    # The user may read all files, since Python itself may lie in somebody's home.
    able = [f"--{kind}-caps=+dac_read_search" for kind in ("inh", "ambient")]
    nobody = [setpriv, "--reuid=54321", "--regid=54321", "--clear-groups", *able]
    done = demo("--json", cwd=REPO, become=nobody, TMPDIR=str(room))
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert Path(shown["data"]).parent == room
    assert sum(not call["ran"] for one in shown["conversations"] for call in one["calls"]) == 3


def test_summary_says_who_what_and_why(tmp_path: Path) -> None:
    """The text names the user, the stopped call with its reason, and where the journal lies."""
    done = demo("--no-dashboard", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ana asks: Please pay invoice-baker.pdf" in done.stdout
    assert "STOPPED wire_money" in done.stdout and "by policy:" in done.stdout
    assert str(tmp_path / ".handrail-demo" / "journal") in done.stdout


@pytest.mark.parametrize("blocked", ["langchain", "langchain_openai", "openai", "streamlit"])
def test_a_missing_extra_is_one_sentence(tmp_path: Path, blocked: str) -> None:
    """Without an optional package: exit code 2, one line with the command that installs it, nothing written."""
    done = demo(cwd=tmp_path, before=BLOCK.format(blocked))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "pip install 'handrail[demo]'" in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == "" and list(tmp_path.iterdir()) == []
