"""Calls of the Segment spec that come from a source of the catalogue's: read and stored like those that are sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from api.ingest.arrival import Arrival, Rejected
from api.ingest.spec import read_item
from segments.language.readings import Reading
from store import Database
from store.ingest.batch import Memory, store_apart
from store.ingest.items import Item


class Taking:
    """Takes calls in; what cannot be is told by its reason, and costs the others nothing."""

    def __init__(
        self,
        database: Database,
        region: str,
        readings: Mapping[str, Reading],
        *,
        history: bool = False,
        clean: bool = False,
    ) -> None:
        """`clean`: the strict parser took the calls, so that none of them has to be looked at for what cannot be kept."""
        self._database, self._region, self._readings, self._history = database, region, readings, history
        self._clean = clean
        self._memory = Memory()

    async def take(self, calls: Sequence[dict[str, Any]], at: datetime, source: str) -> list[str | None]:
        """For each call why it cannot be taken in, or nothing; one that was taken in before is."""
        return [each if isinstance(each, str) else None for each in await self.outcomes(calls, at, source)]

    async def outcomes(self, calls: Sequence[dict[str, Any]], at: datetime, source: str) -> list[str | bool]:
        """For each call why it cannot be taken in, else whether it is new; one that was taken in before is not."""
        read, told = self._read(calls, at, source)
        once = {item.message_id: n for n, item in reversed(read.items())}
        places = sorted(once.values())
        outcome = await store_apart(self._database, [read[n] for n in places], self._memory)
        for n, kept in zip(places, outcome, strict=True):
            told[n] = f"not-storable: {type(kept).__name__}" if isinstance(kept, Exception) else kept
        return told

    def tried(self, calls: Sequence[dict[str, Any]], at: datetime, source: str) -> list[str | bool]:
        """The same as far as it can be told without the store: a call that can be read would be new."""
        read, told = self._read(calls, at, source)
        return [n in read or why for n, why in enumerate(told)]

    def _read(self, calls: Sequence[dict[str, Any]], at: datetime, source: str) -> tuple[dict[int, Item], list[str | bool]]:
        """Those that can be read, by their places, and of each why it cannot."""
        by: Literal["import", "sync"] = "import" if self._history else "sync"
        arrival = Arrival(source, at, self._region, readings=self._readings, history=self._history, by=by, clean=self._clean)
        read: dict[int, Item] = {}
        told: list[str | bool] = [False] * len(calls)
        for n, call in enumerate(calls):
            try:
                read[n] = read_item(call, arrival, place=n)
            except Rejected as verdict:
                told[n] = verdict.reason
        return read, told
