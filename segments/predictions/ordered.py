"""What a customer's orders come to, as reports count them: one by its id, its last version's money, less what went back.

Promise: pure and point in time, as all features. A cancelled order was never made; a refund takes no more than there was, and
nothing of an order in another currency. Orders at one instant are one purchase.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import groupby
from typing import Any, Self

from segments.errors import DefinitionError
from segments.facts import Event, Facts
from segments.language.predicate import Read
from segments.language.reading import only
from segments.language.values import check_name
from segments.leaves.events import Events, events_from_json

REFUNDED, CANCELLED = "Order Refunded", "Order Cancelled"
#: What can be asked of orders.
WHICH = ("purchases", "first", "last", "spent")
_WORDS = {
    "purchases": "the number of purchases",
    "first": "days since the first purchase",
    "last": "days since the last purchase",
    "spent": "the money of all purchases",
}
_DAY = timedelta(days=1)
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_MONEY = re.compile(r"[ \t\n\r\f\v]*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?[ \t\n\r\f\v]*", re.ASCII)
_TOO_MUCH, _CENTS = Decimal(10) ** 15, Decimal("0.000001")


@dataclass(frozen=True, eq=False)
class Ordered:
    """How many purchases there were, how long ago the first or the last one was, or what all brought.

    Attributes:
        of: The event of an order.
        which: One of `purchases`, `first`, `last` (days since then), `spent`.
        money: The property that is its money; none: `revenue`, else `total`.
        currency: Three letters; orders in another one are none then, and those that name none count.
    """

    of: Events
    which: str
    money: str = ""
    currency: str = ""

    def __post_init__(self) -> None:
        if self.which not in WHICH:
            raise DefinitionError(self.place, f"asks for one of {', '.join(WHICH)}, not for {self.which!r}")
        if self.of.counted or self.of.since is not None or self.of.then_ is not None:
            raise DefinitionError(self.place, "takes did(…) with within(…) and where(…) only")
        if self.money:
            check_name(self.place, "property", self.money)
        if self.currency and not _CURRENCY.fullmatch(self.currency):
            raise DefinitionError(self.place, f"needs a currency of three letters, not {self.currency!r}")

    @property
    def place(self) -> str:
        """How an error names it."""
        return f"orders of did({self.of.type!r})"

    @property
    def reads(self) -> frozenset[str]:
        """The property of its money."""
        return frozenset({self.money} if self.money else {"revenue", "total"})

    @property
    def together(self) -> tuple[str, str, str]:
        """What is worked out in one pass."""
        return repr(self.of.to_json()), self.money, self.currency.upper()

    def _money_of(self, properties: Mapping[str, Any]) -> Decimal:
        """The money of an order."""
        return next((each for name in self._names if (each := money_in(properties, name)) is not None), Decimal(0))

    @property
    def _names(self) -> tuple[str, ...]:
        return (self.money,) if self.money else ("revenue", "total")

    def amount(self, facts: Facts, at: datetime) -> float | None:
        """What it comes to at an instant."""
        orders = list(self._standing(facts, at))
        if self.which == "purchases":
            return float(len({made for made, _ in orders}))
        if self.which == "spent":
            return float(sum((money for _, money in orders), Decimal(0)))
        dates = [made for made, _ in orders]
        return (at - (min if self.which == "first" else max)(dates)) / _DAY if dates else None

    def _standing(self, facts: Facts, at: datetime) -> Iterator[tuple[datetime, Decimal]]:
        """When each order that stands was made, and what is left of its money."""
        told = [(_key(each), each, True) for each in self.of.counting(facts, at) or ()]
        back = (each for kind in (REFUNDED, CANCELLED) for each in facts.until(kind, at))
        told += [(_key(each), each, False) for each in back]
        for _, some in groupby(sorted(told, key=lambda each: each[0]), key=lambda each: each[0]):
            versions = list(some)
            made = sorted((each for _, each, is_made in versions if is_made), key=lambda each: (each.ts, each.message_id))
            back_ = [each for _, each, is_made in versions if not is_made]
            if not made or any(each.type == CANCELLED for each in back_):
                continue
            currency = currency_in(made[-1].properties)
            if self.currency and currency not in ("", self.currency.upper()):
                continue
            money = self._money_of(made[-1].properties)
            yield made[0].ts, money - min(money, sum((_back(each, money, currency) for each in back_), Decimal(0)))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any], read: Read) -> Self:
        """The event of an order, and what is asked."""
        only(plain, "name", "ordered", "which", "money", "currency")
        texts = {word: plain.get(word, "") for word in ("which", "money", "currency")}
        if wrong := next((word for word, text in texts.items() if not isinstance(text, str)), None):
            raise DefinitionError(wrong, f"needs a text, not {texts[wrong]!r}")
        return cls(events_from_json("ordered", plain["ordered"], read), **texts)

    def to_json(self) -> dict[str, Any]:
        """`{"ordered": {"did": …}, "which": …}`, with `"money"` and `"currency"` where they are told."""
        plain = {"ordered": self.of.to_json(), "which": self.which}
        return plain | {word: text for word in ("money", "currency") if (text := getattr(self, word))}

    def __str__(self) -> str:
        return f"{_WORDS[self.which]} by {self.of.what}"


def money_in(properties: Mapping[str, Any], name: str) -> Decimal | None:
    """What the function of that name of the schema reads: no number is nothing, nor is less than nothing."""
    said = properties.get(name)
    if isinstance(said, bool) or not isinstance(said, str | int | float | Decimal) or not _MONEY.fullmatch(str(said)):
        return None
    try:
        number = Decimal(str(said).strip())
    except InvalidOperation:
        return None
    return max(number.quantize(_CENTS), Decimal(0)) if abs(number) < _TOO_MUCH else None


def currency_in(properties: Mapping[str, Any]) -> str:
    """The currency that an event names, in capitals; none where it is not three letters, as in SQL."""
    said = properties.get("currency")
    return said.upper() if isinstance(said, str) and _CURRENCY.fullmatch(said) else ""


def _key(event: Event) -> str:
    said = event.properties.get("order_id")
    is_id = isinstance(said, str | int | float | Decimal) and not isinstance(said, bool) and said != ""
    return f"id {said}" if is_id else f"of {event.message_id}"


def _back(event: Event, money: Decimal, currency: str) -> Decimal:
    """What a refund takes; all that there is where it does not say how much."""
    said = next((each for name in ("total", "revenue") if (each := money_in(event.properties, name)) is not None), None)
    if said is None:
        return money
    return said if currency == "" or currency_in(event.properties) in ("", currency) else Decimal(0)
