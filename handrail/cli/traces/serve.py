"""``handrail traces serve``: receives other programs' spans by OTLP/HTTP and keeps them in the journal."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handrail.cli.store_options import config_option, data_option
from handrail.config import load
from handrail.errors import ConfigError

if TYPE_CHECKING:
    from handrail.config import Settings
    from handrail.tracing.otlp.receiver import Receiver, Take

TOKEN = "HANDRAIL_TRACES_TOKEN"
"""Environment variable with the token that senders must bear."""
MIN_TOKEN = 16
"""Characters of a token."""
_MIB = 1 << 20


@click.command("serve")
@click.option("--address", default="127.0.0.1", show_default=True, help="Address to listen on; others need a token.")
@click.option("--port", type=click.IntRange(0, 65535), default=4318, show_default=True, help="Port; 0: a free one.")
@click.option(
    "--token-file", type=click.Path(dir_okay=False, path_type=Path),
    help=f"File with the token that senders must bear [default: {TOKEN}].",
)  # fmt: skip
@click.option("--max-body", type=click.IntRange(1, 1024), default=32, show_default=True, help="MiB of a request.")
@click.option("--max-requests", type=click.IntRange(1, 256), default=8, show_default=True, help="Requests at once.")
@config_option
@data_option
def command(
    address: str, port: int, token_file: Path | None, max_body: int, max_requests: int,
    path: Path | None, data: Path | None,
) -> None:  # fmt: skip
    """Receive other programs' spans by OTLP/HTTP, protobuf or JSON, until Ctrl-C or SIGTERM.

    A request is answered with 200 when its spans are in the journal. Spans that cannot be taken are refused one by
    one, with the reason. Several receivers may run on one data folder. There is no TLS: over a network, put a proxy
    before it.

    Exit code 0: ended in order. 2: wrong usage or configuration.
    """
    token = token_of(token_file, os.environ)
    settings = load(path)
    folder = data.absolute() if data is not None else settings.data
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    take = _take(folder, settings)
    receiver = _receiver(take, address, port, token, max_body, max_requests)
    _announce(receiver, folder)
    _until_told(receiver)
    _sum_up(receiver)


def token_of(file: Path | None, environ: Mapping[str, str]) -> str | None:
    """The token, from ``file`` or the environment; None for none. Raises ConfigError for one that is too short."""
    if file is None:
        token = environ.get(TOKEN, "").strip()
    else:
        try:
            token = file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The token cannot be read ({type(error).__name__}).", file=file) from error
    if not token and file is None:
        return None
    if len(token) < MIN_TOKEN or not token.isascii() or not token.isprintable():
        raise ConfigError(
            f"The token is too short, or not plain text: {MIN_TOKEN} ASCII characters at least.",
            file=file or TOKEN,
            hint="Make one with: openssl rand -hex 32",
        )
    return token


def _receiver(take: Take, address: str, port: int, token: str | None, max_body: int, max_requests: int) -> Receiver:
    from handrail.tracing.otlp.protobuf import messages
    from handrail.tracing.otlp.receiver import Limits, Receiver, is_loopback

    if token is None and not is_loopback(address):
        raise ConfigError(
            f"{address} can be reached from elsewhere, and there is no token.",
            hint=f"Set {TOKEN} or --token-file, or listen on 127.0.0.1.",
        )
    messages()
    limits = Limits(body=max_body * _MIB, requests=max_requests)
    try:
        return Receiver((address, port), take, token=token, limits=limits)
    except OSError as error:
        raise ConfigError(
            f"{address}:{port} cannot be listened on ({error.strerror or error}).", hint="Choose another with --port."
        ) from error


def _take(folder: Path, settings: Settings) -> Take:
    from handrail.audit.observed import Observer

    observer = Observer(folder, payloads=settings.payloads, redact=lambda: settings.content.redact)
    return lambda spans: observer.take(spans).refused


def _announce(receiver: Receiver, folder: Path) -> None:
    click.echo(f"Receiving spans at {receiver.url}/v1/traces into {folder}. Ctrl-C ends it.")


def _until_told(receiver: Receiver) -> None:
    """Serve until SIGINT or SIGTERM, then end in order."""
    told = threading.Event()

    def tell(number: int, frame: Any) -> None:
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)
    thread = threading.Thread(target=receiver.serve_forever, name="handrail-otlp", daemon=True)
    thread.start()
    told.wait()
    receiver.stop()
    thread.join()


def _sum_up(receiver: Receiver) -> None:
    tally = receiver.tally
    click.echo(f"Took {tally.accepted} spans in {tally.requests} requests.")
    for reason, count in tally.refused.most_common():
        click.echo(f"Refused {count}: {reason}.")
