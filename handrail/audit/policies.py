"""The text of every policy that was ever in force, kept by its digest, so that an old decision can be made again."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from handrail import config
from handrail.audit import small_files
from handrail.config import Mode, Settings
from handrail.config.live import LiveChange, live_file
from handrail.errors import HandrailError, JournalError

if TYPE_CHECKING:
    from handrail.policy import Policy

FOLDER = "policy"
"""Folder of the data folder for everything about policies."""
VERSION = 1


class Binary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that is not UTF-8."""

    base64: str


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file that a configuration was read from."""

    file: str
    content: str | Binary


class Kept(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that one policy was built from."""

    policy: str
    """Digest of the policy; empty where the settings have none."""
    config: str
    """Digest of the settings."""
    mode: Mode
    data: str
    texts: tuple[Text, ...] = ()
    """The files, handrail.toml first."""
    live: tuple[LiveChange, ...] = ()
    """Changes made while running that were in force."""
    rows: str | None = None
    """Rows of a Casbin adapter."""
    settings: dict[str, Any] | None = None
    """Settings that a program made without a file."""
    v: int = VERSION


def text_file(folder: Path, digest: str) -> Path:
    """Where the text of the policy ``digest`` lies in the data folder."""
    return folder / FOLDER / "texts" / f"{digest}.json"


def keep(folder: Path, settings: Settings, policy: Policy) -> bool:
    """Keep what ``policy`` was built from, durably; False when it was kept before.

    Raises JournalError when it cannot be kept.
    """
    path = text_file(folder, policy.digest)
    try:
        if path.is_symlink():
            raise JournalError(f"{path}: is a symbolic link. Remove it.")
        # one that is there is whole: it gets its name only after it is on the disk
        return not path.is_file() and small_files.write_first(path, packed(settings, policy.digest))
    except OSError as error:
        raise JournalError(
            f"{path}: the text of the policy cannot be kept: {error.strerror}. "
            "Make the folder writable for this user, or set `data` (or HANDRAIL_DATA) to one that is."
        ) from error


def load(folder: Path, digest: str) -> Settings:
    """The settings whose policy has ``digest``. Raises JournalError when they were not kept, or changed."""
    path = text_file(folder, digest)
    try:
        content = small_files.read(path)
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror}.") from error
    if content is None:
        raise JournalError(f"No policy with the digest {digest} was kept in {path.parent}.")
    settings = unpacked(content, path)
    from handrail.policy import build

    if build(settings).digest != digest:
        raise JournalError(f"{path}: this text makes another policy than its name says: it was changed.")
    return settings


def packed(settings: Settings, digest: str) -> bytes:
    """Everything that ``settings`` were made of, as the JSON that `unpacked` reads; ``digest`` is their policy's."""
    changes = live_file(settings.data)  # its changes are kept one by one: others in it may be over
    files = [(file, content) for file, content in settings.sources.items() if content is not None and file != changes]
    texts = tuple(Text(str(file), _text(content)) for file, content in files)
    plain = None if texts else msgspec.to_builtins(replace(settings, sources={}), enc_hook=str)
    kept = Kept(
        digest, settings.digest, settings.mode, str(settings.data), texts, settings.live, _rows(settings), plain
    )
    return msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n"


def unpacked(content: bytes, path: Path) -> Settings:
    """The settings that `packed` kept in ``path``. Raises JournalError."""
    try:
        kept = msgspec.json.decode(content, type=Kept)
        if kept.settings is not None:
            return msgspec.convert(kept.settings, Settings, dec_hook=_path)
        made = config.from_texts(_sources(kept), mode=kept.mode, data=Path(kept.data), live=kept.live)
        if kept.rows is None:
            return made
        from handrail.policy.casbin_rows import with_rows

        return with_rows(made, kept.rows)
    except (msgspec.DecodeError, ValueError, HandrailError) as error:
        raise JournalError(f"{path}: this is not the text of a policy: {error}") from error


def _rows(settings: Settings) -> str | None:
    casbin = settings.casbin
    return casbin.texts[1] if casbin is not None and casbin.adapter and casbin.texts else None


def _text(content: bytes) -> str | Binary:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return Binary(base64.b64encode(content).decode())


def _sources(kept: Kept) -> Mapping[Path, bytes]:
    return {
        Path(text.file): text.content.encode()
        if isinstance(text.content, str)
        else base64.b64decode(text.content.base64, validate=True)
        for text in kept.texts
    }


def _path(kind: type, value: object) -> Path:
    if kind is not Path or not isinstance(value, str):
        raise NotImplementedError(kind)
    return Path(value)
