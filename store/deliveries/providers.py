"""Providers as operators see and limit them: what was set, what was used, who is not used for now, what they carried.

Promise: a ceiling of a day is exact: whoever counts a message waits for who does so before it, for the end of a claim.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from store.audit import note
from store.database import Connection, Database, Pool
from store.named import queries

_SQL = queries("providers")

#: Messages a second: one in a thousand seconds is the least.
SLOWEST, FASTEST = 0.001, 10_000
#: Messages of a day, and days of a warming up.
MOST, LONGEST = 1_000_000_000, 366
_WHO = re.compile(r"[a-z0-9+-]{1,40}(/[\w+.: /-]{1,200})?")


@dataclass(frozen=True, slots=True)
class Limit:
    """What was set for a provider (`twilio`), or for one of its senders (`twilio/+34600000001`)."""

    who: str
    per_second: float | None = None
    per_day: int | None = None
    warm_up: tuple[int, ...] = ()  # ceilings of the first day, the second, …
    warm_up_from: date | None = None

    def wrong(self) -> Iterator[str]:
        """Why it cannot be set, a sentence each."""
        if not _WHO.fullmatch(self.who):
            yield "name a provider, or provider/sender: twilio, twilio/+34600000001, ses/shop.example"
        if self.per_second is None and self.per_day is None and not self.warm_up:
            yield "say what holds: messages a second, messages a day, or the ceilings of a warming up"
        if self.per_second is not None and not SLOWEST <= self.per_second <= FASTEST:
            yield f"a pace is {SLOWEST:g} to {FASTEST:,} messages a second; to stop marketing altogether set a quota of 0 a day"
        if not all(0 <= each <= MOST for each in (self.per_day or 0, *self.warm_up)):
            yield f"a day has 0 to {MOST:,} messages"
        if len(self.warm_up) > LONGEST:
            yield f"a warming up takes {LONGEST} days at most"

    def warming(self, day: date) -> int | None:
        """The ceiling of a day by its warming up; none once that is over. Before it begins nothing goes."""
        if self.warm_up_from is None or not self.warm_up:
            return None
        number = (day - self.warm_up_from).days
        return 0 if number < 0 else self.warm_up[number] if number < len(self.warm_up) else None

    def ceiling(self, day: date) -> int | None:
        """The ceiling of a day, by quota and warming up."""
        return min((each for each in (self.per_day, self.warming(day)) if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class Set:
    """A limit, when it was set, and by whom."""

    limit: Limit
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """A provider that workers do not use for now."""

    provider: str
    since: datetime
    workers: int
    reason: str


@dataclass(frozen=True, slots=True)
class Carried:
    """What a provider has accepted, and its cost in millionths."""

    provider: str
    channel: str
    accepted: int
    cost: int
    currency: str | None


async def limits(database: Database) -> list[Set]:
    """What was set."""
    rows = await database.pool.fetch(_SQL["limits"])
    columns = "who", "per_second", "per_day", "warm_up", "warm_up_from"
    return [
        Set(Limit(**{**{c: row[c] for c in columns}, "warm_up": tuple(row["warm_up"])}), row["at"], row["by"]) for row in rows
    ]


async def set_limit(database: Database, limit: Limit, at: datetime, by: str) -> None:
    """Set the limits of one; workers keep to them within seconds. What it carried today before it had any counts as used."""
    told = limit.who, limit.per_second, limit.per_day, list(limit.warm_up), limit.warm_up_from, at, by
    day = at.astimezone(UTC).date()
    async with database.transaction() as connection:
        before = await connection.fetchval(_SQL["limit_of"], limit.who)
        news = await connection.fetchval(_SQL["set_limit"], *told)
        after = await connection.fetchval(_SQL["limit_of"], limit.who)
        await note(connection, "limit", "provider", limit.who, was=before, became=after)
        if news:
            await connection.execute(_SQL["stand_at_use"], limit.who, day)
            await connection.execute(_SQL["use_so_far"], limit.who, day)


async def stranger(database: Database, who: str, known: Collection[str]) -> str | None:
    """Why nobody goes by the name of a provider, or of one of its senders: not `known`, and nothing was ever carried by it.

    Those that share a channel by platform go by their names together (`fcm+apns`).
    """
    name = who.partition("/")[0]
    if set(name.split("+")) <= set(known) or await database.pool.fetchval(_SQL["has_carried"], name):
        return None
    return f"no provider is called {name}, and none of that name has carried anything; known are {', '.join(sorted(known))}"


async def drop_limit(database: Database, who: str) -> bool:
    """Take limits away; whether there were any."""
    async with database.transaction() as connection:
        before = await connection.fetchval(_SQL["limit_of"], who)
        if before is not None:
            await connection.execute(_SQL["drop_limit"], who)
            await note(connection, "unlimit", "provider", who, was=before)
    return before is not None


async def take_slot(
    connection: "Connection | Pool", who: str, per_second: float, longest: timedelta | None
) -> timedelta | None:
    """How long to wait for one's turn at a pace, or nothing if longer than that; without one it goes at once."""
    seconds = longest.total_seconds() if longest is not None else None
    wait: float | None = await connection.fetchval(_SQL["take_slot"], who, per_second, seconds)
    return None if wait is None else timedelta(seconds=wait)


async def come_back(connection: "Connection | Pool", who: str, per_second: float, longest: timedelta) -> timedelta:
    """When to ask again for a turn that is too far off, as those before who were told so will have had theirs."""
    wait: float | None = await connection.fetchval(_SQL["come_back"], who, per_second, longest.total_seconds())
    return timedelta(seconds=wait or 0.0)


async def use(connection: Connection, who: str, day: date, ceiling: int | None, *, marketing: bool) -> bool:
    """Count a message of the day; whether the ceiling allows it."""
    return await connection.fetchval(_SQL["use"], who, day, marketing, ceiling) is not None


async def give_back(database: Database, who: str, day: date, *, marketing: bool) -> None:
    """A message that was counted was certainly not accepted."""
    await database.pool.execute(_SQL["give_back"], who, day, marketing)


async def used(database: Database, day: date) -> Mapping[str, tuple[int, int]]:
    """What was counted in a day: marketing, and other messages."""
    return {row["who"]: (row["marketing"], row["other"]) for row in await database.pool.fetch(_SQL["used"], day)}


async def stop(database: Database, provider: str, worker: str, span: timedelta, reason: str) -> None:
    """A worker does not use a provider for so long."""
    await database.pool.execute(_SQL["stop"], provider, worker, span.total_seconds(), reason)


async def go_on(database: Database, provider: str, worker: str) -> None:
    """A worker uses a provider again."""
    await database.pool.execute(_SQL["go_on"], provider, worker)


async def stopped(database: Database) -> list[Stopped]:
    """Whom workers do not use for now."""
    return [Stopped(**row) for row in await database.pool.fetch(_SQL["stopped"])]


async def carried(database: Database, since: datetime) -> list[Carried]:
    """What providers have accepted since an instant."""
    return [Carried(**row) for row in await database.pool.fetch(_SQL["carried"], since)]
