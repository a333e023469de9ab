"""The activity that tells one receiver what is due, and the chore that has it done: rows first, calls after.

Promise: each notification is posted until the receiver takes it. One that is never taken keeps none of the others waiting, and
is given up after so many attempts; a receiver that takes nothing is asked less and less often, and told nothing more after
days, until somebody lets it go on: what it was to be told waits.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import httpx
import structlog
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.deliver.patience import alive
from activities.notifying.posting import Answer, tell
from activities.notifying.secrets import keys_of
from activities.waking import woken
from journeys.clock import Clock
from store import Database, subscriptions
from store.subscriptions import Due, Subscription, Told

log = structlog.get_logger(__name__)

#: How often it is looked whether something is due (seconds).
EVERY = 1.0
#: What is posted at once to one receiver, and what is taken up together.
AT_ONCE, _SOME = 8, 64
#: Pauses after each attempt at one notification that others pass; the last one is repeated.
PAUSES = tuple(timedelta(seconds=each) for each in (5, 60, 300, 1_800, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 24 * 3_600))
#: So many attempts, and it is given up where others are taken.
ATTEMPTS = 12
#: A receiver that took nothing for so long is told nothing more.
PATIENCE = timedelta(days=5)
#: The longest pause that a receiver may ask for.
_LONGEST = timedelta(days=1)


@dataclass(frozen=True)
class Notifying:
    """The activity, the chore of the watch, and what they work with."""

    database: Database
    client: Client
    clock: Clock
    http: httpx.AsyncClient
    secret: str = field(repr=False)
    former_secrets: Sequence[str] = field(default=(), repr=False)

    async def wake(self) -> None:
        """Have everybody told for whom something is due."""
        for id_ in await subscriptions.to_wake(self.database, self.clock.now()):
            await woken(self.client, "notify", f"{id_}", f"notify/{id_}", "a receiver is told what happened")

    @activity.defn(name="notify")
    async def notify(self, subscription: str) -> int:
        """Tell a receiver what is due, until nothing is; how much it took.

        Raises:
            ApplicationError: it takes nothing; Temporal tries again, less and less often.
        """
        taken = 0
        async with alive():
            while (found := await self._wanting(UUID(subscription))) is not None:
                # While it takes nothing one is enough to find out whether that has changed.
                some = await subscriptions.due(
                    self.database, found.id, self.clock.now(), 1 if found.failing_since is not None else _SOME
                )
                if not some:
                    break
                taken += await self._told(found, some)
        return taken

    async def _wanting(self, id_: UUID) -> Subscription | None:
        found = await subscriptions.by_id(self.database, id_)
        return None if found is None or found.state in ("paused", "stopped") else found

    async def _told(self, found: Subscription, some: Sequence[Due]) -> int:
        """Tell it some of what is due; how much of that it took."""
        now, places = self.clock.now(), asyncio.Semaphore(AT_ONCE)
        keys = keys_of(self.secret, self.former_secrets, found, now)

        async def post(due: Due) -> Answer:
            async with places:
                return await tell(self.http, found.url, keys, found.id, due)

        answers = await asyncio.gather(*(post(due) for due in some))
        now = self.clock.now()
        taken = sum(answer.taken for answer in answers)
        rows = [self._row(found, due, answer, now, passed=bool(taken)) for due, answer in zip(some, answers, strict=True)]
        await subscriptions.settle(self.database, found.id, rows, now)
        if any(answer.gone for answer in answers):
            await subscriptions.stop(self.database, found.id, "it answered 410: it wants nothing any more", now)
        elif not taken:
            await self._fails(found, answers[0], now)
        return taken

    def _row(self, found: Subscription, due: Due, answer: Answer, now: datetime, *, passed: bool) -> Told:
        if answer.taken:
            return Told(due.id, "taken", answer.status)
        took = passed or (found.took_at is not None and due.tried_at is not None and found.took_at > due.tried_at)
        if took and due.attempts + 1 >= ATTEMPTS:
            return Told(due.id, "given up", answer.status, answer.detail)
        pause = PAUSES[min(due.attempts, len(PAUSES) - 1)]
        asked = min(answer.later or timedelta(0), _LONGEST)
        return Told(due.id, "waiting", answer.status, answer.detail, now + max(pause, asked) * self.clock.speed)

    async def _fails(self, found: Subscription, answer: Answer, now: datetime) -> None:
        since = await subscriptions.fails(self.database, found.id, answer.detail, now)
        if now - since > PATIENCE * self.clock.speed:
            await subscriptions.stop(self.database, found.id, f"it took nothing for {PATIENCE.days} days: {answer.detail}", now)
            log.error("a receiver of webhooks is told nothing more", subscription=found.name, why=answer.detail)
            return
        later = min(answer.later, _LONGEST) if answer.later else None
        raise ApplicationError(f"{found.name} takes nothing: {answer.detail}", type="TakesNothing", next_retry_delay=later)
