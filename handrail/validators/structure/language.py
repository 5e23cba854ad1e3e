"""Which language a text is in."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, cast

from handrail.config.nearest import nearest
from handrail.config.regex import Regex, compiled
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding, Findings
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.texts import excerpt

MAX_CHARS = 5_000
"""Characters of a text whose language is looked for."""
_SCRIPTS: Mapping[str, str] = {
    "el": "Greek", "he": "Hebrew", "hy": "Armenian", "ka": "Georgian", "ko": "Hangul", "th": "Thai", "ta": "Tamil",
    "te": "Telugu", "gu": "Gujarati", "pa": "Gurmukhi", "kn": "Kannada", "ml": "Malayalam", "si": "Sinhala",
    "lo": "Lao", "km": "Khmer", "my": "Myanmar", "am": "Ethiopic",
}  # fmt: skip
"""Language -> the script that, in everyday use, is written for it and its nearest kin only."""


@dataclass(frozen=True)
class LanguageOf(Check):
    """A text in one of the given languages: ``language(["en", "de"])``.

    Languages whose script is their own (Greek, Korean, Thai, ...) are told by their letters; as soon as another is
    among them, by the frequencies of letters, for which the extra ``language`` is needed. A text with fewer letters
    than ``least`` is not judged.
    Codes: ``language.other`` (it is in another language), ``language.type`` (it is no text), ``unchecked.size``.
    """

    source: ClassVar[str] = "ISO 639-1 (names), UAX #24 (scripts); letter frequencies of the Lingua project"
    extra: ClassVar[str] = "language"
    languages: tuple[str, ...]
    """Codes of ISO 639-1, such as ``("en", "de")``."""
    least: int = 20
    """Letters that a text must have to be judged: what is shorter could be of many languages."""
    _own: Regex | None = field(init=False, repr=False, compare=False)
    _letters: Regex = field(init=False, repr=False, compare=False)
    _detector: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Load what is needed. Raises ConfigError for a language that is not known, and where the extra is missing."""
        if isinstance(self.languages, str) or not self.languages:
            raise ConfigError("language(...) takes a list of codes.", hint='Write language(["en"]).')
        if type(self.least) is not int or self.least < 1:
            raise ConfigError(f"language(least={self.least!r}): it is a whole number of letters, at least 1.")
        own = [_SCRIPTS.get(str(code)) for code in self.languages]
        pattern = compiled("[" + "".join(rf"\p{{{name}}}" for name in own if name) + "]+") if all(own) else None
        object.__setattr__(self, "_own", pattern)
        object.__setattr__(self, "_letters", compiled(r"\p{L}+"))
        object.__setattr__(self, "_detector", None if pattern is not None else _Detector.of(self.languages))

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """One finding where the text is in another language."""
        if not isinstance(value, str):
            return (Finding("language.type", "A text is expected here."),)
        if len(value) > MAX_CHARS:
            return (Finding("unchecked.size", f"A text of {len(value)} characters is too long to tell its language."),)
        letters = "".join(_found(self._letters, value))
        if len(letters) < self.least or self._is_one(value, letters):
            return ()
        wanted = f"The text must be in {' or '.join(self.languages)}."
        return (Finding("language.other", wanted, excerpt=excerpt(value)),)

    def _is_one(self, text: str, letters: str) -> bool:
        if self._own is not None:
            return 2 * sum(map(len, _found(self._own, letters))) >= len(letters)
        return bool(self._detector.says(text) in self.languages)


def _found(pattern: Regex, text: str) -> Iterator[str]:
    data = text.encode("utf-8", "replace")
    return (data[slice(*one.span())].decode() for one in pattern.finditer(data))


class _Detector:
    """Lingua's, of all languages that it knows, built once: each language must compete with all others."""

    _one: ClassVar[_Detector | None] = None
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        """Raises ConfigError where Lingua is not installed."""
        try:
            import lingua  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            hint = "pip install 'handrail[language]'"
            raise ConfigError("language(...) needs lingua-language-detector for these languages.", hint=hint) from None
        found = cast("Any", lingua)
        # Low accuracy takes 100 MB instead of 1 GB, and tells texts of some twenty words as well.
        builder = found.LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode()
        self._detector = builder.with_preloaded_language_models().build()
        self.known = sorted(one.iso_code_639_1.name.lower() for one in found.Language.all())

    @classmethod
    def of(cls, languages: tuple[str, ...]) -> _Detector:
        """The one of this process. Raises ConfigError for a language that it does not know."""
        with cls._lock:
            made = cls._one = cls._one or cls()
        for code in languages:
            if code not in made.known:
                hint = nearest(str(code), made.known) or f"Known are {', '.join(made.known)}."
                raise ConfigError(f"language(...): no language is called {code!r:.50}.", hint=hint)
        return made

    def says(self, text: str) -> str | None:
        """The code of the language that the text is most likely in; None where it cannot be told."""
        found = self._detector.detect_language_of(text.encode("utf-8", "replace").decode())
        return None if found is None else str(found.iso_code_639_1.name).lower()
