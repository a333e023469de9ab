"""Playback: the recorded calls through the real ingest API, each at its business time, as an SDK would send them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from journeys.clock import Clock
from workers.demo.errors import DemoStuck
from workers.demo.recording import Line

_LARGEST = 100
_ATTEMPTS = 20


@dataclass(slots=True)
class Playback:
    """A recording on its way; `taken`, `duplicates` and `refused` are what the API answered."""

    lines: Sequence[Line]
    midnight: datetime
    clock: Clock
    pause: float = 0.05  # real seconds between two batches
    sent: int = 0
    duplicates: int = 0
    refused: int = 0
    _attempts: int = field(default=0, repr=False)

    @property
    def over(self) -> bool:
        """Whether everything has been sent."""
        return self.sent == len(self.lines)

    @property
    def begins_at(self) -> datetime:
        """The business time of the first call."""
        return self.midnight + self.lines[0].sent_after

    @property
    def ends_at(self) -> datetime:
        """The business time of the last call."""
        return self.midnight + self.lines[-1].sent_after

    def last_of(self, event: str) -> datetime:
        """The business time at which the last event of this name is sent."""
        return self.midnight + max(line.sent_after for line in self.lines if line.call.get("event") == event)

    async def play(self, api_url: str, ingest_key: str) -> None:
        """Send everything.

        Raises:
            DemoStuck: the API did not take a batch, however often it was tried.
        """
        async with httpx.AsyncClient(base_url=api_url, auth=(ingest_key, ""), timeout=30) as api:
            while not self.over:
                if due := self._due():
                    await self._send(api, due)
                await asyncio.sleep(self.pause)

    def _due(self) -> Sequence[Line]:
        now = self.clock.now()
        end = self.sent
        while end < len(self.lines) and end - self.sent < _LARGEST and self.midnight + self.lines[end].sent_after <= now:
            end += 1
        return self.lines[self.sent : end]

    async def _send(self, api: httpx.AsyncClient, due: Sequence[Line]) -> None:
        # Sending a batch twice is harmless: the API knows its message ids.
        try:
            answer = await api.post("/v1/batch", json={"batch": [self._call(line) for line in due]})
            answer.raise_for_status()
        except httpx.HTTPError as error:
            self._attempts += 1
            if self._attempts == _ATTEMPTS:
                raise DemoStuck(f"the API at {api.base_url} did not take the shop's calls: {error}") from error
            await asyncio.sleep(self.pause * self._attempts)
            return
        self._attempts = 0
        self._count(answer.json(), len(due))

    def _call(self, line: Line) -> dict[str, Any]:
        return {"timestamp": (self.midnight + line.happened_after).isoformat(), **line.call}

    def _count(self, counts: dict[str, int], batch: int) -> None:
        self.sent += batch
        self.duplicates += counts["duplicates"]
        self.refused += counts["dead_letters"]
