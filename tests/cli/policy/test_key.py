"""``handrail policy key``."""

from __future__ import annotations

import os
import re
from pathlib import Path

from click.testing import CliRunner, Result

from handrail.audit.delegation_keys import DelegationKeys
from handrail.cli import group
from handrail.config import load
from handrail.tracing.tokens import key_id, public_key
from tests.frameworks.recorded import Recorded


def run(*args: object) -> Result:
    """The command's result."""
    return CliRunner().invoke(group, ["policy", "key", *(str(arg) for arg in args)])


def test_prints_an_entry_that_loads(tmp_path: Path) -> None:
    """What is printed can be pasted into a handrail.toml, and is the folder's public key, not the private one."""
    done = run("--data", tmp_path / "data", "--name", 'a "host"')
    assert done.exit_code == 0, done.output
    (tmp_path / "handrail.toml").write_text("version = 1\n" + done.output)
    (trust,) = load(tmp_path / "handrail.toml", environ={}).trusts
    seed = DelegationKeys(tmp_path / "data").signing()
    assert (trust.id, trust.key) == ('a "host"', public_key(seed))
    assert f"# key id {key_id(trust.key)}\n" in done.output
    assert run("--data", tmp_path / "data", "--name", 'a "host"').output == done.output


def test_the_next_key_becomes_the_key(tmp_path: Path) -> None:
    """--next shows what --rotate brings into force; both at once are refused."""
    shown = [run("--data", tmp_path, *more).output for more in ([], ["--next"], ["--rotate"], [])]
    keys = [re.findall(r'^key = "(.+)"$', text, re.MULTILINE) for text in shown]
    assert keys[0] != keys[1] == keys[2] == keys[3]
    assert all(len(found) == 1 for found in keys)
    assert run("--data", tmp_path, "--next", "--rotate").exit_code == 2


def test_a_changed_key_is_a_record(tmp_path: Path) -> None:
    """Who changed it, from which key to which; looking leaves none."""
    run("--data", tmp_path, "--next")
    before = key_id(public_key(DelegationKeys(tmp_path).signing()))
    run("--data", tmp_path, "--rotate")
    (record,) = Recorded(tmp_path).all("delegation")
    after = key_id(public_key(DelegationKeys(tmp_path).signing()))
    assert (record["event"], record["retired"], record["key"]) == ("rotated", before, after)
    assert record["by"]["uid"] == os.getuid()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file where the folder should be is an error, not an entry."""
    (tmp_path / "data").write_text("")
    done = run("--data", tmp_path / "data")
    assert done.exit_code != 0
    assert "[[trust]]" not in done.output
