"""``handrail.delegate`` and ``handrail.accept``: rights cross a process, and only ever narrow."""

from __future__ import annotations

from pathlib import Path

import pytest

import handrail
from handrail.tracing import context
from handrail.tracing.acting import accepted
from tests.frameworks.clocks import NOW, Clock
from tests.frameworks.delegation.kit import POLICY, issue, may, read, taken
from tests.frameworks.recorded import NEUTRAL, Recorded


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
    assert (last["tenant"], last["session"], last["channel"]) == ("acme", "acme-root", "web")
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
