"""Families of models on trial beside the champion's: who is scored by which, what pairs came to, and what that has decided."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from store.audit import note
from store.database import Database
from store.named import queries
from store.predictions import Champion, NewModel

_SQL = queries("trials")
Decision = Literal["challenger", "champion", "not shown"]


@dataclass(frozen=True, slots=True)
class TrialRow:
    """How a trial stands.

    Attributes:
        family: Of the challenger.
        share: Of the customers, whom it scores.
        people: At so many judged people it is over.
        began_at: When its first model was kept.
        version: Its newest model.
        decision, decided_at: What it has come to, once it has.
        judged: People by whom both families were judged.
        difference, squares: By how much the challenger surprised more, in nats: the sum over people, and that of the squares.
        as_of: The last instant of whom that is known.
    """

    family: str
    share: float
    people: int
    began_at: datetime
    version: int | None
    decision: Decision | None
    decided_at: datetime | None
    judged: int
    difference: float
    squares: float
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Arm:
    """Of those whom models of a family let in, those in an arm of the holdout; of how many it came true."""

    family: str
    arm: str
    people: int
    came: int


async def found(database: Database, name: str, trial: str | None = None) -> TrialRow | None:
    """A trial of a prediction by what is declared of it, or the last one."""
    row = await database.pool.fetchrow(_SQL["trial"], name, trial)
    return None if row is None else TrialRow(**dict(row))


async def keep(
    database: Database, name: str, trial: str, model: NewModel, *, share: float, people: int, began_at: datetime
) -> None:
    """Keep a model on trial, whole, and let it score its share of the customers from now on."""
    async with database.transaction() as connection:
        await connection.execute(_SQL["begin"], name, trial, model.family, share, people, began_at)
        await connection.execute(_SQL["step_down"], name)
        given = model.declared, model.family, model.parameters, model.sha256, model.card, model.trained_at
        version = await connection.fetchval(_SQL["keep_model"], name, *given)
        await connection.execute(_SQL["newest"], name, trial, version)


async def model(database: Database, name: str, version: int) -> Champion | None:
    """A model with its parameters."""
    row = await database.pool.fetchrow(_SQL["model"], name, version)
    return None if row is None else Champion(**dict(row))


async def keep_outcome(
    database: Database, name: str, trial: str, as_of: datetime, people: int, difference: float, squares: float
) -> None:
    """Write down what pairs of an instant came to."""
    await database.pool.execute(_SQL["keep_outcome"], name, trial, as_of, people, difference, squares)


async def decide(
    database: Database, name: str, trial: str, decision: Decision, at: datetime, figures: Mapping[str, float]
) -> bool:
    """Write down what a trial has come to, with its figures of then in the audit; false where that was decided before."""
    async with database.transaction() as connection:
        decided = await connection.fetchval(_SQL["decide"], name, trial, decision, at) is not None
        if decided:
            await connection.execute(_SQL["step_down"], name)
            await note(connection, "decide", "trial", name, became={"decision": decision, **figures})
        return decided


async def scored(database: Database, name: str) -> dict[str, int]:
    """How many customers have a score by each family."""
    return {row["family"]: row["people"] for row in await database.pool.fetch(_SQL["scored"], name)}


async def acted(database: Database, name: str, experiment: str) -> list[Arm]:
    """What came of those whom models of each family let in, by arm of the holdout."""
    return [Arm(**dict(row)) for row in await database.pool.fetch(_SQL["acted"], name, experiment)]
