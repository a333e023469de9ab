"""A stream of events into the store, at an even rate, in batches as requests bring them; one that is late holds up no other."""

import asyncio
import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from store import Database
from store.ingest.batch import Memory, store
from store.ingest.items import Item

_BATCH = 100
_STAY = 10  # events of one visit
_TYPES = ("Product Viewed", "Application Opened", "Product Added", "Products Searched", "Order Completed")
_WEIGHTS = (55, 20, 10, 10, 5)
_CATEGORIES = ("boots", "tents", "jackets")


def visits(customers: int, per_second: int, seconds: int) -> Iterator[int]:
    """Whose each event is: visits of ten events, one every half second, by everybody in turn."""
    at_once = per_second // 2
    for n in range(per_second * seconds):
        yield (n // (_STAY * at_once) * at_once + n % at_once) * 7_919 % customers


async def feed(database: Database, name: str, people: Sequence[int], per_second: int) -> float:
    """Store one event for each of these; returns by how many seconds the last batch was late."""
    chance, weeks = random.Random(7), Memory()
    began, late = asyncio.get_running_loop().time(), 0.0
    async with asyncio.TaskGroup() as group:
        for n in range(0, len(people), _BATCH):
            due = began + n / per_second
            late = asyncio.get_running_loop().time() - due
            await asyncio.sleep(-late)
            items = [_item(chance, f"{name}-{n + i}", who) for i, who in enumerate(people[n : n + _BATCH])]
            group.create_task(store(database, items, weeks))
    return max(0.0, late)


def _item(chance: random.Random, message_id: str, who: int) -> Item:
    now = datetime.now(UTC)
    properties = {"category": chance.choice(_CATEGORIES), "price": chance.randrange(150), "currency": "EUR"}
    named = chance.choices(_TYPES, _WEIGHTS)[0]
    text = json.dumps(properties)
    return Item(message_id, f"past-{who}", None, now, named, "track", text, "{}", False, "bench", now)
