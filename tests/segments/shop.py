"""A small shop in Postgres, written row by row, so that each test says exactly what is stored."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from segments import Predicate, Segment
from segments.facts import NOWHERE, Event, Facts, Origins
from segments.sql import statements as compiler
from segments.watch.tick import Loaded, Tick, load, tick
from segments.watch.transitions import read_since
from store import Database
from store.customers.traits import Word, write_words

T0 = datetime(2026, 11, 16, 12, tzinfo=UTC)


def together(one: Tick, other: Tick) -> Tick:
    """Two ticks told as one."""
    counts = {
        name: getattr(one, name) + getattr(other, name) for name in ("dirty", "candidates", "entered", "left", "repeated")
    }
    return replace(other, **counts)


@dataclass
class Shop:
    """Profiles and events, and one watch over them."""

    database: Database
    segments: Sequence[Segment] = ()
    events: dict[UUID, list[Event]] = field(default_factory=dict)
    traits: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    since: dict[UUID, dict[str, datetime]] = field(default_factory=dict)
    created_at: dict[UUID, datetime] = field(default_factory=dict)
    origins: dict[UUID, Origins] = field(default_factory=dict)
    count: int = 0

    async def customer(self, created_at: datetime = T0 - timedelta(days=400), **traits: Any) -> UUID:
        profile = UUID(str(uuid7()))
        await self.database.pool.execute(
            "insert into profile (id, traits, created_at, updated_at) values ($1, $2, $3, $3)", profile, traits, created_at
        )
        self.events[profile], self.traits[profile], self.origins[profile] = [], traits, NOWHERE
        self.since[profile], self.created_at[profile] = {}, created_at
        return profile

    async def event(
        self,
        profile: UUID,
        named: str,
        ts: datetime,
        properties: Mapping[str, Any] | None = None,
        *,
        received_at: datetime | None = None,
        mark: bool = True,
        traceparent: str | None = None,
    ) -> str:
        self.count += 1
        event = Event(named, ts, dict(properties or {}), f"m{self.count}")
        self.events[profile].append(event)
        await self.database.pool.execute(
            "with marked as ("
            " insert into dirty (profile_id, types, at, traceparent) select $1, array[$3], $6, $8 where $7)"
            " insert into event (profile_id, ts, type, kind, message_id, properties, source, received_at)"
            " values ($1, $2, $3::text, 'track', $4, $5, 'test', $6)",
            profile,
            ts,
            named,
            event.message_id,
            event.properties,
            received_at or ts,
            mark,
            traceparent,
        )
        return event.message_id

    async def identify(self, profile: UUID, at: datetime, **traits: Any) -> None:
        await self.say(profile, at, traits)

    async def say(
        self, profile: UUID, at: datetime, traits: Mapping[str, Any], source: str = "test", confidence: float | None = None
    ) -> None:
        """Say these traits as ingest does; what holds then is read back."""
        sure = None if confidence is None else str(confidence)
        words = [Word(profile, name, json.dumps(value), at, source, sure) for name, value in traits.items()]
        async with self.database.transaction() as connection:
            await write_words(connection, words)
        row = await self.database.pool.fetchrow("select traits, traits_at, traits_from from profile where id = $1", profile)
        assert row is not None
        self.traits[profile], self.since[profile] = row["traits"], read_since(row)
        self.origins[profile] = Origins.of(row["traits_from"], row["traits_at"])
        await self.mark(profile, ["$identify"], at)

    def facts(self, profile: UUID) -> Facts:
        """What Postgres knows of a customer."""
        found = Facts.of(self.traits[profile], self.events[profile], origins=self.origins[profile])
        return replace(found, since=self.since[profile], created_at=self.created_at[profile])

    async def mark(self, profile: UUID, types: Sequence[str], at: datetime, traceparent: str | None = None) -> None:
        await self.database.pool.execute(
            "insert into dirty (profile_id, types, at, traceparent) values ($1, $2, $3, $4)",
            profile,
            types,
            at,
            traceparent,
        )

    async def load(self, *segments: Segment, at: datetime = T0, **options: Any) -> list[Loaded]:
        self.segments = segments
        return await load(self.database, segments, at, **options)

    async def tick(self, at: datetime, **options: Any) -> Tick:
        """One tick; after a long time the many that catch up, told as one."""
        found = await tick(self.database, self.segments, 0, 1, at, **options)
        while found.at < at and found.more:
            found = together(found, await tick(self.database, self.segments, 0, 1, at, **options))
        return found

    async def members(self, segment: Segment) -> set[UUID]:
        rows = await self.database.pool.fetch("select profile_id from segment_member where segment = $1", segment.name)
        return {row["profile_id"] for row in rows}

    async def log(self, segment: Segment, profile: UUID | None = None) -> list[tuple[str, datetime, dict[str, Any]]]:
        rows = await self.database.pool.fetch(
            "select kind, at, cause from segment_transition"
            " where segment = $1 and ($2::uuid is null or profile_id = $2) order by id",
            segment.name,
            profile,
        )
        return [(row["kind"], row["at"], row["cause"]) for row in rows]

    async def evaluated(self, predicate: Predicate, at: datetime, ids: Iterable[UUID] | None = None) -> set[UUID]:
        if ids is None:
            full = compiler.everyone(predicate)
            rows = await self.database.pool.fetch(full.sql, *full.args(at, shard=0, shards=1))
        else:
            some = compiler.among(predicate)
            rows = await self.database.pool.fetch(some.sql, *some.args(at, ids=list(ids)))
        return {row["id"] for row in rows}
