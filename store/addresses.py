"""One normal form for addresses, the same for ingest, lists, look-up and suppression.

Promise: two spellings of one mailbox or telephone are one address, and what may reach different people stays apart.
E-mail: NFC (never NFKC, which would make one person's letters another's), lower case, the domain as A-label (RFC 5891).
Numbers: E.164. Anything else as it is, without white space around it.
"""

import json
import re
import unicodedata
from base64 import urlsafe_b64decode
from contextlib import suppress
from enum import StrEnum
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_POINT, _AUTH = 65, 16  # bytes of a browser's key (an uncompressed point), and of its secret (RFC 8291, 3)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,100}={0,2}")
_ENDPOINT = re.compile(r"(https://[A-Za-z0-9.-]+(:\d{1,5})?|http://(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?)/[!-~]{0,1500}")
_LONGEST = 4000
_PLAIN = re.compile(r"((?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)@([A-Za-z0-9.-]{1,180})")


class AddressKind(StrEnum):
    """What reaches somebody."""

    TOKEN = "push token"  # noqa: S105 - of a device, and no secret
    EMAIL = "e-mail address"
    PHONE = "phone number"
    BROWSER = "browser subscription"
    NONE = "none"  # the customer themselves: wherever they are when they look


def email_address(value: Any) -> str | None:
    """The normal form of an address that could be delivered to, or None."""
    if not isinstance(value, str):
        return None
    plain = _PLAIN.fullmatch(typed := value.strip())
    if plain is None:
        return _checked(typed)
    found = _at(plain[2])  # plain letters before the @ are always good, and a domain is many people's
    return found and f"{plain[1].lower()}@{found[2:]}"


def _checked(typed: str) -> str | None:
    try:
        checked = validate_email(typed, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return f"{_lower(checked.local_part)}@{checked.ascii_domain}"


@lru_cache(10_000)
def _at(domain: str) -> str | None:
    return _checked(f"a@{domain}")


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


def browser_subscription(value: Any) -> str | None:
    """A browser's subscription to push messages in one spelling, as JSON; or None where it is none.

    Given as the browser gives it (`subscription.toJSON()`, as an object or as text), or in our spelling. The address must be
    `https:`; plain `http:` on this machine itself passes for tests, and what is inside is left to the guard when it is sent to.
    """
    told = _object(value)
    keys = told.get("keys", told)
    if not isinstance(keys, dict):
        return None
    endpoint, p256dh, auth = told.get("endpoint"), _key(keys.get("p256dh"), _POINT), _key(keys.get("auth"), _AUTH)
    if not isinstance(endpoint, str) or not _ENDPOINT.fullmatch(endpoint) or p256dh is None or auth is None:
        return None
    return json.dumps({"endpoint": endpoint, "p256dh": p256dh, "auth": auth}, separators=(",", ":"))


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, str) and len(value) <= _LONGEST:
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    return value if isinstance(value, dict) else {}


def _key(value: Any, length: int) -> str | None:
    """Base64url without padding, of so many bytes."""
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
        return None
    plain = value.rstrip("=")
    raw = urlsafe_b64decode(plain + "=" * (-len(plain) % 4)) if len(plain) % 4 != 1 else b""
    return plain if len(raw) == length else None


def read_as(kind: AddressKind, value: str, region: str) -> str | None:
    """The normal form of an address of this kind that could be written to, or None; numbers are read as `phone_number` does."""
    if kind is AddressKind.EMAIL:
        return email_address(value)
    if kind is AddressKind.PHONE:
        return phone_number(value, region)
    if kind is AddressKind.BROWSER:
        return browser_subscription(value)
    token = value.strip()
    return token if token.isprintable() else None


def normalised(kind: AddressKind, address: str) -> str:
    """The normal form of an address that somebody names to us: a mailbox's report, a webhook, an operator."""
    if kind is AddressKind.EMAIL:
        return email_address(address) or _lower(address.strip())
    if kind is AddressKind.PHONE:  # with its country code, the + often left out
        return "+" + "".join(str(unicodedata.decimal(character)) for character in address if character.isdecimal())
    return (browser_subscription(address) if kind is AddressKind.BROWSER else None) or address.strip()


def _lower(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
