"""What is foretold of one customer, and why: the features as they were known then, and the model that scored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from segments.ask.known import of_one
from segments.errors import DefinitionError
from segments.predictions.prediction import Prediction
from segments.predictions.reasons import Reason, reasons
from store import Connection, Database, predictions
from store.predictions import Score


@dataclass(frozen=True, slots=True)
class Foretold:
    """A score and its strongest reasons; or, in words, why these cannot be told (`unexplained`)."""

    prediction: str
    score: float
    version: int
    as_of: datetime
    reasons: tuple[Reason, ...] = ()
    unexplained: str | None = None


async def foretold(database: Database, declared: Mapping[str, Prediction], customer: UUID) -> list[Foretold]:
    """All that predictions say of a customer; nothing of who has no scores."""
    async with database.transaction() as connection:
        found = await predictions.scores_of(connection, customer)
        return [await _explained(connection, each, declared.get(each.prediction), customer) for each in found]


async def _explained(connection: "Connection", score: Score, prediction: Prediction | None, customer: UUID) -> Foretold:
    told = score.prediction, score.score, score.version, score.as_of
    if prediction is None:
        return Foretold(*told, unexplained="it is not declared any more")
    kept = await predictions.model(connection, score.prediction, score.version)
    if kept is None:
        return Foretold(*told, unexplained="the model that scored is gone")
    values = await of_one(connection, prediction.features, customer, score.as_of)
    try:
        return Foretold(*told, tuple(reasons(*kept, prediction.features, values)))
    except DefinitionError as error:
        return Foretold(*told, unexplained=str(error))
