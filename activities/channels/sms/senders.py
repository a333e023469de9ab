"""Who a text message comes from, by the country that it goes to: countries differ in which senders they let through.

Promise: a message goes out under the sender that is set for its country, else under the one for all others (`*`); where there
is neither, it is refused, and the setting named.
"""

import re
from collections.abc import Mapping

from activities.channels.errors import Refused
from segments.time.zones import country_of_number

ALL = "*"
#: A number in E.164, a short code, up to 11 letters and digits, or the id of a pool (Twilio's MG…, AWS's pool-…, an ARN).
_SENDER = re.compile(
    r"\+[1-9]\d{6,14}|\d{3,8}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}|MG[0-9a-fA-F]{32}|pool-[0-9a-f]{32}|arn:[\w:/.-]{1,200}"
)
_COUNTRY = re.compile(r"[A-Z]{2}|\*")


def read_senders(text: str) -> dict[str, str]:
    """Senders by country, as the setting has them: `*=+34600000001, US=+15550001234, FR=Shop`, or one for all.

    Raises:
        ValueError: it cannot be read; says what is wrong.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    found = dict(_pair(part) for part in parts)
    if len(found) < len(parts):
        raise ValueError("a country is named twice")
    return found


def sender_for(senders: Mapping[str, str], number: str) -> str:
    """The sender of a message to a number in E.164.

    Raises:
        Refused: none is set for its country.
    """
    sender = sender_of(senders, number)
    if sender is None:
        raise Refused(f"no sender for {country_of_number(number) or 'this country'}: JOURNEYS_SMS_SENDERS")
    return sender


def sender_of(senders: Mapping[str, str], number: str) -> str | None:
    """The same, if any."""
    return senders.get(country_of_number(number) or ALL) or senders.get(ALL)


def _pair(part: str) -> tuple[str, str]:
    country, equals, sender = (piece.strip() for piece in part.rpartition("="))
    country = country if equals else ALL
    if not _COUNTRY.fullmatch(country):
        raise ValueError(f"{country} is no country: two capital letters (ISO 3166), or * for all others")
    if not _SENDER.fullmatch(sender):
        raise ValueError(f"the sender for {country} is neither a number with its +, a short code, a name nor the id of a pool")
    return country, sender
