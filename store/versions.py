"""Versions of the catalogue in Postgres: archives with the signature of who deployed them, and the runs that are in each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from store.audit import note
from store.database import Connection, Database, columns
from store.named import queries

_SQL = queries("versions")
_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """An archive as it stands here; nothing of it may be run before its signature is looked at."""

    id: str
    archive: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class VersionInUse:
    """A version as people read it."""

    id: str
    package: str
    journeys: list[str]
    deployed_at: datetime
    deployed_by: str
    people: int
    runs: int
    failing: int
    #: Runs that are on their way to it.
    coming: int = 0
    dropped_at: datetime | None = None
    dropped_by: str | None = None


@dataclass(frozen=True, slots=True)
class PeopleIn:
    """How many people are in a journey with a version."""

    journey: str
    version: str
    people: int


@dataclass(frozen=True, slots=True)
class FailingRun:
    """A run that cannot go on with the version that it is in, and the newer ones that may help, newest first."""

    id: UUID
    workflow_id: str
    version: str | None
    newer: list[str]


@dataclass(frozen=True, slots=True)
class RunInJourney:
    """An open run, with what Temporal was told of it."""

    id: UUID
    workflow_id: str
    profile_id: UUID
    version: str | None
    segment: str | None
    entered_at: datetime
    started_at: datetime | None
    start_delay: timedelta
    params: dict[str, Any]
    failing: bool


@dataclass(frozen=True, slots=True)
class RunToMove:
    """A run that is to go on with another version: its n-th move."""

    id: UUID
    workflow_id: str
    version: str
    number: int
    told: bool


async def deploy(database: Database, stored: StoredVersion, package: str, journeys: Sequence[str], by: str) -> bool:
    """Write a version down as the newest; says whether it did not stand here before."""
    row = (stored.id, package, stored.archive, stored.signature, list(journeys), by)
    async with database.transaction() as connection:
        news = bool(await connection.fetchval(_SQL["deploy"], *row))
        await note(connection, "deploy", "version", stored.id, became={"package": package, "journeys": list(journeys)})
    return news


async def drop_unneeded(database: Database, by: str, kept_for: timedelta = timedelta(days=1)) -> list[str]:
    """Let versions go that nobody is in any more; returns which."""
    async with database.transaction() as connection:
        dropped = [row["id"] for row in await connection.fetch(_SQL["drop_unneeded"], kept_for, by)]
        for id_ in dropped:
            await note(connection, "drop", "version", id_)
    return dropped


async def standing(database: Database) -> list[str]:
    """Which versions stand here, oldest first."""
    return [row["id"] for row in await database.pool.fetch(_SQL["standing"])]


async def stored_version(connection: "Connection | Database", version: str) -> StoredVersion | None:
    """A version as it was deployed."""
    asked = connection.pool if isinstance(connection, Database) else connection
    row = await asked.fetchrow(_SQL["stored"], version)
    return StoredVersion(**row) if row else None


async def in_use(database: Database) -> list[VersionInUse]:
    """The versions, newest first, with those who are in each."""
    return [VersionInUse(**row) for row in await database.pool.fetch(_SQL["overview"])]


async def people_in(database: Database, journey: str | None = None, most: int | None = None) -> list[PeopleIn]:
    """Who is in which journey, or in the one named, by version; of all open runs, or of so many of them."""
    return [PeopleIn(**row) for row in await database.pool.fetch(_SQL["people_in"], journey, most)]


async def give(database: Database, runs: Sequence[UUID], version: str) -> set[UUID]:
    """Give runs a version that have none; returns those that got it."""
    return {row["id"] for row in await database.pool.fetch(_SQL["give"], list(runs), version)} if runs else set()


async def failing_with_newer(
    database: Database, before: datetime, tried: Sequence[tuple[UUID, str]], limit: int
) -> list[FailingRun]:
    """Runs that have been failing since before an instant, for which there are newer versions than those tried on them."""
    rows = await database.pool.fetch(_SQL["failing_with_newer"], before, *columns(tried, 2), limit)
    return [FailingRun(**row) for row in rows]


async def mend(database: Database, run_id: UUID, version: str) -> None:
    """A run that could not go on does so with this version."""
    await database.pool.execute(_SQL["mend"], run_id, version)


async def mended_since(database: Database, at: datetime | None) -> dict[UUID, tuple[int, str]]:
    """Open runs that were mended since an instant: how often they were moved on purpose before, and their version now."""
    return {row["id"]: (row["moves"], row["version"]) for row in await database.pool.fetch(_SQL["mended"], at or _EVER)}


async def in_journey(database: Database, journey: str, to: str, only_from: str | None = None) -> list[RunInJourney]:
    """The open runs of a journey that are not in a version yet; those of one version alone, where it is named."""
    return [RunInJourney(**row) for row in await database.pool.fetch(_SQL["in_journey"], journey, to, only_from)]


async def ask_to_move(database: Database, ids: Sequence[UUID], version: str) -> int:
    """Runs shall go on with another version, on purpose; returns how many there are of them."""
    async with database.transaction() as connection:
        moving = len(await connection.fetch(_SQL["ask_to_move"], list(ids), version))
        if moving:
            await note(connection, "move", "runs", version, became={"version": version, "runs": moving})
    return moving


async def to_move(database: Database, limit: int, patience: timedelta, now: datetime) -> list[RunToMove]:
    """Runs that are on their way to another version, and were not asked for a while, at this business time."""
    return [RunToMove(**row) for row in await database.pool.fetch(_SQL["to_move"], limit, patience, now)]


async def moving(database: Database, told: Sequence[UUID], moved: Sequence[UUID], staying: Mapping[UUID, str]) -> None:
    """What became of runs that are to move: told so, moved, or staying where they are, and why."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["told_to_move"], list(told))
        await connection.execute(_SQL["moved"], list(moved))
        await connection.execute(_SQL["stay"], list(staying), list(staying.values()))
