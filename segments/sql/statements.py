"""Predicates as SQL for asyncpg: compiled once per definition, with every value a parameter and never in the text.

Promise: the same answer as `evaluate`, whatever JSON the profiles and events hold: casts happen only where the JSON
type allows them, so one bad event neither breaks a segment nor is counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, asyncpg

from segments.language.predicate import Predicate
from segments.sql.goals import moment
from segments.sql.query import Query
from segments.sql.rows import Bound, bounds_of
from segments.sql.start import everybody, in_place_of_profile, living, looks_at_profiles
from segments.sql.tables import INSTANT, UUID_, profile

_DIALECT: sa.Dialect = asyncpg.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]  # it has no type
_CACHED = 4_096


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled statement: its text with `$n`, and the parameters in their order."""

    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    bounds: Mapping[str, Bound]

    def args(self, at: datetime, **given: Any) -> list[Any]:
        """The arguments for one execution at an instant."""
        known = {**self.constants, **given, "at": at} | {name: value(at) for name, value in self.bounds.items()}
        return [known[name] for name in self.names]


@dataclass(frozen=True, slots=True)
class GoalRow:
    """A run whose goal is asked for: only events from `since` on count."""

    run_id: UUID
    profile_id: UUID
    since: datetime


@lru_cache(_CACHED)
def everyone(predicate: Predicate, unwritten: frozenset[str] = frozenset()) -> Statement:
    """All profiles of a shard of whom it is true: parameters `shard` and `shards`; `unwritten`: as a `Selection` has it."""
    shard, shards = (sa.bindparam(name, type_=sa.SmallInteger) for name in ("shard", "shards"))
    mine = sa.func.bucket(profile.c.id) % shards == shard
    return compiled(everybody(predicate, unwritten=unwritten).where(sa.or_(shards == sa.literal(1, sa.SmallInteger), mine)))


@lru_cache(_CACHED)
def among(predicate: Predicate, unwritten: frozenset[str] = frozenset()) -> Statement:
    """Those of the profiles `ids` of whom it is true; `unwritten`: as a `Selection` has it."""
    ids = sa.bindparam("ids", type_=ARRAY(UUID_))
    condition: Any = predicate.sql(Query(unwritten=unwritten))
    if looks_at_profiles(condition):
        return compiled(living(condition).where(profile.c.id == sa.any_(ids)))
    given = sa.func.unnest(ids).table_valued(sa.column("id", UUID_)).render_derived(name="given")
    return compiled(sa.select(profile.c.id).where(condition).add_cte(in_place_of_profile(given, one_by_one=True)))


@lru_cache(_CACHED)
def _goal(predicate: Predicate) -> Statement:
    kinds: dict[str, Any] = {"run_id": UUID_, "profile_id": UUID_, "since": INSTANT}
    columns: list[Any] = [sa.bindparam(f"{name}s", type_=ARRAY(kind)) for name, kind in kinds.items()]
    rows = sa.func.unnest(*columns).table_valued(*[sa.column(name, kind) for name, kind in kinds.items()])
    run = rows.render_derived(name="run")
    reached_at = moment(predicate, run.c.profile_id, run.c.since).label("reached_at")
    goal = sa.select(run.c.run_id, reached_at).subquery("goal")
    return compiled(sa.select(goal.c.run_id, goal.c.reached_at).where(goal.c.reached_at.is_not(None)))


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal as SQL: which runs have reached it, and the time of the event that decided."""

    statement: Statement

    @property
    def sql(self) -> str:
        """The statement; it returns `run_id` and `reached_at`."""
        return self.statement.sql

    def args(self, rows: Sequence[GoalRow], at: datetime) -> list[Any]:
        """The arguments to ask about some runs: only events with `since <= ts <= at` count.

        Ingest lets events be dated up to five minutes ahead; a caller whom that suffices asks with a later `at`.
        """
        return self.statement.args(
            at,
            run_ids=[row.run_id for row in rows],
            profile_ids=[row.profile_id for row in rows],
            sinces=[row.since for row in rows],
            since=min((row.since for row in rows), default=at),
        )


def compile_goal(predicate: Predicate) -> Goal:
    """A goal made of `did(…)` leaves, to be asked for many runs at once. See `evaluate.reached_at` for its meaning."""
    return Goal(_goal(predicate))


def compiled(select: sa.Select[Any] | sa.Insert) -> Statement:
    """A statement of which every value is a parameter."""
    made = select.compile(dialect=_DIALECT)
    names = tuple(made.positiontup or ())
    constants = {name: value for name, value in made.params.items() if value is not None}
    return Statement(str(made), names, constants, bounds_of(names))
