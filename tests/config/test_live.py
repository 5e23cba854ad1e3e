"""Changes of rights while agents run: read, checked, laid over a handrail.toml; the later one wins."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail import config
from handrail.config.live import Actor, LiveChange, LiveFile, in_force, live_file, parse_changes
from handrail.config.overlay import lay_over
from handrail.config.vocabulary import check_change
from handrail.errors import ConfigError, PolicyError
from handrail.policy import PolicyRequest, build
from handrail.rulebook import Rulebook, snapshot

TEXT = """
version = 1
[users]
"ana" = ["lead"]
"acme/bo" = ["support"]
[roles]
lead = ["support", "audit"]
support = ["reader"]
[[rule]]
id = "reads"
allow = "reader"
call = "read_order"
[[rule]]
id = "refunds"
allow = "support"
call = "refund"
[[rule]]
id = "leads"
allow = "lead"
call = "approve"
[[delegate]]
from = "*"
to = "agent:*"
call = "*"
"""
BY = Actor(1000, "ops")


def change(what: str, user: str = "ana", role: str = "", *call: str, **more: object) -> LiveChange:
    """A change of the tenant ``default`` with an id of its own."""
    fields = {"id": f"{what}-1", "what": what, "by": BY, "why": "test", "at": 1.0, "user": user, "role": role,
              "call": call, **more}  # fmt: skip
    return msgspec.convert(fields, LiveChange)


def decided(folder: Path, *changes: LiveChange, user: str = "user:ana", tool: str = "refund") -> tuple[str, str | None]:
    """Verdict and rule with the changes laid over TEXT."""
    (folder / "handrail.toml").write_text(TEXT)
    policy = build(lay_over(config.load(folder / "handrail.toml"), changes))
    found = policy.decide(PolicyRequest("default", (user,), tool))
    return found.verdict, found.rule


def test_a_role_is_granted(tmp_path: Path) -> None:
    """Who has no role may do what the granted one may, in that tenant."""
    assert decided(tmp_path, user="user:eve") == ("deny", None)
    assert decided(tmp_path, change("grant", "eve", "support"), user="user:eve") == ("allow", "refunds")
    elsewhere = change("grant", "eve", "support", tenant="acme")
    assert decided(tmp_path, elsewhere, user="user:eve") == ("deny", None)


def test_calls_are_granted_under_the_name_of_the_change(tmp_path: Path) -> None:
    """A grant of calls is a rule of its own, named by the change, and of no other call."""
    grant = change("grant", "eve", "", "refund", "read_*")
    assert decided(tmp_path, grant, user="user:eve") == ("allow", "grant-1")
    assert decided(tmp_path, grant, user="user:eve", tool="read_x") == ("allow", "grant-1")
    assert decided(tmp_path, grant, user="user:eve", tool="approve") == ("deny", None)


@pytest.mark.parametrize(("tool", "verdict"), [("refund", "deny"), ("read_order", "deny"), ("approve", "allow")])
def test_a_revoked_role_is_held_through_no_other_role(tmp_path: Path, tool: str, verdict: str) -> None:
    """A role that the file gives through another is gone, with what it includes; the other role stays."""
    assert decided(tmp_path, tool=tool)[0] == "allow"
    assert decided(tmp_path, change("revoke", "ana", "support"), tool=tool)[0] == verdict


def test_the_later_change_wins(tmp_path: Path) -> None:
    """A grant after a revocation gives the role back; a revocation after a grant takes it."""
    grant, revoke = change("grant", "ana", "support"), change("revoke", "ana", "support")
    assert decided(tmp_path, revoke, grant)[0] == "allow"
    assert decided(tmp_path, grant, revoke)[0] == "deny"


def test_the_suspended_are_denied_everything(tmp_path: Path) -> None:
    """A suspension goes before every allowance and grant, alone and through an agent, and names its change."""
    suspend = change("suspend", "ana")
    assert decided(tmp_path, suspend, change("grant", "ana", "", "refund", id="g")) == ("deny", "suspend-1")
    (tmp_path / "handrail.toml").write_text(TEXT)
    for who, chain in (("ana", ("user:ana", "agent:x")), ("agent:x", ("user:ana", "agent:x"))):
        policy = build(lay_over(config.load(tmp_path / "handrail.toml"), (change("suspend", who),)))
        for action in ("call", "read", "write"):
            found = policy.decide(PolicyRequest("default", chain, "refund", action))
            assert found.verdict == "deny"


def test_what_is_over_or_withdrawn_does_not_count() -> None:
    """A change ends at its moment, not before it, and when it is withdrawn."""
    timed = change("grant", "eve", "support", until=100.0)
    assert in_force([timed], 99.9) == (timed,)
    assert in_force([timed], 100.0) == ()
    withdrawn = change("withdraw", "", of="grant-1", id="w")
    assert in_force([timed, withdrawn], 50.0) == ()
    assert in_force([timed, change("withdraw", "", of="grant-1", id="w", until=60.0)], 70.0) == (timed,)


MODEL = """
[request_definition]
r = sub, dom, obj
[policy_definition]
p = sub, dom, obj
[role_definition]
g = _, _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = g(r.sub, p.sub, r.dom) && r.dom == p.dom && r.obj == p.obj
"""
ROWS = "p, support, default, refund\ng, ana, support, default\ng, cy, lead, default\ng, lead, support, default\n"


def own_casbin(folder: Path, *changes: LiveChange, user: str, model: str = MODEL) -> tuple[str, str | None]:
    """Verdict and rule for ``refund`` by a team's own Casbin files."""
    (folder / "m.conf").write_text(model)
    (folder / "p.csv").write_text(ROWS)
    (folder / "handrail.toml").write_text('version = 1\n[casbin]\nmodel = "m.conf"\npolicy = "p.csv"\n')
    policy = build(lay_over(config.load(folder / "handrail.toml"), changes))
    found = policy.decide(PolicyRequest("default", (f"user:{user}",), "refund"))
    return found.verdict, found.rule


def test_roles_of_casbin_files_change(tmp_path: Path) -> None:
    """In a team's own policy a grant adds a role and a revocation removes it; lines keep their numbers."""
    assert own_casbin(tmp_path, user="ana") == ("allow", "p.csv:1")
    assert own_casbin(tmp_path, user="eve")[0] == "deny"
    assert own_casbin(tmp_path, change("grant", "eve", "support"), user="eve") == ("allow", "p.csv:1")
    assert own_casbin(tmp_path, change("revoke", "ana", "support"), user="ana")[0] == "deny"
    assert own_casbin(tmp_path, change("revoke", "ana", "support"), user="cy")[0] == "allow"


def test_suspension_goes_before_casbin_files(tmp_path: Path) -> None:
    """Everything is denied to the suspended, whatever the team's own policy says."""
    assert own_casbin(tmp_path, change("suspend", "ana"), user="ana") == ("deny", "suspend-1")
    assert own_casbin(tmp_path, change("suspend", "ana"), user="cy")[0] == "allow"


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (change("grant", "eve", "", "refund"), "has only roles"),
        (change("revoke", "cy", "support"), "through another role"),
        (change("grant", 'e"v,e', "support"), "cannot read"),
    ],
)
def test_what_casbin_files_cannot_do_is_refused(tmp_path: Path, one: LiveChange, said: str) -> None:
    """What would not be equal in a team's own policy is refused with a sentence, never done in part."""
    with pytest.raises(ConfigError, match=said):
        own_casbin(tmp_path, one, user="eve")


def test_a_model_without_roles_grants_none(tmp_path: Path) -> None:
    """A Casbin model that defines no roles refuses changes of roles."""
    plain = MODEL.replace("[role_definition]\ng = _, _, _\n", "").replace("g(r.sub, p.sub, r.dom)", "r.sub == p.sub")
    with pytest.raises(PolicyError, match="defines no roles"):
        own_casbin(tmp_path, change("grant", "eve", "support"), user="eve", model=plain)


BROKEN = ["", "{}", "[]", '{"changes": 1}', '{"changes": [], "v": 2}', '{"changes": [{"id": "a"}]}', "\0",
          '{"changes": [], "more": 1}']  # fmt: skip
INCOMPLETE = [
    {"what": "grant"}, {"what": "revoke"}, {"what": "grant", "role": "r", "call": ["c"]}, {"what": "withdraw"},
    {"what": "suspend", "role": "r"}, {"what": "grant", "role": "r", "user": ""}, {"what": "shout", "role": "r"},
    {"what": "grant", "role": "r", "untill": 3.0}, {"what": "grant", "role": "r", "until": "soon"},
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    """A file of changes that is not one is refused at load, by name: rights that were revoked must not come back."""
    (tmp_path / "handrail.toml").write_text(TEXT)
    live = live_file(tmp_path / ".handrail")
    live.parent.mkdir(parents=True)
    live.write_text(text)
    with pytest.raises(ConfigError, match=r"live\.json"):
        config.load(tmp_path / "handrail.toml", environ={})


@pytest.mark.parametrize("fields", INCOMPLETE)
def test_an_incomplete_change_is_refused(fields: dict[str, object]) -> None:
    """A change that says nothing, says two things, or has a key that nobody knows makes the file unreadable."""
    base = {"id": "x", "by": {"uid": 1, "name": "n"}, "why": "", "at": 1.0, "user": "ana"}
    content = msgspec.json.encode({"v": 1, "changes": [{**base, **fields}]})
    with pytest.raises(ConfigError):
        parse_changes(content, Path("live.json"))


def test_a_link_is_not_read(tmp_path: Path) -> None:
    """A symbolic link in the place of the changes is refused: whoever planted it chooses who has which rights."""
    (tmp_path / "handrail.toml").write_text(TEXT)
    live = live_file(tmp_path / ".handrail")
    live.parent.mkdir(parents=True)
    other = tmp_path / "other.json"
    other.write_bytes(msgspec.json.encode(LiveFile((change("grant", "eve", "support"),))))
    live.symlink_to(other)
    with pytest.raises(ConfigError, match="cannot be read"):
        config.load(tmp_path / "handrail.toml", environ={})


def test_too_large_a_file_is_not_read(tmp_path: Path) -> None:
    """A file of gigabytes in the place of the changes is refused at once, and costs no memory."""
    (tmp_path / "handrail.toml").write_text(TEXT)
    live = live_file(tmp_path / ".handrail")
    live.parent.mkdir(parents=True)
    live.touch()
    os.truncate(live, 1 << 40)
    with pytest.raises(ConfigError, match="larger than 16 MiB"):
        config.load(tmp_path / "handrail.toml", environ={})


def test_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    """Rules in force stay so when a pipe takes the place of the changes, and no call waits for somebody to write."""
    (tmp_path / "handrail.toml").write_text(TEXT)
    book = Rulebook(snapshot(config.load(tmp_path / "handrail.toml", environ={})))
    before = book.now
    live = live_file(tmp_path / ".handrail")
    live.parent.mkdir(parents=True)
    os.mkfifo(live)
    assert book.stale
    book.renew()
    assert book.now is before


@given(
    st.lists(
        st.tuples(st.sampled_from(["grant", "revoke"]), st.sampled_from(["lead", "support", "reader"])), max_size=6
    )
)
def test_the_last_word_on_a_role_decides_whether_it_is_held(said: list[tuple[str, str]]) -> None:
    """After any row of changes a role last granted is held, and one last revoked is not."""
    from handrail.policy.links import settings_roles

    users = {"default/ana": ("lead",)}
    base = config.Settings(users=users, roles={"lead": ("support",), "support": ("reader",)})
    changes = tuple(change(what, "ana", role, id=str(n)) for n, (what, role) in enumerate(said))
    held = settings_roles(lay_over(base, changes))("default", "user:ana")
    for role, what in {role: what for what, role in said}.items():
        assert (f"role:{role}" in held) == (what == "grant")


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (change("grant", "anna", "support"), 'Did you mean "ana"'),
        (change("grant", "ana", "suport"), 'Did you mean "support"'),
        (change("grant", "ana", "", "refnd"), 'Did you mean "refund"'),
        (change("grant", "bo", "support"), "No user"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(tmp_path: Path, one: LiveChange, said: str) -> None:
    """A user, role or tool that the configuration never names is refused, with what was probably meant."""
    (tmp_path / "handrail.toml").write_text(TEXT)
    with pytest.raises(PolicyError, match=said):
        check_change(config.load(tmp_path / "handrail.toml"), one)
