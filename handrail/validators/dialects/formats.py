"""The formats of JSON Schema, each by its own standard, in time that is linear in the text.

The patterns run in Python's ``re``: each alternative begins with another character, repetitions are possessive, so
none is ever gone back into. jsonschema's own checks need other packages, are silently absent without them, or take
long on purpose-made texts.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from datetime import datetime as _datetime

from handrail.validators.dialects import hostnames

_DATE = r"(\d{4})-(\d\d)-(\d\d)"
_TIME = r"(\d\d):(\d\d):(\d\d)(?:\.\d++)?([Zz]|[+-]\d\d:\d\d)"
_DAY, _CLOCK, _MOMENT = (re.compile(one, re.ASCII) for one in (_DATE, _TIME, rf"{_DATE}[Tt]({_TIME})"))
_DAYS = r"(?:\d+D|\d+M(?:\d+D)?|\d+Y(?:\d+M(?:\d+D)?)?)"
_HOURS = r"T(?:\d+S|\d+M(?:\d+S)?|\d+H(?:\d+M(?:\d+S)?)?)"
_DURATION = re.compile(rf"P(?:\d+W|{_DAYS}(?:{_HOURS})?|{_HOURS})", re.ASCII)
_POINTER_TEXT = r"(?:/(?:[^~/]|~[01])*+)*+"
_POINTER = re.compile(_POINTER_TEXT, re.DOTALL)
_RELATIVE = re.compile(rf"(?:0|[1-9][0-9]*+)(?:#|{_POINTER_TEXT})", re.DOTALL)
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LOCAL = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]++(?:\.[\w!#$%&'*+/=?^`{|}~-]++)*+|\"(?:[ !#-\[\]-~]|\\[ -~])*+\"", re.ASCII
)
_LOCAL_IDN = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~\x80-\U0010ffff-]++(?:\.[\w!#$%&'*+/=?^`{|}~\x80-\U0010ffff-]++)*+"
    r"|\"(?:[ !#-\[\]-~\x80-\U0010ffff]|\\[ -~\x80-\U0010ffff])*+\""
)
_COLOR = re.compile(r"#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
_COLORS = frozenset({
    "aqua", "black", "blue", "fuchsia", "gray", "green", "lime", "maroon", "navy", "olive", "orange", "purple", "red",
    "silver", "teal", "white", "yellow",
})  # fmt: skip

_PCT = "%[0-9A-Fa-f]{2}"
_OTHER = "\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef" + "".join(
    f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 15)
)
_PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"


def _reference(more: str, private: str) -> re.Pattern[str]:
    """RFC 3986's URI-reference, or with more characters RFC 3987's: scheme, host in brackets, and the rest."""
    name = rf"A-Za-z0-9\-._~!$&'()*+,;={more}"
    user, host = rf"(?:[{name}:]|{_PCT})*+", rf"(?:\[(?P<literal>[^\]\[]*+)\]|(?:[{name}]|{_PCT})*+)"
    path = rf"(?:[{name}:@/]|{_PCT})*+"
    authority = rf"//(?:{user}@)?{host}(?::[0-9]*+)?(?:/{path})?"
    tail = rf"(?:\?(?:[{name}{private}:@/?]|{_PCT})*+)?(?:\#(?:[{name}:@/?]|{_PCT})*+)?"
    return re.compile(rf"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*+):)?(?:{authority}|(?!//){path}){tail}")


_URI, _IRI = _reference("", ""), _reference(_OTHER, _PRIVATE)
_FUTURE = re.compile(r"[vV][0-9A-Fa-f]++\.[A-Za-z0-9\-._~!$&'()*+,;=:]++")
_VARIABLE = rf"(?:[A-Za-z0-9_]|{_PCT})(?:\.?(?:[A-Za-z0-9_]|{_PCT}))*+(?::[1-9][0-9]{{0,3}}|\*)?"
_TEMPLATE = re.compile(
    rf"(?:[^\x00-\x20\"'%<>\\^`{{|}}\x7f]|{_PCT}|\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*+\}})*+"
)


def is_date(text: str) -> bool:
    """RFC 3339 ``full-date``."""
    found = _DAY.fullmatch(text)
    return found is not None and _exists(found)


def is_time(text: str) -> bool:
    """RFC 3339 ``full-time``: with an offset, and a leap second only where one can be."""
    found = _CLOCK.fullmatch(text)
    return found is not None and _clock(found[1], found[2], found[3], found[4])


def is_datetime(text: str) -> bool:
    """RFC 3339 ``date-time``."""
    found = _MOMENT.fullmatch(text)
    return found is not None and _exists(found) and _clock(found[5], found[6], found[7], found[8])


def _exists(found: re.Match[str]) -> bool:
    try:
        date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return found[1] == "0000" and _exists_in_year_0(int(found[2]), int(found[3]))
    return True


def _exists_in_year_0(month: int, day: int) -> bool:
    """Python knows no year 0; like 2000 it is a leap year."""
    try:
        date(2000, month, day)
    except ValueError:
        return False
    return True


def _clock(hour: str, minute: str, second: str, offset: str) -> bool:
    away = (0, 0) if offset in "Zz" else (int(offset[1:3]), int(offset[4:6]))
    if int(hour) > 23 or int(minute) > 59 or int(second) > 60 or away[0] > 23 or away[1] > 59:
        return False
    if second != "60":
        return True
    there = _datetime(2000, 1, 2, int(hour), int(minute))
    utc = there - timedelta(hours=away[0], minutes=away[1]) * (-1 if offset[0] == "-" else 1)
    return (utc.hour, utc.minute) == (23, 59)


def is_draft3_time(text: str) -> bool:
    """Draft 3's ``time``: hh:mm:ss."""
    return is_time(f"{text}Z")


def is_email(text: str) -> bool:
    """RFC 5321 ``Mailbox``."""
    return _mailbox(text, _LOCAL, hostnames.is_hostname)


def is_idn_email(text: str) -> bool:
    """RFC 6531 ``Mailbox``."""
    return _mailbox(text, _LOCAL_IDN, hostnames.is_idn_hostname)


def _mailbox(text: str, local: re.Pattern[str], is_host: Callable[[str], bool]) -> bool:
    before, at, host = text.rpartition("@")
    if not at or len(before) > 320 or local.fullmatch(before) is None:
        return False
    if not (host.startswith("[") and host.endswith("]")):
        return is_host(host)
    return is_ipv6(host[6:-1]) if host[1:6].lower() == "ipv6:" else is_ipv4(host[1:-1])


def is_ipv4(text: str) -> bool:
    """RFC 2673 ``dotted-quad``."""
    try:
        ipaddress.IPv4Address(text[:20])
    except ValueError:
        return False
    return text.isascii() and len(text) <= 15


def is_ipv6(text: str) -> bool:
    """RFC 4291, without a zone."""
    try:
        ipaddress.IPv6Address(text[:60])
    except ValueError:
        return False
    return text.isascii() and len(text) <= 45 and "%" not in text


def is_uri(text: str) -> bool:
    """RFC 3986 ``URI``."""
    return _refers(_URI, text, absolute=True)


def is_uri_reference(text: str) -> bool:
    """RFC 3986 ``URI-reference``."""
    return _refers(_URI, text, absolute=False)


def is_iri(text: str) -> bool:
    """RFC 3987 ``IRI``."""
    return _refers(_IRI, text, absolute=True)


def is_iri_reference(text: str) -> bool:
    """RFC 3987 ``IRI-reference``."""
    return _refers(_IRI, text, absolute=False)


def _refers(pattern: re.Pattern[str], text: str, *, absolute: bool) -> bool:
    found = pattern.fullmatch(text)
    if found is None or (absolute and found["scheme"] is None):
        return False
    if found["scheme"] is None and ":" in re.split(r"[/?#]", text, maxsplit=1)[0]:
        return False  # the first part of a relative path would be read as a scheme
    literal = found["literal"]
    return literal is None or is_ipv6(literal) or _FUTURE.fullmatch(literal) is not None


def is_uuid(text: str) -> bool:
    """RFC 4122, with hyphens."""
    return _UUID.fullmatch(text) is not None


def is_regex(text: str) -> bool:
    """ECMA-262's regular expressions, as far as brackets, repetitions and escapes go."""
    from handrail.validators.dialects.ecma_syntax import is_pattern

    return is_pattern(text)


def _whole(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda text: pattern.fullmatch(text) is not None


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "color": lambda text: text.lower() in _COLORS or _COLOR.fullmatch(text) is not None,
    "date": is_date,
    "date-time": is_datetime,
    "duration": _whole(_DURATION),
    "email": is_email,
    "host-name": hostnames.is_hostname,
    "hostname": hostnames.is_hostname,
    "idn-email": is_idn_email,
    "idn-hostname": hostnames.is_idn_hostname,
    "ip-address": is_ipv4,
    "ipv4": is_ipv4,
    "ipv6": is_ipv6,
    "iri": is_iri,
    "iri-reference": is_iri_reference,
    "json-pointer": _whole(_POINTER),
    "regex": is_regex,
    "relative-json-pointer": _whole(_RELATIVE),
    "time": is_time,
    "uri": is_uri,
    "uri-reference": is_uri_reference,
    "uri-template": _whole(_TEMPLATE),
    "uuid": is_uuid,
}
"""Name -> whether a text is of that format. Those of draft 3 to 2020-12; the names of draft 3 are there in all."""


def check_for(name: str, dialect: str) -> Callable[[str], bool] | None:
    """What checks the format ``name`` in the dialect whose ``$schema`` is given; None for one that nobody defines."""
    if name == "time" and "draft-03" in dialect:
        return is_draft3_time
    return FORMATS.get(name)


_RATES: Mapping[str, int] = {"regex": 4, "idn-hostname": 32, "idn-email": 32}


def price(name: str, text: str) -> int:
    """About how many microseconds it takes to check ``text`` for the format ``name``."""
    rate = _RATES.get(name, 1)
    return 2 + (min(len(text), 1_000) * rate >> 3 if rate == 32 else len(text) * rate >> 3)
