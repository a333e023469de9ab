"""Training a prediction of whatever kind: a model, its card, and who wins.

Promise: the model is written whole, in the transaction that makes it the champion; a training that is cut short anywhere leaves
the former champion in use, and one that is tried again keeps no second model.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from temporalio import activity

from activities.deliver.patience import alive
from activities.predicting.failing import BEYOND_TRYING, words
from activities.predicting.kinds import kind_of
from activities.predicting.trying import keep_beside
from journeys.clock import Clock
from journeys.contracts import PredictionRound
from segments.ask.declared import declared
from segments.define.naming import without_names
from segments.predictions.declared import Declared
from segments.predictions.prediction import Prediction
from store import Database, predictions
from store.predictions import NewModel

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Training:
    """The activity, and what it works with; `catalogue` are the predictions that stand in code.

    `own`: what names people here beside the usual (`segments.define.naming`).
    """

    database: Database
    clock: Clock
    catalogue: Mapping[str, Declared]
    own: Collection[str] = ()

    @activity.defn(name="train-prediction")
    async def train(self, asked: PredictionRound) -> str:
        """Train a model; what came of it, in words."""
        prediction = (await declared(self.database, self.catalogue)).get(asked.prediction)
        if prediction is None:
            return f"{asked.prediction} is not declared, neither in this worker's catalogue nor by the API"
        at = self.clock.business(asked.at)
        async with alive():
            if (before := await predictions.trained_then(self.database, prediction.name, at)) is not None:
                return f"version {before[0]} was kept before, as {before[1]}"
            try:
                return await self._train(prediction, at)
            except BEYOND_TRYING as error:
                why = words(error, "training")
                await predictions.fail(self.database, prediction.name, self.clock.now(), "train", why)
                log.warning("a prediction could not be trained", prediction=prediction.name, why=why)
                return f"not trained: {why}"

    async def _train(self, prediction: Declared, at: datetime) -> str:
        spans = prediction.retrain, prediction.score, prediction.max_age
        await predictions.declare(self.database, prediction.name, prediction.version, *spans, at, kind=prediction.kind)
        async with self.database.pool.acquire() as connection:
            champion = await predictions.champion(connection, prediction.name)
        made = await kind_of(prediction).train(self.database, prediction, at, champion)
        kept = made.model
        model = NewModel(prediction.version, kept.family, kept.text, kept.sha256, self._veiled(made.card, prediction), at)
        if made.beside is not None and isinstance(prediction, Prediction):
            beside, card = made.beside
            await keep_beside(self.database, prediction, (beside, self._veiled(card, prediction)), at)
        replaced = None if champion is None else champion.version
        state = await predictions.keep(self.database, prediction.name, model, replacing=replaced, wins=made.wins)
        return f"{made.by}; it is {state}"

    def _veiled(self, card: dict[str, Any], prediction: Declared) -> dict[str, Any]:
        """The card without whom its declaration names: it is read by every key, and stays when they are erased."""
        bare = without_names(prediction, self.own)
        return card if bare is prediction else card | bare.told
