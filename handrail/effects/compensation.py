"""What of a run can be undone: its completed writes, the latest first, each by the function that its tool declares.

Undoing is a logical run of its own, whose id is made of the first one's: whoever undoes the same run again, after a
crash too, goes on with it, and what was undone is not undone again. Each undo is an effect of that run, with the key
of what it undoes among its arguments, and so with a key of its own that is the same every time. The order is that of
H. Garcia-Molina and K. Salem, "Sagas", SIGMOD 1987.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from handrail.audit import oscalls, small_files
from handrail.effects import keys, past, values
from handrail.effects.declared import Declaration, function, undoing_name
from handrail.effects.ledger import Effect
from handrail.effects.past import Past
from handrail.effects.vault import vault_for
from handrail.errors import JournalError, NotReplayable, ValueErased

FOLDER = "undone"
"""Folder of the data folder for notes that a run is being undone."""
State = Literal["undo", "undone", "inside", "no_compensation", "in_doubt", "values_gone"]
"""``undo``: it can be undone. ``inside``: it was done by a call that can be undone, which undoes it too.
``no_compensation``: nothing is declared that would. ``in_doubt``: nobody knows whether
it was done. ``values_gone``: its arguments and result are not kept, or erased, so that nothing can be called with them.
"""


@dataclass(frozen=True, slots=True)
class Undo:
    """One write of a run, and what can be done about it."""

    effect: Effect
    state: State
    tool: str = ""
    """The tool that undoes it, as policy and records know it: the name of the declared function."""
    call: Callable[..., Any] | None = None
    args: Mapping[str, Any] | None = None
    """What the undo is decided on: ``of`` (the effect's key), ``args`` and ``result`` of the call."""
    declared: Declaration | None = None
    """What the author of the undoing function says of it, where that is a governed tool itself."""

    def key(self, run: str) -> str:
        """The undo's own key, in the logical run ``run`` that undoes."""
        what = keys.identity(self.tool, self.args or {})
        return keys.key(run, what, 0) if what is not None else ""


def run_of(run: str) -> str:
    """The logical run (32 hex digits) that undoes the logical run ``run``."""
    return blake2b(b"compensates\n" + run.encode(), digest_size=16).hexdigest()


def plan(
    folder: Path, done: Past, declared: Callable[[str], Declaration], shown: Callable[[Any], Any] = lambda value: value
) -> list[Undo]:
    """What can be done about each write of the run ``done``, the latest first.

    ``declared`` tells what is declared of a tool, ``shown`` makes of a recorded result what the tool returned. Raises
    ConfigError where a declared function is not there, JournalError where the journal cannot be read.
    """
    before = past.read(folder, run_of(done.run))
    undone = {one.key for one in before.effects.values() if one.status == "done"} if before is not None else set[str]()
    found: list[Undo] = []
    for effect in _writes(done):
        if _undone_with(done, effect, declared):
            found.append(Undo(effect, "inside"))
            continue
        one = _item(folder, done.run, effect, declared, shown)
        over = one.state == "undo" and one.key(run_of(done.run)) in undone
        found.append(Undo(effect, "undone", one.tool) if over else one)
    return found


def note(folder: Path, run: str) -> None:
    """Have other processes that paused ``run`` look into the journal before they go on. Raises OSError, JournalError.

    The journal alone is the truth: this is for processes that live now, and means nothing after the next start.
    """
    small_files.write_first(folder / FOLDER / run_of(run), b"", durable=False)


def is_noted(folder: Path, run: str) -> bool:
    """Whether somebody may have begun to undo ``run``."""
    return oscalls.exists(str(folder / FOLDER / run_of(run)))


def _undone_with(done: Past, effect: Effect, declared: Callable[[str], Declaration]) -> bool:
    """Whether a call that ``effect`` was made in is undone as a whole: its author knows what it did."""
    above, seen = done.effects.get(effect.inside), set[str]()
    while above is not None and above.key not in seen:
        if above.status == "done" and declared(above.tool).compensate:
            return True
        seen.add(above.key)
        above = done.effects.get(above.inside)
    return False


def _writes(done: Past) -> Iterator[Effect]:
    writes = [effect for effect in done.effects.values() if effect.effect != "read" and effect.status != "failed"]
    return reversed(writes)


def _item(
    folder: Path, run: str, effect: Effect, declared: Callable[[str], Declaration], shown: Callable[[Any], Any]
) -> Undo:
    if effect.status != "done":
        return Undo(effect, "in_doubt")
    named = declared(effect.tool).compensate
    if named is None or named == "":
        return Undo(effect, "no_compensation")
    call, tool = function(named), undoing_name(named)
    described = getattr(call, "__handrail_tool__", None)
    kept = _kept(folder, run, effect)
    if kept is None:
        return Undo(effect, "values_gone", tool)
    args = {"of": effect.key, "args": kept[0], "result": shown(kept[1])}
    if described is None:
        return Undo(effect, "undo", tool, call, args)
    # the call is decided here: its own gate would decide it once more, as another call
    return Undo(effect, "undo", tool, getattr(call, "__wrapped__", call), args, described.declared)


def _kept(folder: Path, run: str, effect: Effect) -> tuple[Any, Any] | None:
    if effect.value is None:
        return None
    try:
        args, result = values.decode(vault_for(folder).get(run, effect.key, effect.value))
    except (ValueErased, NotReplayable, JournalError, OSError):
        return None
    return args, result
