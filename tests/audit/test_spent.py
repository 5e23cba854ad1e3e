"""Used tokens: once each, whoever asks, and not for ever."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from handrail.audit.spent import KEPT_NS, SWEEP_NS, SpentTokens
from handrail.errors import JournalError

NOW = 1_800_000_000 * 10**9

_RACER = """
import sys
from pathlib import Path
from handrail.audit.spent import SpentTokens
spent = SpentTokens(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
print(*(number for number in range(200) if spent.spend("key", f"token-{number}", 2**60, 2**60)))
"""


def test_a_token_is_used_once(tmp_path: Path) -> None:
    """A second use is told, by the same object and by another; another token, or another key's, is another matter."""
    spent = SpentTokens(tmp_path)
    assert spent.spend("key", "a", NOW, NOW)
    assert not spent.spend("key", "a", NOW, NOW)
    assert not SpentTokens(tmp_path).spend("key", "a", NOW, NOW)
    assert spent.spend("key", "b", NOW, NOW)
    assert spent.spend("other", "a", NOW, NOW)
    assert (tmp_path / "tokens").stat().st_mode & 0o777 == 0o700


def test_threads_race_for_a_token(tmp_path: Path) -> None:
    """Of sixteen threads exactly one uses each token."""
    spent = SpentTokens(tmp_path)
    with ThreadPoolExecutor(16) as pool:
        won = list(pool.map(lambda each: spent.spend("key", str(each % 10), NOW, NOW), range(160)))
    assert sum(won) == 10


def test_processes_race_for_tokens(tmp_path: Path) -> None:
    """Of four processes that use the same 200 tokens at once, exactly one gets each."""
    command = [sys.executable, "-c", _RACER, str(tmp_path)]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    won = [int(number) for racer in racers for number in racer.communicate(timeout=60)[0].split()]
    assert sorted(won) == list(range(200))


def test_what_has_expired_is_forgotten_later(tmp_path: Path) -> None:
    """A used token is remembered for an hour after its expiry, and its file is removed after that."""
    spent = SpentTokens(tmp_path)
    assert spent.spend("key", "old", NOW, NOW)
    assert spent.spend("key", "new", NOW + 2 * KEPT_NS, NOW + KEPT_NS)
    assert len(list((tmp_path / "tokens").iterdir())) == 2
    assert spent.spend("key", "x", NOW, NOW + KEPT_NS + SWEEP_NS)
    assert not spent.spend("key", "new", NOW + 2 * KEPT_NS, NOW + KEPT_NS + SWEEP_NS)
    names = [path.name for path in (tmp_path / "tokens").iterdir()]
    assert [name for name in names if int(name.split("-")[0]) == NOW] == []


def test_strange_files_are_left_alone(tmp_path: Path) -> None:
    """Sweeping removes only what it made."""
    (tmp_path / "tokens").mkdir()
    strangers = ["notes", "12x-y", "-1", "a-b"]
    for name in strangers:
        (tmp_path / "tokens" / name).touch()
    SpentTokens(tmp_path).spend("key", "a", NOW, NOW)
    assert set(strangers) <= {path.name for path in (tmp_path / "tokens").iterdir()}


def test_nothing_is_used_where_nothing_can_be_remembered(tmp_path: Path) -> None:
    """A folder that is a file, or a planted link, is an error and never a use."""
    (tmp_path / "tokens").write_text("")
    with pytest.raises(JournalError):
        SpentTokens(tmp_path).spend("key", "a", NOW, NOW)
    (tmp_path / "tokens").unlink()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "tokens").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(JournalError, match="symbolic link"):
        SpentTokens(tmp_path).spend("key", "a", NOW, NOW)
