"""Streaming against full evaluation against the second opinion of `oracle`: random definitions over random logs and ticks.

With `TEST_PROFILE=long DIFFERENTIAL_SEED=100` in the environment many logs are run, from that seed on. How much was
compared stands in the last lines of the run.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID

import pytest

from segments import Segment
from segments.leaves.top import Top, rankings
from segments.sql import statements as compiler
from segments.watch.tick import load, tick
from store import Database
from tests.extent import scaled, some
from tests.segments.oracle import Customer, World, is_in, members, plain_of, threshold
from tests.segments.oracle_values import micros, seconds
from tests.segments.random_definitions import definition
from tests.segments.random_log import Stream, late_or_changed, read_world
from tests.segments.shop import T0

ROUNDS, SEED = scaled(3, 60), int(os.environ.get("DIFFERENTIAL_SEED", "1"))
TICKS, SEGMENTS = 25, 9
#: What every log compares at the least, so that a day on which nothing is compared does not pass for a good one.
ENOUGH, A_FEW = 1_500, 5
_MICROSECOND = timedelta(microseconds=1)
#: The log, each line with the instant of the next one about the same customer (catching up writes several in a row).
_SINCE = """
select *, lead(at) over (partition by segment, profile_id order by id) as until from segment_transition where id > $1
"""
_STEPS = (0.1, 1, 20, 60, 600, 7200, 100_000, 1_500_000)


@dataclass
class Watched:
    """Segments over one random log, looked after by one or two shards."""

    database: Database
    random: Random
    stream: Stream
    segments: list[Segment]
    shards: int
    leaves: dict[str, Top] = field(default_factory=dict)
    evaluated_to: datetime = T0
    compared: Counter[str] = field(default_factory=Counter)
    thresholds: set[tuple[str, datetime]] = field(default_factory=set)

    async def load(self, at: datetime) -> None:
        self.leaves |= {name: leaf for segment in self.segments for name, leaf in rankings(segment.predicate).items()}
        for shard in range(self.shards):
            await load(self.database, self.segments, at, shard, self.shards)

    async def tick(self, at: datetime) -> None:
        """To that instant, or (where the clock went back) to the one that a shard has come to; then all to the same."""
        reached = await self._tick(at)
        if len(reached) > 1:
            reached = await self._tick(max(reached))
        [self.evaluated_to] = reached

    async def _tick(self, at: datetime) -> set[datetime]:
        reached, limit = set(), self.random.choice([1, 3, 100])
        for shard in range(self.shards):
            while (found := await tick(self.database, self.segments, shard, self.shards, at, limit=limit)).more:
                pass
            assert at <= found.at <= max(at, self.evaluated_to)
            reached.add(found.at)
        return reached

    async def world(self) -> World:
        return await read_world(self.database, {name: _canonical(leaf) for name, leaf in self.leaves.items()})

    async def last_transition(self) -> int:
        return int(await self.database.pool.fetchval("select coalesce(max(id), 0) from segment_transition"))

    async def agree(self, world: World) -> None:
        """The members in the table, a full evaluation and the second opinion."""
        at = self.evaluated_to
        for segment in self.segments:
            expected = members(segment.predicate.to_json(), world, at)
            full = compiler.everyone(segment.predicate)
            evaluated = {row["id"] for row in await self.database.pool.fetch(full.sql, *full.args(at, shard=0, shards=1))}
            assert evaluated == expected, story("a full evaluation", world, evaluated ^ expected, segment, at)
            rows = await self.database.pool.fetch("select profile_id from segment_member where segment = $1", segment.name)
            streamed = {row["profile_id"] for row in rows}
            assert streamed == expected, story("the watch", world, streamed ^ expected, segment, at)
            self.compared["in"] += len(expected)
            self.compared["out"] += len(world.customers) - len(expected)

    async def flipped(self, world: World, after: int, since: datetime, disturbed: set[UUID]) -> None:
        """Every transition that only time or an event on time made is dated with the instant at which the value changed."""
        wanted = {segment.name: segment.predicate.to_json() for segment in self.segments}
        people = {who.id: who for who in world.customers}
        rows = await self.database.pool.fetch(_SINCE, after)
        for row in (row for row in rows if row["profile_id"] in people and row["profile_id"] not in disturbed):
            plain, who, entered = wanted[row["segment"]], people[row["profile_id"]], row["kind"] == "entered"
            assert since < row["at"] <= self.evaluated_to, dict(row)
            until = self.evaluated_to if row["until"] is None else row["until"] - _MICROSECOND
            between = [row["at"] + (until - row["at"]) * n / 3 for n in range(4)]
            assert all(is_in(plain, who, at, world) is entered for at in between), f"{dict(row)} {plain} {who}"
            assert is_in(plain, who, row["at"] - _MICROSECOND, world) is not entered, f"{dict(row)} {plain} {who}"
            assert caused(row["cause"], row["at"], who), f"{dict(row)} {who}"
            self.compared[row["kind"]] += 1


def caused(cause: Mapping[str, Any], at: datetime, who: Customer) -> bool:
    """Whether the cause that was logged can be one: an event at that instant, or one whose window ended then."""
    if "window" in cause:
        return any(e.type == cause["edge"] and e.at + seconds(cause["window"]) == micros(at) for e in who.log)
    if "message_id" in cause:
        return any(e.type == cause["event"] and e.at == micros(at) for e in who.log)
    return bool(cause.keys() & {"edge", "trait", "traits", "renewed"})


def story(who: str, world: World, about: set[UUID], segment: Segment, at: datetime) -> str:
    """What is needed to think about a mismatch."""
    people = [customer for customer in world.customers if customer.id in about][:2]
    return f"{who} and the second opinion differ at {at} about {people} in {segment.predicate.key}"


def _canonical(leaf: Top) -> str:
    return json.dumps(plain_of(json.dumps(leaf.to_json())), default=str, sort_keys=True)


async def thresholds_are_right(watched: Watched, world: World) -> None:
    """Each threshold recorded since the last look is what the second opinion takes as of its renewal."""
    rows = await watched.database.pool.fetch("select * from segment_threshold")
    for row in (row for row in rows if (row["ranking"], row["as_of"]) not in watched.thresholds):
        leaf = watched.leaves[row["ranking"]]
        assert row["value"] == threshold(leaf.to_json(), world, row["as_of"]), (dict(row), str(leaf))
    watched.thresholds |= {(row["ranking"], row["as_of"]) for row in rows}


async def alternate(database: Database, segments: Sequence[Segment], merged: set[UUID]) -> int:
    """Per segment and customer: entered, left, entered …, never back in time. (A merge brings two logs into one.)"""
    rows = await database.pool.fetch("select * from segment_transition order by id")
    logs: dict[tuple[Any, Any], list[Any]] = {}
    for row in rows:
        logs.setdefault((row["segment"], row["profile_id"]), []).append(row)
    for (_, who), log in logs.items():
        if who not in merged:
            kinds = [row["kind"] for row in log]
            assert all(one != other for one, other in pairwise(kinds)), log
            instants = [row["at"] for row in log]
            assert instants == sorted(instants), log
    return len(rows)


@pytest.mark.parametrize("seed", some(range(SEED, SEED + ROUNDS)))
async def test_streaming_is_full_evaluation_is_the_second_opinion(
    database: Database, seed: int, record_property: Callable[[str, object], None]
) -> None:
    random = Random(seed)
    segments = [Segment(f"s{n}", definition(random)) for n in range(SEGMENTS)]
    watched = Watched(database, random, Stream(database, random), segments, shards=random.choice([1, 2]))
    await watched.stream.happen(T0 - timedelta(days=3), T0)
    await watched.load(T0)
    await thresholds_are_right(watched, await watched.world())
    at = T0
    for _ in range(TICKS):
        start, before = at, await watched.last_transition()
        at += timedelta(seconds=random.choice(_STEPS))
        ids = await watched.stream.happen(start, at)
        disturbed = await late_or_changed(database, ids, watched.evaluated_to)
        since = watched.evaluated_to
        await watched.tick(at - timedelta(hours=2) if random.random() < 0.1 else at)
        world = await watched.world()
        await watched.agree(world)
        await watched.flipped(world, before, since, disturbed)
        await thresholds_are_right(watched, world)
        if random.random() < 0.1:
            watched.segments[0] = Segment("s0", definition(random))
            await watched.load(watched.evaluated_to)
            await watched.agree(await watched.world())
            await thresholds_are_right(watched, await watched.world())
    merged = {row["merged_into"] for row in await database.pool.fetch("select merged_into from profile") if row["merged_into"]}
    logged = await alternate(database, segments, merged)
    record_property("compared", dict(watched.compared))
    assert watched.compared["in"] + watched.compared["out"] > ENOUGH
    assert min(watched.compared["in"], logged) >= A_FEW
