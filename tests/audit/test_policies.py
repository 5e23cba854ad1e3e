"""Policies kept by their digest: made again from what was kept alone, whole or not at all, for their owner only."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail import config
from handrail.audit import policies, small_files
from handrail.errors import JournalError
from handrail.policy import Policy, PolicyRequest
from tests.kept import policy

NAMES = st.sampled_from(["ana", "bo", "lead", "support", "é", "a b"])
CONDITIONS = st.sampled_from(["", "args.amount <= 500", "args.currency == 'EUR' && args.amount < 1.5"])
RULES = st.lists(
    st.tuples(st.sampled_from(["allow", "deny"]), NAMES, st.lists(NAMES, min_size=1, max_size=3), CONDITIONS),
    min_size=1,
    max_size=5,
)
USERS = st.dictionaries(NAMES, st.lists(NAMES, unique=True, max_size=3), max_size=4)


def _text(rules: list[tuple[str, str, list[str], str]], users: dict[str, list[str]]) -> str:
    lines = ["version = 1", "[users]", *(f'"{user}" = {_list(roles)}' for user, roles in users.items())]
    for number, (verdict, subject, call, when) in enumerate(rules):
        lines += ["[[rule]]", f'id = "r{number}"', f'{verdict} = "user:{subject}"', f"call = {_list(call)}"]
        lines += [f'when = "{when}"'] if when else []
    return "\n".join(lines)


def _list(names: list[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"


@given(rules=RULES, users=USERS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_kept_policy_is_that_very_policy(
    tmp_path: Path, rules: list[tuple[str, str, list[str], str]], users: dict[str, list[str]]
) -> None:
    """Whatever the rules, what is loaded by a digest has it, after the file is gone."""
    file = tmp_path / "handrail.toml"
    file.write_text(_text(rules, users), encoding="utf-8")
    read = config.load(file)
    made = Policy(read)
    policies.keep(tmp_path / "data", read, made)
    file.unlink()
    again = policies.load(tmp_path / "data", made.digest)
    assert Policy(again).digest == made.digest
    assert [rule.id for rule in again.rules] == [rule.id for rule in read.rules]


CASBIN = """
[request_definition]
r = sub, obj
[policy_definition]
p = sub, obj
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.obj == p.obj
"""


def test_casbin_files_and_schemas_are_kept_too(tmp_path: Path) -> None:
    """A policy of Casbin files, with a schema that is no UTF-8, can be made again when all of them are gone."""
    folder = tmp_path / "there"
    folder.mkdir()
    (folder / "model.conf").write_text(CASBIN)
    (folder / "policy.csv").write_bytes(b"p, ana, read\r\n")
    (folder / "schema.json").write_bytes('{"type": "object", "title": "é"}'.encode("utf-16"))
    (folder / "handrail.toml").write_text(
        'version = 1\nmode = "enforce"\n[casbin]\nmodel = "model.conf"\npolicy = "policy.csv"\n'
        '[[validate]]\nid = "v"\non = "read.arguments"\nschema = "schema.json"\n'
    )
    read = config.load(folder / "handrail.toml")
    made = Policy(read)
    assert policies.keep(tmp_path, read, made)
    shutil.rmtree(folder)
    again = policies.load(tmp_path, made.digest)
    assert (again.mode, again.validates, again.file) == ("enforce", read.validates, read.file)
    decided = Policy(again).decide(PolicyRequest("default", ("user:ana",), "read"))
    assert (decided.verdict, decided.rule) == ("allow", "policy.csv:1")


def test_settings_of_a_program_are_kept(tmp_path: Path) -> None:
    """Settings that were changed in the program, and so are in no file, are kept as they are."""
    read = config.load(policy(tmp_path))
    changed = replace(read, rules=read.rules[:1], sources={})
    made = Policy(changed)
    policies.keep(tmp_path, changed, made)
    again = policies.load(tmp_path, made.digest)
    assert again == changed


def test_the_first_writer_wins(tmp_path: Path) -> None:
    """Eight threads keep one policy: one of them did, the file is its owner's alone, and no draft is left."""
    read = config.load(policy(tmp_path))
    made = Policy(read)
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(policies.keep(tmp_path, read, made))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    path = policies.text_file(tmp_path, made.digest)
    assert [name.name for name in path.parent.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"v": 1}', "\xff"])
def test_a_changed_text_is_refused(tmp_path: Path, text: str) -> None:
    """A kept text that is none, or that makes another policy, is refused by name."""
    read = config.load(policy(tmp_path))
    made = Policy(read)
    policies.keep(tmp_path, read, made)
    path = policies.text_file(tmp_path, made.digest)
    path.write_text(text or path.read_text().replace("wire_money", "wire"))
    with pytest.raises(JournalError, match=made.digest):
        policies.load(tmp_path, made.digest)


def test_an_unknown_digest_is_refused(tmp_path: Path) -> None:
    """A policy that was never kept is refused with its digest."""
    with pytest.raises(JournalError, match="abc was kept"):
        policies.load(tmp_path, "abc")


def test_a_link_in_the_place_of_a_text_is_not_followed(tmp_path: Path) -> None:
    """A symbolic link that was planted for the folder or the file is refused, and its target stays as it was."""
    read = config.load(policy(tmp_path))
    made = Policy(read)
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "data" / "policy").mkdir(parents=True)
    (tmp_path / "data" / "policy" / "texts").symlink_to(other)
    with pytest.raises(JournalError):
        policies.keep(tmp_path / "data", read, made)
    assert list(other.iterdir()) == []


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """A small file that is replaced has the new content, and a link in its place is replaced, not followed."""
    target = tmp_path / "target"
    target.write_bytes(b"untouched")
    (tmp_path / "file").symlink_to(target)
    small_files.replace(tmp_path / "file", b"new")
    assert small_files.read(tmp_path / "file") == b"new"
    assert target.read_bytes() == b"untouched"
