"""Addresses and consent inside a call: traits.email and .phone, the device token, and Segment Engage's subscriptions.

Promise: consent is read for the address that the entry names in `key`, with who says so (`by`, else who sends the call).
"""

from typing import Any

from activities.channels.kinds import KINDS, of_address
from store.addresses import AddressKind, browser_subscription, email_address, phone_number
from store.customers.consent import By
from store.customers.endpoints import Address
from store.ingest.items import Choice

_ADDRESS_LIMIT = 2000  # bytes of a token; it is an index key, and Postgres takes 2,704
_TEXT_LIMIT = 100  # characters of a version, such as `newsletter-2026-03`
_TYPES = {type_: (kind, platform) for kind in KINDS.values() for type_, platform in kind.subscriptions.items()}
_STATES = {"SUBSCRIBED": "granted", "UNSUBSCRIBED": "withdrawn", "DID_NOT_SUBSCRIBE": "refused", "PENDING": "pending"}


class Unusable(ValueError):
    """A part of a call's context that cannot be understood; it is never guessed at, so the whole item is refused."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


def addresses_of(traits: dict[str, Any], context: dict[str, Any], region: str) -> tuple[Address, ...]:
    """Where this call says that the customer can be reached; a trait that is no address stays a mere trait."""
    found: list[Address] = []
    if email := email_address(traits.get("email")):
        found += [Address(kind.name, email) for kind in of_address(AddressKind.EMAIL)]
    if phone := phone_number(traits.get("phone"), region):
        found += [Address(kind.name, phone) for kind in of_address(AddressKind.PHONE)]
    device = context.get("device")
    if isinstance(device, dict) and (token := _text(given := device.get("token"))):
        platform = _platform(device.get("type"))
        found += [Address(kind.name, token, platform) for kind in of_address(AddressKind.TOKEN)]
    elif isinstance(device, dict) and isinstance(given, str) and given.strip():
        raise Unusable("/context/device/token", f"is longer than {_ADDRESS_LIMIT} bytes, and no provider's token is")
    return tuple(found)


def choices_of(context: dict[str, Any], region: str, by: By) -> list[tuple[Address | None, Choice]]:
    """What `context.messaging_subscriptions` says, each as an address and the choice for it; `by` is who sends the call.

    On a channel without addresses a choice is about the customer as a whole, and only they themselves can make it.

    Raises:
        Unusable: an entry is not as Segment's spec describes.
    """
    entries = context.get("messaging_subscriptions")
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise Unusable("/context/messaging_subscriptions", "must be a list")
    return [_choice(entry, f"/context/messaging_subscriptions/{i}", region, by) for i, entry in enumerate(entries)]


def _choice(entry: Any, pointer: str, region: str, by: By) -> tuple[Address | None, Choice]:
    if not isinstance(entry, dict):
        raise Unusable(pointer, "must be an object with key, type and status")
    type_ = str(entry.get("type")).upper()
    state = _STATES.get(str(entry.get("status")).upper())
    if type_ not in _TYPES:
        raise Unusable(f"{pointer}/type", f"must be one of {', '.join(_TYPES)}")
    if state is None:
        raise Unusable(f"{pointer}/status", f"must be one of {', '.join(_STATES)}")
    kind, platform = _TYPES[type_]
    channel = kind.name
    said_by = _by(entry["by"], f"{pointer}/by") if "by" in entry else by
    text = _text_version(entry["text"], f"{pointer}/text") if "text" in entry else None
    if kind.address is AddressKind.NONE:
        return None, _of_the_whole(channel, state, said_by, pointer)._replace(text_version=text)
    address = _address(kind.address, entry.get("key"), region)
    if address is None:
        raise Unusable(f"{pointer}/key", f"is not an address for {channel}")
    return Address(channel, address, platform, state == "granted"), Choice(channel, address, state, said_by, text)


def _text_version(value: Any, pointer: str) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _TEXT_LIMIT or "\0" in value:
        raise Unusable(pointer, f"must name the text that the customer saw, in 1 to {_TEXT_LIMIT} characters")
    return value.strip()


def _of_the_whole(channel: str, state: str, said_by: By, pointer: str) -> Choice:
    if said_by is not By.CUSTOMER:
        raise Unusable(
            f"{pointer}/by", f"must be {By.CUSTOMER}: {channel} has no addresses, so this is about the customer as a whole"
        )
    return Choice(channel, None, state, said_by)


def _by(value: Any, pointer: str) -> By:
    try:
        return By(value)
    except ValueError:
        raise Unusable(pointer, f"must be one of {', '.join(By)}: who says so") from None


def _address(kind: AddressKind, key: Any, region: str) -> str | None:
    if kind is AddressKind.EMAIL:
        return email_address(key)
    if kind is AddressKind.BROWSER:
        return browser_subscription(key)
    return phone_number(key, region) if kind is AddressKind.PHONE else _text(key)


def _platform(value: Any) -> str | None:
    lowered = value.lower() if isinstance(value, str) else None
    return lowered if lowered in {"ios", "android"} else None


def _text(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    stripped = value.strip()
    return stripped if 0 < len(stripped.encode()) <= _ADDRESS_LIMIT else None
