"""Personal data in texts: what can be told by its form, with check digits where the form has them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from handrail.config.nearest import nearest
from handrail.errors import ConfigError
from handrail.validators.context import Context
from handrail.validators.findings import Finding
from handrail.validators.safety.personal_forms import FORMS, Form
from handrail.validators.safety.screened import Screened, TooMuch, matches

_MAX_SEEN = 1_200
"""Places in one text that are looked at."""
_DEFAULT = ("email", "phone", "iban", "card", "ip", "us_ssn", "national_id")


@dataclass(frozen=True)
class PersonalData(Screened):
    """No personal data: e-mail addresses, telephone numbers, bank accounts, cards, IP addresses, national numbers.

    Kinds: ``email``; ``phone`` (with a country code, or as written in North America); ``iban`` (mod 97, length by
    country); ``card`` (Luhn, length and prefix of a card network); ``ip`` (public addresses only); ``us_ssn`` (with
    dashes, as the administration gives them out); ``national_id``, those with check digits of Belgium, Brazil,
    Canada, China, Finland, France, Germany, India, Italy, Norway, Poland, Spain and Sweden. What
    fails its check digits is none.
    A number of 13 to 19 digits is read as it is written.
    An excerpt shows the kind and the last characters at most, never the whole.

    Does not see: names, birthdays, addresses, faces, health (use ``presidio`` for names, and expect errors); numbers
    in words, split over lines or fields, with other separators, in full-width or other digits; national numbers without
    check digits and those of other countries; telephone numbers without country code; ``name at example dot com``;
    accounts that are no IBAN. A number whose check digits fit by chance (one in ten to one in a hundred) is found.

    Codes: ``personal_data.KIND`` with the kind's name.
    """

    kinds: tuple[str, ...] = _DEFAULT
    """Which kinds are looked for."""
    allow: tuple[str, ...] = ()
    """Texts that may be there, such as ``help@example.com``, and ``@example.com`` for all addresses of a domain."""

    name: ClassVar[str] = "personal_data"
    source: ClassVar[str] = "RFC 5322; ITU-T E.164; ISO 13616; ISO/IEC 7812; national registries (personal_forms.py)"
    max_close: ClassVar[int] = 300
    numbers: ClassVar[bool] = True
    _forms: tuple[Form, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for kind in self.kinds:
            if kind not in _DEFAULT:
                hint = nearest(kind, _DEFAULT) or f"Known are: {', '.join(_DEFAULT)}."
                raise ConfigError(f'personal_data(kinds=...): there is no kind "{kind}".', hint=hint)
        if not self.kinds:
            raise ConfigError("personal_data(kinds=[]) looks for nothing.", hint="Name a kind, or leave it out.")
        object.__setattr__(self, "_forms", tuple(form for form in FORMS if form.kind in self.kinds))

    @property
    def screen(self) -> str:
        """Any of the forms."""
        return "|".join(f"(?:{form.pattern})" for form in self._forms)

    def look(self, text: str, context: Context) -> Iterator[Finding]:
        """Personal data in one text; of forms that overlap the first."""
        taken: list[tuple[int, int]] = []
        seen = 0
        for form in self._forms:
            for begin, end in matches(form.pattern, text):
                seen += 1
                if seen > _MAX_SEEN:
                    raise TooMuch
                begin, end = form.inside(text, begin, end)
                if any(begin < last and first < end for first, last in taken) or self._allowed(text[begin:end]):
                    continue
                if not _part_of_more(text, begin, end, form) and form.valid(text[begin:end]):
                    taken.append((begin, end))
                    yield _finding(form, text, (begin, end))

    def _allowed(self, found: str) -> bool:
        return any(found == one or (one[:1] == "@" and found.lower().endswith(one.lower())) for one in self.allow)


def _part_of_more(text: str, begin: int, end: int, form: Form) -> bool:
    """Whether letters or digits go on before or after, so that it is a piece of something else."""
    before, after = text[begin - 1 : begin] if begin else "", text[end : end + 1]
    if after in (".", "-", "/", ":") and text[end + 1 : end + 2].isalnum():
        after = "0"
    return form.alone and (before.isalnum() or after.isalnum() or before in form.not_before)


def _finding(form: Form, text: str, span: tuple[int, int]) -> Finding:
    message = f"The text holds {form.what}, which is personal data and must not stand there."
    found = text[span[0] : span[1]]
    shown = f"…{found[-2:]}" if form.kind != "email" else f"…{found[found.rfind('@') :]}"
    return Finding(f"personal_data.{form.kind}", message, span=span, excerpt=shown[:60],
                   hint="Leave it out, or name the person by an id.")  # fmt: skip
