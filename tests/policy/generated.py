"""Random policies and requests for hypothesis, over few names, so that much overlaps."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import strategies as st

from handrail.config.settings import DelegateSettings, RuleSettings, Settings
from handrail.policy import PolicyRequest
from handrail.policy.questions import request

NAMES = st.sampled_from(["t", "tt", "t_x", "u", "u_x"])
CALLS = st.sampled_from(["t", "tt", "u", "t*", "*_x", "*", "g", "h"])
SUBJECTS = st.sampled_from(["r", "s", "q", "user:a", "user:b", "user:*", "agent:m", "agent:*", "*"])
TENANTS = st.sampled_from(["x", "y", "*", "x*"])
PATHS = st.sampled_from(["args.n", "args.m", "args.w", "args.l", "run.tool_calls", "session", "args.o.p"])
VALUES = st.sampled_from([0, 1, 5, 2.5, "a", "b", "ab", True, None])


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """One comparison or call, of any kinds."""
    path = draw(PATHS)
    value = json.dumps(draw(VALUES))
    sign = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    forms = [
        f"{path} {sign} {value}",
        f"{value} {sign} {path}",
        f"{path} {sign} {draw(PATHS)}",
        f"{path} in [{value}, {json.dumps(draw(VALUES))}]",
        f"{path} not in [{value}]",
        f"startswith({path}, 'a')",
        f"contains({path}, {value})",
        f"has({path})",
        f"lower({path}) == 'ab'",
        f"within({path}, '/a')",
        f"matches({path}, 'a|b')",
        f"len({path}) {sign} 2",
    ]
    return draw(st.sampled_from(forms))


CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda three: f"({' '.join(three)})"),
        inner.map(lambda one: f"!({one})"),
    ),
    max_leaves=4,
)
RULES = st.builds(
    lambda verdict, subject, call, when, tenant: RuleSettings("", verdict, subject, tuple(call), when, tenant),
    st.sampled_from(["allow", "allow", "deny"]),
    SUBJECTS,
    st.lists(CALLS, min_size=1, max_size=2),
    st.one_of(st.just(""), CONDITIONS),
    TENANTS,
)
DELEGATES = st.builds(
    lambda from_, to, call, tenant: DelegateSettings(from_, to, tuple(call), tenant),
    SUBJECTS,
    st.sampled_from(["agent:m", "agent:n", "agent:*", "user:b"]),
    st.lists(CALLS, min_size=1, max_size=2),
    TENANTS,
)
ROLES = st.lists(st.sampled_from(["r", "s", "q"]), max_size=2, unique=True).map(tuple)


@st.composite
def policies(draw: st.DrawFn) -> Settings:
    """Few names, so that much overlaps."""
    rules = draw(st.lists(RULES, min_size=1, max_size=5))
    return Settings(
        users={user: draw(ROLES) for user in ("x/a", "x/b", "y/a")},
        roles={"r": ("s",), "s": draw(st.sampled_from([(), ("q",)]))},
        groups={"g": ("t", "h"), "h": ("u*",)},
        rules=tuple(replace(one, id=f"r{number}") for number, one in enumerate(rules)),
        delegates=tuple(draw(st.lists(DELEGATES, max_size=3))),
    )


@st.composite
def requests(draw: st.DrawFn) -> PolicyRequest:
    """A request with a chain of one to three and any arguments."""
    chain = draw(
        st.lists(st.sampled_from(["user:a", "user:b", "user:c", "agent:m", "agent:n"]), min_size=1, max_size=3)
    )
    keys = st.sampled_from(["n", "m", "w", "l", "o"])
    given_args = draw(st.dictionaries(keys, st.one_of(VALUES, st.lists(VALUES, max_size=2)), max_size=4))
    asked = request(
        draw(st.sampled_from(["x", "y", "z"])),
        chain,
        draw(NAMES),
        args=given_args,
        session=draw(st.sampled_from(["", "a"])),
    )
    scopes = draw(st.sampled_from([(), (), ((),), (("t*",),), (("t",), ("*",))]))
    return replace(asked, scopes=scopes)
