"""Keeping thresholds: each is taken once per renewal, recorded with how many customers it came from, and never changed.

Promise: at a renewal the watch looks at exactly those whom the new threshold moves; shards agree on one number.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from segments.facts import Thresholds
from segments.language.predicate import Predicate
from segments.language.segment import Segment
from segments.leaves.top import Top, rankings
from segments.sql import statements as compiler
from segments.sql.plans import plan_as_ever, plan_for_a_few, plan_for_everybody
from segments.sql.ranking import taken
from segments.watch.look import Look
from store import Connection, queries

_SQL = queries("segments")


async def record(connection: Connection, predicate: Predicate, at: datetime, *, patience: float | None = None) -> None:
    """Take the thresholds that stand at an instant, unless they are recorded already; the plan is for everybody."""
    for ranking, leaf in rankings(predicate).items():
        if not await connection.fetchval(_SQL["has_threshold"], ranking, leaf.renewed_at(at)):
            statement = _taking(leaf)
            [row] = await connection.fetch(statement.sql, *statement.args(at), timeout=patience)
            await connection.execute(_SQL["write_threshold"], ranking, row["as_of"], row["value"], row["customers"])


@lru_cache(1_024)
def _taking(leaf: Top) -> compiler.Statement:
    return compiler.compiled(taken(leaf))


async def recorded(connection: Connection, segments: Iterable[Segment]) -> Thresholds:
    """Every threshold of these segments, oldest first."""
    names = sorted({ranking for segment in segments for ranking in rankings(segment.predicate)})
    found: dict[str, list[tuple[datetime, Any]]] = {}
    for row in await connection.fetch(_SQL["thresholds"], names) if names else ():
        found.setdefault(row["ranking"], []).append((row["as_of"], row["value"]))
    return found


async def renewed(look: Look, shard: int, shards: int) -> dict[str, set[UUID]]:
    """Whom a threshold taken anew since the last look moves, by segment."""
    moved = {}
    for live in look.live:
        now = await taken_anew(look.connection, live.segment.predicate, live.evaluated_to, look.at, shard, shards)
        if now is not None:
            was = await look.connection.fetch(_SQL["members_of_shard"], live.segment.name, shard, shards)
            moved[live.segment.name] = now ^ {row["profile_id"] for row in was}
            await plan_for_a_few(look.connection)
    return moved


async def taken_anew(
    connection: Connection, predicate: Predicate, since: datetime, to: datetime, shard: int, shards: int
) -> set[UUID] | None:
    """Everybody of a shard who is in at `to`, where a threshold was taken anew since an instant; None where none was."""
    if not any(leaf.renewed_at(since) < leaf.renewed_at(to) for leaf in rankings(predicate).values()):
        return None
    await plan_for_everybody(connection)
    await record(connection, predicate, to)
    full = compiler.everyone(predicate)
    rows = await connection.fetch(full.sql, *full.args(to, shard=shard, shards=shards))
    await plan_as_ever(connection)
    return {row["id"] for row in rows}


def used(segment: Segment, known: Thresholds, at: datetime) -> dict[str, Any]:
    """For the log: the thresholds by which a membership was decided at an instant."""
    tops = sorted(rankings(segment.predicate).items())
    told = [
        _told(leaf, values[-1]) for name, leaf in tops if (values := [each for each in known.get(name, ()) if each[0] <= at])
    ]
    return {"thresholds": told} if told else {}


def _told(leaf: Top, standing: tuple[datetime, Decimal | None]) -> dict[str, Any]:
    as_of, value = standing
    return {"top": float(leaf.percent), "value": None if value is None else str(value), "as_of": as_of.isoformat()}
