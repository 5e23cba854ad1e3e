"""``handrail dashboard`` as a command: what it refuses, what it warns of, how its server is set up, how it ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import pytest

from handrail.audit.journal import Journal
from tests.dashboard import sample

MAIN = [sys.executable, "-c", "from handrail.cli import main; main()", "dashboard", "--no-browser"]
BLOCKED = """
import sys; sys.modules['streamlit'] = None
from handrail.cli import main; main(['dashboard', '--data', '.'])
"""
needs_streamlit = pytest.mark.skipif(find_spec("streamlit") is None, reason="The extra `dashboard` is not installed.")


def start(*arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> subprocess.Popen[str]:
    """The command, started."""
    return subprocess.Popen([*MAIN, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
                            env=None if env is None else dict(env))  # fmt: skip


def url_of(process: subprocess.Popen[str]) -> str:
    """The URL that the command prints once it serves."""
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    if not found:
        process.kill()
        pytest.fail(f"no URL: {line}{process.communicate()[1]}")
    return found[0]


def test_without_streamlit_there_is_one_sentence_with_the_cure(tmp_path: Path) -> None:
    """The missing extra is named with its install command, and the exit code is 2."""
    done = subprocess.run([sys.executable, "-c", BLOCKED], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'handrail[dashboard]'" in done.stderr and "Traceback" not in done.stderr


@needs_streamlit
def test_a_taken_port_is_named(tmp_path: Path) -> None:
    """A port that somebody else has is refused with a way out, not with the other server's page."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = subprocess.run([*MAIN, "--data", str(tmp_path), "--port", port], capture_output=True, text=True,
                              check=False, timeout=60)  # fmt: skip
    assert done.returncode == 2
    assert port in done.stderr and "--port 0" in done.stderr


@needs_streamlit
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_and_takes_its_server_along(tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end the command with code 0 and nothing on stderr; the port is free again."""
    process = start("--data", str(tmp_path), "--port", "0")
    url = url_of(process)
    process.send_signal(number)
    _, stderr = process.communicate(timeout=30)
    assert (process.returncode, stderr) == (0, "")
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url, timeout=5)


@needs_streamlit
def test_it_listens_on_this_machine_whatever_streamlits_own_settings_say(tmp_path: Path) -> None:
    """An address in the environment or in a config.toml of the working directory does not open the explorer."""
    (tmp_path / ".streamlit").mkdir()
    (tmp_path / ".streamlit" / "config.toml").write_text('[server]\naddress = "0.0.0.0"\nenableCORS = false\n')
    (tmp_path / "streamlit.py").write_text("raise SystemExit('imported from the working directory')\n")
    env = {**os.environ, "STREAMLIT_SERVER_ADDRESS": "0.0.0.0", "STREAMLIT_SERVER_ALLOWED_HOSTS": "evil.example"}
    process = start("--data", str(tmp_path / "data"), "--port", "0", env=env, cwd=tmp_path)
    try:
        port = int(url_of(process).rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass
        with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):
            pass
        assert upgrade(port, host=f"127.0.0.1:{port}") == 101
        assert upgrade(port, host="evil.example") == 403
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def upgrade(port: int, *, host: str) -> int:
    """The status that the server's WebSocket answers a page which took ``host`` for its own origin."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire:
        wire.sendall(
            f"GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        return int(wire.recv(4096).split()[1])


@needs_streamlit
def test_another_address_is_served_with_a_warning(tmp_path: Path) -> None:
    """Whoever asks for every address gets it, and is told that there is no login."""
    process = start("--data", str(tmp_path), "--port", "0", "--address", "0.0.0.0")
    url_of(process)
    process.send_signal(signal.SIGINT)
    assert "no login" in process.communicate(timeout=30)[1]


@needs_streamlit
def test_it_serves_a_read_only_journal_without_a_home(tmp_path: Path) -> None:
    """Only the index folder is written to: no HOME, and a journal of which not a byte or time changes."""
    data, index = tmp_path / "data", tmp_path / "index"
    journal = Journal(data)
    sample.Run(journal).end()
    journal.close()
    before = sorted((path, path.stat().st_mtime_ns) for path in data.rglob("*"))
    env = {name: value for name, value in os.environ.items() if name not in ("HOME", "HANDRAIL_INDEX")}
    process = start("--data", str(data), "--index", str(index), "--port", "0", env=env, cwd=tmp_path)
    try:
        with urllib.request.urlopen(f"{url_of(process)}/_stcore/health", timeout=10) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)
    assert sorted((path, path.stat().st_mtime_ns) for path in data.rglob("*")) == before
    assert not (tmp_path / ".streamlit").exists()
