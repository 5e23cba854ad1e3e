"""Every mistake in a handrail.toml is refused with its file, its line and the next step."""

# ruff: noqa: E501 - a table of mistakes reads best with one mistake in a line

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.config import load
from handrail.errors import ConfigError, HandrailError, PolicyError
from tests.config.conftest import Load

RULE = '[[rule]]\nid = "r"\nallow = "*"\ncall = "x"\n'

# What is written after `version = 1`, the line of the mistake, and what the message must say.
MISTAKES: dict[str, tuple[str, int | None, str]] = {
    "misspelled key": ('moed = "observe"', 2, 'Unknown key "moed". Did you mean "mode"?'),
    "misspelled table": ('\n[princpal]\nuser = "x"', 3, 'Did you mean "principal"?'),
    "misspelled key in a table": ("[audit]\npayload = true", 3, 'Unknown key "payload" in [audit]. Did you mean "payloads"'),
    "misspelled key in the second rule": (RULE + RULE.replace('"r"', '"s"') + 'wen = "x"', 10, 'Did you mean "when"?'),
    "capitalised Allow": ('[[rule]]\nid = "r"\nAllow = "*"\ncall = "x"', 4, 'Unknown key "Allow" in [[rule]] number 1. Did you mean "allow"?'),
    "capitalised DENY": ('[[rule]]\nid = "r"\nDENY = "*"\ncall = "x"', 4, 'Did you mean "deny"?'),
    "misspelled key of content": ("[content]\nspan = true", 3, 'Unknown key "span" in [content]. Did you mean "spans"'),
    "redact, no pattern": ("[content]\nredact = ['(']", 3, "`redact` in [content] (element 1) has '(': missing ): (."),
    "redact, look-around": ("[content]\nredact = ['x', 'a(?=b)']", 3, "there is no look-around"),
    "redact, nothing": ("[content]\nredact = ['a*']", 3, "it matches where nothing stands"),
    "wrong type": ('trust_configurable = "yes"', 2, "`trust_configurable` must be true or false, not a string."),
    "wrong type, a date": ("agent = 1979-05-27", 2, "must be a string, not a date or time"),
    "wrong type of an element": ('[[rule]]\nid = "r"\nallow = "*"\ncall = [\n "x",\n 5]', 7, "`call` in [[rule]] number 1 (element 2) must be a string, not an integer"),
    "one bracket": ('[rule]\nid = "r"', 2, "Use two brackets."),
    "a rule that is a number": ("rule = [1]", 2, "[[rule]] number 1 must be a table, not an integer."),
    "no list": ('[users]\nana = "support"', 3, 'Write ["support"].'),
    "bad mode": ('mode = "enforced"', 2, '`mode` must be "observe" or "enforce", not \'enforced\'. Did you mean "enforce"?'),
    "bad effect": ('[tools.x]\neffect = "Read"', 3, 'Did you mean "read"?'),
    "duplicate rule id": (RULE + RULE, 7, 'The id "r" of [[rule]] number 2 is taken by [[rule]] number 1 in line 3.'),
    "delegate takes a rule's id": (RULE + '[[delegate]]\nid = "r"\nfrom = "*"\nto = "agent:a"\ncall = "x"', 7, "is taken by [[rule]] number 1"),
    "rule takes a delegate's default id": (RULE.replace('"r"', '"delegate-1"') + '[[delegate]]\nfrom = "*"\nto = "agent:a"\ncall = "x"', 6, "is taken by"),
    "allow and deny": (RULE + 'deny = "*"', 6, "has both `allow` and `deny`. Make it two rules."),
    "no subject": ('\n[[rule]]\nid = "r"\ncall = "x"', 3, "has no subject"),
    "no call": ('[[rule]]\nid = "r"\nallow = "*"', 2, "[[rule]] number 1 needs `call`, `read` or `write`."),
    "empty call": ('[[rule]]\nid = "r"\nallow = "*"\ncall = []', 5, "must not be empty"),
    "TOML syntax": ('mode = "observe"\nagent = \n', 3, "Not valid TOML: Invalid value."),
    "TOML ends early": ('agent = "x', 2, "Not valid TOML"),
    "key twice": ('agent = "x"\nagent = "y"', 3, "Not valid TOML: Cannot overwrite a value."),
    "huge integer": ("agent = " + "9" * 5000, None, "Not valid TOML"),
    "casbin and rules": (RULE + '[casbin]\nmodel = "m"\npolicy = "p"', 6, "[casbin] and [[rule]] cannot stand together."),
    "casbin file missing": ('[casbin]\nmodel = "m.conf"\npolicy = "p.csv"', 3, "m.conf cannot be read: No such file or directory."),
    "casbin without policy": ('[casbin]\nmodel = "m.conf"', 2, "[casbin] needs either `policy` or `adapter`."),
    "unknown role": ('[users]\nana = ["support"]\n[[rule]]\nid = "r"\nallow = "suport"\ncall = "x"', 6, 'names the role "suport", which nobody has. Did you mean "support"?'),
    "unknown role, none known": ('[[rule]]\nid = "r"\ndeny = "x"\ncall = "x"', 4, "declare it in [roles]"),
    "unknown role in a delegate": ('[roles]\nlead = []\n[[delegate]]\nfrom = "laed"\nto = "agent:a"\ncall = "x"', 5, 'Did you mean "lead"?'),
    "pattern as a subject": ('[[rule]]\nid = "r"\nallow = "user:a*"\ncall = "x"', 4, "A subject is a role"),
    "unknown kind of subject": ('[[rule]]\nid = "r"\nallow = "usr:ana"\ncall = "x"', 4, "A subject is a role"),
    "delegate to a role": ('[[delegate]]\nfrom = "*"\nto = "support"\ncall = "x"', 4, 'Write "agent:NAME"'),
    "group in itself": ('[groups]\na = ["a"]', 3, '"a" in [groups] includes itself: a -> a.'),
    "group in a loop": ('[groups]\na = ["b"]\nb = ["x", "c"]\nc = ["a"]', 5, "includes itself: a -> b -> c -> a."),
    "role in a loop": ('[roles]\na = ["b"]\nb = ["a"]', 4, "includes itself: a -> b -> a."),
    "ten roles in a row": ("[roles]\n" + "\n".join(f'r{i} = ["r{i + 1}"]' for i in range(9)), 3, "longer than 9"),
    "ten roles, written backwards": ("[roles]\n" + "\n".join(f'r{i} = ["r{i + 1}"]' for i in range(8, -1, -1)), 11, "longer than 9"),
    "role with a colon": ('[roles]\n"a:b" = []', 3, "A role's name has no `*` and no `:`."),
    "tool pattern as a table": ('[tools."a*"]\neffect = "read"', 2, '"a*" is not a name for [tools]'),
    "tool with a dot unquoted": ('[tools.orders.list]\neffect = "read"', 2, 'needs quotes: [tools."orders.list"]'),
    "user without a name": ('[users]\n"acme/" = []', 3, "names no user"),
    "the same user twice": ('[users]\nana = []\n"default/ana" = []', 4, "are the same user"),
    "schema file missing": ('[[validate]]\nid = "v"\non = "answer"\nschema = "no.json"', 5, "no.json cannot be read"),
    "not a JSON Schema": ('[[validate]]\nid = "v"\non = "answer"\nschema = {type = "strin"}', 5, "not a usable JSON Schema: $.type"),
    "schema with a date": ('[[validate]]\nid = "v"\non = "answer"\nschema = {default = 1979-05-27}', 5, "holds what JSON cannot"),
    "schema from elsewhere": ('[[validate]]\nid = "v"\non = "answer"\nschema = {"$ref" = "https://example.org/s"}', 5, "nothing is fetched"),
    "on something else": ('[[validate]]\nid = "v"\non = "refund"\nschema = {}', 4, 'Write "TOOL.arguments"'),
    "validate id twice": ('[[validate]]\nid = "v"\non = "answer"\nschema = {}\n' * 2, 7, "is taken by [[validate]] number 1"),
    "NUL in a path": ('[casbin]\nmodel = "a\\u0000b"\npolicy = "p"', 3, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake(name: str, written: Load, tmp_path: Path) -> None:
    """The message has the file, the line of the mistake and what to do."""
    text, line, message = MISTAKES[name]
    with pytest.raises(ConfigError) as caught:
        written(text)
    assert (caught.value.file, caught.value.line) == (tmp_path / "handrail.toml", line)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'handrail.toml'}:")


@pytest.mark.parametrize(
    "name", ["unknown role", "duplicate rule id", "group in itself", "casbin file missing", "no subject"]
)
def test_policy_mistakes_are_policy_errors(name: str, written: Load) -> None:
    """Who handles PolicyError alone gets every mistake about rules, roles, groups and Casbin files."""
    with pytest.raises(PolicyError):
        written(MISTAKES[name][0])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("version = 2\n", 1, "version 2 is not known"),
        ("version = true\n", 1, "version True is not known"),
        ('agent = "x"\n', 1, "needs `version`. Add `version = 1`"),
    ],
)
def test_version(text: str, line: int | None, message: str, written: Load) -> None:
    """A file of another grammar, or of none, is refused."""
    with pytest.raises(ConfigError, match=message) as caught:
        written(text, version=False)
    assert caught.value.line == line


def test_broken_schema_file_names_its_own_line(written: Load, tmp_path: Path) -> None:
    """A JSON file that is no JSON is refused with its own line, and the line that names it."""
    (tmp_path / "s.json").write_text('{"type":\n  oops}')
    with pytest.raises(ConfigError, match=r"It is named in .*handrail.toml:5") as caught:
        written('[[validate]]\nid = "v"\non = "answer"\nschema = "s.json"')
    assert (caught.value.file, caught.value.line) == (tmp_path / "s.json", 2)


def test_schema_file_that_is_no_schema(written: Load, tmp_path: Path) -> None:
    """A JSON file that holds no JSON Schema is refused at the line that names it."""
    for content in ("[1]", "3", '{"properties": 3}', "[" * 50_000, "\udcff"):
        (tmp_path / "s.json").write_bytes(content.encode("utf-8", "surrogateescape"))
        with pytest.raises(ConfigError, match=r"s\.json") as caught:
            written('[[validate]]\nid = "v"\non = "answer"\nschema = "s.json"')
        assert caught.value.line is not None


def test_not_utf8(tmp_path: Path) -> None:
    """A file in another encoding is refused with the line of the first bad byte."""
    (tmp_path / "handrail.toml").write_bytes(b"version = 1\nagent = 'caf\xe9'\n")
    with pytest.raises(ConfigError, match="not UTF-8") as caught:
        load(tmp_path / "handrail.toml", environ={})
    assert caught.value.line == 2


def test_nested_beyond_reason(written: Load) -> None:
    """A file that nests thousands deep is refused, not a crash."""
    with pytest.raises(ConfigError, match="nests values too deeply"):
        written("agent = " + "[" * 5000 + "]" * 5000)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_unreadable(written: Load, tmp_path: Path) -> None:
    """A file without read permission is refused by name."""
    written("")
    (tmp_path / "handrail.toml").chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        load(tmp_path / "handrail.toml", environ={})


_words = st.sampled_from(
    ["version", "mode", "rule", "users", "roles", "groups", "tools", "validate", "casbin", "delegate", "id", "allow",
     "call", "on", "schema", "x", "from", "to", "principal", "audit", "data"]
)  # fmt: skip
_values = st.recursive(
    st.sampled_from(['"x"', '"observe"', "1", "true", "1.5", "1979-05-27", '"agent:*"', '"a.result"', "nan"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.dictionaries(_words, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(_words, _values, max_size=5))
def test_any_structure_loads_or_is_refused_with_a_place(written: Load, table: dict[str, str]) -> None:
    """No document, however odd, gives anything but settings or a HandrailError that names the file."""
    table.pop("version", None)
    try:
        loaded = written("\n".join(f"{key} = {value}" for key, value in table.items()))
    except HandrailError as problem:
        assert "handrail.toml" in str(problem)
    else:
        assert loaded.file is not None
