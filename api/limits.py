"""Back-pressure: a bound on what is in progress and a rate per key; beyond either a client is told when to come back."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from api.metrics import REFUSED
from api.problems import Problem

_BURST = 2.0  # seconds of a key's rate that it may use at once


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limits:
    """What this process takes at once, and from each key."""

    def __init__(self, in_flight: int, events_per_second: int) -> None:
        self._most = in_flight
        self._rate = events_per_second
        self._now = 0
        self._buckets: dict[UUID, _Bucket] = {}

    @contextmanager
    def slot(self) -> Iterator[None]:
        """A place for one request.

        Raises:
            Problem: 429, all places are taken.
        """
        if self._now >= self._most:
            raise _too_many("in-flight", "too many requests are in progress", 1)
        self._now += 1
        try:
            yield
        finally:
            self._now -= 1

    def spend(self, key: UUID, events: int) -> None:
        """Take events from a key's allowance; a batch larger than the allowance passes when nothing is owed.

        Raises:
            Problem: 429, the key sends faster than it may.
        """
        if not self._rate:
            return
        bucket = self._refilled(key)
        if bucket.tokens <= 0:
            wait = math.ceil((1 - bucket.tokens) / self._rate)
            raise _too_many("rate", f"this key may send {self._rate} events a second", wait)
        bucket.tokens -= events

    def _refilled(self, key: UUID) -> _Bucket:
        now = time.monotonic()
        bucket = self._buckets.setdefault(key, _Bucket(self._rate * _BURST, now))
        bucket.tokens = min(self._rate * _BURST, bucket.tokens + (now - bucket.at) * self._rate)
        bucket.at = now
        return bucket


def _too_many(cause: str, detail: str, wait: int) -> Problem:
    REFUSED.labels(cause).inc()
    return Problem(429, f"{detail}; send this request again in {wait} s", headers={"Retry-After": str(wait)})
