"""Who was exposed to the holdout of a prediction, and what came of them, a horizon later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from store.database import Connection, Database
from store.named import queries

_SQL = queries("predictions")


@dataclass(frozen=True, slots=True)
class ToCome:
    """An exposure whose horizon has passed: of which profile it is, who that is by now, and since when."""

    exposed_as: UUID
    who: UUID
    exposed_at: datetime


@dataclass(frozen=True, slots=True)
class Acted:
    """Customers of an arm who were exposed on a day (UTC) with scores of one tenth (None: none); of how many it came true."""

    day: date
    tenth: int | None
    arm: str
    people: int
    came: int


@dataclass(frozen=True, slots=True)
class ArmExposed:
    """How many are in an arm, and the lowest and the highest share by which they were drawn."""

    arm: str
    people: int
    lowest: float
    highest: float


async def to_come(connection: Connection, experiment: str, until: datetime, most: int) -> list[ToCome]:
    """Who was exposed by an instant and has not been looked at, the earliest first."""
    return [ToCome(**dict(row)) for row in await connection.fetch(_SQL["to_come"], experiment, until, most)]


async def keep(connection: Connection, experiment: str, came: Sequence[tuple[UUID, bool]]) -> None:
    """Write down what came of exposures."""
    await connection.execute(_SQL["keep_what_came"], experiment, [who for who, _ in came], [true for _, true in came])


async def acted(database: Database, experiment: str) -> list[Acted]:
    """What has come of those who were exposed, by day."""
    return [Acted(**dict(row)) for row in await database.pool.fetch(_SQL["acted"], experiment)]


async def arms(database: Database, experiment: str) -> list[ArmExposed]:
    """The arms, with everybody who was exposed."""
    return [ArmExposed(**dict(row)) for row in await database.pool.fetch(_SQL["arms_exposed"], experiment)]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A customer who was exposed, as who they are by now: whether they were written to, and whether it came true."""

    who: UUID
    exposed_at: datetime
    written: bool
    came: bool


async def to_rank(database: Database, experiment: str, written: int, withheld: int) -> list[Ranked]:
    """Some of those of whom it is known what came: at most so many of each arm, by chance."""
    return [Ranked(**dict(row)) for row in await database.pool.fetch(_SQL["to_rank"], experiment, written, withheld)]


async def keep_uplift(database: Database, name: str, told: dict[str, Any] | None) -> None:
    """Write down whom acting helps."""
    await database.pool.execute(_SQL["keep_uplift"], name, told)


async def uplift(database: Database, name: str) -> dict[str, Any] | None:
    """Whom acting helps, as of the last training."""
    told: dict[str, Any] | None = await database.pool.fetchval(_SQL["uplift"], name)
    return told
