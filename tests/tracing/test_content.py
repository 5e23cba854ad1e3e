"""Where content may leave: the standard variable, and what handrail.toml says."""

from __future__ import annotations

import logging

import pytest

from handrail.config import ContentSettings
from handrail.tracing.content import CAPTURE, NOTHING, Shown, Switch, captured

BOTH = Shown(spans=True, events=True)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", None),
        ("NO_CONTENT", NOTHING),
        ("false", NOTHING),
        ("true", BOTH),
        ("TRUE", BOTH),
        ("SPAN_ONLY", Shown(spans=True)),
        ("EVENT_ONLY", Shown(events=True, details=True)),
        ("span_and_event", Shown(spans=True, events=True, details=True)),
        ("yes", NOTHING),
    ],
)
def test_the_standard_variable(value: str, shown: Shown | None) -> None:
    """The values of the conventions, in any case of letters; any other lets nothing out."""
    assert captured({CAPTURE: value}) == shown
    assert captured({}) is None


def test_a_value_that_is_not_known_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Who misspells the value reads what it must be, and that nothing leaves."""
    with caplog.at_level(logging.WARNING):
        captured({CAPTURE: "spans_only"})
    assert "SPAN_ONLY" in caplog.text
    assert "no content leaves" in caplog.text


@pytest.mark.parametrize(
    ("settings", "value", "tenant", "shown"),
    [
        (ContentSettings(), "", "acme", NOTHING),
        (ContentSettings(spans=True), "", "acme", BOTH),
        (ContentSettings(spans=True), "NO_CONTENT", "acme", NOTHING),
        (ContentSettings(), "SPAN_ONLY", "acme", Shown(spans=True)),
        (ContentSettings(spans=True, tenants=("acme",)), "", "acme", BOTH),
        (ContentSettings(spans=True, tenants=("acme",)), "", "acme2", NOTHING),
        (ContentSettings(tenants=("ac*",)), "true", "acme", BOTH),
        (ContentSettings(tenants=("ac*",)), "true", "other", NOTHING),
        (ContentSettings(tenants=("a.c",)), "true", "abc", NOTHING),
        (ContentSettings(spans=True, tools=("read_*",)), "", "acme", Shown(True, True, False, ("read_*",))),
    ],
)
def test_environment_and_file(settings: ContentSettings, value: str, tenant: str, shown: Shown) -> None:
    """The variable goes before ``spans`` of the file, and never past its tenants and tools."""
    assert Switch(lambda: settings, {CAPTURE: value}).of(tenant) == shown


def test_tools_shut_out_everything_else() -> None:
    """Limited to tools, the content of others stays, and so do messages, which may quote any of them."""
    shown = Shown(spans=True, tools=("read_*", "pay"))
    assert [shown.at(tool) for tool in ("read_order", "pay", "pay2", "wire", None, "read_" + "x" * 300)] == [
        True, True, False, False, False, False,
    ]  # fmt: skip
    assert BOTH.at(None)
    assert not NOTHING.at("pay")


def test_settings_that_change_hold_at_once() -> None:
    """A run that is under way lets nothing out any more, once the file says so."""
    settings = [ContentSettings(spans=True)]
    switch = Switch(lambda: settings[-1], {})
    assert switch.of("acme") == BOTH
    settings.append(ContentSettings())
    assert switch.of("acme") is NOTHING
