"""Where a customer's clock stands: how a time zone is read, and what else tells it where none is said.

Promise: pure, and one reading for ingest, the gate, dates in messages and the profile. What is understood is an IANA name; what
is said and not understood is never taken for some other zone: without better evidence it may be any.
Sources: IANA time zone database (names, which zone of a country comes first); Unicode CLDR (Windows' names, zones of
countries); libphonenumber (zones of prefixes).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from segments.time.calendar import ZONE_TRAIT, known_zones

#: Every offset that somebody lives at, to the hour: who may be anywhere.
ANYWHERE: Final = tuple(f"Etc/GMT{-hours:+d}" if hours else "Etc/UTC" for hours in range(-11, 15))

_OFFSET = re.compile(r"(?:utc|gmt)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
#: Zones without summer time at the offsets (in minutes) that are no whole hours.
_BETWEEN: Final = {
    -570: "Pacific/Marquesas",
    210: "Asia/Tehran",
    270: "Asia/Kabul",
    330: "Asia/Kolkata",
    345: "Asia/Kathmandu",
    390: "Asia/Yangon",
    525: "Australia/Eucla",
    570: "Australia/Darwin",
}
#: Of countries with several zones, where most people live: that of the capital, or of the most populous part beside it, first.
_WORDS_OF_POPULOUS = """
Africa/Kinshasa America/Argentina/Buenos_Aires America/Guayaquil America/Mexico_City America/Monterrey America/Tijuana
America/New_York America/Chicago America/Los_Angeles America/Denver America/Phoenix America/Toronto America/Vancouver
America/Edmonton America/Winnipeg America/Halifax America/Nuuk America/Santiago America/Sao_Paulo America/Fortaleza
America/Bahia America/Recife Antarctica/McMurdo Asia/Almaty Asia/Gaza Asia/Jakarta Asia/Makassar Asia/Kuala_Lumpur
Asia/Nicosia Asia/Shanghai Asia/Tashkent Asia/Ulaanbaatar Australia/Sydney Australia/Melbourne Australia/Brisbane
Australia/Perth Australia/Adelaide Europe/Berlin Europe/Kyiv Europe/Lisbon Europe/Madrid Europe/Moscow
Asia/Yekaterinburg Asia/Novosibirsk Pacific/Auckland Pacific/Chuuk Pacific/Majuro Pacific/Port_Moresby Pacific/Tahiti
Pacific/Tarawa
"""
_POPULOUS: Final = {zone: rank for rank, zone in enumerate(_WORDS_OF_POPULOUS.split())}
_SPELLINGS: Final = ("en", "es", "fr", "de", "it", "pt")  # of countries' names
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """The zones that a customer may be in, and what told them: timezone, device, phone, country, journey, or nothing.

    The first is where most of those live of whom no more is known.
    """

    zones: tuple[str, ...]
    told_by: str
    not_understood: str | None = None

    def __str__(self) -> str:
        return self.zones[0] if len(self.zones) == 1 else f"{len(self.zones)} zones"

    def likely(self, otherwise: str) -> str:
        """One of the zones to show a date in: the other one where it is among them, or nothing is known; else the first."""
        return otherwise if otherwise in self.zones or self.told_by == "nothing" else self.zones[0]


def whereabouts(traits: Mapping[str, Any], device: str | None, phone: str | None, otherwise: str) -> Whereabouts:
    """Where a customer is: their own word, else their last device's, else their phone's prefix or country, else `otherwise`."""
    strange = None
    for told_by, said in (("timezone", traits.get(ZONE_TRAIT)), ("device", device)):
        zone = read_zone(said)
        if zone is not None:
            return Whereabouts((zone,), told_by, strange)
        strange = strange or _worth_telling(said)
    for told_by, zones in (("phone", zones_of_number(phone)), ("country", zones_of_country(_country(traits)))):
        if zones:
            return Whereabouts(zones, told_by, strange)
    return Whereabouts((otherwise,), "journey") if strange is None else Whereabouts(ANYWHERE, "nothing", strange)


def _worth_telling(said: object) -> str | None:
    text = "" if said is None else str(said).strip()
    return text[:_LONGEST] or None


def read_zone(said: object) -> str | None:
    """The IANA name of a zone in `Europe/Madrid`, `asia/tokyo`, `+09:00`, `Romance Standard Time`, …, or None."""
    if not isinstance(said, str):
        return None
    text = " ".join(said.split())
    if text in known_zones():
        return text
    return _by_spelling().get(text.casefold().replace(" ", "_")) or _at_offset(text) or _windows().get(text.casefold())


def _at_offset(text: str) -> str | None:
    if text in ("Z", "z"):
        return "UTC"
    found = _OFFSET.fullmatch(text)
    if found is None:
        return None
    minutes = (int(found[2]) * 60 + int(found[3] or 0)) * (1 if found[1] == "+" else -1)
    hours, rest = divmod(minutes, 60)
    if rest or not -12 <= hours <= 14:  # noqa: PLR2004 - the offsets that are in use
        return _BETWEEN.get(minutes)
    return f"Etc/GMT{-hours:+d}" if hours else "UTC"  # POSIX counts the other way


def zones_of_number(phone: str | None) -> tuple[str, ...]:
    """The zones of a number in E.164, by its prefix; those of its country first, by how many live there."""
    if not phone:
        return ()
    import phonenumbers  # noqa: PLC0415 - 0.1 s, which who only writes segments does not need
    from phonenumbers import timezone  # noqa: PLC0415

    try:
        zones = timezone.time_zones_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return ()
    own = _zones_by_country().get(country_of_number(phone) or "", ())
    return tuple(sorted(_known(zones), key=lambda zone: own.index(zone) if zone in own else len(own)))


@lru_cache(4_096)
def country_of_number(phone: str) -> str | None:
    """The ISO 3166 country of a number in E.164, by its prefix; of a prefix that several share, the main one."""
    import phonenumbers  # noqa: PLC0415 - as above

    try:
        parsed = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return None
    found = phonenumbers.region_code_for_number(parsed) or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return None if found in (None, "ZZ", "001") else str(found)


def zones_of_country(country: object) -> tuple[str, ...]:
    """The zones of a country, named by its ISO 3166 code (two or three letters) or by its name, the most populous first."""
    if not isinstance(country, str):
        return ()
    return _zones_by_country().get(_countries().get(country.strip().casefold(), ""), ())


def _country(traits: Mapping[str, Any]) -> object:
    address = traits.get("address")
    return (address.get("country") if isinstance(address, Mapping) else None) or traits.get("country")


def _known(zones: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted((zone for zone in zones if zone in known_zones()), key=_by_people))


def _by_people(zone: str) -> tuple[int, str]:
    return _POPULOUS.get(zone, len(_POPULOUS)), zone


@lru_cache(1)
def _by_spelling() -> dict[str, str]:
    return {zone.casefold(): zone for zone in known_zones()}


@lru_cache(1)
def _windows() -> dict[str, str]:
    return {name.casefold(): zone for name, zone in _cldr("windows_zone_mapping").items() if zone in known_zones()}


@lru_cache(1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for zone, country in _cldr("zone_territories").items():
        found.setdefault(country, []).append(zone)
    return {country: _known(zones) for country, zones in found.items()}


@lru_cache(1)
def _countries() -> dict[str, str]:
    """Two-letter codes by every spelling of a country."""
    from babel import Locale  # noqa: PLC0415 - as phonenumbers

    names = {name.casefold(): code for language in _SPELLINGS for code, name in Locale(language).territories.items()}
    aliases = {alias.casefold(): codes[0] for alias, codes in _cldr("territory_aliases").items() if len(codes) == 1}
    return names | aliases | {code.casefold(): code for code in _zones_by_country()}


def _cldr(table: Any) -> Mapping[str, Any]:
    from babel.core import get_global  # noqa: PLC0415 - as phonenumbers

    return get_global(table)
