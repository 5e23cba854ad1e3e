"""``handrail doctor``: what it finds wrong, and what it says it cannot see."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from handrail.cli import checks
from handrail.cli.doctor import command
from handrail.config import Settings
from handrail.frameworks.patching import Patches
from tests.cli import programs

Doctor = Callable[..., tuple[int, list[dict[str, Any]]]]


@pytest.fixture(name="doctor")
def _doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    """Runs the command in ``tmp_path``: options in, exit code and checks out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    for name in ("HANDRAIL_CONFIG", "HANDRAIL_MODE", "HANDRAIL_DATA"):
        monkeypatch.delenv(name, raising=False)

    def run(*words: str) -> tuple[int, list[dict[str, Any]]]:
        for name in ("clerk", "hosted", "broken"):
            sys.modules.pop(name, None)
        done = CliRunner().invoke(command, ["--json", *words])
        found = json.loads(done.stdout)
        assert found["ok"] is (done.exit_code == 0)
        return done.exit_code, found["checks"]

    yield run
    for name in ("clerk", "hosted", "broken"):
        sys.modules.pop(name, None)


def _one(found: list[dict[str, Any]], section: str, what: str) -> dict[str, Any]:
    (check,) = [check for check in found if (check["section"], check["what"]) == (section, what)]
    return check


def test_all_is_well(tmp_path: Path, doctor: Doctor) -> None:
    """A good configuration and an agent that fits it: nothing wrong, everything named, nothing left behind."""
    programs.write(tmp_path)
    code, found = doctor("--agent", "clerk:agent")
    assert code == 0, [check for check in found if check["state"] == "wrong"]
    assert _one(found, "configuration", "file")["text"].startswith(str(tmp_path / "handrail.toml"))
    assert _one(found, "configuration", "mode")["text"] == "enforce"
    assert _one(found, "journal", "writable")["state"] == "ok"
    assert _one(found, "agent", "name")["text"] == "clerk"
    assert _one(found, "agent", "tools")["text"] == "add, wire_money"
    assert _one(found, "seams", "langchain_core.tools.base.BaseTool.run") == {
        "section": "seams",
        "what": "langchain_core.tools.base.BaseTool.run",
        "state": "ok",
        "text": "in place",
    }
    assert not (tmp_path / ".handrail").exists()


def test_what_no_seam_sees_is_said_plainly(doctor: Doctor) -> None:
    """The holes are named in every report, with what to do about each where there is something to do."""
    _, found = doctor()
    said = " ".join(check["text"] for check in found if check["section"] == "not governed")
    for words in ("tool.func", "@handrail.tool", "provider executes", "JSON-RPC", "python -I"):
        assert words in said


def test_provider_executed_tools_of_the_agent(tmp_path: Path, doctor: Doctor) -> None:
    """A hosted tool that this very agent offers is named."""
    source = """
from langchain.agents import create_agent
import clerk
agent = create_agent("openai:x", [clerk.add, clerk.wire_money, {"type": "web_search"}])
"""
    programs.write(tmp_path, hosted=source)
    _, found = doctor("--agent", "hosted:agent")
    assert "web_search" in _one(found, "not governed", "web_search")["text"]


def test_unknown_tool_in_the_configuration(tmp_path: Path, doctor: Doctor) -> None:
    """A rule for a tool that the agent does not have is wrong, with file and line and the nearest name."""
    programs.write(tmp_path)
    (tmp_path / "handrail.toml").write_text(programs.POLICY.replace('call = "add"', 'call = "ad"', 1))
    code, found = doctor("--agent", "clerk:agent")
    wrong = _one(found, "agent", "configuration")
    assert (code, wrong["state"]) == (1, "wrong")
    assert "handrail.toml:" in wrong["text"]
    assert "add" in wrong["text"]


def test_wrong_configuration(tmp_path: Path, doctor: Doctor) -> None:
    """A file that cannot be used is wrong, and the rest is looked at all the same."""
    (tmp_path / "handrail.toml").write_text('version = 1\nmod = "observe"\n')
    code, found = doctor()
    assert code == 1
    assert "handrail.toml:2: " in _one(found, "configuration", "settings")["text"]
    assert any(check["section"] == "seams" for check in found)


def test_no_configuration_is_no_fault(doctor: Doctor) -> None:
    """Without a file: observe mode, and that is said."""
    code, found = doctor()
    assert code == 0
    assert "observe mode" in _one(found, "configuration", "file")["text"]


def test_a_file_that_is_named_and_not_there(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """HANDRAIL_CONFIG pointing nowhere is wrong, not taken for no configuration."""
    monkeypatch.setenv("HANDRAIL_CONFIG", "nothing.toml")
    code, found = doctor()
    assert code == 1
    assert "HANDRAIL_CONFIG" in _one(found, "configuration", "settings")["text"]


@pytest.mark.parametrize("reference", ["clerk", "clerk:nothing", "no_such_module:agent", "broken:agent", "os:path"])
def test_agent_that_cannot_be_looked_at(reference: str, tmp_path: Path, doctor: Doctor) -> None:
    """An agent that is not there, fails to import, or is none, is wrong; the report is complete all the same."""
    programs.write(tmp_path, broken="raise SystemExit('stop')\n")
    code, found = doctor("--agent", reference)
    assert code == 1
    assert any(check["section"] == "agent" and check["state"] == "wrong" for check in found)
    assert any(check["section"] == "not governed" for check in found)


def test_journal_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in the way, and a symbolic link, are each wrong."""
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    for data in (in_the_way, link):
        assert "wrong" in {check.state for check in checks.journal(Settings(data=data))}
    assert {check.state for check in checks.journal(Settings(data=tmp_path / "new"))} == {"ok"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "file", "link"]


def test_framework_without_what_a_seam_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release of a framework that lacks the method is wrong, and named."""
    from mcp.client.session import ClientSession

    import handrail.frameworks.mcp as seam

    seam.uninstall()
    monkeypatch.delattr(ClientSession, "call_tool")
    (wrong,) = [check for check in checks.seams() if check.state == "wrong"]
    assert wrong.what == "mcp"
    assert "call_tool" in wrong.text


def test_somebody_elses_wrapper_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that wrapped a seam after Handrail is told of."""

    class Session:
        def call(self) -> int:
            return 1

    patches = Patches()
    patches.wrap(Session, "call", lambda original: original)
    monkeypatch.setattr(Session, "call", lambda self: 2)
    module = type(sys)("seam")
    module.patches, module.install, module.uninstall = patches, lambda: None, lambda: None  # type: ignore[attr-defined]
    (check,) = checks._tried("nothing", module)
    assert (check.state, check.what) == ("note", f"{__name__}.{Session.__qualname__}.call")


def _dist(folder: Path, name: str, module: str) -> None:
    made = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    made.mkdir(parents=True)
    (made / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (made / "entry_points.txt").write_text(f"[opentelemetry_instrumentor]\nsongs = {module}:Instrumentor\n")


def test_instrumentations_that_share_a_name_are_told(
    tmp_path: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two installed distributions that answer to one name are named together, with what that leads to."""
    _dist(tmp_path, "songs-of-one", "one")
    _dist(tmp_path, "songs-of-two", "two")
    monkeypatch.syspath_prepend(str(tmp_path))
    _, found = doctor()
    check = _one(found, "others", "songs")
    assert check["state"] == "note"
    assert "songs-of-one, songs-of-two" in check["text"]
    assert "keep one" in check["text"]


def test_a_tracer_that_the_environment_switches_on_is_told(
    tmp_path: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LangSmith's variable is named, since LangSmith keeps content that Handrail leaves out."""
    monkeypatch.setenv("LANGSMITH_TRACING", "true")
    _, found = doctor()
    assert "LANGSMITH_TRACING" in _one(found, "others", "LangSmith")["text"]
