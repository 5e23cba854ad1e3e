"""``handrail policy key``: the public key by which other hosts trust delegation tokens."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handrail.cli.store_options import config_option, data_option, folder_of

if TYPE_CHECKING:
    from handrail.audit.delegation_keys import DelegationKeys


@click.command("key")
@config_option
@data_option
@click.option("--name", help="The id of the entry, in records of the other host [default: this host's name].")
@click.option("--next", "coming", is_flag=True, help="The key that will sign after --rotate.")
@click.option("--rotate", is_flag=True, help="From now on sign with the next key.")
def command(data: Path | None, path: Path | None, name: str | None, coming: bool, rotate: bool) -> None:
    """Print the public key that signs delegation tokens here, as an entry for handrail.toml of another host.

    Processes that share a data folder trust each other without one. To change the key: print the coming one with
    --next, add its entry beside the old one on every other host, then --rotate here. Tokens of the old key are
    accepted until its entry is removed there, and here until keys/retired-ID.pub is removed from the data folder;
    no token lives longer than an hour. The change is a record.
    """
    from handrail.audit.delegation_keys import DelegationKeys
    from handrail.tracing.tokens import key_id, public_key

    if coming and rotate:
        raise click.UsageError("--next looks ahead and --rotate acts: give one of them.")
    folder = folder_of(data, path)
    keys = DelegationKeys(folder)
    seed = keys.next() if coming else _rotated(folder, keys) if rotate else keys.signing()
    public = public_key(seed)
    click.echo(f"# key id {key_id(public)}\n[[trust]]")
    click.echo(f"id = {json.dumps(name or socket.gethostname())}\nkey = {json.dumps(b64encode(public).decode())}")


def _rotated(data: Path, keys: DelegationKeys) -> bytes:
    """Sign with the next key, and record who changed it; without a record the key stays."""
    from handrail.audit.approvals import actor
    from handrail.audit.recorder import Recorder
    from handrail.tracing.tokens import key_id, public_key

    old, new = (key_id(public_key(seed)) for seed in (keys.signing(), keys.next()))
    who = {"uid": actor().uid, "name": actor().name}
    record: dict[str, object] = {"k": "delegation", "event": "rotated", "key": new, "retired": old, "by": who}
    Recorder(data).write(record, must=True)
    return keys.rotate()
