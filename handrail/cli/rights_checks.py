"""What ``handrail doctor`` says of changes made while agents run, and of those that wait for a second person."""

from __future__ import annotations

from collections.abc import Iterator

from handrail.audit import approvals, in_force
from handrail.cli.checks import Check
from handrail.config import Settings
from handrail.errors import HandrailError, PolicyPending


def rights(settings: Settings) -> Iterator[Check]:
    """Changes that are laid over the file, what waits, and whether what is in force is what the file says."""
    if settings.casbin is not None and settings.casbin.adapter:
        text = f"{settings.casbin.adapter}, read again every {settings.casbin.poll:g} s by the next call; "
        text += f"without a reading for {settings.casbin.max_age:g} s every call is denied"
        yield Check("rights", "casbin adapter", "ok", text)
    if settings.live:
        text = f"{len(settings.live)} laid over the file: handrail policy changes --now"
        yield Check("rights", "changes while running", "note", text)
    if settings.file is None:
        return
    try:
        before = in_force.current(settings.data, settings.file)
        waiting = [one.id for one in approvals.pending(settings.data)]
    except (HandrailError, OSError) as error:
        yield Check("rights", "in force", "wrong", f"{error}")
        return
    if before is not None and before.two_person:
        yield _approved(settings, before)
    if waiting:
        yield Check("rights", "waiting", "note", f"for a second person: {', '.join(waiting)}")


def _approved(settings: Settings, before: Settings) -> Check:
    try:
        approvals.require(settings.data, before, settings)
    except PolicyPending as error:
        return Check("rights", "two persons", "wrong", f"what was approved last stays in force: {error}")
    return Check("rights", "two persons", "ok", "everything here is approved, or in force already")
