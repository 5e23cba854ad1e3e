"""Forms of personal data and their check digits. Every function takes what its pattern found, of bounded length."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

from handrail.validators.data.banking import Iban
from handrail.validators.data.checksums import luhn, mod_11_10

_ANY_IBAN = Iban()


@dataclass(frozen=True, slots=True)
class Form:
    """One form of personal data."""

    kind: str
    what: str
    pattern: str
    """RE2 pattern of what may be one."""
    valid: Callable[[str], bool]
    """Whether it is one."""
    alone: bool = True
    """Whether letters or digits beside it make it a piece of something else."""
    not_before: tuple[str, ...] = ()
    """Characters before it that do, too."""

    def inside(self, text: str, begin: int, end: int) -> tuple[int, int]:
        """Without the blanks and points at its ends."""
        found = text[begin:end]
        return begin + len(found) - len(found.lstrip(" ")), end - (len(found) - len(found.rstrip(" .-")))


def digits(text: str) -> str:
    """The digits 0 to 9 of a text."""
    return "".join(one for one in text if "0" <= one <= "9")


def email(text: str) -> bool:
    """An address of RFC 5322 as people write them, with a domain of names and a last label of letters."""
    local, _, domain = text.rpartition("@")
    labels = domain.split(".")
    fine = all(label and label[0] != "-" and label[-1] != "-" for label in labels)
    return bool(local) and ".." not in local and local[0] != "." and local[-1] != "." and fine and len(labels) > 1


def phone(text: str) -> bool:
    """E.164: 8 to 15 digits after the plus, none of them a country code that begins with 0."""
    number = digits(text)
    return 8 <= len(number) <= 15 and number[0] != "0" and len(set(number)) > 2


def american_phone(text: str) -> bool:
    """North American numbering plan: area and exchange begin with 2 to 9; 555-01xx is for fiction."""
    number = digits(text)[-10:]
    return number[0] not in "01" and number[3] not in "01" and number[3:8] != "55501" and len(set(number)) > 2


def iban(text: str) -> bool:
    """ISO 13616, as ``iban()`` has it: country, length, structure, mod 97; in groups or not."""
    known = text.replace(" ", "").replace("-", "").upper()
    return _ANY_IBAN.problem(known) is None


_NETWORKS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d+|3[47]\d{13}"
    r"|(?:6011|64[4-9]|65|622)\d+|35(?:2[89]|[3-8])\d+|3(?:0[0-5]|[68])\d{11,16}|(?:50|5[6-9]|6\d)\d+"
)


def card(text: str) -> bool:
    """ISO/IEC 7812: 13 to 19 digits with the prefix of a network, and Luhn."""
    number = digits(text)
    return 13 <= len(number) <= 19 and _NETWORKS.fullmatch(number) is not None and luhn(number) and len(set(number)) > 1


def public_ip(text: str) -> bool:
    """An address that the internet knows (IANA special-purpose registries)."""
    try:
        return ip_address(text).is_global
    except ValueError:
        return False


def us_ssn(text: str) -> bool:
    """No area 000, 666 or 900 to 999, no group 00, no serial 0000 (SSA, randomization of 2011), none ever printed."""
    area, group, serial = text[:3], text[4:6], text[7:]
    if text in ("078-05-1120", "219-09-9999", "123-45-6789", "987-65-4321"):
        return False
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def german_tax_id(text: str) -> bool:
    """Steuer-Identifikationsnummer: ISO 7064 MOD 11,10, one digit of the first ten twice or thrice (BZSt)."""
    number = digits(text)
    counts = sorted(number[:10].count(one) for one in set(number[:10]))
    if number[0] == "0" or counts[-1] not in (2, 3) or counts[:-1].count(1) != len(counts) - 1:
        return False
    return mod_11_10(number)


def french_nir(text: str) -> bool:
    """Numéro d'inscription au répertoire: mod 97, Corsica's 2A and 2B as 19 and 18 (INSEE)."""
    known = text.replace(" ", "").upper().replace("2A", "19", 1).replace("2B", "18", 1)
    if len(known) != 15 or not known.isdecimal() or not 1 <= int(known[3:5]) <= 99:
        return False
    return 97 - int(known[:13]) % 97 == int(known[13:])


_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"


def spanish_dni(text: str) -> bool:
    """DNI and NIE: the letter of the number mod 23, X, Y, Z for 0, 1, 2 (Ministerio del Interior)."""
    known = text.replace("-", "").replace(" ", "").upper()
    number = {"X": "0", "Y": "1", "Z": "2"}.get(known[0], known[0]) + known[1:-1]
    return _DNI[int(number) % 23] == known[-1]


_ODD_DIGITS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
_ODD_LETTERS = (*_ODD_DIGITS, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", (*_ODD_DIGITS, *_ODD_LETTERS), strict=True))


def italian_code(text: str) -> bool:
    """Codice fiscale: its last letter (DM 23 dicembre 1976)."""
    known = text.upper()
    total = sum(_ODD[one] if index % 2 == 0 else int(one) if one.isdecimal() else ord(one) - 65
                for index, one in enumerate(known[:15]))  # fmt: skip
    return chr(65 + total % 26) == known[15]


def _dated(month: str, day: str) -> bool:
    return 1 <= int(month) <= 12 and 1 <= int(day) <= 31


def swedish_number(text: str) -> bool:
    """Personnummer: Luhn over its last ten digits, and a date; coordination numbers have day + 60 (SKV 704)."""
    number = digits(text)[-10:]
    return _dated(number[2:4], f"{int(number[4:6]) % 60}") and luhn(number)


def finnish_code(text: str) -> bool:
    """Henkilötunnus: a date and the number mod 31 (Digital and Population Data Services Agency)."""
    known = text.upper()
    return (
        _dated(known[2:4], known[:2])
        and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(known[:6] + known[7:10]) % 31] == known[10]
    )


def norwegian_number(text: str) -> bool:
    """Fødselsnummer: two digits mod 11 and a date (Skatteetaten)."""
    number = [int(one) for one in digits(text)]
    if not _dated("".join(map(str, number[2:4])), f"{number[0] % 4}{number[1]}"):
        return False
    first = 11 - sum(a * b for a, b in zip(number, (3, 7, 6, 1, 8, 9, 4, 5, 2), strict=False)) % 11
    second = 11 - sum(a * b for a, b in zip(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=False)) % 11
    return first % 11 == number[9] and second % 11 == number[10]


def polish_pesel(text: str) -> bool:
    """PESEL: weights 1, 3, 7, 9 and a date with the century in the month (Ministerstwo Cyfryzacji)."""
    number = [int(one) for one in text]
    weighted = sum(a * b for a, b in zip(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=False))
    return _dated(f"{int(text[2:4]) % 20}", text[4:6]) and (10 - weighted % 10) % 10 == number[10]


def belgian_number(text: str) -> bool:
    """Rijksregisternummer: 97 minus the first nine digits mod 97, with a 2 before them from the year 2000 on."""
    number = digits(text)
    checks = {97 - int(one + number[:9]) % 97 for one in ("", "2")}
    return int(number[2:4]) <= 12 and int(number[4:6]) <= 31 and int(number[9:]) in checks


def brazilian_cpf(text: str) -> bool:
    """CPF: two digits mod 11 (Receita Federal)."""
    number = [int(one) for one in digits(text)]
    if len(set(number)) == 1:
        return False
    return all(
        sum(a * (size + 1 - i) for i, a in enumerate(number[:size])) * 10 % 11 % 10 == number[size] for size in (9, 10)
    )


def chinese_id(text: str) -> bool:
    """Resident identity number: ISO 7064 MOD 11-2 and a date (GB 11643-1999)."""
    total = sum(int(one) * pow(2, 17 - index, 11) for index, one in enumerate(text[:17]))
    dated = text[6:8] in ("18", "19", "20") and _dated(text[10:12], text[12:14])
    return dated and "10X98765432"[total % 11] == text[17].upper()


_D5 = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678", "5987604321", "6598710432", "7659821043",
       "8765932104", "9876543210")  # fmt: skip
_P8 = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258")


def indian_aadhaar(text: str) -> bool:
    """Aadhaar: Verhoeff's check digit, not beginning with 0 or 1 (UIDAI)."""
    state = 0
    for index, one in enumerate(reversed(digits(text))):
        state = int(_D5[state][int(_P8[index % 8][int(one)])])
    return state == 0


def canadian_sin(text: str) -> bool:
    """Social insurance number: Luhn, not beginning with 0 or 8 (Service Canada)."""
    number = digits(text)
    return number[0] not in "08" and luhn(number)


def _national(country: str, pattern: str, valid: Callable[[str], bool]) -> Form:
    return Form("national_id", f"a personal number of {country}", rf"\b{pattern}\b", valid, not_before=("-", ".", "/"))


_EMAIL = r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}"
_IBAN = r"\b[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]{2,4}){2,7}(?:[ -]?[A-Za-z0-9]{1,3})?\b"
_CARD = r"\b[2-6][0-9]{3}(?:[0-9]{9,15}|(?:[ -][0-9]{4}){2}[ -][0-9]{1,7}|[ -][0-9]{6}[ -][0-9]{4,5})\b"
_NIR = "[12][ ]?[0-9]{2}[ ]?[0-9]{2}[ ]?(?:[0-9]{2}|2[ABab])[ ]?[0-9]{3}[ ]?[0-9]{3}[ ]?[0-9]{2}"
_PHONE = r"\+[1-9](?:[ ().-]{0,2}[0-9]){7,14}"
_AMERICAN = r"(?:\b1[ .-])?(?:\([2-9][0-9]{2}\) ?|\b[2-9][0-9]{2}[.-])[2-9][0-9]{2}[ .-][0-9]{4}\b"
_SSN = r"\b[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}\b"
_IPV4 = r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b"
_IPV6 = r"\b[0-9A-Fa-f]{1,4}:(?:[0-9A-Fa-f]{0,4}:){1,6}[0-9A-Fa-f]{1,4}\b"

FORMS: tuple[Form, ...] = (
    Form("email", "an e-mail address", _EMAIL,
         email, alone=False),
    Form("iban", "a bank account number (IBAN)", _IBAN,
         iban, not_before=("-", "/")),
    Form("card", "a payment card number", _CARD,
         card, not_before=("-", ".", "/")),
    _national("China", "[1-9][0-9]{16}[0-9Xx]", chinese_id),
    _national("France", _NIR, french_nir),
    _national("Italy", "[A-Za-z]{6}[0-9]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]", italian_code),
    _national("Spain", "(?:[0-9]{8}|[XYZxyz][0-9]{7})-?[A-HJ-NP-TV-Za-hj-np-tv-z]", spanish_dni),
    _national("Finland", "[0-9]{6}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", finnish_code),
    _national("Brazil", "[0-9]{3}[.][0-9]{3}[.][0-9]{3}-[0-9]{2}", brazilian_cpf),
    _national("Belgium", "[0-9]{2}[.][0-9]{2}[.][0-9]{2}-[0-9]{3}[.][0-9]{2}", belgian_number),
    _national("Sweden", "(?:19|20)?[0-9]{6}[-+][0-9]{4}", swedish_number),
    _national("India", "[2-9][0-9]{3} [0-9]{4} [0-9]{4}", indian_aadhaar),
    _national("Canada", "[1-79][0-9]{2}[ -][0-9]{3}[ -][0-9]{3}", canadian_sin),
    _national("Germany", "[1-9][0-9](?:[0-9]{9}| [0-9]{3} [0-9]{3} [0-9]{3})", german_tax_id),
    _national("Poland", "[0-9]{2}[0-3][0-9][0-3][0-9]{6}", polish_pesel),
    _national("Norway", "[0-7][0-9][01][0-9]{3} ?[0-9]{5}", norwegian_number),
    Form("us_ssn", "a US social security number", _SSN, us_ssn, not_before=("-", "/")),
    Form("phone", "a telephone number", _PHONE, phone, not_before=("-",)),
    Form("phone", "a telephone number", _AMERICAN,
         american_phone, not_before=("-", ".", "/", "+")),
    Form("ip", "an IP address", _IPV4, public_ip, not_before=(".", "-", "/", "v")),
    Form("ip", "an IP address", _IPV6, public_ip, not_before=(":",)),
)  # fmt: skip
"""Every form; of two that fit the same text the first is told."""
