"""Limits of providers and of their senders, as operators set them at run time: a pace, a quota of the day, a warming up.

Promise: a pace is waited for before a claim, with nothing in hand: no way to a provider, no connection to Postgres. A ceiling
of the day is asked in the claim's transaction and is exact. What is no marketing goes first, waits for none of it, and is
counted. A change holds for every worker within `REFRESH`, but for whoever was sent back for as long as `LONGEST_BACK`, or
was deferred for a ceiling, for as long as `CEILING_CHECK`.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time

from activities.channels.base import Provider
from activities.channels.errors import TryLater
from activities.channels.shared import Shared
from journeys.contracts import DeliverRequest, Outcome, Purpose, Reason
from journeys.gate.decide import No
from store import Connection, Database
from store.database import Pool
from store.deliveries import providers
from store.deliveries.providers import Limit

#: How old what is known of the limits may be.
REFRESH = timedelta(seconds=2)
#: A message whose turn is further off goes to another provider, or back to Temporal's queue.
LONGEST_WAIT = timedelta(seconds=1)
#: Nobody is told to come back later than this, so that another pace is noticed.
LONGEST_BACK = timedelta(minutes=5)
#: What waits for tomorrow's ceiling asks again this often, so that a limit that is lifted or raised lets it go today.
CEILING_CHECK = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Counted:
    """In which ceilings a message was counted."""

    day: date
    whos: tuple[str, ...] = ()
    marketing: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """A turn at a sender's pace: it is taken, and so far off."""

    who: str
    span: timedelta


class _Full(Exception):
    """A ceiling is reached."""

    def __init__(self, limit: Limit, *, warming: bool) -> None:
        super().__init__(limit.who)
        self.limit, self.warming = limit, warming


@dataclass
class Limits:
    """What one process knows of them."""

    database: Database
    _known: dict[str, Limit] = field(default_factory=dict, init=False)
    _asked_at: float = field(default=float("-inf"), init=False)
    _asking: Shared[None] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Whoever wants to know while Postgres is asked waits for the same answer."""
        self._asking = Shared(self._ask)

    async def known(self) -> dict[str, Limit]:
        """The limits by name, asked for again now and then."""
        if time.monotonic() - self._asked_at > REFRESH.total_seconds():
            await self._asking.answer()
        return self._known

    def hold(self, provider: Provider) -> bool:
        """Whether any is known of those who carry a provider's messages, or of their senders."""
        names = {provider.name, *(part.name for part in provider.parts)}
        return any(who.split("/", 1)[0] in names for who in self._known)

    async def _ask(self) -> None:
        self._known = {each.limit.who: each.limit for each in await providers.limits(self.database)}
        self._asked_at = time.monotonic()

    async def pace(self, provider: Provider, purpose: Purpose) -> None:
        """Wait for one's turn at a provider.

        Raises:
            TryLater: it is too far off.
        """
        await self.known()
        turn = await self._turn(self.database.pool, provider.name, purpose)
        if turn.span:
            await asyncio.sleep(turn.span.total_seconds())

    async def turn(
        self, connection: Connection, carrier: Provider, address: str, purpose: Purpose, paced: Collection[str]
    ) -> Wait:
        """Take a turn at the pace of the sender of a message to an address; not where that has been waited for.

        Raises:
            TryLater: it is too far off.
        """
        *_, sender = whos(carrier, address)
        return Wait(sender, timedelta(0)) if sender in paced else await self._turn(connection, sender, purpose)

    async def _turn(self, connection: "Connection | Pool", who: str, purpose: Purpose) -> Wait:
        """What is no marketing goes at once; the rest waits for it, too."""
        limit = self._known.get(who)
        if limit is None or limit.per_second is None:
            return Wait(who, timedelta(0))
        longest = LONGEST_WAIT if purpose is Purpose.MARKETING else None
        wait = await providers.take_slot(connection, who, limit.per_second, longest)
        if wait is None:
            pause = await providers.come_back(connection, who, limit.per_second, LONGEST_BACK)
            raise TryLater(f"{who} takes {limit.per_second:g} a second, and others wait", pause)
        return Wait(who, wait if longest is not None else timedelta(0))

    async def count(
        self, connection: Connection, provider: Provider, address: str, request: DeliverRequest, now: datetime
    ) -> Counted | No:
        """Count a message in the ceilings of its provider and sender; or why it waits for tomorrow."""
        known, day, marketing = self._known, now.astimezone(UTC).date(), request.purpose is Purpose.MARKETING
        found = [known[who] for who in whos(provider, address) if who in known] if known else []
        if not found:
            return Counted(day)
        try:
            async with connection.transaction():  # a savepoint: what was counted before one that is full is not
                for limit in found:
                    await _counted(connection, limit, day, marketing=marketing)
        except _Full as full:
            return _no(full, request, now)
        return Counted(day, tuple(limit.who for limit in found), marketing)

    async def give_back(self, counted: Counted) -> None:
        """The message was certainly not accepted."""
        for who in counted.whos:
            await providers.give_back(self.database, who, counted.day, marketing=counted.marketing)


def whos(provider: Provider, address: str) -> Sequence[str]:
    """The names under which limits may be set that hold for a message."""
    number = provider.number(address)
    return (provider.name, f"{provider.name}/{number}") if number else (provider.name,)


async def _counted(connection: Connection, limit: Limit, day: date, *, marketing: bool) -> None:
    ceiling = limit.ceiling(day) if marketing else None
    if not await providers.use(connection, limit.who, day, ceiling, marketing=marketing):
        raise _Full(limit, warming=ceiling == limit.warming(day))


def _no(full: _Full, request: DeliverRequest, now: datetime) -> No:
    """Marketing beyond a ceiling waits for the next day, of UTC, if that begins before its deadline; it asks in between."""
    tomorrow = datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), clock_time.min, UTC)
    reason, told = Reason.WARMING_UP if full.warming else Reason.QUOTA, {"provider": full.limit.who}
    if tomorrow >= request.useless_after:
        return No(Outcome.SKIPPED, Reason.NO_INSTANT, told | {"shut_by": [reason.value]})
    return No(Outcome.DEFERRED, reason, told, min(tomorrow, now + CEILING_CHECK))
