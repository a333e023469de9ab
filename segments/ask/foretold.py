"""What is foretold of one customer, and why: the features as they were known then, and the model that scored."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from segments.ask.known import of_one
from segments.errors import DefinitionError
from segments.predictions.declared import Declared
from segments.predictions.reasons import Reason
from store import Connection, Database, predictions
from store.predictions import Score


@dataclass(frozen=True, slots=True)
class Foretold:
    """A score and its strongest reasons; or, in words, why these cannot be told (`unexplained`).

    `low` and `high` are the ends of its interval, `label` is the kind that a customer is sorted into, `more` are further
    numbers by name; where a prediction has none of these, they are None.
    """

    prediction: str
    score: float
    version: int
    as_of: datetime
    low: float | None = None
    high: float | None = None
    label: str | None = None
    more: Mapping[str, float] | None = None
    reasons: tuple[Reason, ...] = ()
    unexplained: str | None = None


async def foretold(database: Database, declared: Mapping[str, Declared], customer: UUID) -> list[Foretold]:
    """All that predictions say of a customer; nothing of who has no scores."""
    async with database.transaction() as connection:
        found = await predictions.scores_of(connection, customer)
        return [await _explained(connection, each, declared.get(each.prediction), customer) for each in found]


async def some(
    database: Database, name: str, prediction: Declared | None, most: int, *, band: int | None, label: str | None
) -> list[tuple[UUID, Foretold]]:
    """Some customers of a tenth (1 to 10), or of a kind, the highest score first, and why; nobody where it is unknown."""
    rows = await predictions.found(database, name)
    async with database.transaction() as connection:
        found = [pair for row in rows for pair in await predictions.in_band(connection, row, band, label, most)]
        return [(who, await _explained(connection, each, prediction, who)) for who, each in found]


async def _explained(connection: "Connection", score: Score, prediction: Declared | None, customer: UUID) -> Foretold:
    told = score.prediction, score.score, score.version, score.as_of, score.low, score.high, score.label, score.more
    if prediction is None:
        return Foretold(*told, unexplained="it is not declared any more")
    kept = await predictions.model(connection, score.prediction, score.version)
    if kept is None:
        return Foretold(*told, unexplained="the model that scored is gone")
    values = await of_one(connection, prediction.columns, customer, score.as_of)
    try:
        return Foretold(*told, tuple(await asyncio.to_thread(prediction.reasons, *kept, values)))
    except DefinitionError as error:
        return Foretold(*told, unexplained=str(error))
