"""What it is like at a place, known for a while: by this process, by all workers, and asked by one of them when nobody knows.

Promise: of one place and one period a provider is asked once, also where it fails, however many workers and messages want to
know; who waits for another's question waits no longer than for one's own. A provider that fails too often is left alone for a
while (`activities.channels.breaker`), which operators are told, and what is declared otherwise holds meanwhile.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from os import getpid
from socket import gethostname
from typing import Any

import structlog

from activities.channels.breaker import Breaker
from activities.channels.errors import ChannelError, Refused, TryLater
from activities.contexts.asking import Providers, Unlike
from activities.metrics import CONTEXTS
from journeys.contexts.context import Asked, Context
from journeys.contracts import Reason
from store import Database, contexts
from store.away import AWAY
from store.deliveries import providers

log = structlog.get_logger(__name__)

_WORKER = f"{gethostname()}:{getpid()}"
#: So long nobody asks again of a place where that has failed; a provider may ask for more.
_AFTER_FAILURE, _LONGEST_AFTER = timedelta(seconds=30), timedelta(minutes=10)
#: How often one looks whether another worker has its answer.
_LOOK = 0.05
#: So many places are known without asking Postgres.
_REMEMBERED = 10_000
_REASONS = {reason.value: reason for reason in (Reason.NO_ANSWER, Reason.SAID_NO, Reason.UNLIKE_DECLARED)}


@dataclass(frozen=True, slots=True)
class Known:
    """What it is like, and why it is only what is declared otherwise; `reason` None: the provider told it."""

    answer: Mapping[str, Any]
    reason: Reason | None = None


_Key = tuple[str, str, str]


@dataclass
class Knowing:
    """What this process knows of places. `speed`: business time runs so many times as fast as ours; `most`: kept no longer."""

    database: Database
    providers: Providers
    speed: float = 1.0
    most: timedelta | None = None
    _kept: OrderedDict[_Key, tuple[float, Known]] = field(default_factory=OrderedDict, init=False, repr=False)
    _asking: dict[_Key, asyncio.Task[Known]] = field(default_factory=dict, init=False, repr=False)
    _breakers: dict[str, Breaker] = field(default_factory=dict, init=False, repr=False)

    async def of(self, context: Context[Any], traits: Mapping[str, Any]) -> Known:
        """What it is like where a customer of these traits is."""
        place = context.place(traits)
        known = Known(context.default, Reason.NO_PLACE) if place is None else await self._at(context, place)
        CONTEXTS.labels(context.name, known.reason.value if known.reason else "answered").inc()
        return known

    async def _at(self, context: Context[Any], place: Asked) -> Known:
        key = (context.name, context.digest, "&".join(f"{name}={place[name]}" for name in sorted(place)))
        until, known = self._kept.get(key, (0.0, None))
        if known is not None and until > time.monotonic():
            return known
        if (asking := self._asking.get(key)) is None:
            asking = self._asking[key] = asyncio.create_task(self._found(context, place, key))
            asking.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(asking)

    async def _found(self, context: Context[Any], place: Asked, key: _Key) -> Known:
        """What all workers know; asked by this one if none of them does, or has it under way."""
        patience = context.timeout + timedelta(seconds=1)
        deadline = time.monotonic() + patience.total_seconds()
        while time.monotonic() < deadline:
            found = await contexts.known(self.database, key)
            if found is not None:
                return self._keep(key, _as_known(context, found), found.left)
            if await contexts.take(self.database, key, patience):
                return await self._asked(context, place, key)
            await asyncio.sleep(_LOOK)
        return Known(context.default, Reason.NO_ANSWER)

    async def _asked(self, context: Context[Any], place: Asked, key: _Key) -> Known:
        breaker = self._breakers.setdefault(context.name, Breaker(f"context {context.name}"))
        try:
            with breaker.watch(key[2]):
                answer = await self.providers.ask(context, place)
        except ChannelError as error:
            wanted = error.retry_after if isinstance(error, TryLater) else None
            pause = min(max(wanted or _AFTER_FAILURE, _AFTER_FAILURE), _LONGEST_AFTER)
            return await self._failed(context, key, error, self._span(pause))
        except BaseException:  # its worker stops, or its code is wrong: nobody waits for what will not come
            await contexts.give_up(self.database, key)
            raise
        span = self._span(context.cache)
        await contexts.keep(self.database, key, answer, None, span)
        with suppress(*AWAY):
            await providers.go_on(self.database, breaker.provider, _WORKER)
        return self._keep(key, Known(answer), span)

    async def _failed(self, context: Context[Any], key: _Key, error: ChannelError, span: timedelta) -> Known:
        """It is as declared otherwise for a while; operators are told, by the provider's name and what it said."""
        log.warning("a context is not told", context=context.name, why=error.detail)
        reason = _reason(error)
        await contexts.keep(self.database, key, None, reason.value, span)
        with suppress(*AWAY):
            await providers.stop(self.database, f"context {context.name}", _WORKER, _AFTER_FAILURE, error.detail)
        return self._keep(key, Known(context.default, reason), span)

    def _span(self, span: timedelta) -> timedelta:
        """How long something is kept, in real time."""
        return min(span / self.speed, self.most) if self.most is not None else span / self.speed

    def _keep(self, key: _Key, known: Known, left: timedelta) -> Known:
        self._kept[key] = (time.monotonic() + left.total_seconds(), known)
        self._kept.move_to_end(key)
        while len(self._kept) > _REMEMBERED:
            self._kept.popitem(last=False)
        return known


def _as_known(context: Context[Any], found: contexts.Found) -> Known:
    if found.answer is None:
        return Known(context.default, _REASONS.get(found.failure or "", Reason.NO_ANSWER))
    return Known(found.answer)


def _reason(error: ChannelError) -> Reason:
    if isinstance(error, Unlike):
        return Reason.UNLIKE_DECLARED
    return Reason.SAID_NO if isinstance(error, Refused) else Reason.NO_ANSWER
