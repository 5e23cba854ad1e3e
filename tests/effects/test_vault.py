"""The encrypted store of values: what is given out, what is refused, what is erased."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from handrail.audit import oscalls
from handrail.effects import run_keys
from handrail.effects import vault as rooms
from handrail.effects.vault import Ref, Vault, vault_for
from handrail.errors import JournalError, JournalFull, ValueErased
from tests.effects.vaults import ABOUT, BODY, RUN, key_file, values_file


@pytest.fixture(name="vault")
def _vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path)


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
    held = values_file(tmp_path).read_bytes()
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


@contextmanager
def _no_file_beyond(size: int) -> Iterator[None]:
    """No file of this process grows beyond so many bytes: what a full disk does, from the system itself."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_tears_nothing(vault: Vault, tmp_path: Path) -> None:
    """Without space the error says so, the file ends with the last whole value, and later values are kept again."""
    first = vault.put(RUN, ABOUT, BODY)
    whole = int(first["l"])
    with _no_file_beyond(whole + 20), pytest.raises(JournalFull, match="Free some space"):
        vault.put(RUN, ABOUT, BODY)
    assert values_file(tmp_path).stat().st_size == whole
    second = vault.put(RUN, ABOUT, b"2")
    assert [vault.get(RUN, ABOUT, ref) for ref in (first, second)] == [BODY, b"2"]


def test_a_full_disk_makes_no_half_key(vault: Vault, tmp_path: Path) -> None:
    """Where a run's key does not fit, nothing is left of it, and the next value makes a whole one."""
    with _no_file_beyond(16), pytest.raises(JournalFull):
        vault.put(RUN, ABOUT, BODY)
    assert list((tmp_path / "replay" / "keys").iterdir()) == []
    assert vault.get(RUN, ABOUT, vault.put(RUN, ABOUT, BODY)) == BODY


def test_a_put_that_was_interrupted_harms_no_other(
    vault: Vault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a put that a signal broke off in mid-write, later values are kept in another file, and all are readable."""
    first = vault.put(RUN, ABOUT, BODY)
    write = oscalls.write

    def broken(fd: int, data: bytes) -> int:
        write(fd, data[:10])
        raise KeyboardInterrupt

    monkeypatch.setattr(oscalls, "write", broken)
    with pytest.raises(KeyboardInterrupt):
        vault.put(RUN, ABOUT, BODY)
    monkeypatch.undo()
    second = vault.put(RUN, ABOUT, b"2")
    assert second["f"] != first["f"]
    assert [Vault(tmp_path).get(RUN, ABOUT, ref) for ref in (first, second)] == [BODY, b"2"]


def test_a_put_inside_a_put_gets_a_file_of_its_own(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal handler that keeps a value while its thread is keeping one neither waits for ever nor mixes the two."""
    write, inner = oscalls.write, list[Ref]()

    def interrupted(fd: int, data: bytes) -> int:
        monkeypatch.undo()
        inner.append(vault.put(RUN, "inner", b"2"))
        return write(fd, data)

    vault.put(RUN, ABOUT, b"0")
    monkeypatch.setattr(oscalls, "write", interrupted)
    outer = vault.put(RUN, ABOUT, BODY)
    assert (vault.get(RUN, ABOUT, outer), vault.get(RUN, "inner", inner[0])) == (BODY, b"2")


def test_forgetting_overwrites_what_a_killed_process_left(vault: Vault, tmp_path: Path) -> None:
    """A second name of a key file, left by a process that was killed while it made it, holds zeros after `forget`."""
    vault.put(RUN, ABOUT, BODY)
    draft = tmp_path / "draft"
    os.link(key_file(tmp_path), draft)
    assert vault.forget(RUN)
    assert draft.read_bytes() == bytes(32)


def test_forgetting_removes_a_planted_link_and_not_what_it_leads_to(vault: Vault, tmp_path: Path) -> None:
    """A link in the place of a key is removed by `forget`; the file that it leads to stays as it was."""
    vault.put(RUN, ABOUT, BODY)
    path = key_file(tmp_path)
    precious = tmp_path / "precious"
    precious.write_text("precious")
    path.unlink()
    path.symlink_to(precious)
    assert vault.forget(RUN)
    assert (precious.read_text(), path.is_symlink()) == ("precious", False)


def test_ids_may_be_any_text(vault: Vault) -> None:
    """Runs and names are a caller's texts: none leads out of the folder, and no two are taken for each other."""
    texts = ["", "a", "a b", "b a", "../../x", "/etc/passwd", "a\0", "ä", "\ud800", "1 a", "x" * 5000]
    kept = [(run, about, vault.put(run, about, f"{run!a}/{about!a}".encode())) for run in texts for about in texts]
    assert all(vault.get(run, about, ref) == f"{run!a}/{about!a}".encode() for run, about, ref in kept)
    alike = next(ref for run, about, ref in kept if (run, about) == ("a", "b a"))
    with pytest.raises(JournalError):
        vault.get("a b", "a", alike)


def _aged(path: Path, seconds: float) -> None:
    past = time.time() - seconds
    os.utime(path, (past, past))


def test_a_sweep_forgets_what_was_not_used(vault: Vault, tmp_path: Path) -> None:
    """Runs that nobody used for longer are forgotten, those used since are kept, and the number is told."""
    old, young = vault.put("old", ABOUT, BODY), vault.put("young", ABOUT, BODY)
    for path in (tmp_path / "replay" / "keys").iterdir():
        _aged(path, 1000)
    assert vault.sweep(2000) == 0
    for path in (tmp_path / "replay" / "keys").iterdir():
        _aged(path, 4000)
    assert Vault(tmp_path).get("young", ABOUT, young) == BODY
    assert Vault(tmp_path).sweep(2000) == 1
    assert vault.get("young", ABOUT, young) == BODY
    with pytest.raises(ValueErased):
        vault.get("old", ABOUT, old)


def test_a_sweep_is_no_use_of_a_key(vault: Vault, tmp_path: Path) -> None:
    """However often it is swept, a key's age is counted from when somebody used it."""
    vault.put(RUN, ABOUT, BODY)
    for path in (key_file(tmp_path), values_file(tmp_path)):
        _aged(path, 10_000)
    assert [vault.sweep(20_000), vault.sweep(20_000), vault.sweep(9_000)] == [0, 0, 1]


def test_a_sweep_removes_files_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    """A file goes when no key is left for any of its values, it was not written lately, and its writer is dead."""
    living, gone, kept = Vault(tmp_path), Vault(tmp_path), Vault(tmp_path)
    files = {
        vault: tmp_path / "replay" / f"{vault.put('old', ABOUT, BODY)['f']}.values" for vault in (living, gone, kept)
    }
    kept.put("other", ABOUT, BODY)
    for dead in (gone, kept):
        dead.after_fork()  # closes its file, as its end would
    living.forget("old")
    assert living.sweep(1000) == 0
    assert all(path.exists() for path in files.values())
    for path in files.values():
        _aged(path, 4000)
    assert living.sweep(1000) == 0
    assert {vault: path.exists() for vault, path in files.items()} == {living: True, gone: False, kept: True}


def test_a_sweep_keeps_a_file_that_it_cannot_read(vault: Vault, tmp_path: Path) -> None:
    """A damaged file may hold values of living runs: it stays."""
    vault.put(RUN, ABOUT, BODY)
    path = values_file(tmp_path)
    vault.forget(RUN)
    vault.after_fork()
    path.write_bytes(b"\xff" + path.read_bytes()[1:])
    _aged(path, 4000)
    assert vault.sweep(1000) == 0
    assert path.exists()


def test_a_sweep_of_nothing(tmp_path: Path) -> None:
    """Where nothing was ever kept there is nothing to forget, and nothing is made."""
    assert (vault_for(tmp_path).sweep(0), vault_for(tmp_path).forget(RUN)) == (0, False)
    assert list(tmp_path.iterdir()) == []


def test_threads_share_a_vault(vault: Vault) -> None:
    """Values put by many threads at once lie one behind the other, and each is read as it was put."""
    kept = dict[str, Ref]()

    def work(name: int) -> None:
        for i in range(50):
            about = f"{name}-{i}"
            kept[about] = vault.put(f"run-{name % 3}", about, about.encode() * 7)
            assert vault.get(f"run-{name % 3}", about, kept[about]) == about.encode() * 7

    threads = [threading.Thread(target=work, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    places = sorted((int(ref["o"]), int(ref["l"])) for ref in kept.values())
    assert len(kept) == 300
    assert all(one[0] + one[1] == other[0] for one, other in pairwise(places))


def _tell(place: Path, ref: Ref) -> None:
    place.write_text(json.dumps(ref))


def _told(place: Path) -> Ref:
    found: Ref = json.loads(place.read_text())
    return found


def _in_child(work: Callable[[], object]) -> int:
    """Exit code of a forked process that does ``work``."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_a_forked_process_writes_a_file_of_its_own(tmp_path: Path) -> None:
    """Parent and child go on after a fork, with one key and in files of their own, and read each other's values."""
    vault = vault_for(tmp_path)
    before = vault.put(RUN, "before", BODY)
    told = tmp_path / "told"

    def work() -> None:
        ref = vault.put(RUN, "child", b"child")
        assert vault.get(RUN, "before", before) == BODY
        _tell(told, ref)

    assert _in_child(work) == 0
    after = vault.put(RUN, "after", b"after")
    child = _told(told)
    assert (after["f"], after["o"]) == (before["f"], before["l"])
    assert child["f"] != before["f"]
    assert vault.get(RUN, "child", child) == b"child"


def test_a_fork_while_a_thread_puts_holds_up_nobody(tmp_path: Path) -> None:
    """A child that was forked while another thread was inside `put` can put at once."""
    vault, held, go_on = vault_for(tmp_path), threading.Event(), threading.Event()
    vault.put(RUN, ABOUT, BODY)

    def hold() -> None:
        with vault._lock:
            held.set()
            go_on.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    try:
        assert _in_child(lambda: (signal.alarm(10), vault.put(RUN, ABOUT, BODY))) == 0
    finally:
        go_on.set()
        thread.join()


def test_processes_agree_on_a_new_key(tmp_path: Path) -> None:
    """Processes that keep the first value of a run at the same moment use one key: all of them can be read."""
    ready, go = os.pipe()
    Vault(tmp_path).put("warm", ABOUT, BODY)
    pids = []
    for name in range(6):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.close(go)
                os.read(ready, 1)
                for run in range(10):
                    ref = Vault(tmp_path).put(f"run-{run}", str(name), b"%d" % name)
                    _tell(tmp_path / f"{name}-{run}", ref)
                code = 0
            finally:
                os._exit(code)
        pids.append(pid)
    os.close(ready)
    os.close(go)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids] == [0] * 6
    for name in range(6):
        for run in range(10):
            told = _told(tmp_path / f"{name}-{run}")
            assert Vault(tmp_path).get(f"run-{run}", str(name), told) == b"%d" % name


def test_a_value_outlives_kill_9(tmp_path: Path) -> None:
    """A value whose `put` returned is there after its process was killed."""
    told = tmp_path / "told"

    def work() -> None:
        ref = Vault(tmp_path).put(RUN, ABOUT, BODY)
        _tell(told, ref)
        os.kill(os.getpid(), signal.SIGKILL)

    assert _in_child(work) == -signal.SIGKILL
    assert Vault(tmp_path).get(RUN, ABOUT, _told(told)) == BODY


def test_a_full_file_is_followed_by_the_next(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file does not grow without end; the values of the finished ones stay readable, also once they are synced."""
    monkeypatch.setattr(rooms, "FILE_BYTES", 60)
    kept = [vault.put(RUN, str(i), b"%d" % i) for i in range(5)]
    assert len({ref["f"] for ref in kept}) == 3
    vault.sync()
    kept.append(vault.put(RUN, "5", b"5"))
    assert [vault.get(RUN, str(i), ref) for i, ref in enumerate(kept)] == [b"%d" % i for i in range(6)]


def test_a_file_that_was_deleted_is_not_gone_on_with(vault: Vault, tmp_path: Path) -> None:
    """Once it is noticed that somebody deleted the file, later values are kept in another one."""
    vault.put(RUN, ABOUT, BODY)
    values_file(tmp_path).unlink()
    vault.sync()
    assert vault.get(RUN, ABOUT, vault.put(RUN, ABOUT, BODY)) == BODY


def test_more_runs_than_keys_are_kept_ready(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are not ready any more are read again."""
    monkeypatch.setattr(run_keys, "MOST_KEPT", 2)
    kept = [vault.put(f"run-{i}", ABOUT, b"%d" % i) for i in range(5)]
    assert [vault.get(f"run-{i}", ABOUT, ref) for i, ref in enumerate(kept)] == [b"%d" % i for i in range(5)]


def test_errors_quote_nothing(vault: Vault, tmp_path: Path) -> None:
    """What is raised names files and offsets: neither the ids nor the value."""
    ref = vault.put("secret-run", "secret-call", b"secret")
    other = vault.put("other", "x", b"secret")
    vault.forget("secret-run")
    forged: Ref = {"f": "secret", "o": 0, "l": 50}
    for run, asked in (("secret-run", ref), ("other", other), ("other", forged)):
        with pytest.raises((JournalError, ValueErased)) as caught:
            vault.get(run, "secret-call", asked)
        assert "secret" not in str(caught.value).replace(str(tmp_path), "")
