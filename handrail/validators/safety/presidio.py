"""Personal data as Microsoft's Presidio finds it. Imports presidio_analyzer, spacy and tldextract, once."""

from __future__ import annotations

import logging
import re
from bisect import bisect_right
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from itertools import accumulate
from typing import Any, ClassVar

from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import MAX_FINDINGS, Finding, Findings
from handrail.validators.protocol import NOWHERE, Check
from handrail.validators.safety.screened import Known, TooMuch, placed, strings, written

MAX_SIZE = 2_000
"""Characters of a value that are read: Presidio takes about 20 us for each, and hostile ones cost much more."""
_BETWEEN = "\n\n"
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Presidio(Check):
    """No personal data, by Presidio's recognizers: patterns with context words, and names with a model of language.

    Without ``model`` only Presidio's patterns are at work (cards, IBAN, e-mail, IP, US and UK numbers, telephone,
    dates, URLs); names and places need a spaCy model, such as ``en_core_web_sm``, which is installed by itself.
    Nothing is fetched: the list of public suffixes is the one that is installed.

    It is slow and not bounded: 20 us a character where all is well, half a second and more on hostile texts of
    two thousand, because its patterns backtrack. It belongs on answers and outputs, not in front of every tool call;
    what takes too long is a finding ``unchecked.time``, after it took long. With a model its findings depend on the
    model's version.

    Does not see: what its recognizers do not know; it errs in both directions, with names above all.

    Codes: ``presidio.ENTITY`` with Presidio's name in small letters, such as ``presidio.credit_card``.
    """

    entities: tuple[str, ...] = ("CREDIT_CARD", "CRYPTO", "EMAIL_ADDRESS", "IBAN_CODE", "IP_ADDRESS", "PHONE_NUMBER",
                                 "US_SSN", "US_ITIN", "UK_NHS", "MEDICAL_LICENSE", "PERSON", "LOCATION")  # fmt: skip
    """Presidio's names of what is looked for; those that nothing here recognizes are passed over."""
    language: str = "en"
    """Two letters."""
    score: float = 0.5
    """Presidio's confidence from which it is told, 0 to 1."""
    model: str = ""
    """An installed spaCy model of that language; none for patterns only."""
    max_length: int = MAX_SIZE
    """Characters that are read, all texts of a value together; more are ``unchecked.size``."""

    source: ClassVar[str] = "Microsoft Presidio (microsoft.github.io/presidio)"
    extra: ClassVar[str] = "presidio"
    _engine: Any = field(init=False, repr=False, compare=False)
    _known: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1 or self.max_length < 1:
            raise ConfigError("presidio(...): a score is 0 to 1, a length 1 or more.")
        engine = _engine(self.language, self.model)
        known = set(engine.get_supported_entities(self.language))
        wanted = tuple(one for one in self.entities if one in known)
        if not wanted:
            hint = f"Known without a model are: {', '.join(sorted(known))}."
            raise ConfigError("presidio(entities=...): nothing recognizes any of these.", hint=hint)
        object.__setattr__(self, "_known", wanted)
        object.__setattr__(self, "_engine", engine)

    @property
    def bounded(self) -> bool:
        """Its patterns backtrack, so its time is measured."""
        return False

    def check(self, value: object, context: Context = NOWHERE, /) -> Findings:
        """What Presidio finds in the texts of ``value``, from left to right."""
        try:
            size = sum(len(text) + len(_BETWEEN) for text in strings(value))
        except TooMuch:
            size = self.max_length + len(_BETWEEN) + 1
        if size - len(_BETWEEN) > self.max_length:
            text = f"The value has more than {self.max_length} characters, too many for Presidio to check."
            return (Finding("unchecked.size", text),)
        return tuple(self._found(placed(value)))[:MAX_FINDINGS]

    def _found(self, known: Known) -> Iterator[Finding]:
        # spaCy refuses halves of surrogate pairs.
        whole = _HALVES.sub("\ufffd", _BETWEEN.join(text for _, text in known))
        begins = list(accumulate((len(text) + len(_BETWEEN) for _, text in known), initial=0))
        found: list[Any] = self._engine.analyze(
            text=whole, language=self.language, entities=list(self._known), score_threshold=self.score
        )
        for one in sorted(found, key=lambda one: (one.start, one.end, one.entity_type)):
            index = bisect_right(begins, one.start) - 1
            place, text = known[index]
            span = (one.start - begins[index], one.end - begins[index])
            if span[1] <= len(text):
                yield _finding(str(one.entity_type).lower(), written(place), span)


def _finding(kind: str, path: str, span: tuple[int, int]) -> Finding:
    message = f"The text holds what looks like personal data ({kind.replace('_', ' ')})."
    shown = f"… ({span[1] - span[0]} characters)"
    return Finding(f"presidio.{kind}", message, path, span=span, excerpt=shown, hint="Leave it out.")


@lru_cache(4)
def _engine(language: str, model: str) -> Any:
    try:
        analyzer, spacy = import_module("presidio_analyzer"), import_module("spacy")
    except ImportError as problem:
        hint = "pip install handrail[presidio]"
        raise ConfigError("presidio() needs the package presidio-analyzer.", hint=hint) from problem
    try:
        loaded = spacy.load(model) if model else spacy.blank(language)
    except (OSError, ImportError) as problem:
        hint = f"Install it with `python -m spacy download {model}`." if model else "Write two letters, such as en."
        raise ConfigError(f"presidio(...): spaCy has no {model or language!r}.", hint=hint) from problem
    registry = analyzer.RecognizerRegistry(supported_languages=[language])
    with _quiet("presidio-analyzer"):  # it warns of every recognizer that is for another language
        registry.load_predefined_recognizers(languages=[language])
    registry.remove_recognizer("EmailRecognizer")
    registry.add_recognizer(_email(language))
    engine = analyzer.AnalyzerEngine(
        registry=registry, nlp_engine=_nlp(language, loaded), supported_languages=[language]
    )
    engine.analyze(text="first", language=language)  # so that the first check does not pay for what is loaded late
    return engine


@contextmanager
def _quiet(name: str) -> Generator[None, None, None]:
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _nlp(language: str, loaded: Any) -> Any:
    """Presidio's engine for a loaded model; its own way of loading downloads what is not there."""
    base: Any = import_module("presidio_analyzer.nlp_engine").SpacyNlpEngine
    engine = base(models=[{"lang_code": language, "model_name": "given"}])
    engine.nlp = {language: loaded}
    return engine


def _email(language: str) -> Any:
    """Presidio's recognizer of addresses, without its question to the network for the list of public suffixes."""
    base: Any = import_module("presidio_analyzer.predefined_recognizers").EmailRecognizer
    suffixes: Any = import_module("tldextract").TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(pattern_text: str) -> bool:
        return bool(suffixes(pattern_text).fqdn)

    recognizer = base(supported_language=language)
    recognizer.validate_result = validate_result
    return recognizer
