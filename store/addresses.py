"""One normal form for addresses, the same for ingest, lists, look-up and suppression.

Promise: two spellings of one mailbox or telephone are one address, and what may reach different people stays apart.
E-mail: NFC (never NFKC, which would make one person's letters another's), lower case, the domain as A-label (RFC 5891).
Numbers: E.164. Anything else as it is, without white space around it.
"""

import unicodedata
from enum import StrEnum
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email


class AddressKind(StrEnum):
    """What reaches somebody."""

    TOKEN = "push token"  # noqa: S105 - of a device, and no secret
    EMAIL = "e-mail address"
    PHONE = "phone number"
    NONE = "none"  # the customer themselves: wherever they are when they look


def email_address(value: Any) -> str | None:
    """The normal form of an address that could be delivered to, or None."""
    if not isinstance(value, str):
        return None
    try:
        checked = validate_email(value.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return f"{_lower(checked.local_part)}@{checked.ascii_domain}"


def phone_number(value: Any, region: str) -> str | None:
    """A possible number in E.164, read with this ISO 3166 region when it has no country code, or None."""
    if type(value) not in (str, int):
        return None
    try:
        number = phonenumbers.parse(str(value), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normalised(kind: AddressKind, address: str) -> str:
    """The normal form of an address that somebody names to us: a mailbox's report, a webhook, an operator."""
    if kind is AddressKind.EMAIL:
        return email_address(address) or _lower(address.strip())
    if kind is AddressKind.PHONE:  # with its country code, the + often left out
        return "+" + "".join(str(unicodedata.decimal(character)) for character in address if character.isdecimal())
    return address.strip()


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
