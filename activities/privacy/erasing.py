"""Erasing a customer, as Temporal has it done: purge until nothing is left and every run is over, then certify.

Promise: both activities may be repeated and cut short at any instant; workflow, history and log know the erasure's id alone.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.channels.errors import ChannelError, TryLater
from activities.channels.keyed import keyed_digest
from activities.channels.wallet.wallets import Wallets
from activities.deliver.patience import alive
from activities.dispatch.telling import terminate
from journeys.clock import Clock
from journeys.contracts import Reason
from store import Database
from store.audiences import LEFT_AT_DESTINATIONS
from store.customers import erasure as erasures
from store.customers.certificate import certificate
from store.customers.erasure import AT_GOOGLE, DEAD_LETTERS, IN_DEFINITIONS, KEPT_BY_GOOGLE, REMOVED, Erasure
from store.exports.hourly import Hourly
from store.exports.hours import of_erasure

log = structlog.get_logger(__name__)

#: How long a provider may have us wait before it is asked again.
_LATEST = timedelta(hours=1)
_LABEL = "erasure certificate"
#: What a pass counts that is removed, though no table of its own is purged for it.
_REMOVED = {*REMOVED, DEAD_LETTERS, "event_dedupe", "run_ended"}


@dataclass(frozen=True)
class Erasing:
    """The activities and what they work with; `pause` and `patience` are real time."""

    database: Database
    client: Client
    clock: Clock
    secret: str
    wallets: Wallets | None = None
    hourly: Hourly | None = None
    pause: timedelta = timedelta(seconds=1)
    patience: timedelta = timedelta(minutes=2)

    @activity.defn(name="purge")
    async def purge(self, id_: str) -> None:
        """Purge, again and again, until a pass finds nothing and every run is over; what cannot end by itself is ended."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            async with _alive():
                left = await erasures.purge(self.database, UUID(id_), self.clock.now())
            if not left.rows and not left.busy:
                await self._empty_passes(UUID(id_))
                await self._rewrite_files(UUID(id_))
                await self._wait_for_destinations(UUID(id_))
                return
            if left.busy and loop.time() - began > self.patience.total_seconds():
                for workflow_id in left.busy:
                    await terminate(self.client, workflow_id, Reason.ERASED.value)
            if not left.rows:
                await asyncio.sleep(self.pause.total_seconds())

    async def _empty_passes(self, id_: UUID) -> None:
        """What stands in Google's wallet goes too, before anybody certifies it; while Google is away this is tried again."""
        for each in await erasures.passes_left(self.database, id_):
            try:
                async with _alive():
                    had = self.wallets is not None and await self.wallets.empty(*each)
            except TryLater as error:
                later = min(error.retry_after, _LATEST) if error.retry_after else None
                raise ApplicationError(error.detail, type="TryLater", next_retry_delay=later) from None
            except ChannelError as error:
                log.warning("a wallet refuses that a pass shows nothing", erasure=str(id_), why=error.detail)
                became: str | None = KEPT_BY_GOOGLE
            else:
                became = AT_GOOGLE if had else None
            await erasures.pass_settled(self.database, id_, each.serial, became)

    async def _rewrite_files(self, id_: UUID) -> None:
        """Files in the bucket that hold rows of theirs are written anew without them; while it is away this is tried again."""
        hours = await of_erasure(self.database, id_)
        if hours and self.hourly is None:
            why = "files hold rows of the customer, and JOURNEYS_EXPORT_BUCKET is not set; set it, or `journeys bucket forget`"
            raise ApplicationError(f"{why} if there is no bucket any more", type="NoBucket")
        async with alive():
            for hour in hours:
                assert self.hourly is not None
                await self.hourly.write(hour, first=False)

    async def _wait_for_destinations(self, id_: UUID) -> None:
        """Whoever was told of them in an audience has forgotten them, before anybody certifies it."""
        found = await erasures.erasure(self.database, id_)
        if found is not None and found.waits_for:
            names = ", ".join(found.waits_for)
            raise ApplicationError(f"audiences whose destinations have not forgotten yet: {names}", type="DestinationsToTell")

    @activity.defn(name="certify")
    async def certify(self, id_: str) -> None:
        """Write down what was done."""
        now = self.clock.now()

        def certified(told: Erasure, kept: Mapping[str, int]) -> dict[str, Any]:
            counts = dict(told.counts)
            kept_by_google, left = counts.pop(KEPT_BY_GOOGLE, 0), counts.pop(LEFT_AT_DESTINATIONS, 0)
            removed = {name: rows for name, rows in counts.items() if name in _REMOVED}
            return certificate(
                told.id,
                requested_at=told.requested_at,
                requested_by=told.requested_by,
                finished_at=now,
                removed=removed,
                emptied={name: rows for name, rows in counts.items() if name not in removed},
                kept={name: rows for name, rows in kept.items() if name != IN_DEFINITIONS},
                in_flight=told.in_flight,
                kept_by_google=kept_by_google,
                left_at_destinations=left,
                named_in_definitions=kept.get(IN_DEFINITIONS, 0),
                sign=partial(sign, self.secret),
            )

        await erasures.finish(self.database, UUID(id_), now, certified)
        log.info("a customer was erased", erasure=id_)


@asynccontextmanager
async def _alive() -> AsyncIterator[None]:
    """Heartbeats every second: a worker that was killed is noticed soon, and a slow statement is not taken for one."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            await asyncio.sleep(1)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


def sign(secret: str, told: bytes) -> bytes:
    """The seal of a certificate."""
    return keyed_digest(secret, _LABEL, told)
