"""The operator's switches in Postgres: one for each journey, one for everything at once, and who waits for them.

Promise: when a switch has been thrown, no message is claimed any more that it forbids: whoever was at it is waited for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from store.audit import note
from store.database import Connection, Database
from store.locks import Lock
from store.named import queries

_SQL = queries("switches")

#: Under this name stands the switch of everything at once; no journey can be called so.
EVERYTHING = "*"
LIVE = "live"
_STRICTNESS = (LIVE, "paused", "killed")


@dataclass(frozen=True, slots=True)
class Switch:
    """How a switch stands, since when, and who threw it."""

    journey: str
    state: str
    at: datetime
    by: str
    why: str | None = None  # where it was not an operator who threw it

    @property
    def told(self) -> str:
        """How it stands, since when, by whom, and why where that is known: `paused since 2026-03-01 12:00 UTC, by olga`."""
        since = f"since {self.at:%Y-%m-%d %H:%M} UTC"
        return f"{self.state} by itself {since}: {self.why}" if self.why else f"{self.state} {since}, by {self.by}"

    @property
    def resumed_by(self) -> str:
        """The command that lets it live again."""
        return "journeys resume --all" if self.journey == EVERYTHING else f"journeys resume {self.journey}"


@dataclass(frozen=True, slots=True)
class Affected:
    """Whom a switch concerned when it was thrown: open runs, their messages that wait for it, and those at a provider."""

    open_runs: int
    waiting_messages: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class PausedMessage:
    """A message that waits for its journey to live again."""

    run_id: UUID
    step: str
    occurrence: int
    workflow_id: str


async def throw(database: Database, journey: str, state: str, at: datetime, by: str, why: str | None = None) -> Affected:
    """Throw a switch: live, paused or killed; returns whom it concerns."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["stand_still"], Lock.SWITCH)
        was = await connection.fetchval(_SQL["own_state"], journey) or LIVE
        await connection.execute(_SQL["throw"], journey, state, at, by, why)
        await note(connection, "switch", "journey", journey, was={"state": was}, became={"state": state, "why": why})
        if journey == EVERYTHING and state == "killed":
            await connection.execute(_SQL["kill_each"], at, by)
        if journey == EVERYTHING and state == LIVE:
            await connection.execute(_SQL["wake_each"], at, by)
    return await affected(database, journey)


async def affected(database: Database, journey: str) -> Affected:
    """Whom a switch concerns."""
    (row,) = await database.pool.fetch(_SQL["open_and_waiting"], journey)
    return Affected(**row)


async def switches(database: Database) -> dict[str, Switch]:
    """The switches that have been thrown, by journey."""
    return {row["journey"]: Switch(**row) for row in await database.pool.fetch(_SQL["switches"])}


async def thrown(database: Database, journey: str | None = None) -> list[Switch]:
    """The switches that hold something back: of everything, and of each journey or only of one."""
    found = sorted((await switches(database)).values(), key=lambda each: each.journey)  # that of everything first
    return [each for each in found if each.state != LIVE and (journey is None or each.journey in (journey, EVERYTHING))]


def holding(thrown: Mapping[str, Switch], journey: str) -> Switch | None:
    """The switch that holds for a journey: the stricter one of its own and that of everything."""
    found = [thrown[name] for name in (journey, EVERYTHING) if name in thrown]
    return max(found, key=lambda switch: _STRICTNESS.index(switch.state), default=None)


async def state_of(connection: Connection, journey: str) -> str:
    """How a journey stands for whoever wants to enter: live where nobody has thrown its switch, or that of everything."""
    state: str = await connection.fetchval(_SQL["state_of"], journey)
    return state


async def killed(connection: Connection) -> frozenset[str]:
    """The journeys that nobody may enter; with `EVERYTHING` among them, all."""
    return frozenset(row["journey"] for row in await connection.fetch(_SQL["killed"]))


async def to_kill(database: Database, shard: int, shards: int, limit: int) -> list[UUID]:
    """Open runs whose journey was killed after they had entered."""
    return [row["id"] for row in await database.pool.fetch(_SQL["to_kill"], shard, shards, limit)]


async def to_release(database: Database, now: datetime, limit: int) -> list[PausedMessage]:
    """Messages that wait for their journey to live again, which it does; those first that are soonest useless."""
    return [PausedMessage(**row) for row in await database.pool.fetch(_SQL["to_release"], now, limit)]


async def released(database: Database, messages: Sequence[PausedMessage], at: datetime) -> None:
    """Their runs were told to ask again."""
    columns = ([getattr(m, name) for m in messages] for name in ("run_id", "step", "occurrence"))
    await database.pool.execute(_SQL["released"], *columns, at)
