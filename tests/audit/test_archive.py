"""The archive of a backup: nothing but our own files can be in it, and no byte changes unnoticed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handrail.audit.backup import back_up
from handrail.audit.journal import Journal
from handrail.audit.restore import restore
from handrail.errors import JournalCorrupt, JournalError
from tests.audit.backups import changed, files, filled


@pytest.fixture(name="data")
def _data(tmp_path: Path) -> Path:
    return filled(tmp_path / "data")


def hostile(fields: Mapping[str, object]) -> bytes:
    """An ordinary tar with one member that has these fields."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("journal/x")
        info.mode = 0o600
        for name, value in fields.items():
            setattr(info, name, value)
        tar.addfile(info, io.BytesIO(b""))
    return out.getvalue()


HOSTILE: dict[str, dict[str, object]] = {
    "above": {"name": "../outside"},
    "absolute": {"name": "/outside"},
    "inside out": {"name": "journal/../../outside"},
    "hidden": {"name": "journal/.hidden"},
    "symlink": {"type": tarfile.SYMTYPE, "linkname": "/etc"},
    "hard link": {"type": tarfile.LNKTYPE, "linkname": "digest.key"},
    "device": {"type": tarfile.CHRTYPE},
    "pipe": {"type": tarfile.FIFOTYPE},
    "folder": {"type": tarfile.DIRTYPE},
    "sparse": {"type": tarfile.GNUTYPE_SPARSE},
    "extension": {"pax_headers": {"path": "/outside"}},
    "set-uid": {"mode": 0o4755},
    "owner": {"uid": 1000},
}
"""What a tar can hold and a backup cannot."""


@pytest.mark.parametrize("fields", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives_are_refused(fields: Mapping[str, object], tmp_path: Path) -> None:
    """Claim: links, devices, folders, other paths, modes and extensions are refused before a byte is written."""
    (tmp_path / "b.tar").write_bytes(hostile(fields))
    with pytest.raises(JournalCorrupt, match="offset 0"):
        restore(tmp_path / "b.tar", tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("name", ["index/x", "notes.txt", "before-restore-1/x"])
def test_files_that_are_no_part_of_a_data_folder_are_refused(name: str, data: Path, tmp_path: Path) -> None:
    """Claim: only the stores of a data folder can be restored, also where manifest and files agree on others."""
    back_up(data, tmp_path / "b.tar")
    (tmp_path / "c.tar").write_bytes(changed((tmp_path / "b.tar").read_bytes(), "asks/q1.json", name))
    with pytest.raises(JournalCorrupt, match="no part of a data folder"):
        restore(tmp_path / "c.tar", tmp_path / "again")


@pytest.fixture(name="small", scope="module")
def _small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder to work in, and a small backup with its digest."""
    folder = tmp_path_factory.mktemp("small")
    journal = Journal(folder / "data")
    journal.append({"k": "mark", "i": 1, "args": journal.put(b'"hello"')})
    journal.close()
    made = back_up(folder / "data", folder / "b.tar")
    return folder, made.digest


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sample=st.data())
def test_no_byte_of_a_backup_can_change_unnoticed(sample: st.DataObject, small: tuple[Path, str]) -> None:
    """Claim: a byte changed, added or cut off anywhere is refused, given the digest, and nothing is restored."""
    folder, digest = small
    content = (folder / "b.tar").read_bytes()
    place = sample.draw(st.integers(0, len(content) - 1), "place")
    byte = sample.draw(st.integers(1, 255), "change")
    how = sample.draw(st.sampled_from(["change", "cut", "add"]), "how")
    others = {
        "change": content[:place] + bytes([content[place] ^ byte]) + content[place + 1 :],
        "cut": content[:place],
        "add": content + bytes([byte]) * (place + 1),
    }[how]
    (folder / "c.tar").write_bytes(others)
    with pytest.raises(JournalError):
        restore(folder / "c.tar", folder / "again", digest=digest)
    assert files(folder / "again") == {}
