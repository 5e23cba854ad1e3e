"""Whether a query only reads, and only what it may: ways round the checks, and what the caps and options do."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail.errors import ConfigError
from handrail.validators import Context, parse
from tests.validators.code.sql_bypasses import (
    BOUNDED_BYPASSES,
    READ_ONLY,
    TABLES,
    TABLES_BYPASSES,
    TENANT,
    TENANT_BYPASSES,
)  # fmt: skip

pytest.importorskip("sqlglot", reason="the extra sql is not installed")

ACME = Context(tenant="acme")
_GROUPS = (
    ("sql_read_only(dialect={dialect!r})", READ_ONLY),
    (TABLES, TABLES_BYPASSES),
    (TENANT, TENANT_BYPASSES),
    ("sql_bounded(dialect={dialect!r})", BOUNDED_BYPASSES),
)
BYPASSES = [(check, *one) for check, group in _GROUPS for one in group]


@pytest.mark.parametrize(("check", "dialect", "statement"), BYPASSES, ids=range(len(BYPASSES)))
def test_no_way_round(check: str, dialect: str, statement: str) -> None:
    """A statement that goes round what the check is for is refused."""
    assert parse(check.format(dialect=dialect)).check(statement, ACME)


_NAMES = st.sampled_from(["orders", "items", "users", "Orders", '"orders"'])


@given(st.lists(_NAMES, min_size=1, max_size=3), st.sets(st.sampled_from(["orders", "items", "users"])))
def test_exactly_the_listed_tables_may_be_read(read: list[str], listed: set[str]) -> None:
    """A join of tables passes exactly when each of them is listed, as the dialect folds names."""
    query = "SELECT 1 FROM " + " CROSS JOIN ".join(f"{name} AS t{at}" for at, name in enumerate(read))
    check = parse(f"sql_tables(tables={sorted(listed)})")
    assert (not check.check(query)) == all(name.strip('"').lower() in listed for name in read)


@given(st.lists(st.booleans(), min_size=1, max_size=4), st.sampled_from(["AND", "OR"]))
def test_every_table_needs_its_own_condition(held: list[bool], word: str) -> None:
    """A query of several tables passes exactly when each is held to the tenant, and the conditions must all hold."""
    tables = ", ".join(f"t{at}" for at in range(len(held)))
    conditions = [f"t{at}.tenant_id = 'acme'" for at, one in enumerate(held) if one] + ["t0.a = 1"]
    query = f"SELECT 1 FROM {tables} WHERE {f' {word} '.join(conditions)}"
    assert (not parse("sql_tenant()").check(query, ACME)) == (all(held) and word == "AND")


@given(st.integers(2, 5), st.data())
def test_whatever_is_joined_must_hang_together(count: int, data: st.DataObject) -> None:
    """Tables joined along a tree of equal columns are no cross join; without any one of its edges they are."""
    edges = [(at, data.draw(st.integers(0, at - 1))) for at in range(1, count)]
    tables = ", ".join(f"t{at}" for at in range(count))
    conditions = [f"t{left}.x = t{right}.y" for left, right in edges]
    whole = f"SELECT 1 FROM {tables} WHERE {' AND '.join(conditions)}"
    assert not parse("sql_bounded()").check(whole)
    del conditions[data.draw(st.integers(0, len(conditions) - 1))]
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    assert parse("sql_bounded()").check(f"SELECT 1 FROM {tables}{where}")


@given(
    st.text(st.sampled_from("SELECT FROM()[]',;*ab1=.-/"), max_size=80),
    st.sampled_from(["postgres", "mysql", "duckdb"]),
)
def test_nothing_is_raised_and_no_statement_but_a_query_reads_only(text: str, dialect: str) -> None:
    """Any text gives findings, and none of them an exception; what passes as reading passes as SQL."""
    reads = parse(f"sql_read_only(dialect={dialect!r})").check(text)
    if not reads:
        assert not parse(f"sql(dialect={dialect!r})").check(text)


def test_a_finding_says_where() -> None:
    """A fault of syntax has a line and a column, and stands in the text."""
    (found,) = parse("sql()").check("SELECT a\nFROM t WHERE WHERE")
    assert found.message.startswith("Line 2, column ")
    assert found.span is not None


def test_the_statement_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """sqlglot warns of statements that it does not know and quotes them; while a check reads them it is silent."""
    with caplog.at_level(logging.DEBUG):
        assert [one.code for one in parse("sql()").check("CALL private_name()")] == ["sql.unknown"]
    assert "private_name" not in caplog.text


def test_a_statement_that_takes_too_much_work_is_given_up() -> None:
    """The steps of the parser are counted, so that no statement makes it try for ever."""
    from handrail.validators.code import sql

    before = sql.MAX_STEPS
    try:
        sql.MAX_STEPS = 5
        assert [one.code for one in parse("sql()").check("SELECT a, b, c FROM t")] == ["unchecked.size"]
    finally:
        sql.MAX_STEPS = before


@pytest.mark.parametrize(
    "check",
    [
        "sql(dialect='cobol')",
        "sql_read_only(deny=['a b'])",
        "sql_tables(tables=['a b c'])",
        "sql_tables(tables=['a'], columns={'b': ['c']})",
        "sql_tenant(value_from='clock')",
        "sql_tenant(value='x')",
        "sql_tenant(value_from='value')",
        "sql_tenant(column='')",
        "sql_bounded(max_limit=0)",
        "sql_bounded(max_limit=1000000000000)",
    ],
)
def test_options_that_do_not_fit_are_refused(check: str) -> None:
    """An option that means nothing, or does not fit the others, is an error of the config."""
    with pytest.raises(ConfigError):
        parse(check)


def test_a_missing_extra_is_said_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sqlglot the config is told what to install."""
    import sys

    blocked: dict[str, Any] = {"sqlglot": None}
    for name, module in blocked.items():
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(ConfigError, match="extra") as caught:
        parse("sql()")
    assert "handrail[sql]" in str(caught.value)
