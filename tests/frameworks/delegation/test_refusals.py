"""What is not issued, and which tokens are not accepted: one text outside, the reason in the journal."""

from __future__ import annotations

from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit.delegation_keys import DelegationKeys
from handrail.errors import HandrailError, JournalError
from handrail.tracing import tokens
from handrail.tracing.acting import accepted
from tests.frameworks.clocks import NOW, Clock
from tests.frameworks.delegation.kit import POLICY, issue, read, refused, taken
from tests.frameworks.recorded import Recorded, write_policy


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"ttl": 0}, "ttl"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": float("nan")}, "ttl"),
        ({"ttl": float("inf")}, "ttl"),
        ({"call": []}, "at least one"),
        ({"call": ""}, "at least one"),
        ({"call": ["pay", ""]}, "at least one"),
    ],
)
def test_arguments_that_mean_nothing(options: dict[str, Any], said: str, journal: Recorded) -> None:
    """An empty list of calls is not every call, and a token without a life is none."""
    with pytest.raises(ValueError, match=said):
        issue(**options)
    assert journal.all("delegation") == []


def test_what_cannot_be_handed_on() -> None:
    """Nobody, no audience and more than fits are said to the issuer in words."""
    with handrail.run("desk"), pytest.raises(handrail.DelegationRefused, match="Nobody is named"):
        handrail.delegate("billing")
    with pytest.raises(ValueError, match="name of the service"), handrail.acting_for(tenant="acme", user="ana"):
        handrail.delegate("")
    with pytest.raises(handrail.DelegationRefused, match="8192 bytes"):
        issue(call=[f"a-tool-with-a-long-name-{number}" for number in range(500)])


def test_the_life_of_a_token(clock: Clock, journal: Recorded) -> None:
    """An hour at most, whatever is asked; refused before it begins and after it has ended, clocks ten seconds apart."""
    token = issue(ttl=10**6)
    assert journal.all("delegation")[-1]["expires"] == NOW + 3_600 * 10**9
    clock.wait(-11)
    assert refused(token, journal) == "not_yet_valid"
    clock.wait(11 + 3_600 + 10)
    assert refused(token, journal) == "expired"
    clock.wait(-1)
    assert taken(token) == "rp", "what was refused is not used up"


def test_a_token_is_good_for_one_use(clock: Clock, journal: Recorded) -> None:
    """Taken up again it is refused, also when the first block was left by an exception; sixteen threads get it once."""
    token = issue()
    with pytest.raises(KeyError), handrail.accept(token, audience="billing"):
        raise KeyError
    assert refused(token, journal) == "replayed"
    assert accepted() is None
    clock.wait(309)
    assert refused(token, journal) == "replayed"
    clock.wait(0)
    raced, wins = issue(ttl=3_000), []

    def race() -> None:
        try:
            with handrail.accept(raced, audience="billing"):
                wins.append(1)
        except handrail.DelegationRefused:
            return

    with ThreadPoolExecutor(16) as pool:
        for _ in range(16):
            pool.submit(race)
    assert wins == [1]


def _elsewhere(folder: Path) -> tuple[str, str]:
    """A token of another host, and its public key."""
    (folder / "other").mkdir()
    config = write_policy(folder / "other", POLICY)
    with handrail.run("desk", config=config, tenant="acme", user="ana"):
        token = handrail.delegate("billing", call=["pay", "read"])
    public = tokens.public_key(DelegationKeys(folder / "other" / ".handrail").signing())
    return token, b64encode(public).decode()


def _trust(key: str, more: str = "") -> None:
    Path("handrail.toml").write_text(f'{POLICY}\n[[trust]]\nid = "other-host"\nkey = "{key}"\n{more}\n')


@pytest.mark.parametrize(
    ("more", "right"),
    [
        ("", "rp"),
        ('tenants = ["acme"]', "rp"),
        ('tenants = ["umbrella", "ac*"]', "rp"),
        ('call = "pay"', "p"),
        ('call = ["money"]', "p"),
        ('call = ["wipe"]', ""),
        ('tenants = ["umbrella"]', None),
        ('tenants = ["acm"]', None),
    ],
)
def test_another_host_speaks_where_it_is_trusted(
    more: str, right: str | None, tmp_path: Path, journal: Recorded
) -> None:
    """Its key is good for the tenants and calls that its entry names, whatever it signs."""
    token, key = _elsewhere(tmp_path)
    _trust(key, more)
    if right is None:
        assert refused(token, journal) == "tenant"
        return
    assert taken(token) == right
    assert journal.all("delegation")[-1]["trust"] == "other-host"


def test_trust_ends_when_its_entry_goes(tmp_path: Path, journal: Recorded) -> None:
    """Without an entry nothing of another host is accepted; a removed one counts from the next token on."""
    token, key = _elsewhere(tmp_path)
    assert refused(token, journal) == "unknown_key"
    _trust(key)
    with handrail.run("idle", tenant="acme", user="ana"):
        read()
    Path("handrail.toml").write_text(POLICY)
    assert refused(token, journal) == "unknown_key"
    _trust(key)
    assert taken(token) == "rp"


def test_a_rotated_key_counts_until_it_is_removed(tmp_path: Path, journal: Recorded) -> None:
    """Tokens from before a rotation are accepted, until the retired key is taken away."""
    first, second = issue(), issue()
    keys = DelegationKeys(tmp_path / ".handrail")
    keys.rotate()
    assert taken(first) == "rp"
    assert taken(issue()) == "rp"
    next(keys.folder.glob("retired-*.pub")).unlink()
    assert refused(second, journal) == "unknown_key"


@pytest.mark.parametrize("token", ["", "x", None, 7, "hdt1.a.b.c", "\ud800", "a" * 9_000])
def test_garbage_is_refused(token: Any, journal: Recorded) -> None:
    """Whatever a stranger sends: one exception with one text, and a record that holds none of it."""
    refused(token, journal)
    assert set(journal.all("delegation")[-1]) == {"v", "w", "n", "t", "k", "event", "reason", "expected", "digest"}


def test_another_audience(journal: Recorded) -> None:
    """A token for one service is no use to another, and trying does not use it up."""
    token = issue()
    assert refused(token, journal, "archive") == "audience"
    assert taken(token) == "rp"


@pytest.mark.parametrize("damage", ["key", "tokens"])
def test_what_cannot_be_checked_is_refused(damage: str, tmp_path: Path, journal: Recorded) -> None:
    """An unreadable key, or a folder where no use can be remembered, is no reason to believe."""
    token = issue()
    if damage == "key":
        (tmp_path / ".handrail" / "keys" / "delegation.key").chmod(0o644)
    else:
        (tmp_path / ".handrail" / "tokens").write_text("")
    assert refused(token, journal) == "unusable (JournalError)"
    if damage == "key":
        with pytest.raises(JournalError, match="others can"):
            issue()


def test_observing_does_not_believe_more(tmp_path: Path, journal: Recorded) -> None:
    """In observe mode calls out of scope are marked and made, but a token that proves nothing is refused as ever."""
    write_policy(tmp_path, POLICY.replace("enforce", "observe"))
    token = issue(call="read")
    assert taken(token) == "rpw"
    assert [record["verdict"] for record in journal.all("tool.call")] == ["allow", "would_deny", "would_deny"]
    assert refused(token, journal) == "replayed"


def test_the_exception_is_in_the_tree() -> None:
    """One class, which `except HandrailError` catches."""
    assert issubclass(handrail.DelegationRefused, HandrailError)
