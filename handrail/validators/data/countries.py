"""Countries: the codes of ISO 3166-1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from handrail.errors import ConfigError
from handrail.validators.data.identifiers import Identifier
from handrail.validators.data.values import known_words, pairs

_CODES = """
AD AND AE ARE AF AFG AG ATG AI AIA AL ALB AM ARM AO AGO AQ ATA AR ARG AS ASM AT AUT AU AUS AW ABW AX ALA AZ AZE
BA BIH BB BRB BD BGD BE BEL BF BFA BG BGR BH BHR BI BDI BJ BEN BL BLM BM BMU BN BRN BO BOL BQ BES BR BRA BS BHS
BT BTN BV BVT BW BWA BY BLR BZ BLZ CA CAN CC CCK CD COD CF CAF CG COG CH CHE CI CIV CK COK CL CHL CM CMR CN CHN
CO COL CR CRI CU CUB CV CPV CW CUW CX CXR CY CYP CZ CZE DE DEU DJ DJI DK DNK DM DMA DO DOM DZ DZA EC ECU EE EST
EG EGY EH ESH ER ERI ES ESP ET ETH FI FIN FJ FJI FK FLK FM FSM FO FRO FR FRA GA GAB GB GBR GD GRD GE GEO GF GUF
GG GGY GH GHA GI GIB GL GRL GM GMB GN GIN GP GLP GQ GNQ GR GRC GS SGS GT GTM GU GUM GW GNB GY GUY HK HKG HM HMD
HN HND HR HRV HT HTI HU HUN ID IDN IE IRL IL ISR IM IMN IN IND IO IOT IQ IRQ IR IRN IS ISL IT ITA JE JEY JM JAM
JO JOR JP JPN KE KEN KG KGZ KH KHM KI KIR KM COM KN KNA KP PRK KR KOR KW KWT KY CYM KZ KAZ LA LAO LB LBN LC LCA
LI LIE LK LKA LR LBR LS LSO LT LTU LU LUX LV LVA LY LBY MA MAR MC MCO MD MDA ME MNE MF MAF MG MDG MH MHL MK MKD
ML MLI MM MMR MN MNG MO MAC MP MNP MQ MTQ MR MRT MS MSR MT MLT MU MUS MV MDV MW MWI MX MEX MY MYS MZ MOZ NA NAM
NC NCL NE NER NF NFK NG NGA NI NIC NL NLD NO NOR NP NPL NR NRU NU NIU NZ NZL OM OMN PA PAN PE PER PF PYF PG PNG
PH PHL PK PAK PL POL PM SPM PN PCN PR PRI PS PSE PT PRT PW PLW PY PRY QA QAT RE REU RO ROU RS SRB RU RUS RW RWA
SA SAU SB SLB SC SYC SD SDN SE SWE SG SGP SH SHN SI SVN SJ SJM SK SVK SL SLE SM SMR SN SEN SO SOM SR SUR SS SSD
ST STP SV SLV SX SXM SY SYR SZ SWZ TC TCA TD TCD TF ATF TG TGO TH THA TJ TJK TK TKL TL TLS TM TKM TN TUN TO TON
TR TUR TT TTO TV TUV TW TWN TZ TZA UA UKR UG UGA UM UMI US USA UY URY UZ UZB VA VAT VC VCT VE VEN VG VGB VI VIR
VN VNM VU VUT WF WLF WS WSM YE YEM YT MYT ZA ZAF ZM ZMB ZW ZWE
"""

COUNTRIES: Mapping[str, str] = pairs(_CODES)
"""ISO 3166-1 alpha-2 -> alpha-3, the 249 entries that are officially assigned."""
_ALPHA_3 = frozenset(COUNTRIES.values())


@dataclass(frozen=True)
class Country(Identifier):
    """A country's code.

    Findings: ``country.type``, ``country.characters``, ``country.length``, ``country.unknown`` (nobody has the code),
    ``country.refused`` (not one of those allowed), ``country.form`` (small letters or blanks, with a fix).
    """

    source: ClassVar[str] = "ISO 3166-1"
    name: ClassVar[str] = "country"
    called: ClassVar[str] = "a country code"
    letters: Literal[2, 3] = 2
    """Whether the code is alpha-2 (DE) or alpha-3 (DEU)."""
    allowed: tuple[str, ...] = ()
    """Codes allowed; empty for all."""

    def __post_init__(self) -> None:
        """Raise ConfigError for an option that is not known."""
        if self.letters not in (2, 3):
            raise ConfigError(f"country: letters is {self.letters!r:.20}.", hint="It is 2 or 3.")
        known_words("country: allowed", self.allowed, self._known())

    def problem(self, text: str) -> tuple[str, str] | None:
        """What is wrong with the code."""
        if len(text) != self.letters:
            return "length", f"{self.letters} letters are expected, such as {'DE' if self.letters == 2 else 'DEU'}."
        if text not in self._known():
            return "unknown", f"No country has the code {text}."
        if self.allowed and text not in self.allowed:
            return "refused", f"{text} is not one of the countries that are allowed: {', '.join(self.allowed)[:200]}."
        return None

    def _known(self) -> frozenset[str]:
        return frozenset(COUNTRIES) if self.letters == 2 else _ALPHA_3
