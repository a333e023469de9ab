"""The watch's tick: who entered and who left since the last one, because of events or because of time.

Promise: after a tick at t, the membership of its shard is what a full evaluation at t would say, and every change is in the
log with its exact instant; marks, membership, log and progress are one commit. A tick at which nothing changed reads little
and writes nothing. Two ticks at once are harmless.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from segments.language.segment import Segment
from segments.load.load import Loaded, load
from segments.sql.plans import plan_for_a_few
from segments.watch.alarms import rearm, ring
from segments.watch.catching_up import reach
from segments.watch.changes import changes
from segments.watch.interest import Live, concerned, sweeps
from segments.watch.look import Dirty, Look
from segments.watch.shards import NEVER, lock_shard
from segments.watch.sweep import swept
from segments.watch.thresholds import renewed
from segments.watch.transitions import Transition
from store import Connection, Database, queries
from store.customers.merge import repoint_merged

__all__ = ["Also", "Dirty", "Loaded", "Tick", "load", "tick"]

_SQL = queries("segments")
_MARKS_AT_ONCE = 5_000
_SEPARATOR = chr(31)  # the SQL splits at it
#: Idle progress is written this seldom: an older `evaluated_to` only makes the next sweep a little wider.
_IDLE_STEP = timedelta(seconds=1)
_ATTEMPTS = 3

#: What else must commit with a tick, such as ending the runs whose goal was reached.
Also = Callable[[Look], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick found."""

    at: datetime
    dirty: tuple[Dirty, ...] = ()
    candidates: int = 0
    entered: int = 0
    left: int = 0
    repeated: int = 0
    more: bool = False
    unloaded: tuple[str, ...] = ()


async def tick(
    database: Database,
    segments: Sequence[Segment],
    shard: int,
    shards: int,
    at: datetime,
    keyed: AbstractSet[str] = frozenset(),
    also: Also | None = None,
    *,
    limit: int = _MARKS_AT_ONCE,
) -> Tick:
    """Bring the membership of one shard to the instant `at`, or to where it already is if that is later.

    At most `limit` marks are consumed, and after a downtime not much more than an hour is looked at; `Tick.more` says that
    there is more, so tick again at once. Segments in `keyed`
    also log `repeated` for each new event of who is already in. Segments that were not loaded (see `load`) are named in
    `Tick.unloaded` and left alone. `also` runs inside the transaction whenever marks were consumed.

    Raises:
        CannotBeEvaluated: one of the segments fails; nothing was consumed. Tick without it.
        asyncpg.PostgresError, OSError: the store failed; nothing was consumed, and ticking again is harmless.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with database.transaction() as connection:
                await lock_shard(connection, shard, shards)
                return await _tick(connection, segments, shard, shards, at, keyed, also, limit)
        except asyncpg.TransactionRollbackError:  # a merge of two profiles was in the way
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


async def _tick(
    connection: Connection,
    segments: Sequence[Segment],
    shard: int,
    shards: int,
    at: datetime,
    keyed: AbstractSet[str],
    also: Also | None,
    limit: int,
) -> Tick:
    await plan_for_a_few(connection)
    loaded, unloaded = await _live(connection, segments, shard, shards)
    to = await reach(connection, loaded, at, shard, shards)
    rows = await connection.fetch(_SQL["take_dirty"], shard, shards, limit if to.marks else 0, to.marks_until)
    at = to.within(rows[-1]["at"] if rows and len(rows) == limit else None)
    dirty = await _without_absorbed(connection, rows, at)
    look = Look(connection, at, to.live, dirty)
    rung = await ring(look, shard, shards)
    for name, profiles in (await renewed(look, shard, shards)).items():
        rung.setdefault(name, set()).update(profiles)
    await _find_candidates(look, rung, shard, shards, keyed)
    kinds = await _write(connection, await changes(look, keyed))
    await rearm(look, rung)
    if also is not None and dirty:
        await also(look)
    more = len(rows) == limit or to.steps
    await _advance(look, shard, shards, busy=bool(rows) or any(look.candidates.values()), more=more)
    return Tick(
        at=at,
        dirty=tuple(dirty),
        candidates=sum(map(len, look.candidates.values())),
        entered=kinds.count("entered"),
        left=kinds.count("left"),
        repeated=kinds.count("repeated"),
        more=more,
        unloaded=unloaded,
    )


async def _without_absorbed(connection: Connection, rows: Iterable[asyncpg.Record], at: datetime) -> list[Dirty]:
    """The marks as data; those of absorbed profiles go back, as their survivors', together with all that is stray.

    Those of erased ones, which lead to themselves, are gone.
    """
    astray = [row for row in rows if row["merged_into"] not in (None, row["profile_id"])]
    if astray:
        await repoint_merged(connection, list({row["profile_id"] for row in astray}), at)
        columns = [(r["merged_into"], _SEPARATOR.join(r["types"]), r["at"], r["traceparent"]) for r in astray]
        await connection.execute(_SQL["put_back"], *zip(*columns, strict=True))
    return [
        Dirty(row["profile_id"], frozenset(row["types"]), row["at"], row["traceparent"], row["written_by"])
        for row in rows
        if row["merged_into"] is None
    ]


async def _live(
    connection: Connection, segments: Sequence[Segment], shard: int, shards: int
) -> tuple[list[Live], tuple[str, ...]]:
    rows = await connection.fetch(_SQL["progress"], shard, shards)
    done = {(row["segment"], row["version"]): (row["evaluated_to"], row["since"]) for row in rows}
    found = [(segment, *done.get((segment.name, segment.version), (NEVER, None))) for segment in segments]
    live = [Live(segment, to, since) for segment, to, since in found if to > NEVER]
    unloaded = {segment.name for segment in segments} - {each.segment.name for each in live}
    return live, tuple(sorted(unloaded))


async def _find_candidates(look: Look, rung: Mapping[str, set[UUID]], shard: int, shards: int, keyed: AbstractSet[str]) -> None:
    """Whom each segment must evaluate: those of whom something changed, and those whom time can have moved."""
    wanted = sweeps(look.live, look.at, keyed)
    found = await swept(look.connection, wanted, shard, shards)
    everyone = set(look.changed).union(*found.values(), *rung.values())
    if everyone and look.live:
        rows = await look.connection.fetch(_SQL["members"], list(everyone))
        look.members = {row["segment"]: dict(zip(row["profile_ids"], row["entered_at"], strict=True)) for row in rows}
        look.candidates = concerned(look.live, look.changed, look.members, keyed)
        for n, profiles in found.items():
            for name in wanted[n].segments:
                look.candidates[name] |= wanted[n].moves(name, profiles, look.inside(name).keys())
        for name, called in rung.items():
            look.candidates[name] |= called


async def _write(connection: Connection, transitions: Sequence[Transition]) -> list[str]:
    """Membership and log; returns the kinds of what was really logged."""
    if not transitions:
        return []
    rows = [(t.segment, t.profile_id, t.kind, t.at, json.dumps(t.cause), t.traceparent) for t in transitions]
    return [row["kind"] for row in await connection.fetch(_SQL["write_transitions"], *zip(*rows, strict=True))]


async def _advance(look: Look, shard: int, shards: int, *, busy: bool, more: bool) -> None:
    behind = [each.segment for each in look.live if each.evaluated_to < look.at]
    if behind and (busy or look.at - look.since >= _IDLE_STEP):
        names, versions = zip(*((segment.name, segment.version) for segment in behind), strict=True)
        await look.connection.execute(_SQL["advance"], names, versions, shard, shards, look.at, more)
