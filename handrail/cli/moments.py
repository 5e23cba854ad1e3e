"""Moments on the command line: ``--since 7d``."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import click

_AGO = re.compile(r"([0-9]{1,9})([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType[datetime]):
    """A moment: ``7d`` (also m, h, w) before now, or an ISO 8601 date or time, UTC unless it says otherwise."""

    name = "moment"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment, timezone-aware."""
        if isinstance(value, datetime):
            return value
        text = str(value)
        try:
            if ago := _AGO.fullmatch(text):
                return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{text!r} is no moment: write 7d, 12h, 2026-11-01 or 2026-11-01T08:00.", param, ctx)
