"""One check for every language that is read here: is this text well-formed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import ClassVar, Literal

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Findings
from handrail.validators.protocol import NOWHERE, Check

_HOMES: Mapping[str, tuple[str, str]] = {
    "javascript": ("javascript", "Javascript"),
    "json": ("markup", "Json"),
    "python": ("python", "Python"),
    "sql": ("sql", "Sql"),
    "toml": ("markup", "Toml"),
    "xml": ("markup", "Xml"),
    "yaml": ("yaml_text", "Yaml"),
}


@dataclass(frozen=True)
class WellFormed(Check):
    """Whether a text is well-formed in its language; what each language is held to stands with its own validator.

    Findings: those of the language under this name, such as ``well_formed.syntax`` and ``well_formed.duplicate``.
    """

    language: Literal["javascript", "json", "python", "sql", "toml", "xml", "yaml"]
    """Language that the text is in."""
    inner: Check = field(init=False, repr=False, compare=False)

    source: ClassVar[str] = "the specification of the language"
    extra: ClassVar[str] = "code"

    def __post_init__(self) -> None:
        """Raise ConfigError for a language that is not read, or whose extra is missing."""
        if self.language not in _HOMES:
            problem = f"well_formed(language={self.language!r:.50}): this language is not read."
            raise ConfigError(problem, hint=f"Languages: {', '.join(_HOMES)}.")
        module, kind = _HOMES[self.language]
        made = getattr(import_module(f"handrail.validators.code.{module}"), kind)
        object.__setattr__(self, "inner", made())

    @property
    def raw(self) -> bool:
        """It looks at a text as it stands, even where that is JSON."""
        return True

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What the language's own check finds."""
        return tuple(
            one if one.unchecked else replace(one, code="well_formed." + one.code.partition(".")[2])
            for one in self.inner.check(value, context)
        )
