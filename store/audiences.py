"""Audiences in Postgres: whom a destination has been told of and by which ids, and what it is still to be told.

Promise: a row is written before a call and goes after it, so that no crash loses what a destination knows; what decides whether
somebody is passed on is noted in the transaction in which it changes (migration 0037).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from store.audit import note
from store.database import Connection, Database
from store.named import queries

_SQL = queries("audiences")
#: What an erasure counts that a destination may still know, because somebody says that it is no more.
LEFT_AT_DESTINATIONS = "left_at_destinations"
Standing = Literal["failing", "held", "paused", "late", "waiting", "told"]


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """An audience as it stands: how many the destination knows, and how many it is to be told of; `due` counts up to 10,000."""

    name: str
    segment: str
    kind: str
    every: timedelta
    most_gone: float
    paused_at: datetime | None
    asked: int
    compared: int
    comparing: bool
    compared_at: datetime | None
    result: dict[str, Any]
    took_at: datetime | None
    failing_since: datetime | None
    failure: str | None
    refused: int
    held_at: datetime | None
    there: int
    adding: int
    leaving: int
    removing: int
    due: int

    def standing(self, now: datetime) -> Standing:
        """How it stands, in one word; what needs somebody goes before the rest."""
        if self.failing_since is not None:
            return "failing"
        if self.held_at is not None:
            return "held"
        if self.paused_at is not None:
            return "paused"
        if self.compared_at is None:
            return "waiting"
        return "late" if now - self.compared_at > 2 * self.every else "told"


@dataclass(slots=True)
class Found:
    """What a comparison finds: members of the segment, how many of them are passed on, and why the others are not."""

    members: int = 0
    passed: int = 0
    differed: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> "Found":
        """As it was kept."""
        return cls(**told) if told else cls()


@dataclass(frozen=True, slots=True)
class Comparing:
    """A comparison under way: up to whom it has looked, up to which entry it has told again, and what it has found."""

    looked_to: UUID | None
    told_to: int
    found: Found


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as they stand now: whether they live, are in the segment, and by what they could be known."""

    profile_id: UUID
    alive: bool
    survivor: UUID | None
    member: bool
    user_id: str | None
    channels: list[str]
    addresses: list[str]

    def without(self, shut: Collection[tuple[str, str]]) -> "Person":
        """The same, without these addresses of channels."""
        left = [each for each in zip(self.channels, self.addresses, strict=True) if each not in shut]
        return replace(self, channels=[channel for channel, _ in left], addresses=[address for _, address in left])


@dataclass(frozen=True, slots=True)
class Told:
    """What a destination has been told of somebody, or is about to be."""

    id: int
    profile_id: UUID
    ids: list[str]
    state: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody of whom a destination is told now; `erased`: they were."""

    id: int
    profile_id: UUID
    ids: list[str]
    erased: bool


@dataclass(frozen=True, slots=True)
class Leaving:
    """How many have left, of how many; what has gone within the hour; and up to when somebody lets them go."""

    leaving: int
    known: int
    window_at: datetime | None
    window_known: int
    window_gone: int
    let_go_at: datetime | None


async def found(database: Database, name: str | None = None) -> list[AudienceRow]:
    """All of them by name, or the one of this name."""
    return [AudienceRow(**dict(row)) for row in await database.pool.fetch(_SQL["all"], name)]


async def declare(database: Database, name: str, segment: str, kind: str, every: timedelta, most_gone: float) -> None:
    """Write down an audience of the catalogue."""
    await database.pool.execute(_SQL["declare"], name, segment, kind, every, most_gone)


async def compare(database: Database, name: str) -> bool:
    """Have all of it compared, because somebody wants it; whether there is one."""
    async with database.transaction() as connection:
        known = await connection.fetchval(_SQL["ask"], name) is not None
        if known:
            await note(connection, "compare", "audience", name)
        return known


async def compare_again(database: Database, name: str) -> None:
    """Have all of it compared, because it is time."""
    await database.pool.execute(_SQL["ask"], name)


async def switch(database: Database, name: str, paused_at: datetime | None) -> bool:
    """Let who came and who left wait, or go on (nothing); whether there is one."""
    async with database.transaction() as connection:
        was = await connection.fetchrow("select paused_at from audience where name = $1 for update", name)
        if was is not None:
            await connection.execute(_SQL["switch"], name, paused_at)
            states = ["active" if each is None else "paused" for each in (was["paused_at"], paused_at)]
            await note(connection, "switch", "audience", name, was={"state": states[0]}, became={"state": states[1]})
        return was is not None


async def let_go(database: Database, name: str, now: datetime) -> bool:
    """Let those go who have left by now, however many they are; whether there is one."""
    async with database.transaction() as connection:
        known = await connection.fetchval(_SQL["let_go"], name, now) is not None
        if known:
            await note(connection, "let-go", "audience", name)
        return known


async def forget(database: Database, name: str) -> bool:
    """Forget an audience whose destination is no more; an erasure under way counts what may still be known there."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["left_at_destinations"], name, LEFT_AT_DESTINATIONS)
        known = await connection.fetchval(_SQL["forget"], name) is not None
        if known:
            await note(connection, "forget", "audience", name)
        return known


async def drop_unseen(database: Database) -> None:
    """Take away what was being noted for an audience while that was forgotten."""
    await database.pool.execute(_SQL["drop_unseen"])


async def to_wake(database: Database) -> list[str]:
    """Those for which something is to be done."""
    return [row["name"] for row in await database.pool.fetch(_SQL["to_wake"])]


async def due(connection: Connection, name: str, limit: int) -> list[tuple[int, UUID]]:
    """Some of those who are to be looked at, each with the number of the note that says so."""
    return [(row["id"], row["profile_id"]) for row in await connection.fetch(_SQL["due"], name, limit)]


async def looked(connection: Connection, notes: Sequence[int]) -> None:
    """They have been looked at."""
    await connection.execute(_SQL["looked"], list(notes))


async def begin(database: Database, name: str) -> Comparing | None:
    """A comparison begins, or goes on where it was; nothing where none is wanted."""
    row = await database.pool.fetchrow(_SQL["begin"], name)
    return None if row is None else Comparing(row["looked_to"], row["told_to"], Found.of(row["found"]))


async def everybody(connection: Connection, name: str, segment: str, after: UUID | None, limit: int) -> list[UUID]:
    """Some of those whom a comparison looks at, by id."""
    return [row["profile_id"] for row in await connection.fetch(_SQL["everybody"], name, segment, after, limit)]


async def compared_to(connection: Connection, name: str, to: UUID, found_: Found) -> None:
    """How far a comparison is, and what it has found so far."""
    told = {each: getattr(found_, each) for each in ("members", "passed", "differed", "left_out")}
    await connection.execute(_SQL["compared_to"], name, to, told)


async def told_again(database: Database, name: str, to: int) -> None:
    """How far a comparison has told the destination again of who is there."""
    await database.pool.execute(_SQL["told_again"], name, to)


async def finish(database: Database, name: str, now: datetime) -> None:
    """A comparison has come to its end."""
    await database.pool.execute(_SQL["finish"], name, now)


async def people(connection: Connection, segment: str, channels: Sequence[str], profiles: Sequence[UUID]) -> list[Person]:
    """How these stand now, held against an erasure until the transaction ends."""
    await connection.execute(_SQL["hold"], list(profiles))
    rows = await connection.fetch(_SQL["standing"], list(profiles), segment, list(channels))
    return [Person(**dict(row)) for row in rows]


async def told(connection: Connection, name: str, profiles: Sequence[UUID]) -> dict[UUID, Told]:
    """What the destination has been told of these, or is about to be."""
    rows = await connection.fetch(_SQL["told"], name, list(profiles))
    return {row["profile_id"]: Told(**dict(row)) for row in rows}


async def put(connection: Connection, name: str, wanted: Mapping[UUID, Sequence[str]], now: datetime) -> None:
    """These are to be added, by these ids."""
    rows = [{"profile_id": str(each), "ids": list(ids)} for each, ids in wanted.items()]
    await connection.execute(_SQL["put"], name, rows, now)


async def turn(connection: Connection, entries: Sequence[int], state: str, now: datetime) -> None:
    """These are to be told otherwise."""
    await connection.execute(_SQL["turn"], list(entries), state, now)


async def say_again(connection: Connection, name: str, profiles: Sequence[UUID], now: datetime) -> None:
    """The destination is told again of these."""
    await connection.execute(_SQL["say_again"], name, list(profiles), now)


async def batch(database: Database, name: str, state: str, limit: int) -> list[Entry]:
    """Some of what is to be told, in the order in which it was written down."""
    return [Entry(**dict(row)) for row in await database.pool.fetch(_SQL["batch"], name, state, limit)]


async def there(database: Database, name: str, after: int, limit: int) -> list[Entry]:
    """Some of whom the destination knows, after an entry."""
    return [Entry(**dict(row)) for row in await database.pool.fetch(_SQL["there"], name, after, limit)]


async def how(database: Database, name: str) -> tuple[bool, bool]:
    """Whether it is paused, and whether somebody has left."""
    row = await database.pool.fetchrow(_SQL["how"], name)
    return (row["paused"], row["leaving"]) if row is not None else (True, False)


async def number(database: Database, name: str) -> int:
    """The next number of what a destination is told."""
    return int(await database.pool.fetchval(_SQL["number"], name))


async def added(database: Database, entries: Sequence[int], now: datetime) -> None:
    """The destination knows these."""
    await database.pool.execute(_SQL["added"], list(entries), now)


async def removed(database: Database, name: str, entries: Sequence[int], now: datetime) -> None:
    """The destination has forgotten these; whoever is there by one of the same ids is told to it again."""
    await database.pool.execute(_SQL["removed"], name, list(entries), now)


async def took(database: Database, name: str, now: datetime, refused: int = 0) -> None:
    """The destination takes what it is told, but for so many entries."""
    await database.pool.execute(_SQL["took"], name, now, refused)


async def rest(database: Database, name: str) -> None:
    """Nothing waits to be told."""
    await database.pool.execute(_SQL["rest"], name)


async def fails(database: Database, name: str, failure: str, now: datetime) -> None:
    """The destination cannot be told."""
    await database.pool.execute(_SQL["fails"], name, now, failure)


async def leaving(database: Database, name: str) -> Leaving:
    """Who has left, as the guard looks at it."""
    row = await database.pool.fetchrow(_SQL["leaving"], name)
    return Leaving(**dict(row)) if row is not None else Leaving(0, 0, None, 0, 0, None)


async def go(connection: Connection, name: str, now: datetime, until: datetime) -> int:
    """Those who had left by an instant go; how many."""
    return int(await connection.fetchval(_SQL["go"], name, now, until))


async def gone(connection: Connection, name: str, window_at: datetime, known: int, count: int) -> None:
    """So many have gone within the hour that began then, of so many; nobody is held any more."""
    await connection.execute(_SQL["gone"], name, window_at, known, count)


async def hold(database: Database, name: str, now: datetime) -> None:
    """Too many would go at once: they stay until somebody lets them."""
    await database.pool.execute(_SQL["held"], name, now)
