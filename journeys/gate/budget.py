"""What a journey may spend, in messages or in money: how much, over which time, and what a message costs.

Promise: pure, and in whole millionths of the currency, so that sums are exact. A day, week or month is that of the journey's
zone; which one a message belongs to is decided by the instant at which it is claimed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from journeys.errors import CatalogueError
from segments.time.calendar import period_end, period_start

MILLIONTHS = 1_000_000
_COUNTRY, _CURRENCY = 2, 3  # letters: ISO 3166 and ISO 4217
#: When the budget of a journey's whole life began.
EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Budget:
    """What a journey may spend in each day, week or month, or in all: `messages`, or `money` at the catalogue's `Prices`.

    When it is spent, a message is skipped, so that `or` and `reach` go on to the next channel; with `when_spent="wait"` it
    waits for the next period, where that begins before its deadline.
    """

    messages: int | None = None
    money: Decimal | float | str | None = None
    per: Literal["day", "week", "month"] | None = None
    when_spent: Literal["skip", "wait"] = "skip"

    @property
    def limit(self) -> int:
        """How much it is: messages, or millionths."""
        return self.messages if self.messages is not None else millionths(self.money)

    @property
    def unit(self) -> int:
        """What one of it is: a message, or so many millionths."""
        return 1 if self.messages is not None else MILLIONTHS

    def of(self, messages: int, money: int) -> int:
        """Which of the two counts."""
        return messages if self.messages is not None else money

    def period(self, at: datetime, zone: str) -> tuple[datetime, datetime | None]:
        """The period in which an instant lies: when it began, and when it ends, if ever."""
        if self.per is None:
            return EVER, None
        start = period_start(self.per, at, zone)
        return start, period_end(self.per, start, zone)

    def __str__(self) -> str:
        much = f"{self.messages:,} messages" if self.messages is not None else f"{self.money}"
        return f"{much} a {self.per}" if self.per else f"{much} in all"


Price = Decimal | float | str


class Prices(Mapping[str, int]):
    """What a message costs on each channel, kept at the top of a module of the catalogue, in one currency.

    `prices = Prices("EUR", push=0, whatsapp="0.0659", email="0.0004", sms={"*": "0.0739", "ES": "0.0609"})`; of a text message
    each part. By name, in millionths: `sms`, for a budget and for all other countries, and `sms/ES`.
    """

    def __init__(self, currency: str | None = None, /, **by_channel: Price | Mapping[str, Price]) -> None:
        self.currency = _currency(currency)
        self._by_channel = {name: price for each in by_channel.items() for name, price in _priced(*each)}

    def __getitem__(self, channel: str) -> int:
        return self._by_channel[channel]

    def __iter__(self) -> Any:
        return iter(self._by_channel)

    def __len__(self) -> int:
        return len(self._by_channel)


def cost_of(prices: Mapping[str, int], channel: str, country: str | None = None, parts: int = 1) -> int | None:
    """What a message to a country costs, in millionths; none, where no price is told."""
    price = prices.get(f"{channel}/{country}", prices.get(channel))
    return None if price is None else price * parts


def _priced(channel: str, price: Price | Mapping[str, Price]) -> Iterator[tuple[str, int]]:
    if not isinstance(price, Mapping):
        yield channel, millionths(price)
        return
    for country, each in {"*": max(price.values(), key=millionths, default=0), **price}.items():
        if country != "*" and not (len(country) == _COUNTRY and country.isascii() and country.isupper()):
            raise CatalogueError(
                f"{country!r} is no country", remedy='write {"*": "0.07", "ES": "0.06"}: two capitals, * for all others'
            )
        yield (channel if country == "*" else f"{channel}/{country}"), millionths(each)


def _currency(said: str | None) -> str | None:
    if said is not None and not (len(said) == _CURRENCY and said.isascii() and said.isupper()):
        raise CatalogueError(f"{said!r} is no currency", remedy='write three capital letters (ISO 4217): Prices("EUR", …)')
    return said


def millionths(said: object) -> int:
    """A sum of money, exactly.

    Raises:
        CatalogueError: it is none.
    """
    try:
        exact = Decimal(str(said)) * MILLIONTHS
    except InvalidOperation:
        exact = Decimal("NaN")
    if isinstance(said, bool) or not exact.is_finite() or exact < 0 or exact != exact.to_integral_value():
        raise CatalogueError(f"{said!r} is no sum of money", remedy="write a number with at most six decimals, such as 0.0659")
    return int(exact)
