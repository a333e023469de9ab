"""Lists of runs: found, counted and ended by one filter, each run with what it does next and when.

Promise: what is counted is what is ended. An end is written under the lock under which messages are claimed: none of those
runs claims another one.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from store.audit import note
from store.database import Database
from store.named import queries
from store.runs.views import Run, run_of

_SQL = queries("run_lists")

#: How a run may stand, as one asks for it. Some overlap: whoever fails is open, too, and what is over may be in doubt.
Status = Literal["open", "in-line", "waiting", "deferred", "failing", "in-doubt", "ended"]
STATUSES: tuple[Status, ...] = get_args(Status)
_AT_ONCE = 5_000  # ends in a transaction


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which runs: of a journey, of a customer, with a status, entered from an instant on and before another; or these."""

    journey: str | None = None
    profile_id: UUID | None = None
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: Sequence[UUID] | None = None

    def sql(self, name: str) -> str:
        """A statement over these runs."""
        return f"with run as ({_SQL[self.status.replace('-', '_')]}) {_SQL[name]}" if self.status else _SQL[name]

    @property
    def args(self) -> tuple[object, ...]:
        """Its first arguments."""
        return self.journey, self.profile_id, self.since, self.until, self.ids

    @property
    def told(self) -> dict[str, object]:
        """The rest of the choice, for those who look at it later."""
        since, until = (at and at.isoformat() for at in (self.since, self.until))
        return {"status": self.status, "since": since, "until": until, "ids": self.ids and [str(each) for each in self.ids]}


@dataclass(frozen=True, slots=True)
class Counted:
    """How many open runs a filter finds, and of how many people."""

    runs: int
    people: int


@dataclass(frozen=True, slots=True)
class Next:
    """What an open run does next: a message that is tried again, something that it waits for, or its beginning."""

    state: str | None = None
    channel: str | None = None
    template: str | None = None
    reason: str | None = None
    retry_at: datetime | None = None
    which: str | None = None
    until: datetime | None = None
    begins_at: datetime | None = None
    #: The journeys for which a message waits.
    journeys: Sequence[str] | None = None


async def list_runs(
    database: Database, wanted: Wanted, *, before: tuple[datetime, UUID] | None = None, limit: int
) -> list[Run]:
    """The runs, newest first, from a place in that order on."""
    rows = await database.pool.fetch(wanted.sql("list_runs"), *wanted.args, *(before or (None, None)), limit)
    return [run_of(row) for row in rows]


async def count_runs(database: Database, wanted: Wanted) -> Counted:
    """How many of the runs are open and have not been told to end."""
    (row,) = await database.pool.fetch(wanted.sql("count_runs"), *wanted.args)
    return Counted(**row)


async def end_runs(database: Database, wanted: Wanted, reason: str, at: datetime) -> int:
    """Tell the open ones of the runs to end; returns how many heard it."""
    ended, found = 0, _AT_ONCE
    while found == _AT_ONCE:
        async with database.transaction() as connection:
            found = len(await connection.fetch(wanted.sql("end_runs"), *wanted.args, reason, at, _AT_ONCE))
            if found:
                became = {"runs": found, "reason": reason} | wanted.told
                await note(connection, "end", "runs", wanted.journey or "", became=became, customer=wanted.profile_id)
        ended += found
    return ended


async def next_of(database: Database, ids: Collection[UUID], at: datetime) -> dict[UUID, Next]:
    """What open runs do next, as far as Postgres knows: of a plain wait only Temporal does."""
    rows = await database.pool.fetch(_SQL["next_of"], ids, at) if ids else []
    return {row["id"]: Next(*list(row.values())[1:]) for row in rows}
