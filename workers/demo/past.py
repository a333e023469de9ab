"""The past of an invented shop, for predictions to learn from: who orders at a pace of their own, until they stay away.

Promise: nobody real, and nobody who can be reached (no address, no consent); the same seed and instant give the same calls.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from workers.demo.people import make_person
from workers.demo.products import CURRENCY, PRODUCTS

#: How far the past goes back, and how many customers it has: enough for a horizon of 60 days, and little to send.
DAYS, CUSTOMERS = 420, 600
_LEAVES = 0.12  # after each order
_PACES = 6.0, 40.0  # days from one order to the next, of the quickest and the slowest
_LOOKS = 0.7  # that an order was preceded by opening the app
_OPENS_AFTER_LEAVING = 0.3


def calls(until: datetime, *, customers: int = CUSTOMERS, seed: int = 1) -> list[dict[str, Any]]:
    """Calls of the Segment spec that lie before an instant, in the order in which they happened."""
    chance = Random(seed)  # noqa: S311 - reproducible on purpose
    found = [call for number in range(1, customers + 1) for call in _life(chance, number, until)]
    return sorted(found, key=lambda call: (call["timestamp"], call["messageId"]))


def _life(chance: Random, number: int, until: datetime) -> Iterator[dict[str, Any]]:
    """Of one customer: who they are, what they ordered, and when they opened the app."""
    person, user = make_person(chance, number), f"past-{number:04d}"
    count = 0

    def call(day: float, kind: str, **told: Any) -> dict[str, Any]:
        nonlocal count
        count += 1
        at = (until + timedelta(days=day)).isoformat(timespec="milliseconds")
        return {"type": kind, "messageId": f"{user}-{count}", "userId": user, "timestamp": at, **told}

    day, pace = chance.uniform(-DAYS, -5), chance.uniform(*_PACES)
    yield call(day - 0.01, "identify", traits={"firstName": person.first_name, "address": {"city": person.city}})
    while day < 0:
        if chance.random() < _LOOKS:
            yield call(day - 0.004, "track", event="Application Opened", properties={})
        product = chance.choice(PRODUCTS)
        order = {"order_id": f"{user}-{count}", "total": float(product.price), "currency": CURRENCY}
        yield call(day, "track", event="Order Completed", properties=order | {"products": [product.properties()]})
        if chance.random() < _LEAVES:
            if chance.random() < _OPENS_AFTER_LEAVING and (later := day + chance.uniform(1, 30)) < 0:
                yield call(later, "track", event="Application Opened", properties={})
            return
        day += chance.expovariate(1 / pace) + 0.1
