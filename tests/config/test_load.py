"""What load and find make of a file, the environment and the arguments."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from handrail.config import RuleSettings, Settings, ToolSettings, find, load, places
from handrail.errors import ConfigError
from tests.config.conftest import Load

FULL = """
mode = "enforce"
agent = "helpdesk"
data = "kept/here"
trust_configurable = true
[principal]
tenant = "acme"
user = "batch"
session = "s"
channel = "mail"
[audit]
payloads = false
[users]
"acme/ana" = ["support"]
bob = ["lead"]
[roles]
lead = ["support"]
[groups]
money = ["refund", "wire_*"]
[tools.refund]
effect = "irreversible"
idempotent = true
not_found = ["LookupError"]
[[rule]]
id = "refunds"
allow = "support"
call = ["money", "read_*"]
when = "args.amount <= 500"
tenant = "acme"
[[rule]]
id = "no-exports"
deny = "*"
call = "export_*"
[[delegate]]
from = "support"
to = "agent:helpdesk"
call = "money"
[[validate]]
id = "v"
on = "orders.list.result"
schema = {type = "object"}
[[validate]]
id = "a"
on = "answer"
schema = "s.json"
"""


def test_everything_arrives(written: Load, tmp_path: Path) -> None:
    """Every key of the grammar reaches the settings, with its line."""
    (tmp_path / "s.json").write_text('{"type": "string"}')
    loaded = written(FULL)
    assert (loaded.mode, loaded.agent, loaded.data) == ("enforce", "helpdesk", tmp_path / "kept/here")
    assert (loaded.tenant, loaded.user, loaded.session, loaded.channel) == ("acme", "batch", "s", "mail")
    assert (loaded.trust_configurable, loaded.payloads) == (True, False)
    assert loaded.users == {"acme/ana": ("support",), "default/bob": ("lead",)}
    assert (loaded.roles, loaded.groups) == ({"lead": ("support",)}, {"money": ("refund", "wire_*")})
    tool = loaded.tool("refund")
    assert (tool.effect, tool.idempotent, tool.not_found) == ("irreversible", True, ("LookupError",))
    assert [(rule.id, rule.verdict, rule.subject, rule.call, rule.when, rule.tenant) for rule in loaded.rules] == [
        ("refunds", "allow", "support", ("money", "read_*"), "args.amount <= 500", "acme"),
        ("no-exports", "deny", "*", ("export_*",), "", "*"),
    ]
    assert [(one.id, one.from_, one.to, one.call, one.tenant) for one in loaded.delegates] == [
        ("delegate-1", "support", "agent:helpdesk", ("money",), "*")
    ]
    assert [(one.id, one.on, one.tool, one.schema) for one in loaded.validates] == [
        ("v", "result", "orders.list", {"type": "object"}),
        ("a", "answer", "", {"type": "string"}),
    ]
    text = (tmp_path / "handrail.toml").read_text().split("\n")
    for place in (*(rule.place for rule in loaded.rules), loaded.delegates[0].place, tool.place):
        assert place.file == tmp_path / "handrail.toml"
        assert place.line is not None
        assert text[place.line - 1].startswith("[")


def test_nothing_gives_the_defaults(tmp_path: Path) -> None:
    """Without a file: observe mode, data beside the working directory, no policy."""
    assert load(environ={}, cwd=tmp_path) == Settings(data=tmp_path / ".handrail")
    assert Settings().tool("unknown") == ToolSettings("unknown", effect="write")


def test_a_minimal_file(written: Load, tmp_path: Path) -> None:
    """A file with a version alone is the defaults, plus where it stands."""
    loaded = written("")
    expected = hashlib.sha256(hashlib.sha256(b"version = 1\n").digest()).hexdigest()
    assert loaded == Settings(data=tmp_path / ".handrail", file=tmp_path / "handrail.toml", digest=expected)


def test_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    """A file from a Windows editor loads, and its lines are counted right."""
    rule = b'[[rule]]\r\nid = "r"\r\nallow = "*"\r\ncall = """x"""\r\n'
    (tmp_path / "handrail.toml").write_bytes(b"\xef\xbb\xbfversion = 1\r\n\r\n" + rule)
    loaded = load(tmp_path / "handrail.toml", environ={})
    assert loaded.rules[0].place.line == 3


def test_mode_precedence(written: Load) -> None:
    """Argument > environment > file > default, and an empty variable is no variable."""
    rule = '\n[[rule]]\nid = "r"\nallow = "*"\ncall = "x"\n'
    assert written(rule).mode == "observe"
    assert written('mode = "enforce"' + rule).mode == "enforce"
    assert written('mode = "enforce"' + rule, environ={"HANDRAIL_MODE": ""}).mode == "enforce"
    assert written('mode = "enforce"' + rule, environ={"HANDRAIL_MODE": "observe"}).mode == "observe"
    assert written(rule, mode="enforce", environ={"HANDRAIL_MODE": "observe"}).mode == "enforce"


def test_bad_mode_names_its_source(tmp_path: Path) -> None:
    """A misspelled mode is refused, and the message says whether variable or argument is wrong."""
    with pytest.raises(ConfigError, match=r'variable HANDRAIL_MODE is "Enforce".*Did you mean "enforce"'):
        load(environ={"HANDRAIL_MODE": "Enforce"}, cwd=tmp_path)
    with pytest.raises(ConfigError, match=r'argument mode is "off"'):
        load(mode="off", environ={}, cwd=tmp_path)  # type: ignore[arg-type]


def test_enforce_needs_a_policy(written: Load, tmp_path: Path) -> None:
    """Enforce mode without a rule refuses to start and says what to add, from whichever source the mode comes."""
    with pytest.raises(ConfigError, match="handrail init"):
        load(environ={"HANDRAIL_MODE": "enforce"}, cwd=tmp_path)
    with pytest.raises(ConfigError, match=r"Add at least one \[\[rule\]\]"):
        written('mode = "enforce"')


def test_data_folder(written: Load, tmp_path: Path) -> None:
    """The data folder is absolute, and the environment's wins; both are relative to the file's folder."""
    assert written('data = "../d"').data == tmp_path.parent / "d"
    assert written('data = "d"', environ={"HANDRAIL_DATA": "e/"}).data == tmp_path / "e"
    assert written('data = "d"', environ={"HANDRAIL_DATA": "/srv/h"}).data == Path("/srv/h")


def test_find(written: Load, tmp_path: Path) -> None:
    """The nearest file above is found, HANDRAIL_CONFIG wins, and a wrong one is refused rather than skipped."""
    written("")
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find(below, environ={}) == tmp_path / "handrail.toml"
    (below / "other.toml").write_text('version = 1\nagent = "other"\n')
    assert find(below, environ={"HANDRAIL_CONFIG": "other.toml"}) == below / "other.toml"
    assert load(environ={"HANDRAIL_CONFIG": "other.toml"}, cwd=below).agent == "other"
    assert load(environ={}, cwd=below).file == tmp_path / "handrail.toml"
    with pytest.raises(ConfigError, match="HANDRAIL_CONFIG names"):
        find(below, environ={"HANDRAIL_CONFIG": "gone.toml"})
    with pytest.raises(ConfigError, match="cannot be read"):
        load("gone.toml", environ={}, cwd=below)
    with pytest.raises(ConfigError, match="Is a directory"):
        load(tmp_path, environ={})


def test_places(written: Load, tmp_path: Path) -> None:
    """What doctor prints: every place looked at, in order, and the one that was chosen."""
    written("")
    below = tmp_path / "a"
    looked = places(environ={}, cwd=below)
    assert [one.path for one in looked][:2] == [below / "handrail.toml", tmp_path / "handrail.toml"]
    assert [one.path for one in looked if one.chosen] == [tmp_path / "handrail.toml"]
    named = places(environ={"HANDRAIL_CONFIG": "x.toml"}, cwd=below)
    assert [(one.path, one.because, one.exists) for one in named] == [(below / "x.toml", "HANDRAIL_CONFIG", False)]
    assert places("y.toml", environ={"HANDRAIL_CONFIG": "x.toml"}, cwd=below)[0].because == "argument"


def test_digest_covers_every_named_file(written: Load, tmp_path: Path) -> None:
    """The digest changes with the file, the Casbin files and the schema files, and with nothing else."""
    for name in ("m.conf", "p.csv"):
        (tmp_path / name).write_text("a")
    (tmp_path / "s.json").write_text("{}")
    text = '[casbin]\nmodel = "m.conf"\npolicy = "p.csv"\n[[validate]]\nid = "v"\non = "answer"\nschema = "s.json"\n'
    digests = [written(text).digest]
    for name, content in (("m.conf", "b"), ("p.csv", "b"), ("s.json", '{"type": "string"}')):
        (tmp_path / name).write_text(content)
        digests.append(written(text).digest)
    digests.append(written(text + "#").digest)
    assert len(set(digests)) == len(digests)
    assert written(text, environ={"HANDRAIL_MODE": "enforce"}).digest == written(text).digest


def test_nine_roles_in_a_row_are_accepted(written: Load) -> None:
    """The limit is as deep as Casbin follows: nine roles in a row hold."""
    loaded = written("[roles]\n" + "\n".join(f'r{i} = ["r{i + 1}"]' for i in range(8)))
    assert len(loaded.roles) == 8


def test_settings_are_equal_and_picklable_values(written: Load) -> None:
    """Two loads of one file are equal, so that a reload without a change is no change."""
    rule = '[[rule]]\nid = "r"\nallow = "*"\ncall = "x"\n'
    assert written(rule) == written(rule)
    assert written(rule).rules[0] == RuleSettings("r", "allow", "*", ("x",), place=written(rule).rules[0].place)


def test_import_is_light() -> None:
    """Importing config and validators loads neither jsonschema nor anything heavier."""
    heavy = {"jsonschema", "referencing", "duckdb", "streamlit", "langchain_core", "casbin", "click"}
    code = f"import sys, handrail.config, handrail.validators; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
