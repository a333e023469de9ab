"""Customers who do not exist: their addresses, and the consents that their apps would send."""

from collections.abc import Sequence
from typing import Any

from journeys.contracts import Channel

CHANNELS = tuple(channel.value for channel in Channel)


def contact(name: str) -> dict[str, Any]:
    """Traits with an e-mail address and a phone number of one's own."""
    return {"firstName": name.capitalize(), "email": address_of(name, "email"), "phone": phone_of(name)}


def address_of(name: str, channel: str) -> str:
    """Where they are reached on a channel."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
    return {"push": f"token-{plain}", "email": f"{plain}@example.com"}.get(channel) or phone_of(name)


def consent(name: str, channels: Sequence[str], status: str = "SUBSCRIBED", **more: str) -> dict[str, Any]:
    """A push token for `push`, and a subscription for each channel, as Segment's context says it; `by=` says who says so."""
    kinds = {"push": "ANDROID_PUSH", "whatsapp": "WHATSAPP", "sms": "SMS", "email": "EMAIL"}
    said = [{"key": address_of(name, each), "type": kinds[each], "status": status, **more} for each in channels]
    device = {"device": {"token": address_of(name, "push"), "type": "android"}} if "push" in channels else {}
    return {"messaging_subscriptions": said} | device


def phone_of(name: str) -> str:
    """A Spanish mobile number of their own."""
    return f"+346{sum(ord(c) * 131**n for n, c in enumerate(name)) % 10**8:08d}"
