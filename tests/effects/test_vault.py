"""The encrypted store of values: what is given out, what is refused, what is erased."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from handrail.audit import oscalls
from handrail.effects.vault import Vault, vault_for
from handrail.errors import JournalFull, ValueErased

RUN, ABOUT, BODY = "run-1", "call-1", b'{"balance":12}'


@pytest.fixture(name="vault")
def _vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


def _only(folder: Path) -> Path:
    (found,) = (path for path in folder.iterdir() if path.is_file())
    return found


def _values_file(data: Path) -> Path:
    return _only(data / "replay")


def _key_file(data: Path) -> Path:
    return _only(data / "replay" / "keys")


def test_what_is_put_is_given_back(vault: Vault, tmp_path: Path) -> None:
    """Values of several runs, empty and large ones, come back as they were, also in another process's vault."""
    bodies = [b"", b"null", BODY, os.urandom(300_000)]
    kept = [
        (f"run-{i % 2}", f"call-{i}", body, vault.put(f"run-{i % 2}", f"call-{i}", body))
        for i, body in enumerate(bodies)
    ]
    for reader in (vault, Vault(tmp_path)):
        assert [reader.get(run, about, ref) for run, about, _, ref in kept] == bodies


def test_a_reference_is_plain_json(vault: Vault) -> None:
    """A record can carry it: a file, an offset and a length, and nothing that tells of the value."""
    first, second = vault.put(RUN, ABOUT, BODY), vault.put(RUN, ABOUT, BODY)
    assert first.keys() == {"f", "o", "l"}
    assert (first["o"], second["o"], first["f"]) == (0, first["l"], second["f"])


def test_nothing_readable_lies_on_the_disk(vault: Vault, tmp_path: Path) -> None:
    """Neither the value nor the ids of run and call stand in any file or name; equal values are kept differently."""
    first, second = vault.put(RUN, ABOUT, BODY), vault.put(RUN, ABOUT, BODY)
    held = _values_file(tmp_path).read_bytes()
    names = " ".join(str(path) for path in tmp_path.rglob("*"))
    assert b"balance" not in held and RUN.encode() not in held and RUN not in names.replace(str(tmp_path), "")
    cut = int(first["l"]), int(second["l"])
    assert held[: cut[0]][12:] != held[cut[0] :][12:]


def test_folders_and_files_are_for_their_owner_only(vault: Vault, tmp_path: Path) -> None:
    """Folders have mode 0700 and files 0600, whatever the umask is."""
    before = os.umask(0)
    try:
        vault.put(RUN, ABOUT, BODY)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.lstat().st_mode) for path in tmp_path.rglob("*") if path.is_file()}
    folders = {stat.S_IMODE(path.lstat().st_mode) for path in tmp_path.rglob("*") if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


def test_a_forgotten_run_is_erased_everywhere(vault: Vault, tmp_path: Path) -> None:
    """After `forget` nobody reads the run's values, also who had its key ready; other runs are untouched."""
    ref, other = vault.put(RUN, ABOUT, BODY), vault.put("run-2", ABOUT, BODY)
    elsewhere = Vault(tmp_path)
    assert elsewhere.get(RUN, ABOUT, ref) == BODY
    assert vault.forget(RUN) and not vault.forget(RUN)
    for reader in (vault, elsewhere, Vault(tmp_path)):
        with pytest.raises(ValueErased):
            reader.get(RUN, ABOUT, ref)
        assert reader.get("run-2", ABOUT, other) == BODY


def test_a_run_goes_on_after_it_was_forgotten(vault: Vault, tmp_path: Path) -> None:
    """A living run that was forgotten elsewhere keeps what it does from then on; what was before stays erased."""
    before = vault.put(RUN, ABOUT, BODY)
    assert Vault(tmp_path).forget(RUN)
    after = vault.put(RUN, ABOUT, b"2")
    assert Vault(tmp_path).get(RUN, ABOUT, after) == b"2"
    with pytest.raises(ValueErased):
        vault.get(RUN, ABOUT, before)


def test_a_process_has_one_vault_for_a_folder(tmp_path: Path) -> None:
    """Whoever asks for the vault of a folder gets the same one."""
    assert vault_for(tmp_path) is vault_for(tmp_path)
    assert vault_for(tmp_path) is not vault_for(tmp_path / "other")


def test_a_full_disk_tears_nothing(vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without space the error says so, the file ends with the last whole value, and later values are kept again."""
    first = vault.put(RUN, ABOUT, BODY)
    write = oscalls.write
    monkeypatch.setattr(oscalls, "write", lambda fd, data: write(fd, data[: len(data) // 2]))
    with pytest.raises(JournalFull):
        vault.put(RUN, ABOUT, BODY)
    monkeypatch.undo()
    assert _values_file(tmp_path).stat().st_size == first["l"]
    second = vault.put(RUN, ABOUT, b"2")
    assert [vault.get(RUN, ABOUT, ref) for ref in (first, second)] == [BODY, b"2"]
