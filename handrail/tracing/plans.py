"""Plans: what one consists of, and what changed from one revision to the next. Pure; nothing is recorded here.

Items are aligned by their text. One whose text is gone and one whose text is new are the same item reworded where
they share most of their letter pairs; what is in another order than before has moved.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeGuard, cast

MAX_ITEMS = 100_000
"""Most items of a plan that are looked at."""
MAX_COMPARED = 50
"""Items without a partner on either side up to which reworded ones are looked for; it takes the product of both."""
ALIKE = 0.6
"""Share of common letter pairs (Dice) from which two texts are one item reworded."""
_LETTERS = 200
DONE = frozenset({"completed", "done"})
"""Statuses of an item that is over."""
TODO_STATUSES = frozenset({"pending", "in_progress", "completed"})
"""Statuses of LangChain's ``Todo``."""
_CONTENT = ("content", "step", "task", "description", "title", "name")
"""Keys under which an item of a plan may have its text, the first that is there."""
_LISTS = ("steps", "tasks", "todos")
"""Fields under which a structured output may have the list of a plan's steps."""


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a plan."""

    content: str
    status: str = ""
    """``pending``, ``in_progress``, ``completed`` or whatever the planner says; empty where it says nothing."""

    def shown(self) -> dict[str, object]:
        """The item in JSON types."""
        return {"content": self.content, "status": self.status}


@dataclass(frozen=True, slots=True)
class Plan:
    """One revision of a plan."""

    revision: int
    """From 1."""
    items: tuple[Item, ...]
    diff: Mapping[str, Any]
    """What changed: see :func:`diff`. Of the first revision everything was added."""

    def facts(self) -> dict[str, int]:
        """How many items there are, how many are done, and how many changed in what way."""
        changes = {kind: len(self.diff[kind]) for kind in ("added", "removed", "changed", "moved")}
        done = sum(item.status.lower() in DONE for item in self.items)
        return {"revision": self.revision, "items": len(self.items), **changes, "done": done}


def revise(before: Plan | None, items: Sequence[Item]) -> Plan | None:
    """The next revision of a plan; None where nothing changed, or where there was no plan and is none."""
    old = before.items if before is not None else ()
    new = tuple(items)
    if new == old:
        return None
    return Plan(before.revision + 1 if before is not None else 1, new, diff(old, new))


def items_of(stated: object) -> tuple[Item, ...]:
    """The items that somebody states: a list of texts or of ``{content, status}``; of a text, its lines.

    Never raises: what is neither text nor mapping becomes the text of its JSON, or the name of its type.
    """
    if isinstance(stated, str):
        return tuple(Item(line.strip()) for line in stated.splitlines()[:MAX_ITEMS] if line.strip())
    if isinstance(stated, Mapping) or not isinstance(stated, Iterable):
        return (_item(stated),)  # pyright: ignore[reportUnknownArgumentType]
    try:
        return tuple(_item(each) for each in islice(iter(stated), MAX_ITEMS))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    except Exception:  # a generator of the user's own
        return (Item(type(stated).__name__),)  # pyright: ignore[reportUnknownArgumentType]


def _item(value: object) -> Item:
    if isinstance(value, str):
        return Item(value)
    if _is_mapping(value):
        status = value.get("status")
        content = next((value[key] for key in _CONTENT if key in value), value)
        return Item(_text(content), status if isinstance(status, str) else "")
    return Item(_text(value))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, ensure_ascii=False, default=lambda other: type(other).__name__)
    except Exception:  # cycles, depths, keys and classes of any kind
        return type(value).__name__


def _is_mapping(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def todos(value: object) -> tuple[Item, ...] | None:
    """The items of a todo list as LangChain's agents keep it in their state; None for anything else."""
    if not isinstance(value, (list, tuple)):
        return None
    items = tuple(_todo(each) for each in islice(cast("Iterable[Any]", value), MAX_ITEMS))
    return None if None in items else cast("tuple[Item, ...]", items)


def _todo(value: object) -> Item | None:
    if not _is_mapping(value):
        return None
    content, status = value.get("content"), value.get("status")
    if not isinstance(content, str) or not isinstance(status, str) or status not in TODO_STATUSES:
        return None
    return Item(content, status)


def stated_as(schema: str, value: object) -> tuple[Item, ...] | None:
    """The items of a structured output that is a plan: its schema is called ``Plan``, or something that ends so, and
    has a list of texts or objects under ``steps``, ``tasks`` or ``todos``. None for anything else."""
    if not schema.lower().endswith("plan") or not _is_mapping(value):
        return None
    found = next((value[key] for key in _LISTS if isinstance(value.get(key), (list, tuple))), None)
    if not found or not all(isinstance(each, (str, Mapping)) for each in islice(found, MAX_ITEMS)):
        return None
    return items_of(found)


def diff(old: Sequence[Item], new: Sequence[Item]) -> dict[str, list[dict[str, Any]]]:
    """What turns ``old`` into ``new``, in JSON types; its length is that of the change, not of the plan.

    ``removed`` has each item with its place before (``was``), ``added`` with its place now (``at``); ``changed`` has
    both, the item as it is now, and under ``before`` what it had; ``moved`` has both, of items that are otherwise
    the same. Every other item is as it was, in the order that it had.
    """
    pairs = _aligned(old, new)
    stays = _in_order([was for _, was in sorted(pairs.items())])
    found: dict[str, list[dict[str, Any]]] = {"removed": [], "added": [], "changed": [], "moved": []}
    kept = set(pairs.values())
    found["removed"] = [{"was": was, **item.shown()} for was, item in enumerate(old) if was not in kept]
    for at, item in enumerate(new):
        was = pairs.get(at)
        if was is None:
            found["added"].append({"at": at, **item.shown()})
        elif old[was] != item:
            found["changed"].append({"was": was, "at": at, **item.shown(), "before": _before(old[was], item)})
        elif was not in stays:
            found["moved"].append({"was": was, "at": at, "content": item.content})
    return found


def _before(old: Item, new: Item) -> dict[str, object]:
    return {key: value for key, value in old.shown().items() if value != new.shown()[key]}


def apply(old: Sequence[Item], change: Mapping[str, Any]) -> list[Item]:
    """The plan that ``change``, made by :func:`diff`, makes of ``old``. Raises ValueError where it does not fit."""
    try:
        return _applied(old, change)
    except (LookupError, TypeError, StopIteration) as error:
        raise ValueError("This change was made from another plan.") from error


def _applied(old: Sequence[Item], change: Mapping[str, Any]) -> list[Item]:
    gone: set[int] = {each["was"] for kind in ("removed", "changed", "moved") for each in change[kind]}
    placed: dict[int, Item] = {
        each["at"]: Item(each["content"], each["status"]) for kind in ("added", "changed") for each in change[kind]
    }
    placed |= {each["at"]: old[each["was"]] for each in change["moved"]}
    rest = iter([item for was, item in enumerate(old) if was not in gone])
    made: list[Item] = []
    for at in range(len(old) - len(change["removed"]) + len(change["added"])):
        made.append(placed[at] if at in placed else next(rest))
    return made


def _aligned(old: Sequence[Item], new: Sequence[Item]) -> dict[int, int]:
    """Place now -> place before, of every item that was there before."""
    pairs: dict[int, int] = {}
    left, right = list(range(len(old))), list(range(len(new)))
    for key in (_whole, _content):
        if left and right:
            left, right = _paired(old, new, left, right, key, pairs)
    if left and right and len(left) <= MAX_COMPARED and len(right) <= MAX_COMPARED:
        _reworded(old, new, left, right, pairs)
    return pairs


def _whole(item: Item) -> object:
    return item


def _content(item: Item) -> object:
    return item.content


def _paired(
    old: Sequence[Item],
    new: Sequence[Item],
    left: list[int],
    right: list[int],
    key: Callable[[Item], object],
    pairs: dict[int, int],
) -> tuple[list[int], list[int]]:
    """Pair items of the same ``key``, the first with the first; the places that are left over."""
    waiting: dict[object, deque[int]] = defaultdict(deque)
    for was in left:
        waiting[key(old[was])].append(was)
    over: list[int] = []
    for at in right:
        same = waiting.get(key(new[at]))
        if same:
            pairs[at] = same.popleft()
        else:
            over.append(at)
    return sorted(was for places in waiting.values() for was in places), over


def _reworded(
    old: Sequence[Item], new: Sequence[Item], left: list[int], right: list[int], pairs: dict[int, int]
) -> None:
    before = {was: _letters(old[was].content) for was in left}
    alike: list[tuple[float, int, int, int]] = []
    for at in right:
        now = _letters(new[at].content)
        for was, letters in before.items():
            common = 2 * len(now & letters) / (len(now) + len(letters) or 1)
            if common >= ALIKE:
                alike.append((-common, abs(at - was), at, was))
    taken: set[int] = set()
    for _, _, at, was in sorted(alike):
        if at not in pairs and was not in taken:
            pairs[at] = was
            taken.add(was)


def _letters(text: str) -> set[str]:
    start = text[:_LETTERS].casefold()
    return {start[at : at + 2] for at in range(len(start) - 1)}


def _in_order(places: Sequence[int]) -> set[int]:
    """The longest run of ``places`` that goes upwards: items that need not have moved."""
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int] = []
    for at, place in enumerate(places):
        length = bisect_left(tails, place)
        previous.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [place]
        ends[length : length + 1] = [at]
    found: set[int] = set()
    at = ends[-1] if ends else -1
    while at >= 0:
        found.add(places[at])
        at = previous[at]
    return found
