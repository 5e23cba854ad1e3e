"""The validators that handrail.toml asks for, built once and found by tool."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from handrail.config.settings import Settings, ValidateSettings
from handrail.errors import ConfigError
from handrail.validators.schema import SchemaValidator

_Chains = Mapping[tuple[str, str], tuple[SchemaValidator, ...]]


@dataclass(frozen=True, slots=True)
class Validators:
    """Every ``[[validate]]`` of one handrail.toml, in the order in which it is written."""

    digest: str = ""
    """SHA-256 (hex) of what was configured; empty when nothing was."""
    chains: _Chains = field(default_factory=dict[tuple[str, str], tuple[SchemaValidator, ...]])
    """(``arguments`` | ``result`` | ``answer``, tool or "") -> its validators."""

    def arguments(self, tool: str) -> tuple[SchemaValidator, ...]:
        """What checks the arguments of ``tool``, besides its own schema."""
        return self.chains.get(("arguments", tool), ())

    def result(self, tool: str) -> tuple[SchemaValidator, ...]:
        """What checks a result of ``tool``."""
        return self.chains.get(("result", tool), ())

    def answer(self) -> tuple[SchemaValidator, ...]:
        """What checks the final answer of an agent."""
        return self.chains.get(("answer", ""), ())


def build(settings: Settings) -> Validators:
    """The validators that ``settings`` ask for. Raises ConfigError, with file and line, for a broken schema."""
    chains: dict[tuple[str, str], list[SchemaValidator]] = defaultdict(list)
    for configured in settings.validates:
        chains[configured.on, configured.tool].append(_validator(configured))
    return Validators(_digest(settings.validates), {key: tuple(chain) for key, chain in chains.items()})


def _validator(configured: ValidateSettings) -> SchemaValidator:
    try:
        return SchemaValidator(configured.schema, id=configured.id)
    except ConfigError as problem:
        place = configured.place
        raise ConfigError(problem.problem, file=place.file, line=place.line, hint=problem.hint) from problem


def _digest(configured: tuple[ValidateSettings, ...]) -> str:
    if not configured:
        return ""
    facts = [[one.id, one.on, one.tool, one.schema] for one in configured]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
