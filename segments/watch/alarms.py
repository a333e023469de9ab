"""When to look at a customer again because of a trait: a date in it, or since when it is what it is (`held`).

Promise: every customer for whom a trait can turn a segment has an alarm at the next turn (a row per version and customer),
from the commit that loaded the segment or consumed the changed trait. Traits that were never said count from the creation
of the customer and need no alarm: who has grown old enough is asked for. Segments without such leaves cost nothing.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import asyncpg

from segments.facts import Facts
from segments.language.events import TRAITS_CHANGED
from segments.language.segment import Segment
from segments.language.spans import earlier
from segments.leaves.clocks import TraitClock
from segments.leaves.held import Settled
from segments.watch.interest import Live
from segments.watch.look import Look
from segments.watch.transitions import read_facts
from store import Connection, queries

_SQL = queries("segments")
_AT_ONCE = 5_000
_YIELD = 200  # working out a turn takes some 10 microseconds to a millisecond
_Alarm = tuple[str, str, UUID, datetime | None]


@lru_cache(4_096)
def clocks_of(segment: Segment) -> frozenset[TraitClock]:
    """The clocks of a segment that need alarms."""
    return frozenset(clock for clock in segment.predicate.clocks if isinstance(clock, TraitClock))


def next_turn(segment: Segment, facts: Facts, at: datetime) -> datetime | None:
    """The next instant after `at` at which these traits, or the time when they were said, can turn the segment."""
    steps = (step for clock in clocks_of(segment) for step in clock.steps(facts, at))
    return min((step for step in steps if step > at), default=None)


async def arm(connection: Connection, segment: Segment, at: datetime, shard: int, shards: int, ids: tuple[UUID, UUID]) -> None:
    """Set the alarms of a shard's customers with ids in `(low, high]`, inside the transaction that evaluates them."""
    if not clocks_of(segment):
        return
    names = sorted(frozenset[str]().union(*(clock.names for clock in clocks_of(segment))))
    rows = await connection.fetch(_SQL["traits_with"], shard, shards, names, *ids)
    for start in range(0, len(rows), _YIELD):
        some = {row["id"]: read_facts(row) for row in rows[start : start + _YIELD]}
        await _write(connection, _alarms(segment, some, some, at))
        await asyncio.sleep(0)  # the watch of this process goes on


async def ring(look: Look, shard: int, shards: int) -> dict[str, set[UUID]]:
    """Whom an alarm up to now calls for, by segment (their alarms are gone), and who has grown old enough."""
    live = [(each.segment.name, each.segment.version) for each in look.live if clocks_of(each.segment)]
    rows = await look.connection.fetch(_SQL["due_alarms"], look.at, *zip(*live, strict=True), shard, shards) if live else []
    found: dict[str, set[UUID]] = {}
    for row in rows + await grown(look.connection, look.live, look.at, shard, shards):
        found.setdefault(row["segment"], set()).add(row["profile_id"])
    return found


async def grown(connection: Connection, live: Iterable[Live], at: datetime, shard: int, shards: int) -> list[asyncpg.Record]:
    """Who was created a span ago that a segment waits for."""
    asked = [
        (each.segment.name, earlier(each.evaluated_to, clock.span), earlier(at, clock.span))
        for each in live
        for clock in clocks_of(each.segment)
        if isinstance(clock, Settled) and each.evaluated_to < at
    ]
    return await connection.fetch(_SQL["grown"], *zip(*asked, strict=True), shard, shards) if asked else []


async def rearm(look: Look, rung: Mapping[str, set[UUID]]) -> None:
    """Set the alarms of those that rang, and of those whose traits changed."""
    segments = [each.segment for each in look.live if clocks_of(each.segment)]
    if not segments:
        return
    changed = {profile for profile, types in look.changed.items() if TRAITS_CHANGED in types}
    wanted = {segment: changed | rung.get(segment.name, set()) for segment in segments}
    everyone = sorted(set().union(*wanted.values()))
    for start in range(0, len(everyone), _AT_ONCE):
        known = await _traits(look.connection, everyone[start : start + _AT_ONCE])
        await _write(
            look.connection, [alarm for segment in segments for alarm in _alarms(segment, wanted[segment], known, look.at)]
        )


def _alarms(segment: Segment, profiles: Iterable[UUID], known: Mapping[UUID, Facts], at: datetime) -> list[_Alarm]:
    version = segment.version
    return [(segment.name, version, who, next_turn(segment, known[who], at)) for who in profiles if who in known]


async def _traits(connection: Connection, profiles: Sequence[UUID]) -> dict[UUID, Facts]:
    rows = await connection.fetch(_SQL["traits_of"], profiles)
    return {row["id"]: read_facts(row) for row in rows}


async def _write(connection: Connection, alarms: Sequence[_Alarm]) -> None:
    if alarms:
        await connection.execute(_SQL["set_alarms"], *zip(*alarms, strict=True))
