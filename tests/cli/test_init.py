"""``handrail init``: the file that it writes loads, names the real tools and nothing else."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import example, given, settings
from hypothesis import strategies as st

from handrail.cli.draft import draft, guess_effect
from handrail.cli.init import command, write
from handrail.config import check_tools, load
from handrail.errors import ConfigError
from handrail.frameworks.discover import ToolInfo

TOOLS = [
    ToolInfo("get_order", "Look an order up.", {"type": "object"}),
    ToolInfo("search_faq", "", {}),
    ToolInfo("refund", "Pay money back.\n\nArgs: amount", {}),
    ToolInfo("getaway", "", {}),
    ToolInfo("orders.list", "", {}),
]


def test_draft_loads_and_names_the_tools(tmp_path: Path) -> None:
    """The draft is in observe mode, has a rule per effect, a delegation for the agent, and each tool's effect."""
    (tmp_path / "handrail.toml").write_text(draft(TOOLS, agent="helpdesk"))
    loaded = load(tmp_path / "handrail.toml", environ={})
    check_tools(loaded, [tool.name for tool in TOOLS])
    assert (loaded.mode, loaded.agent) == ("observe", "helpdesk")
    assert {name: tool.effect for name, tool in loaded.tools.items()} == {
        "get_order": "read", "search_faq": "read", "refund": "write", "getaway": "write", "orders.list": "write"
    }  # fmt: skip
    assert [(rule.id, rule.verdict, rule.subject, rule.call) for rule in loaded.rules] == [
        ("operator-reads", "allow", "operator", ("get_order", "search_faq")),
        ("operator-writes", "allow", "operator", ("refund", "getaway", "orders.list")),
    ]
    assert [(one.from_, one.to, one.call) for one in loaded.delegates] == [
        ("operator", "agent:helpdesk", tuple(tool.name for tool in TOOLS))
    ]
    assert loaded.users == {}
    assert load(tmp_path / "handrail.toml", mode="enforce", environ={}).has_policy


def test_draft_explains_itself() -> None:
    """Descriptions stand as one comment line each, and the guesses are said to be guesses."""
    text = draft(TOOLS)
    assert "# Pay money back. Args: amount\n[tools." in text
    assert "guesses from names" in text


def test_draft_without_tools(tmp_path: Path) -> None:
    """Without tools the draft still loads, and shows the form of a rule in comments."""
    (tmp_path / "handrail.toml").write_text(draft([]))
    loaded = load(tmp_path / "handrail.toml", environ={})
    assert (loaded.rules, loaded.tools) == ((), {})
    uncommented = draft([]).replace("#   ", "")
    assert tomllib.loads(uncommented)["rule"][0]["allow"] == "operator"


_names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*"), min_size=1, max_size=12)


@settings(deadline=None)
@given(st.lists(st.tuples(_names, st.text(st.characters(), max_size=30)), max_size=4), _names | st.just(""))
@example([('x\x7f"\\\n[rule]', "a\n[tools.evil]\n\x00\x85\u2028\u202e")], 'a"\n')
def test_hostile_names_and_descriptions(
    tmp_path_factory: pytest.TempPathFactory, tools: list[tuple[str, str]], agent: str
) -> None:
    """No name or description, whatever it holds, adds a key, breaks the file or arrives changed."""
    text = draft([ToolInfo(name, description, {}) for name, description in tools], agent=agent)
    folder = tmp_path_factory.mktemp("draft")
    (folder / "handrail.toml").write_text(text, encoding="utf-8", newline="\n")
    loaded = load(folder / "handrail.toml", environ={})
    names = {name for name, _ in tools}
    assert set(loaded.tools) == names
    assert {call for rule in loaded.rules for call in rule.call} == names
    assert loaded.agent == agent
    expected = {"version", "mode", "validators", "users", "roles"} | ({"tools", "rule", "delegate"} if names else set())
    assert set(tomllib.loads(text)) - {"agent"} == expected
    assert not any(character in text for character in "\x00\x85\u2028\u202e")


@pytest.mark.parametrize("name", ["wire_*", "\ud800"])
def test_names_that_cannot_be_written(name: str) -> None:
    """A tool called like a pattern would be granted more than itself: it is refused."""
    with pytest.raises(ConfigError, match="cannot stand in"):
        draft([ToolInfo(name, "", {})])


@pytest.mark.parametrize("name", ["write_get_x", "reader", "GET_x", "", "delete", "listen"])
def test_doubtful_names_are_writes(name: str) -> None:
    """Only the four plain prefixes are taken for reads."""
    assert guess_effect(name) == "write"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)


def test_writes_and_refuses_to_overwrite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is written for its owner, kept when it is there, and replaced with --force only."""
    monkeypatch.chdir(tmp_path)
    assert _run().exit_code == 0
    file = tmp_path / "handrail.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("mine")
    done = _run()
    assert (done.exit_code, file.read_text()) == (1, "mine")
    assert "--force" in done.output
    assert _run("--force").exit_code == 0
    assert load(file, environ={}).mode == "observe"
    assert [path.name for path in tmp_path.iterdir()] == ["handrail.toml"]


def test_never_follows_a_link(tmp_path: Path) -> None:
    """A symbolic link at the output, dangling or not, is refused, and with --force replaced rather than followed."""
    target = tmp_path / "precious"
    link = tmp_path / "handrail.toml"
    link.symlink_to(target)
    assert _run("--output", str(link)).exit_code == 1
    assert not target.exists()
    target.write_text("precious")
    assert _run("--output", str(link)).exit_code == 1
    assert _run("--output", str(link), "--force").exit_code == 0
    assert target.read_text() == "precious"
    assert not link.is_symlink()


def test_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    """Writing without replace fails where somebody else was faster, and leaves nothing behind."""
    (tmp_path / "handrail.toml").write_text("theirs")
    with pytest.raises(click.ClickException, match="File exists"):
        write("ours", tmp_path / "handrail.toml", replace=False)
    assert (tmp_path / "handrail.toml").read_text() == "theirs"
    assert [path.name for path in tmp_path.iterdir()] == ["handrail.toml"]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    """A missing folder is said, not created."""
    done = _run("--output", str(tmp_path / "no" / "handrail.toml"))
    assert (done.exit_code, "cannot be written: No such file" in done.output) == (1, True)


@pytest.mark.parametrize("reference", ["myapp", "myapp:", ":agent", "a.b"])
def test_reference_form(reference: str, tmp_path: Path) -> None:
    """A reference that is not MODULE:ATTRIBUTE is a usage error with the right form."""
    done = _run("--agent", reference, "--output", str(tmp_path / "x.toml"))
    assert (done.exit_code, "MODULE:ATTRIBUTE" in done.output) == (2, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("source", "reference", "said"),
    [
        ("agent = object()", "gone_{name}:agent", "ModuleNotFoundError"),
        ("agent = object()", "{name}:agnt", "AttributeError"),
        ("raise RuntimeError('no key')", "{name}:agent", "RuntimeError: no key"),
        ("raise SystemExit(0)", "{name}:agent", "SystemExit"),
    ],
)
def test_agent_that_cannot_be_imported(
    source: str, reference: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in the user's module is told, exits 2 and writes no file."""
    name = f"app_{abs(hash((source, reference)))}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / f"{name}.py").write_text(source)
    done = _run("--agent", reference.format(name=name))
    assert (done.exit_code, said in done.output) == (2, True)
    assert not (tmp_path / "handrail.toml").exists()
