"""handrail.toml and the environment -> Settings: ``load``, and nothing about what a setting means for a decision."""

from __future__ import annotations

import hashlib
import json
import os
import time
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

from handrail.config.document import parse
from handrail.config.environment import data_folder, find
from handrail.config.files import Files, GivenFiles
from handrail.config.live import LiveChange, in_force, live_file, parse_changes
from handrail.config.nearest import nearest
from handrail.config.overlay import lay_over
from handrail.config.settings import (
    CasbinSettings,
    DefaultsSettings,
    DelegateSettings,
    Mode,
    Place,
    ResumeSettings,
    RuleSettings,
    Settings,
    ToolSettings,
    TrustSettings,
    ValidateSettings,
)
from handrail.errors import ConfigError, PolicyError

_MODES: tuple[Mode, ...] = get_args(Mode)


def load(
    path: Path | str | None = None,
    *,
    mode: Mode | None = None,
    environ: Mapping[str, str] = os.environ,
    cwd: Path | None = None,
    files: Files | None = None,
    live: bool = True,
) -> Settings:
    """Read, check and complete the settings: argument > environment > file > default.

    Without ``path`` the file is the one that ``find`` names; without any file the defaults hold. ``files`` is asked
    for every file, and knows afterwards what was read. Changes made while running (``handrail policy grant`` and
    the like) are laid over the file unless ``live`` is false.
    Raises ConfigError, or PolicyError for a rule, role or group, with file, line and the next step.
    """
    here = (cwd or Path.cwd()).absolute()
    file = _absolute(here, path) if path is not None else find(here, environ=environ)
    chosen = _chosen_mode(mode, environ)
    if file is None:
        settings = Settings(mode=chosen or "observe", data=data_folder(".handrail", base=here, environ=environ))
    else:
        files = files or Files()
        settings = _base(file, environ, chosen, files)
        settings = _with_changes(settings, files) if live else settings
    if settings.mode == "enforce" and not settings.has_policy:
        raise _no_policy(settings)
    return settings


_bases: dict[tuple[object, ...], Settings] = {}
_MOST_BASES = 8


def _base(file: Path, environ: Mapping[str, str], mode: Mode | None, files: Files) -> Settings:
    """The settings without the changes made while running: those of before, where every file still has its bytes.

    Parsing and checking a large file takes far longer than laying one more change over it.
    """
    key = file, mode, environ.get("HANDRAIL_DATA")
    known = _bases.get(key)
    if known is not None and _unchanged(known, files):
        return replace(known, sources=files.contents)
    settings = _Builder(file, environ, mode, files).settings()
    if len(_bases) >= _MOST_BASES:
        _bases.clear()
    _bases[key] = replace(settings, sources=dict(files.contents))
    return settings


def _unchanged(known: Settings, files: Files) -> bool:
    # handrail.toml is the first: where it differs, the others may not be named any more and are not read
    try:
        return all(files.read(path, Place(path)) == content for path, content in known.sources.items())
    except ConfigError:  # whoever reads it again says where it is named
        return False


def _with_changes(settings: Settings, files: Files) -> Settings:
    path = live_file(settings.data)
    content = files.read_own(path)
    changes = parse_changes(content, path) if content is not None else ()
    return lay_over(settings, in_force(changes, time.time()))


def from_texts(sources: Mapping[Path, bytes], *, mode: Mode, data: Path, live: tuple[LiveChange, ...] = ()) -> Settings:
    """The settings that ``load`` made of these files, from their bytes alone: handrail.toml first, absolute names.

    ``live`` are the changes made while running that were in force.
    Neither the file system nor the environment is asked. Raises ConfigError as ``load`` does, also for a file that
    is named and not among ``sources``.
    """
    settings = _Builder(next(iter(sources)), {}, mode, GivenFiles(sources)).settings()
    return lay_over(replace(settings, data=data), live)


def _absolute(base: Path, path: Path | str) -> Path:
    return Path(os.path.normpath(base / path))


def _chosen_mode(argument: str | None, environ: Mapping[str, str]) -> Mode | None:
    named = argument if argument is not None else environ.get("HANDRAIL_MODE") or None
    if named is None:
        return None
    for known in _MODES:
        if named == known:
            return known
    who = "The argument mode" if argument is not None else "The environment variable HANDRAIL_MODE"
    hint = nearest(named, _MODES)
    raise ConfigError(f'{who} is "{named}"; it must be "observe" or "enforce".', hint=hint)


def _no_policy(settings: Settings) -> ConfigError:
    if settings.file is None:
        hint = "Write one with `handrail init`, or name it with HANDRAIL_CONFIG."
        return ConfigError("Mode enforce needs a policy, and no handrail.toml was found.", hint=hint)
    hint = 'Add at least one [[rule]] (id, allow = "ROLE", call = "TOOL"), or [casbin] with model and policy.'
    return ConfigError("Mode enforce needs a policy, and this file has none.", file=settings.file, hint=hint)


class _Builder:
    """Turns one checked document into Settings and remembers every file that it read."""

    def __init__(self, file: Path, environ: Mapping[str, str], mode: Mode | None, files: Files) -> None:
        self._files = files
        self._document = parse(file, files.read(file, Place(file)))
        self._values = self._document.values
        self._folder = file.parent
        self._environ = environ
        self._mode: Mode | None = mode

    def settings(self) -> Settings:
        """The settings of the document. Raises ConfigError for names and files that do not fit."""
        from handrail.config.content import content_settings
        from handrail.config.names import check, user_key

        check(self._document)
        values = self._values
        written = cast("Mode", values.get("mode", "observe"))
        return Settings(
            mode=self._mode or written,
            written_mode=written,
            two_person=values.get("policy", {}).get("two_person", False),
            data=data_folder(values.get("data", ".handrail"), base=self._folder, environ=self._environ),
            agent=values.get("agent", ""),
            **values.get("principal", {}),
            trust_configurable=values.get("trust_configurable", False),
            payloads=values.get("audit", {}).get("payloads", True),
            content=content_settings(self._document),
            resume=ResumeSettings(**values.get("resume", {})),
            users={user_key(user): tuple(roles) for user, roles in values.get("users", {}).items()},
            roles=_tuples(values.get("roles", {})),
            groups=_tuples(values.get("groups", {})),
            group_places={name: self._document.place("groups", name) for name in values.get("groups", {})},
            tools={name: self._tool(name, tool) for name, tool in values.get("tools", {}).items()},
            rules=tuple(self._rule(index, rule) for index, rule in enumerate(values.get("rule", []))),
            delegates=tuple(self._delegate(index, one) for index, one in enumerate(values.get("delegate", []))),
            casbin=self._casbin(),
            validates=tuple(self._validate(index, one) for index, one in enumerate(values.get("validate", []))),
            validators=DefaultsSettings(**values.get("validators", {})),
            trusts=tuple(self._trust(index, one) for index, one in enumerate(values.get("trust", []))),
            file=self._document.file,
            # Last, because what stands above reads the files that the digest covers.
            digest=self._digest(),
            sources=self._files.contents,
        )

    def _tool(self, name: str, tool: dict[str, Any]) -> ToolSettings:
        return ToolSettings(
            name,
            effect=tool.get("effect", "write"),
            idempotent=tool.get("idempotent", False),
            accepts_key=tool.get("accepts_key", False),
            query=tool.get("query", ""),
            compensate=tool.get("compensate", ""),
            clean=tuple(tool.get("clean", ())),
            not_found=tuple(tool.get("not_found", ())),
            place=self._document.place("tools", name),
        )

    def _rule(self, index: int, rule: dict[str, Any]) -> RuleSettings:
        allowed = "allow" in rule
        return RuleSettings(
            id=rule["id"],
            verdict="allow" if allowed else "deny",
            subject=rule["allow" if allowed else "deny"],
            when=rule.get("when", ""),
            tenant=rule.get("tenant", "*"),
            place=self._document.place("rule", index),
            **_covered(rule),
        )

    def _delegate(self, index: int, delegate: dict[str, Any]) -> DelegateSettings:
        return DelegateSettings(
            from_=delegate["from"],
            to=delegate["to"],
            tenant=delegate.get("tenant", "*"),
            id=delegate.get("id", f"delegate-{index + 1}"),
            place=self._document.place("delegate", index),
            **_covered(delegate),
        )

    def _casbin(self) -> CasbinSettings | None:
        table = self._values.get("casbin")
        if table is None:
            return None
        place = self._document.place("casbin")
        if ("policy" in table) == ("adapter" in table):
            hint = 'Write policy = "FILE", or adapter = "MODULE:NAME".'
            problem = "[casbin] needs either `policy` or `adapter`."
            raise PolicyError(problem, file=place.file, line=place.line, hint=hint)
        if "adapter" in table:
            model, _ = self._casbin_file("model", table["model"])
            name, poll, age = str(table["adapter"]), float(table.get("poll", 5)), float(table.get("max_age", 60))
            return CasbinSettings(model, Path(name), place, adapter=name, poll=poll, max_age=age)
        (model, model_text), (policy, policy_text) = (self._casbin_file(key, table[key]) for key in ("model", "policy"))
        return CasbinSettings(model, policy, self._document.place("casbin"), (model_text, policy_text))

    def _casbin_file(self, key: str, name: str) -> tuple[Path, str]:
        path, place = _absolute(self._folder, name), self._document.place("casbin", key)
        try:
            text = self._files.read(path, place).decode()
        except ConfigError as problem:
            raise PolicyError(problem.problem, file=problem.file, line=problem.line, hint=problem.hint) from problem
        except UnicodeDecodeError as problem:
            hint = "Save it as UTF-8."
            raise PolicyError(f"{path} is not UTF-8.", file=place.file, line=place.line, hint=hint) from problem
        return path, text.replace("\r\n", "\n").replace("\r", "\n")

    def _validate(self, index: int, entry: dict[str, Any]) -> ValidateSettings:
        tool, _, on = str(entry["on"]).rpartition(".")
        schema = entry.get("schema")
        return ValidateSettings(
            id=entry["id"],
            on=cast("Any", on),
            tool=tool,
            schema=self._schema(schema, self._document.place("validate", index, "schema")) if schema else None,
            place=self._document.place("validate", index),
            check=_strings(entry.get("check", [])),
            **{key: entry[key] for key in ("then", "rounds", "last", "unchecked") if key in entry},
        )

    def _trust(self, index: int, entry: dict[str, Any]) -> TrustSettings:
        return TrustSettings(
            id=entry["id"],
            key=b64decode(entry["key"]),
            tenants=tuple(entry.get("tenants", ("*",))),
            call=_strings(entry.get("call", "*")),
            place=self._document.place("trust", index),
        )

    def _schema(self, written: dict[str, Any] | str, place: Place) -> Mapping[str, object]:
        from handrail.config.schemas import schema_problem

        schema = self._schema_file(written, place) if isinstance(written, str) else written
        if problem := schema_problem(schema):
            source = f"{written} is" if isinstance(written, str) else "This is"
            raise ConfigError(f"{source} not a usable JSON Schema: {problem}.", file=place.file, line=place.line)
        return cast("Mapping[str, object]", schema)

    def _schema_file(self, name: str, place: Place) -> object:
        path = _absolute(self._folder, name)
        content = self._files.read(path, place)
        try:
            return json.loads(content)
        except json.JSONDecodeError as problem:
            hint = f"It is named in {place.file}:{place.line}."
            raise ConfigError(f"Not valid JSON: {problem.msg}.", file=path, line=problem.lineno, hint=hint) from problem
        except (UnicodeDecodeError, RecursionError) as problem:
            raise ConfigError(f"{path} is not valid JSON.", file=place.file, line=place.line) from problem

    def _digest(self) -> str:
        """Digest of digests, so that no two lists of files can be confused."""
        contents = (content for content in self._files.contents.values() if content is not None)
        return hashlib.sha256(b"".join(hashlib.sha256(content).digest() for content in contents)).hexdigest()


def _strings(value: str | list[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _covered(entry: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    return {action: _strings(entry.get(action, [])) for action in ("call", "read", "write")}


def _tuples(table: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(values) for name, values in table.items()}
