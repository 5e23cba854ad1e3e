"""The encrypted store of values against whoever changes its files and references: nothing forged is given out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handrail.effects.vault import Ref, Vault
from handrail.errors import JournalError, ValueErased
from tests.effects.vaults import ABOUT, BODY, RUN, key_file, values_file


@pytest.fixture(name="vault")
def _vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


def test_every_changed_byte_is_noticed(vault: Vault, tmp_path: Path) -> None:
    """Whichever byte of a value is changed, it is not given out."""
    ref = vault.put(RUN, ABOUT, BODY)
    path = values_file(tmp_path)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(JournalError, match="damaged"):
            vault.get(RUN, ABOUT, ref)
    path.write_bytes(whole)
    assert vault.get(RUN, ABOUT, ref) == BODY


def test_a_value_that_was_cut_is_noticed(vault: Vault, tmp_path: Path) -> None:
    """A file that ends before the value does, and one that is gone, are told; nothing is made up."""
    ref = vault.put(RUN, ABOUT, BODY)
    path = values_file(tmp_path)
    whole = path.read_bytes()
    for size in (0, 3, 12, 24, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(JournalError):
            vault.get(RUN, ABOUT, ref)
    path.unlink()
    with pytest.raises(JournalError, match="restore it"):
        vault.get(RUN, ABOUT, ref)


def test_values_cannot_be_exchanged(vault: Vault, tmp_path: Path) -> None:
    """A value is given out only for the run and the name that it was kept for, and from the place where it was put."""
    kept = {about: vault.put(about[0], about, b"of " + about.encode()) for about in ("a1", "a2", "b1")}
    for about in kept:
        for other in kept.keys() - {about}:
            with pytest.raises(JournalError):
                vault.get(about[0], about, kept[other])
    path = values_file(tmp_path)
    held = path.read_bytes()
    size = int(kept["a1"]["l"])
    frames = [held[i : i + size] for i in range(0, len(held), size)]
    for order in ((1, 0, 2), (2, 1, 0), (0, 0, 0), (0, 2, 1)):
        path.write_bytes(b"".join(frames[i] for i in order))
        given = [i for i, about in enumerate(kept) if _given(vault, about, kept[about]) is not None]
        assert given == [i for i in range(3) if order[i] == i]


def _given(vault: Vault, about: str, ref: Ref) -> bytes | None:
    try:
        return vault.get(about[0], about, ref)
    except JournalError:
        return None


FORGED: list[Any] = [
    {}, {"f": None}, {"f": "../keys/x"}, {"f": "/etc/passwd"}, {"f": "0" * 16}, {"f": "0" * 15 + "\n"}, {"f": 7},
    {"o": -1}, {"o": True}, {"o": "0"}, {"o": 0.0}, {"o": 1}, {"o": 1 << 40}, {"o": 1 << 70}, {"o": None},
    {"l": 0}, {"l": -5}, {"l": 39}, {"l": 1 << 40}, {"l": 1 << 70}, {"l": True}, {"l": None}, {"l": [1]},
]  # fmt: skip


@pytest.mark.parametrize("change", FORGED, ids=str)
def test_a_forged_reference_leads_nowhere(vault: Vault, change: dict[str, Any]) -> None:
    """A reference that was changed gives a JournalError, whatever it says: no other file, no memory without end."""
    ref = vault.put(RUN, ABOUT, BODY)
    with pytest.raises(JournalError):
        vault.get(RUN, ABOUT, {**ref, **change} if change else {})


def _erase(path: Path) -> None:
    path.unlink()


def _zero(path: Path) -> None:
    path.write_bytes(bytes(32))


def _replace(path: Path) -> None:
    path.unlink()
    path.write_bytes(os.urandom(32))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:31])


def _prolong(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _link(path: Path) -> None:
    aside = path.parent.parent / "aside"
    path.rename(aside)
    path.symlink_to(aside)


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _disown(path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("Only root can give a file away.")
    os.chown(path, 12345, -1)


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("harm", [_erase, _zero, _replace])
def test_a_key_that_is_gone_means_erased(
    vault: Vault, tmp_path: Path, harm: Callable[[Path], None], ready: bool
) -> None:
    """A key that is gone, was overwritten with zeros, or is another one now, means that the value was erased."""
    ref = vault.put(RUN, ABOUT, BODY)
    harm(key_file(tmp_path))
    with pytest.raises(ValueErased):
        (vault if ready else Vault(tmp_path)).get(RUN, ABOUT, ref)
    again = Vault(tmp_path).put(RUN, ABOUT, b"2")
    assert vault.get(RUN, ABOUT, again) == b"2"


@pytest.mark.parametrize("ready", [True, False])
@pytest.mark.parametrize("harm", [_cut, _prolong, _empty, _link, _pipe, _folder, _disown])
def test_what_is_no_key_is_refused(vault: Vault, tmp_path: Path, harm: Callable[[Path], None], ready: bool) -> None:
    """A file of another size, a link, a pipe, a folder or somebody else's file is no key: nothing is read or put."""
    ref = vault.put(RUN, ABOUT, BODY)
    (path,) = (tmp_path / "replay" / "keys").iterdir()
    harm(path)
    asked = vault if ready else Vault(tmp_path)
    for act in (lambda: asked.get(RUN, ABOUT, ref), lambda: asked.put(RUN, ABOUT, BODY)):
        with pytest.raises(JournalError, match=re.escape(str(path))):
            act()


@pytest.mark.parametrize("name", ["replay", "replay/keys"])
def test_a_planted_link_is_not_followed(vault: Vault, tmp_path: Path, name: str) -> None:
    """A link in the place of the store, or of its keys, is refused: nothing is written where it leads to."""
    aside = tmp_path / "aside"
    aside.mkdir()
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).symlink_to(aside)
    with pytest.raises(JournalError):
        vault.put(RUN, ABOUT, BODY)
    assert list(aside.rglob("*")) == []


def test_a_values_file_that_is_a_link_or_a_pipe_is_refused(vault: Vault, tmp_path: Path) -> None:
    """What stands in the place of a file of values is not followed, and holds up nobody."""
    ref = vault.put(RUN, ABOUT, BODY)
    path = values_file(tmp_path)
    path.rename(tmp_path / "aside")
    path.symlink_to(tmp_path / "aside")
    with pytest.raises(JournalError):
        vault.get(RUN, ABOUT, ref)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(JournalError):
        vault.get(RUN, ABOUT, ref)
