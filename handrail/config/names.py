"""Whether the names in a handrail.toml fit together: ids, roles, groups, users. Structure was checked before."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping

from handrail.config.complaints import name_of
from handrail.config.document import Document
from handrail.config.nearest import nearest
from handrail.errors import ConfigError

WEAK_Y = frozenset(
    {
        0,
        1,
        2**255 - 20,
        2707385501144840649318225287225658788936804267575313519463743609750303402022,
        55188659117513257062467267217118295137698188065244968500265048394206261417927,
    }
)
"""Ed25519 public keys of small order, without their sign: anybody can sign for some of them."""
MAX_IN_A_ROW = 9
"""Casbin follows a row of roles this far and no further: on a deny rule a longer row would fail open."""


def check(document: Document) -> None:
    """Raise the PolicyError or ConfigError of the first name that does not fit."""
    _check_ids(document)
    _check_users(document)
    _check_nesting(document, "roles", _table(document, "roles"))
    _check_nesting(document, "groups", _table(document, "groups"))
    _check_subjects(document)
    _check_keys(document)


def user_key(written: str) -> str:
    """``"USER"`` as ``"default/USER"``; ``"TENANT/USER"`` as it is."""
    return written if "/" in written else f"default/{written}"


def _table(document: Document, name: str) -> Mapping[str, list[str]]:
    table: Mapping[str, list[str]] = document.values.get(name, {})
    return table


def _check_ids(document: Document) -> None:
    first: dict[str, tuple[str, int]] = {}
    # A record names a rule or a delegation by its id alone, so they share one set of names.
    for table in ("rule", "delegate"):
        _check_unique(document, table, first)
    _check_unique(document, "validate", {})
    _check_unique(document, "trust", {})


def _check_unique(document: Document, table: str, first: dict[str, tuple[str, int]]) -> None:
    for index, entry in enumerate(document.values.get(table, [])):
        name = entry.get("id", f"{table}-{index + 1}")
        if name in first:
            line = document.lines.of(*first[name], "id")
            raise document.error(
                f'The id "{name}" of {name_of((table, index))} is taken by {name_of(first[name])} in line {line}.',
                table, index, "id",
                hint="Give each its own id.",
            )  # fmt: skip
        first[name] = (table, index)


def _check_users(document: Document) -> None:
    seen: dict[str, str] = {}
    for written in _table(document, "users"):
        tenant, _, user = user_key(written).partition("/")
        if not tenant or not user:
            hint = 'Write "TENANT/USER", or "USER" for the tenant "default".'
            raise document.error(f'"{written}" in [users] names no user.', "users", written, hint=hint)
        if (other := seen.setdefault(user_key(written), written)) != written:
            raise document.error(f'"{written}" and "{other}" are the same user.', "users", written, hint="Keep one.")


def _check_nesting(document: Document, table: str, graph: Mapping[str, list[str]]) -> None:
    """Nothing includes itself, and no row of names is longer than is followed."""
    depth: dict[str, int] = {}
    for name in graph:
        _measure(document, table, graph, depth, (name,))


def _measure(
    document: Document,
    table: str,
    graph: Mapping[str, list[str]],
    depth: dict[str, int],
    trail: tuple[str, ...],
) -> int:
    """Length of the longest row that begins at the end of ``trail``; raises where the trail bites its tail."""
    name = trail[-1]
    if name in depth:
        return depth[name]
    below = 0
    for child in (child for child in graph.get(name, []) if table == "roles" or child in graph):
        if child in trail:
            loop = " -> ".join((*trail[trail.index(child) :], child))
            problem = f'"{child}" in [{table}] includes itself: {loop}.'
            raise document.error(problem, table, name, hint="Break the loop.")
        if len(trail) == MAX_IN_A_ROW:
            raise _too_long(document, table, trail[0])
        below = max(below, _measure(document, table, graph, depth, (*trail, child)))
    depth[name] = below + 1
    if depth[name] > MAX_IN_A_ROW:
        raise _too_long(document, table, name)
    return depth[name]


def _too_long(document: Document, table: str, name: str) -> ConfigError:
    problem = f'"{name}" in [{table}] begins a row, each including the next, that is longer than {MAX_IN_A_ROW}.'
    return document.error(problem, table, name, hint="Include the far ones directly.")


def _check_subjects(document: Document) -> None:
    if "casbin" in document.values:
        # The roles of a team's own Casbin policy are known to policy/ only.
        return
    roles = sorted(_known_roles(document))
    for table, keys in (("rule", ("allow", "deny")), ("delegate", ("from",))):
        for index, entry in enumerate(document.values.get(table, [])):
            for key in (key for key in keys if key in entry):
                _check_subject(document, (table, index, key), entry[key], roles)


def _check_subject(document: Document, path: tuple[str | int, ...], subject: str, roles: list[str]) -> None:
    if subject == "*" or ":" in subject or subject in roles:
        return
    hint = nearest(subject, roles) or (
        f"Known roles: {', '.join(roles)}." if roles else "Give it to somebody in [users], or declare it in [roles]."
    )
    raise document.error(f'{name_of(path)} names the role "{subject}", which nobody has.', *path, hint=hint)


def _known_roles(document: Document) -> set[str]:
    users, roles = _table(document, "users"), _table(document, "roles")
    return {*_flat(users.values()), *roles, *_flat(roles.values())}


def _flat(lists: Iterable[list[str]]) -> Iterable[str]:
    return (name for names in lists for name in names)


def _check_keys(document: Document) -> None:
    seen: dict[bytes, int] = {}
    for index, entry in enumerate(document.values.get("trust", [])):
        key = _key(entry["key"])
        if key is None:
            hint = "Paste the line that `handrail policy key` prints on the other host."
            raise document.error(
                f"{name_of(('trust', index, 'key'))} is no public key.", "trust", index, "key", hint=hint
            )
        first = seen.setdefault(key, index)
        if first != index:
            problem = f"{name_of(('trust', index))} has the key of {name_of(('trust', first))}."
            raise document.error(problem, "trust", index, "key", hint="Keep one of them.")


def _key(written: str) -> bytes | None:
    """The 32 bytes of a public key; None for what is none, or one for which anybody can sign."""
    try:
        key = b64decode(written, validate=True)
    except ValueError:
        return None
    if len(key) != 32 or b64encode(key).decode() != written:
        return None
    return None if (int.from_bytes(key, "little") % 2**255) % (2**255 - 19) in WEAK_Y else key
