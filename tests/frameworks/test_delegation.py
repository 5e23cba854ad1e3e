"""``handrail.delegate`` and ``handrail.accept``: rights cross a process, and only ever narrow."""

from __future__ import annotations

import asyncio
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import handrail
from handrail.audit.delegation_keys import DelegationKeys
from handrail.errors import HandrailError, JournalError
from handrail.frameworks import plain
from handrail.tracing import context, tokens
from handrail.tracing.acting import accepted
from tests.frameworks.clocks import NOW, Clock, standing_clock
from tests.frameworks.recorded import NEUTRAL, Recorded, write_policy

POLICY = """
version = 1
mode = "enforce"

[users]
"acme/ana" = ["staff"]
"acme/root" = ["staff", "admin"]
"umbrella/ana" = ["staff"]

[groups]
money = ["pay", "refund_*"]

[[rule]]
id = "staff"
allow = "staff"
call = ["read", "pay"]

[[rule]]
id = "admin"
allow = "admin"
call = ["wipe"]

[[delegate]]
from = "*"
to = "agent:*"
call = "*"

[[delegate]]
from = "*"
to = "user:root"
call = "*"

[[delegate]]
from = "agent:clerk"
to = "user:ana"
call = ["read", "pay"]
"""


@handrail.tool
def read() -> str:
    """Read."""
    return "read"


@handrail.tool
def pay() -> str:
    """Pay."""
    return "paid"


@handrail.tool
def wipe() -> str:
    """Wipe."""
    return "wiped"


def may() -> str:
    """First letters of the calls that are allowed here, made one after the other."""
    return "".join(result[0] for result in (read(), pay(), wipe()) if result != NEUTRAL)


@pytest.fixture(autouse=True)
def _clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    write_policy(tmp_path, POLICY)
    plain._found_gate.cache_clear()
    yield
    handrail.uninstrument()
    plain._found_gate.cache_clear()


@pytest.fixture(name="clock")
def _clock() -> Iterator[Clock]:
    with standing_clock() as clock:
        yield clock


@pytest.fixture(name="journal")
def _journal(tmp_path: Path) -> Recorded:
    return Recorded(tmp_path / ".handrail")


def issue(user: str = "ana", tenant: str = "acme", agent: str = "desk", **options: Any) -> str:
    """A token for ``billing`` from inside a run."""
    with handrail.run(agent, tenant=tenant, user=user, session="s-1", channel="web"):
        return handrail.delegate("billing", **options)


def taken(token: str, agent: str = "biller") -> str:
    """What a run by the token may."""
    with handrail.accept(token, audience="billing"), handrail.run(agent):
        return may()


def refused(token: Any, journal: Recorded, audience: str = "billing", **options: Any) -> str:
    """The reason in the journal; the exception says the same whatever it is."""
    with pytest.raises(handrail.DelegationRefused) as caught, handrail.accept(token, audience=audience, **options):
        pytest.fail("the block must not run")
    assert str(caught.value) == "This delegation token is not accepted."
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    last = max(journal.all("delegation"), key=lambda record: int(record["n"]))
    assert last["event"] == "refused"
    return str(last["reason"])


def test_the_right_is_the_delegator_s_and_the_scope_s(journal: Recorded) -> None:
    """A run by a token may what ana may and what the token covers: not less, not more."""
    assert taken(issue()) == "rp"
    assert taken(issue(call="pay")) == "p"
    assert taken(issue(call=["p*", "wipe"])) == "p"
    assert taken(issue(call="money")) == "p"
    assert taken(issue(call="nothing")) == ""
    assert taken(issue("root", call="wipe")) == "w"
    last = journal.all("run.start")[-1]
    assert last["chain"] == ["user:root", "agent:desk", "agent:biller"]
    assert (last["tenant"], last["session"], last["channel"]) == ("acme", "s-1", "web")
    assert last["scopes"] == [["wipe"]]
    journal.check_complete()


def test_the_records_of_both_sides_are_linked(journal: Recorded) -> None:
    """The receiving run belongs to the issuer's trace, below its step, and names token and run."""
    token = issue(call="read")
    taken(token)
    first, second = journal.all("run.start")
    issued, used = journal.all("delegation")
    assert (second["trace"], second["parent"]) == (first["trace"], first["step"])
    issuer = {"run": first["run"], "trace": first["trace"], "step": first["step"]}
    assert second["delegation"] == {"token": issued["token"], **issuer}
    assert (issued["event"], issued["run"], issued["step"]) == ("issued", first["run"], first["step"])
    assert (used["event"], used["issuer"], used["trust"]) == ("accepted", issuer, None)
    same = ("token", "key", "audience", "chain", "scopes", "expires", "tenant")
    assert [issued[name] for name in same] == [used[name] for name in same]
    assert token not in str(journal.all())


def test_nothing_widens_inside() -> None:
    """An `acting_for` or `run(user=...)` inside adds a principal whose rights count too; another tenant's is nobody."""
    for more, right in [
        ({}, "rp"),
        ({"user": "root"}, "rp"),
        ({"user": "ana"}, "rp"),
        ({"user": "bob"}, ""),
        ({"tenant": "umbrella"}, ""),
        ({"tenant": "umbrella", "user": "ana"}, ""),
        ({"session": "x", "channel": "y"}, "rp"),
    ]:
        with handrail.accept(issue(), audience="billing"), handrail.acting_for(**more), handrail.run("biller"):
            assert may() == right, more
        with handrail.accept(issue(), audience="billing"), handrail.run("biller", **more):  # type: ignore[arg-type]
            assert may() == right, more


def test_a_token_goes_before_what_was_said_around_it(journal: Recorded) -> None:
    """What a server says of itself does not matter where a token is taken up, and holds again after it."""
    with handrail.acting_for(tenant="acme", user="root"):
        assert taken(issue("ana")) == "rp"
        assert journal.all("run.start")[-1]["chain"] == ["user:ana", "agent:desk", "agent:biller"]
        assert accepted() is None
        with handrail.run("biller"):
            assert may() == "rpw"


def test_inside_a_run_a_token_only_narrows() -> None:
    """Taken up inside a run, the token's chain and scopes are added to the run's own; its tenant must be the same."""
    token, scoped, foreign = issue(), issue("root", call="wipe"), issue(tenant="umbrella")
    with handrail.run("clerk", tenant="acme", user="root"):
        assert may() == "rpw"
        with handrail.accept(token, audience="billing"):
            assert may() == "rp"
            frame = context.current()
            assert frame is not None
            assert frame.principal.links == ("user:root", "agent:clerk", "user:ana", "agent:desk")
        with handrail.accept(scoped, audience="billing"):
            assert may() == "w"
        with pytest.raises(handrail.DelegationRefused), handrail.accept(foreign, audience="billing"):
            pytest.fail("another tenant inside a run")
        assert may() == "rpw"


def test_a_token_inside_a_token_only_narrows() -> None:
    """The rights that both give, for the principals of both."""
    both = [issue(call=["read", "pay"]), issue("root", call=["pay", "wipe"])]
    with handrail.accept(both[0], audience="billing"), handrail.accept(both[1], audience="billing"):
        with handrail.run("biller"):
            assert may() == "p"
        with pytest.raises(handrail.DelegationRefused):
            handrail.accept(issue(tenant="umbrella"), audience="billing").__enter__()


def test_rights_are_handed_on_from_token_to_token(clock: Clock, journal: Recorded) -> None:
    """A third process gets the chain of all three, every scope on the way, and no longer life than the first."""
    with handrail.accept(issue(call=["read", "pay"], ttl=100), audience="billing"), handrail.run("biller"):
        second = handrail.delegate("archive", call=["pay", "wipe"], ttl=3_000)
    with handrail.accept(second, audience="archive"), handrail.run("keeper"):
        assert may() == "p"
    started = journal.all("run.start")[-1]
    assert started["chain"] == ["user:ana", "agent:desk", "agent:biller", "agent:keeper"]
    assert started["scopes"] == [["read", "pay"], ["pay", "wipe"]]
    assert {record["expires"] for record in journal.all("delegation")} == {NOW + 100 * 10**9}
    with handrail.accept(issue(ttl=100), audience="billing"), handrail.run("biller"):
        clock.wait(100)
        with pytest.raises(handrail.DelegationRefused, match="has expired"):
            handrail.delegate("archive")
        assert may() == "rp", "a run that has begun goes on"


def test_without_a_run_the_block_delegates(journal: Recorded) -> None:
    """Outside a run the token is for whom `acting_for` or `accept` names, and says of no run that it came from it."""
    with handrail.acting_for(tenant="acme", user="ana"):
        token = handrail.delegate("billing")
    with handrail.accept(token, audience="billing"):
        second = handrail.delegate("billing", call="pay")
    assert taken(second) == "p"
    assert journal.all("run.start")[-1]["chain"] == ["user:ana", "agent:biller"]
    assert journal.all("delegation")[-1]["issuer"] == {"run": "", "trace": "", "step": ""}


def test_to_names_the_agent_that_may_act() -> None:
    """`to` becomes a link of the chain: whoever else takes the token up acts for that agent, if it may."""
    text = POLICY.replace('to = "agent:*"', 'to = "agent:desk"') + (
        '[[delegate]]\nfrom = "agent:desk"\nto = "agent:biller"\ncall = "pay"\n'
    )
    Path("handrail.toml").write_text(text)
    assert taken(issue(to="biller"), "biller") == "p"
    assert taken(issue(to="agent:biller"), "biller") == "p"
    assert taken(issue(), "biller") == "p"
    assert taken(issue(to="biller"), "thief") == ""
    assert taken(issue(to="thief"), "biller") == ""


@pytest.mark.parametrize("agents", [("biller", "desk"), ("desk", "desk")])
def test_an_agent_that_is_in_the_chain_already(agents: tuple[str, str], journal: Recorded) -> None:
    """Handed back, an agent is not repeated, and the links between stay: rights do not come back."""
    first, second = agents
    with handrail.accept(issue(call="pay"), audience="billing"), handrail.run(first):
        back = handrail.delegate("desk")
    with handrail.accept(back, audience="desk"), handrail.run(second):
        assert may() == "p"
    assert journal.all("run.start")[-1]["chain"] == list(dict.fromkeys(["user:ana", "agent:desk", f"agent:{first}"]))


def test_a_chain_of_eight_is_the_longest() -> None:
    """The eighth principal acts, the ninth is answered neutrally, and a chain of nine is not handed on."""
    token = issue(agent="a1")
    for number in range(2, 7):
        with handrail.accept(token, audience="billing"), handrail.run(f"a{number}"):
            assert may() == "rp"
            token = handrail.delegate("billing")
    with handrail.accept(token, audience="billing"), handrail.run("a7"):
        assert may() == "rp"
        with handrail.run("a8"):
            assert may() == ""
            assert read() == NEUTRAL
            with pytest.raises(handrail.DelegationRefused, match="more than 8 principals"):
                handrail.delegate("billing")


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


def _in_thread(work: Callable[[], str]) -> str:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def _in_pool(work: Callable[[], str]) -> str:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result()


def _in_loop(work: Callable[[], str]) -> str:
    async def both() -> str:
        task = asyncio.create_task(asyncio.to_thread(work))
        return await task

    return asyncio.run(both())


@pytest.mark.parametrize("elsewhere", [_in_thread, _in_pool, _in_loop])
def test_a_token_follows_into_threads_and_tasks(elsewhere: Callable[[Callable[[], str]], str], tmp_path: Path) -> None:
    """A run started by a thread, a pool or a task of the block acts by the token, not for the process's own user."""
    write_policy(tmp_path, POLICY + '[principal]\ntenant = "acme"\nuser = "root"\n')

    def work() -> str:
        with handrail.run("biller"):
            return may()

    with handrail.accept(issue(call="pay"), audience="billing"):
        assert elsewhere(work) == "p"
    assert elsewhere(work) == "rpw"


async def test_requests_of_a_server_do_not_mix() -> None:
    """Tasks that take tokens up at the same time, and take turns at every await, each have their own rights."""
    rights = ["read", "pay", "p*", "*"] * 4
    issued = [issue(call=right) for right in rights]

    async def serve(token: str) -> str:
        async with handrail.accept(token, audience="billing"):
            await asyncio.sleep(0)
            async with handrail.run("biller"):
                await asyncio.sleep(0)
                return may()

    assert await asyncio.gather(*map(serve, issued)) == ["r", "p", "p", "rp"] * 4
    assert accepted() is None


async def test_refused_under_asyncio(journal: Recorded) -> None:
    """`async with` refuses as `with` does."""
    token = issue()
    async with handrail.accept(token, audience="billing"):
        pass
    with pytest.raises(handrail.DelegationRefused):
        async with handrail.accept(token, audience="billing"):
            pytest.fail("used twice")
    assert journal.all("delegation")[-1]["reason"] == "replayed"


def test_spans_stay_in_the_trace_of_the_caller(journal: Recorded) -> None:
    """Where the program stands in a span already, its trace counts, and the token is named beside it."""
    from opentelemetry import trace
    from opentelemetry.trace import NonRecordingSpan, SpanContext

    with trace.use_span(NonRecordingSpan(SpanContext(0xABC, 0xDEF, is_remote=True))):
        taken(issue())
    issued, used = journal.all("run.start")
    assert used["trace"] == f"{0xABC:032x}" == issued["trace"]
    assert used["parent"] == f"{0xDEF:016x}"
    assert used["delegation"]["step"] == issued["step"]


def test_the_exception_is_in_the_tree() -> None:
    """One class, which `except HandrailError` catches."""
    assert issubclass(handrail.DelegationRefused, HandrailError)
