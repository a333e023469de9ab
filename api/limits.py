"""Back-pressure: a bound on what is in progress and a rate per key; beyond either a client is told when to come back."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from api.metrics import REFUSED
from api.problems import Problem

_BURST = 2.0  # seconds of a key's rate that it may use at once
_WAITING_BYTES = 64 * 1024 * 1024  # of bodies that are there and wait for their turn


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limits:
    """What this process stores at once, and takes from each key."""

    def __init__(self, in_flight: int, events_per_second: int, turn_seconds: float = 5.0) -> None:
        self._free = in_flight
        self._patience = turn_seconds
        self._rate = events_per_second
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._held = 0
        self._buckets: dict[UUID, _Bucket] = {}
        self._asked: dict[UUID, _Bucket] = {}

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncIterator[None]:
        """A place for one request whose body of this many bytes is there; a short burst waits, first come first served.

        Raises:
            Problem: 429, no place became free in time, or those who wait hold too much memory.
        """
        if self._free and not self._waiting:
            self._free -= 1
        else:
            await self._wait(size)
        try:
            yield
        finally:
            self._hand_on()

    async def _wait(self, size: int) -> None:
        if self._held + size > _WAITING_BYTES:
            raise _too_many("in-flight", "too many requests are in progress", 1)
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._held += size
        try:
            async with asyncio.timeout(self._patience):
                await place
        except BaseException as why:
            if place.done() and not place.cancelled():
                self._hand_on()  # it was ours in the very instant in which we gave up
            if isinstance(why, TimeoutError):
                raise _too_many("in-flight", "too many requests are in progress", 1) from None
            raise
        finally:
            self._held -= size

    def _hand_on(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1

    def spend(self, key: UUID, events: int) -> None:
        """Take events from a key's allowance; a batch larger than the allowance passes when nothing is owed.

        Raises:
            Problem: 429, the key sends faster than it may.
        """
        if not self._rate:
            return
        bucket = _refilled(self._buckets, key, self._rate, self._rate * _BURST)
        if bucket.tokens <= 0:
            wait = math.ceil((1 - bucket.tokens) / self._rate)
            raise _too_many("rate", f"this key may send {self._rate} events a second", wait)
        bucket.tokens -= events

    def ask(self, key: UUID, per_minute: int) -> None:
        """Take a request from a key's own allowance, of which it may use a minute's at once.

        Raises:
            Problem: 429, the key asks more often than it may.
        """
        bucket = _refilled(self._asked, key, per_minute / 60, per_minute)
        if bucket.tokens < 1:
            wait = math.ceil((1 - bucket.tokens) * 60 / per_minute)
            raise _too_many("key", f"this key may make {per_minute} requests a minute", wait)
        bucket.tokens -= 1


def _refilled(buckets: dict[UUID, _Bucket], key: UUID, rate: float, most: float) -> _Bucket:
    now = time.monotonic()
    bucket = buckets.setdefault(key, _Bucket(most, now))
    bucket.tokens = min(most, bucket.tokens + (now - bucket.at) * rate)
    bucket.at = now
    return bucket


def _too_many(cause: str, detail: str, wait: int) -> Problem:
    REFUSED.labels(cause).inc()
    return Problem(429, f"{detail}; send this request again in {wait} s", headers={"Retry-After": str(wait)})
