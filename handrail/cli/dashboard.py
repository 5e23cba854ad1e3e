"""``handrail dashboard``: serves the explorer with Streamlit in a process of its own, on this machine only."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import click

from handrail.cli.store_options import data_option, folder_of, index_option
from handrail.errors import ConfigError, MissingExtra

LOOPBACK = "127.0.0.1"
_START_S = 60.0
_STOP_S = 10.0
_NO_LOGIN = (
    "Warning: the explorer has no login. Everyone who can reach {address} can read every recorded "
    "argument, result and message. Put a proxy with a login in front of it. Questions can be answered at a terminal "
    "only, unless HANDRAIL_ANSWERS=1 is set."
)


@click.command("dashboard")
@data_option
@index_option
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8501, show_default=True, help="Port; 0 takes a free one."
)
@click.option("--address", default=LOOPBACK, show_default=True, help="Address to listen on. There is no login.")
@click.option("--browser/--no-browser", default=True, help="Open a browser window.")
def command(data: Path | None, index: Path | None, port: int, address: str, browser: bool) -> None:
    """Open the explorer: the runs that were recorded, step by step, live."""
    serve(folder_of(data), index=index, port=port, address=address, browser=browser)


def serve(
    data: Path, *, index: Path | None = None, port: int = 8501, address: str = LOOPBACK, browser: bool = True
) -> None:
    """Serve the explorer of the data folder ``data`` until Ctrl-C or SIGTERM; print its URL once it answers.

    ``port`` 0 takes a free one. Raises MissingExtra without Streamlit, ConfigError for an address or port that
    cannot be listened on or a server that does not come up.
    """
    if find_spec("streamlit") is None:
        raise MissingExtra("The explorer", "dashboard")
    port = _free_port(address, port)
    if not _is_loopback(address):
        click.echo(_NO_LOGIN.format(address=address), err=True)
    with _stoppable(), _server(_environment(os.environ, data, index, address, port)) as process:
        url = _url(address, port)
        _wait_until_served(process, url)
        click.echo(f"Explorer of {data.absolute()}: {url}  (Ctrl-C ends it)")
        if browser:
            webbrowser.open(url)
        process.wait()
        raise ConfigError(f"The explorer's server ended by itself with exit code {process.returncode}.")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def _free_port(address: str, port: int) -> int:
    """``port``, or a free one for 0. Raises ConfigError where it cannot be listened on."""
    try:
        family = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((address, port))
            return int(probe.getsockname()[1])
    except OSError as error:
        hint = "Choose another with --port, or --port 0 for a free one."
        raise ConfigError(f"Nothing can listen on {address} port {port}: {error.strerror}.", hint=hint) from error


def _url(address: str, port: int) -> str:
    host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(address, address)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _environment(environ: Mapping[str, str], data: Path, index: Path | None, address: str, port: int) -> dict[str, str]:
    from handrail.dashboard.theme import environment as theme

    settings = {
        "HANDRAIL_DATA": str(data.absolute()),
        "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
        "STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "type",
        "STREAMLIT_CLIENT_SHOW_ERROR_LINKS": "false",
        "STREAMLIT_CLIENT_TOOLBAR_MODE": "minimal",
        "STREAMLIT_LOGGER_LEVEL": "warning",
        "STREAMLIT_RUNNER_MAGIC_ENABLED": "false",
        "STREAMLIT_SERVER_ADDRESS": address,
        "STREAMLIT_SERVER_ENABLE_CORS": "true",
        "STREAMLIT_SERVER_ENABLE_STATIC_SERVING": "false",
        "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "true",
        "STREAMLIT_SERVER_FILE_WATCHER_TYPE": "none",
        "STREAMLIT_SERVER_HEADLESS": "true",
        "STREAMLIT_SERVER_PORT": str(port),
        **theme(),
    }
    if index is not None:
        settings["HANDRAIL_INDEX"] = str(index.absolute())
    if not _is_loopback(address):  # whoever reaches it would answer in the name of whoever started it
        settings["HANDRAIL_ANSWERS"] = environ.get("HANDRAIL_ANSWERS", "0")
    else:
        # a web page that points its own name at this machine would otherwise be served like us
        settings["STREAMLIT_SERVER_ALLOWED_HOSTS"] = f"{LOOPBACK} localhost {address}"
    # Streamlit looks for its files in a home, which a container's arbitrary user does not have
    home = environ.get("HOME") or str((index or data).absolute())
    return {**environ, "HOME": home, **settings}


@contextmanager
def _server(environment: Mapping[str, str]) -> Generator[subprocess.Popen[bytes]]:
    import handrail.dashboard

    app = Path(handrail.dashboard.__file__).with_name("app.py")
    # -P: the working directory, which may hold anything, is no place to import from
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "streamlit", "run", str(app)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    except KeyboardInterrupt:
        click.echo()
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_S)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        process.kill()
        process.wait()


@contextmanager
def _stoppable() -> Generator[None]:
    """Let SIGTERM end the explorer as Ctrl-C does, so that its server never outlives it."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_until_served(process: subprocess.Popen[bytes], url: str) -> None:
    local = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    give_up = time.monotonic() + _START_S
    while process.poll() is None and time.monotonic() < give_up:
        try:
            with local.open(f"{url}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise ConfigError("The explorer's server did not come up.", hint="What it printed above says why.")
