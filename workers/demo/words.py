"""How the demo says times, money and names; one place, so that every table speaks the same."""

from datetime import datetime, timedelta
from decimal import Decimal

from journeys.spans import describe

CHANNELS = {
    "push": "push",
    "whatsapp": "WhatsApp",
    "email": "email",
    "sms": "SMS",
    "web_push": "web push",
    "in_app": "in the app",
    "wallet": "wallet",
}
#: On which the cart's journey writes.
OF_THE_CART = ("push", "whatsapp", "email")
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}


def moment(at: datetime) -> str:
    """A business time: `Mon 02 Mar 18:04`."""
    return f"{at:%a %d %b %H:%M}"


def money(amount: Decimal | float, currency: str) -> str:
    """An amount: `1,234.50 €`."""
    return f"{Decimal(str(amount)):,.2f} {_SYMBOLS.get(currency, currency)}".rstrip()


def whole(length: timedelta) -> timedelta:
    """How long after entry a step is meant to fall due, from when it did at the earliest: to the hour, from an hour on."""
    hour = timedelta(hours=1)
    return round(length / hour) * hour if length >= hour else length


def span(length: timedelta) -> str:
    """How long after entry: `1 h`, `3 d`."""
    return describe(whole(length))


def counted(count: int, noun: str) -> str:
    """`1 order`, `2 orders`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
