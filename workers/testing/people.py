"""Customers who do not exist: their addresses, and the consents that their apps would send."""

from collections.abc import Sequence
from typing import Any

from activities.channels.kinds import KINDS, Kind
from journeys.contracts import Channel
from store.addresses import AddressKind
from workers.sandbox.push.browsers import MadeUpBrowser

CHANNELS = tuple(channel.value for channel in Channel)


def contact(name: str) -> dict[str, Any]:
    """Traits with an e-mail address and a phone number of one's own."""
    return {"firstName": name.capitalize(), "email": address_of(name, "email"), "phone": phone_of(name)}


def address_of(name: str, channel: str) -> str:
    """Where they are reached on a channel."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
    match KINDS[channel].address:
        case AddressKind.EMAIL:
            return f"{plain}@example.com"
        case AddressKind.TOKEN:
            return f"token-{plain}"
        case AddressKind.BROWSER:
            return f"browser-{plain}"
    return phone_of(name)


def consent(
    name: str, channels: Sequence[str], status: str = "SUBSCRIBED", *, service: str = "https://push.example", **more: str
) -> dict[str, Any]:
    """A push token for `push`, and a subscription for each channel, as Segment's context says it; `by=` says who says so.

    `service` is where browsers' push messages go.
    """
    said = []
    for each in channels:
        kind = KINDS[each]
        *_, type_ = kind.subscriptions  # of two phones the later one, Android's
        key = {"key": _key(name, kind, service), **more} if kind.address is not AddressKind.NONE else {"by": "customer"}
        said.append({"type": type_, "status": status, **key})
    device = {"device": {"token": address_of(name, "push"), "type": "android"}} if "push" in channels else {}
    return {"messaging_subscriptions": said} | device


def _key(name: str, kind: Kind, service: str) -> Any:
    """Where a channel reaches them, as a subscription names it: a browser with its keys."""
    address = address_of(name, kind.name)
    return MadeUpBrowser(address).subscription(service) if kind.address is AddressKind.BROWSER else address


def phone_of(name: str) -> str:
    """A Spanish mobile number of their own."""
    return f"+346{sum(ord(c) * 131**n for n, c in enumerate(name)) % 10**8:08d}"
