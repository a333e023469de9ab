"""Who is in which arm of an experiment: written once, with the instant from which on the customer counts as exposed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from store.database import Connection, columns
from store.named import queries

_SQL = queries("expectations")


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a run's customer in an experiment: the arm, if they have one, and by what they are drawn.

    `holdout`: whether the run is in its journey's.
    """

    arm: str | None = None
    drawn_as: UUID | None = None
    journey: str = ""
    version: str | None = None
    holdout: bool = False


async def arm_of(connection: Connection, run_id: UUID, experiment: str) -> Known:
    """The arm of a run's customer, the first that any of their merged profiles was in."""
    row = await connection.fetchrow(_SQL["arm_of"], run_id, experiment)
    return Known(**row) if row else Known()


async def expose(connection: Connection, run_id: UUID, experiment: str, arm: str, share: float, at: datetime) -> str:
    """Write the arm down, unless another run of the customer just did; returns the one that stands."""
    found: str = await connection.fetchval(_SQL["expose"], run_id, experiment, arm, share, at)
    return found


async def holdout_asked(connection: Connection, run_id: UUID, experiment: str, arm: str, share: float, at: datetime) -> None:
    """A holdout's question was answered about a run's customer: from the first time on they count as exposed."""
    await holdouts_asked(connection, [(run_id, experiment, arm, share, at)])


async def holdouts_asked(connection: Connection, answered: Sequence[tuple[UUID, str, str, float, datetime]]) -> None:
    """The same of many runs: of each the run, the holdout, the arm, its share and when."""
    if answered:
        await connection.execute(_SQL["holdout_asked"], *columns(answered, 5))
