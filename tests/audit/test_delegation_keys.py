"""Keys of delegation tokens: made once, kept private, changed without a gap."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handrail.audit.delegation_keys import DelegationKeys
from handrail.errors import JournalError
from handrail.tracing.tokens import key_id, public_key


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """Sixteen threads that need the first key get the same one; its file and folders are its owner's only."""
    data = tmp_path / "data"
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: DelegationKeys(data).signing(), range(16)))
    assert len(found) == 1
    (seed,) = found
    assert len(seed) == 32
    file = data / "keys" / "delegation.key"
    assert file.read_bytes() == seed
    assert [path.stat().st_mode & 0o777 for path in (file, file.parent, data)] == [0o600, 0o700, 0o700]
    assert [path.name for path in file.parent.iterdir() if path.name.startswith("draft")] == []
    assert DelegationKeys(data).trusted() == {key_id(public_key(seed)): public_key(seed)}


def test_rotation_leaves_no_gap(tmp_path: Path) -> None:
    """The next key is known before it signs, the old one after; a retired one counts until its file is removed."""
    keys = DelegationKeys(tmp_path)
    first, coming = keys.signing(), keys.next()
    ids = [key_id(public_key(seed)) for seed in (first, coming)]
    assert set(keys.trusted()) == set(ids)
    assert keys.rotate() == coming == keys.signing()
    assert set(keys.trusted()) == set(ids)
    assert first not in [path.read_bytes() for path in keys.folder.iterdir()], "the retired private key is gone"
    (keys.folder / f"retired-{ids[0]}.pub").unlink()
    assert set(keys.trusted()) == {ids[1]}


def test_rotation_needs_no_preparation(tmp_path: Path) -> None:
    """Where nobody asked for the next key before, rotating makes one."""
    keys = DelegationKeys(tmp_path)
    assert keys.rotate() == keys.signing()
    assert len(keys.trusted()) == 2


@pytest.mark.parametrize("name", ["delegation.key", "next.key"])
def test_a_planted_link_is_not_followed(name: str, tmp_path: Path) -> None:
    """A symbolic link in the place of a key is refused, for reading and for making."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(bytes(32))
    elsewhere.chmod(0o600)
    keys = DelegationKeys(tmp_path / "data")
    keys.signing()
    (keys.folder / name).unlink(missing_ok=True)
    (keys.folder / name).symlink_to(elsewhere)
    with pytest.raises(JournalError, match=name):
        keys.trusted()
    with pytest.raises(JournalError, match=name):
        keys.signing() if name == "delegation.key" else keys.next()


def test_a_linked_folder_is_refused(tmp_path: Path) -> None:
    """Keys are not made where a symbolic link points."""
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data" / "keys").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="symbolic link"):
        DelegationKeys(tmp_path / "data").signing()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_can_read_is_refused(mode: int, tmp_path: Path) -> None:
    """Whoever could read or write the key could sign for everybody."""
    keys = DelegationKeys(tmp_path)
    keys.signing()
    (keys.folder / "delegation.key").chmod(mode)
    with pytest.raises(JournalError, match="others can"):
        keys.signing()


@pytest.mark.parametrize("content", [b"", b"x" * 31, b"x" * 33])
def test_a_damaged_key_is_said(content: bytes, tmp_path: Path) -> None:
    """A file that is no key is neither used nor silently replaced."""
    keys = DelegationKeys(tmp_path)
    keys.signing()
    (keys.folder / "delegation.key").write_bytes(content)
    with pytest.raises(JournalError, match="no key of 32 bytes"):
        keys.signing()
    assert (keys.folder / "delegation.key").read_bytes() == content
