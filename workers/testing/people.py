"""Customers who do not exist: their addresses, and the consents that their apps would send."""

from collections.abc import Sequence
from typing import Any

from journeys.contracts import Channel
from journeys.simulate.customers import WITHOUT_ADDRESS
from workers.sandbox.push.browsers import MadeUpBrowser

CHANNELS = tuple(channel.value for channel in Channel)
#: Segment's type of a subscription to each channel; of two phones the later one, Android's. The channels' rows have it too, but
#: loading them takes longer than most tests on the simulator (`tests/kit/test_agrees.py` compares).
SUBSCRIPTIONS = {
    "push": "ANDROID_PUSH",
    "whatsapp": "WHATSAPP",
    "sms": "SMS",
    "email": "EMAIL",
    "web_push": "WEB_PUSH",
    "in_app": "IN_APP",
    "wallet": "WALLET",
}


def contact(name: str) -> dict[str, Any]:
    """Traits with an e-mail address and a phone number of one's own."""
    return {"firstName": name.capitalize(), "email": address_of(name, "email"), "phone": phone_of(name)}


def address_of(name: str, channel: str) -> str:
    """Where they are reached on a channel."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)
    known = {"push": f"token-{plain}", "email": f"{plain}@example.com", "web_push": f"browser-{plain}"}
    return known.get(channel) or phone_of(name)


def consent(
    name: str, channels: Sequence[str], status: str = "SUBSCRIBED", *, service: str = "https://push.example", **more: str
) -> dict[str, Any]:
    """A push token for `push`, and a subscription for each channel, as Segment's context says it; `by=` says who says so.

    `service` is where browsers' push messages go.
    """
    browser = MadeUpBrowser(address_of(name, "web_push")).subscription(service)
    keys = {each: browser if each == "web_push" else address_of(name, each) for each in channels if each not in WITHOUT_ADDRESS}
    said = [{"key": keys[each], "type": SUBSCRIPTIONS[each], "status": status, **more} for each in channels if each in keys]
    said += [{"type": SUBSCRIPTIONS[each], "status": status, "by": "customer"} for each in channels if each not in keys]
    device = {"device": {"token": address_of(name, "push"), "type": "android"}} if "push" in channels else {}
    return {"messaging_subscriptions": said} | device


def phone_of(name: str) -> str:
    """A Spanish mobile number of their own."""
    return f"+346{sum(ord(c) * 131**n for n, c in enumerate(name)) % 10**8:08d}"
