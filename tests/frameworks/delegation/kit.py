"""A policy with three tools, and tokens that are issued, taken up and refused."""

from __future__ import annotations

from typing import Any

import pytest

import handrail
from tests.frameworks.recorded import NEUTRAL, Recorded

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


def issue(user: str = "ana", tenant: str = "acme", agent: str = "desk", **options: Any) -> str:
    """A token for ``billing`` from inside a run."""
    with handrail.run(agent, tenant=tenant, user=user, session=f"{tenant}-{user}", channel="web"):
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
