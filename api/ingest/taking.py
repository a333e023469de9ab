"""Calls of the Segment spec that come from a source of the catalogue's: read and stored like those that are sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.ingest.arrival import Arrival, Rejected
from api.ingest.spec import read_item
from segments.language.readings import Reading
from store import Database
from store.ingest.batch import Memory, store_apart
from store.ingest.items import Item


class Taking:
    """Takes calls in; what cannot be is told by its reason, and costs the others nothing."""

    def __init__(self, database: Database, region: str, readings: Mapping[str, Reading]) -> None:
        self._database, self._region, self._readings = database, region, readings
        self._memory = Memory()

    async def take(self, calls: Sequence[dict[str, Any]], at: datetime, source: str) -> list[str | None]:
        """For each call why it cannot be taken in, or nothing; one that was taken in before is."""
        arrival = Arrival(source, at, self._region, readings=self._readings)
        read: dict[int, Item] = {}
        told: list[str | None] = [None] * len(calls)
        for n, call in enumerate(calls):
            try:
                read[n] = read_item(call, arrival, place=n)
            except Rejected as verdict:
                told[n] = verdict.reason
        once = {item.message_id: n for n, item in reversed(read.items())}
        places = sorted(once.values())
        outcome = await store_apart(self._database, [read[n] for n in places], self._memory)
        for n, kept in zip(places, outcome, strict=True):
            if isinstance(kept, Exception):
                told[n] = f"not-storable: {type(kept).__name__}"
        return told
